# SPDX-License-Identifier: LGPL-2.1-or-later
"""What of the host ISO is signed: the repository on it, its SHA256SUMS, and the ISO itself by a file beside it."""

from __future__ import annotations

from pathlib import Path

from planex.disk import write
from planex.distro.project import Project
from planex.errors import PlanexError
from planex.trust.repository import key_name, repomd_complaint
from planex.trust.signer import Grafter, Signer
from planex.workspace import behind


def signature_path(iso: Path) -> Path:
    return iso.with_name(f"{iso.name}.asc")


def require_signer(project: Project) -> Signer | None:
    """Who signs, tried, and the repository found to be signed by the same key; None where nothing is to be signed."""
    signer = project.signer
    if signer is None:
        return None
    fault = repomd_complaint(signer.key, behind(project.repository))
    if fault and not isinstance(signer, Grafter):
        raise PlanexError(
            f"the repository is not signed by {signer.key.user} ({signer.key.short}): {fault}",
            "sign it: planex build; or make an ISO that is not signed: planex iso build --no-sign",
        )
    signer.try_out()
    return signer


def key_file(project: Project, signer: Signer, folder: Path) -> dict[str, Path]:
    """Path on the ISO to the public key, written below ``folder``."""
    name = key_name(project.config.name)
    write(folder / name, signer.key.text.encode())
    return {f"/{name}": folder / name}
