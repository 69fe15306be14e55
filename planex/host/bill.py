# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bill of materials of an ISO, where the extra that writes it is installed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from planex.errors import MissingTool
from planex.host.manifest import Manifest

BillForm = Literal["cyclonedx", "spdx"]
_ENDS: dict[BillForm, str] = {"cyclonedx": "cdx.json", "spdx": "spdx.json"}
_LIBRARIES = {"cyclonedx": "cyclonedx-python-lib", "packageurl": "packageurl-python", "spdx_tools": "spdx-tools"}


def bill_of(manifest: Manifest, form: BillForm = "cyclonedx") -> bytes:
    """As ``planex iso sbom`` writes it: of what is on the ISO, with its digest and size."""
    manifest = replace(manifest, inputs={})
    try:
        if form == "spdx":
            from planex.host.spdx import spdx  # an extra

            return spdx(manifest).encode()
        from planex.host.sbom import sbom  # an extra

        return sbom(manifest).encode()
    except ModuleNotFoundError as error:
        library = _LIBRARIES.get((error.name or "").split(".")[0])
        if library is None:
            raise
        message = f"{library} is not installed; it is needed to write bills of materials"
        raise MissingTool(message, "pip install 'planex[sbom]'") from None


def bills_beside(iso: Path) -> dict[BillForm, Path]:
    """Where the bills of materials go that a person asks for."""
    return {form: iso.with_name(f"{iso.name}.{end}") for form, end in _ENDS.items()}
