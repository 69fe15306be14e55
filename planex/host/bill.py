# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bill of materials of an ISO, where the extra that writes it is installed."""

from __future__ import annotations

from dataclasses import replace

from planex.errors import MissingTool
from planex.host.manifest import Manifest


def bill_of(manifest: Manifest) -> bytes:
    """As ``planex iso sbom`` writes it: of what is on the ISO, with its digest and size."""
    try:
        from planex.host.sbom import sbom  # an extra
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("cyclonedx", "packageurl"):
            raise
        message = "cyclonedx-python-lib is not installed; it is needed to write bills of materials"
        raise MissingTool(message, "pip install 'planex[sbom]'") from None
    return sbom(replace(manifest, inputs={})).encode()
