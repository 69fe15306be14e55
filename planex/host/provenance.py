# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where all that is on a host ISO comes from, for its manifest: RPMs, workspace, base, tools."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import planex
from planex.content import records
from planex.content.code import code_digest
from planex.distro.project import Project
from planex.errors import PlanexError
from planex.git.head import read_head
from planex.host.manifest import MadeFrom, ShippedRpm
from planex.host.toolsused import tools_used
from planex.rpm import repo
from planex.rpm.repo import RepositoryRpm
from planex.trust.repository import unsigned_digests

CODE = "planex code"
"""Among the tools: the digest of the code that shapes ISOs, for versions of planex tell too little."""


_KEPT = "rpms.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ReadRpms:
    """What a repository says of its RPMs. ``metadata``: its digest."""

    metadata: str
    rpms: tuple[RepositoryRpm, ...]


def shipped_rpms(project: Project, repository: Path, top: str, work: Path) -> tuple[ShippedRpm, ...]:
    """The RPMs of a repository that goes to the folder ``top`` of the ISO; what was read of it is kept in ``work``."""
    unsigned = unsigned_digests(project.signed / "rpms")
    return tuple(
        ShippedRpm(
            nevra=rpm.nevra,
            path=f"{top}/{rpm.location}",
            sha256=rpm.sha256,
            unsigned=unsigned.get(rpm.sha256, rpm.sha256),
            source=rpm.source,
            licence=rpm.licence,
        )
        for rpm in _read_rpms(repository, work / _KEPT)
    )


def _read_rpms(repository: Path, kept: Path) -> tuple[RepositoryRpm, ...]:
    metadata, known = repo.digest(repository), records.load(kept, ReadRpms, _FORMAT)
    if known is None or known.metadata != metadata:
        known = ReadRpms(metadata, tuple(repo.read_rpms(repository)))
        records.save(kept, known, _FORMAT)
    return known.rpms


def made_from(project: Project, base_iso: str, work: Path, head: Future[tuple[str, bool]]) -> MadeFrom:
    """The workspace's commit, the base and the tools. ``base_iso``: SHA-256 of it; ``head``: what ``commit`` tells."""
    base = {"base ISO": base_iso}
    base |= {"repository": repo.digest(project.base_repository)} if project.base_repository else {}
    tools: Mapping[str, str] = {"planex": planex.__version__, CODE: iso_code(), **tools_used(work)}
    return MadeFrom(*head.result(), base, tools)


def iso_code() -> str:
    """Of this planex."""
    return code_digest("planex.host", "planex.medium")[:16]


def commit(root: Path) -> tuple[str, bool]:
    """The commit of a workspace, and whether it differs from that; no commit where it is in no git repository."""
    try:
        head = read_head(root)
    except PlanexError:
        return "", False
    return head.commit, bool(head.changes)
