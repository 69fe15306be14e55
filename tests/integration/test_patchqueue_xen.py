# SPDX-License-Identifier: LGPL-2.1-or-later
"""The walk of docs/patch-queues.md with Xen's real sources: down to 4.17, up to 4.20, and the same bytes at the end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from planex.run import Completed
from tests.conftest import ROOT
from tests.integration.conftest import run_planex
from tests.integration.patch_factory import read_tree

pytestmark = [pytest.mark.slow, pytest.mark.tools("git", "patch", "rpmbuild", "bwrap", "apt-get")]

OLD, NEW = "4.17.5+72-g01140da4e8", "4.20.3+127-gc42374a105"
MARKED = re.compile(r"<{7} .*?>{7} [^\n]*\n", re.DOTALL)
TOOLS, HYPFS = "#include <xen-tools/arm-arch-capabilities.h>\n", "#include <xenhypfs.h>\n"


@pytest.fixture
def workspace(copy_of_repository: Path) -> Path:
    """The repository's own workspace, with its download cache."""
    (ROOT / "_build" / "downloads").mkdir(parents=True, exist_ok=True)
    (copy_of_repository / "_build").mkdir()
    (copy_of_repository / "_build" / "downloads").symlink_to(ROOT / "_build" / "downloads")
    return copy_of_repository


def planex(workspace: Path, *words: str) -> Completed:
    return run_planex(workspace, "pq", *words)


def solve(workspace: Path, file: str, text: str, place: re.Pattern[str] = MARKED) -> Completed:
    """Put a text in the place of the conflict and go on."""
    path = workspace / "trees" / "xen-rebase" / file
    mended, count = place.subn(text, path.read_text())
    assert count == 1
    path.write_text(mended)
    return planex(workspace, "rebase", "xen", "--continue")


def test_down_and_up_again(workspace: Path) -> None:
    before = read_tree(workspace / "patchqueues" / "xen"), read_tree(workspace / "specs" / "xen")
    assert planex(workspace, "check", "xen").returncode == 0
    stopped = planex(workspace, "rebase", "xen", OLD, "--guard", "debug")
    assert "patch 5 of 5, xen-console-print-everything.patch: conflict" in stopped.stderr, stopped.stderr
    done = solve(workspace, "xen/drivers/char/console.c", "")
    assert f"xen: {NEW} -> {OLD}: 3 offset, 1 merged, 1 resolved" in done.stdout, done.stderr
    check = planex(workspace, "check", "xen", "--guard", "debug")
    assert (check.returncode, f"xen {OLD}: all 5 patches apply" in check.stdout) == (0, True)
    foretold = planex(workspace, "forecast", "xen", "--guard", "debug", "--onto", NEW)
    total = f"{NEW}:  1 needs a person, 1 proposal to look at  3 clean, 1 proposal, 1 conflict"
    assert (foretold.returncode, total in foretold.stdout) == (1, True)
    planex(workspace, "rebase", "xen", NEW, "--guard", "debug")
    proposed, wanted = f"{TOOLS}{HYPFS}", f"{HYPFS}{TOOLS}"
    solve(workspace, "tools/xl/xl_info.c", wanted, re.compile(re.escape(proposed)))
    end = solve(workspace, "xen/drivers/char/console.c", "")
    assert (end.returncode, "3 clean, 2 resolved" in end.stdout) == (0, True)
    after = read_tree(workspace / "patchqueues" / "xen")
    assert len([name for name in after if name.startswith("rerere/")]) == 6
    assert {name: text for name, text in after.items() if not name.startswith("rerere/")} == before[0]
    assert read_tree(workspace / "specs" / "xen") == before[1]
