# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hypervisor and dom0's kernel for an ISO without a live host: out of packages, installed into a root of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from planex.checksums import digest_of_text
from planex.content import shelf
from planex.distro.project import Project
from planex.host.live import FORMAT, BootFiles, install, take_boot_files
from planex.report import Task
from planex.rpm import repo


def boot_inputs(project: Project, packages: Sequence[str]) -> Mapping[str, str]:
    """All that decides them: label to digest or text."""
    return {"repository": repo.digest(project.repository), "packages": " ".join(packages), "host format": str(FORMAT)}


def make_boot_files(project: Project, packages: Sequence[str], work: Path, task: Task) -> BootFiles:
    """Take them out of packages, unless that was done before from the same inputs."""
    inputs = json.dumps(sorted(boot_inputs(project, packages).items()))
    final = work / f"boot-{digest_of_text(inputs)[:16]}"
    if not final.exists():
        with shelf.draft(final) as draft:
            (draft / "root").mkdir()
            install(project, packages, "installer.packages", work, draft, task)
            take_boot_files(draft)
            shelf.remove(draft / "root")
            shelf.publish(draft, final)
    shelf.prune((path for path in work.glob("boot-*") if path != final), 0)
    return BootFiles(final)
