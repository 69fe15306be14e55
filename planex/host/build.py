# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso build``: base ISO + repository + iso/ -> host ISO, with its checksum and manifest beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planex.content.locks import Patience, hold
from planex.distro.project import Project
from planex.events import IsoMade, IsoPlanned
from planex.host.finding import Finding
from planex.host.manifest import Manifest
from planex.host.plan import load_manifest, plan_iso, work_folder
from planex.report import Reporter


@dataclass(frozen=True, slots=True)
class IsoResult:
    """Where the host ISO is. ``reasons``: why it was made; empty where nothing had changed.

    ``findings``: what its check found that did not stop it, if it was made.
    """

    iso: Path
    manifest: Manifest
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


def build_iso(project: Project, reporter: Reporter, *, force: bool = False) -> IsoResult:
    """Bring the host ISO of the project's target up to date."""
    patience = Patience(True, reporter.info)
    lock = hold(project.folder / ".iso.lock", patience=patience)
    with hold(project.workspace.lock, shared=True, patience=patience), lock, reporter.task("iso") as task:
        work_folder(project).mkdir(parents=True, exist_ok=True)
        plan = plan_iso(project, task, force=force)
        findings: list[Finding] = []
        if plan.reasons:
            reporter.tell(IsoPlanned(plan.iso.name, plan.reasons))
            from planex.host.make import make  # where there is nothing to do, nothing of it is needed

            findings = make(project, plan, task)
            reporter.tell(IsoMade(plan.iso.name, plan.iso.stat().st_size, task.seconds))
    return IsoResult(plan.iso, load_manifest(plan.iso), plan.reasons, tuple(findings))
