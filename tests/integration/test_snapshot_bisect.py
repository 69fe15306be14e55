# SPDX-License-Identifier: LGPL-2.1-or-later
"""What broke between two nights is found: from records, by building commits, and by mixing repositories."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planex.run import run
from planex.snapshot.folder import SnapshotFolder
from tests.integration.conftest import Planex
from tests.integration.test_snapshot import commit, nightly, put

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tools("rpmbuild", "rpm", "dnf", "bwrap", "unshare", "createrepo_c", "git"),
]
__all__ = ["nightly"]
SMALL = "test $(rpm -qp --qf '%{SIZE}' repo/one-1-1.noarch.rpm) -lt 9"


def hash_of(workspace: Path, subject: str) -> str:
    return run(["git", "-C", workspace, "log", "--format=%h", "--abbrev=12", f"--grep=^{subject}$"]).stdout.strip()


def built(workspace: Path) -> tuple[Path, list[Path]]:
    """What of the workspace a bisection must leave as it is."""
    target = workspace / "_build" / "bookworm"
    return (target / "repo").resolve(), [link.resolve() for link in sorted(target.glob("store/*/current"))]


def test_the_commit_that_breaks_a_package(workspace: Path, planex: Planex, nightly: SnapshotFolder) -> None:
    planex("snapshot", "create", "--no-upgrade")
    put(workspace, "two", "other\n")
    commit(workspace, "two changes")
    planex("snapshot", "create", "--no-upgrade")
    put(workspace, "one", "1\n", build="echo 'error: no' >&2; false")
    commit(workspace, "one breaks")
    put(workspace, "two", "once more\n")
    commit(workspace, "two changes again")
    assert planex("snapshot", "create", "--no-upgrade").returncode == 1
    first, second, third = (str(ident) for ident in nightly.ids())
    before = built(workspace)

    found = planex("snapshot", "bisect", first, "latest")
    assert found.returncode == 0, found.stderr
    culprit = hash_of(workspace, "one breaks")
    assert found.stdout == f"the build of one breaks by commit {culprit}, 'one breaks'\n  git show {culprit}\n"
    assert f"{third}: bad, as recorded\n{second}: good, as recorded\n" in found.stderr
    assert "looking for what breaks the build of one" in found.stderr
    assert built(workspace) == before
    assert planex("snapshot", "bisect", "latest", first).returncode == 1
    never = planex("snapshot", "bisect", first, second, "--package", "one")
    assert (never.returncode, never.stdout) == (1, f"the build of one does not fail with {second}\n")
    assert "is good" in planex("snapshot", "bisect", first, second).stderr


def test_the_commit_and_the_package_that_break_a_command(
    workspace: Path, planex: Planex, nightly: SnapshotFolder
) -> None:
    planex("snapshot", "create", "--no-upgrade")
    put(workspace, "two", "other\n")
    commit(workspace, "two changes")
    put(workspace, "one", "a longer text\n")
    commit(workspace, "one grows")
    planex("snapshot", "create", "--no-upgrade")
    first, second = (str(ident) for ident in nightly.ids())
    found = planex("snapshot", "bisect", first, "latest", "--run", SMALL, "--json")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == {
        "answer": "found",
        "good": first,
        "bad": second,
        "commits": [f"{hash_of(workspace, 'one grows')} one grows"],
        "packages": [],
    }
    again = planex("snapshot", "bisect", second, "latest", "--run", SMALL)
    assert (again.returncode, "is not older than" in again.stderr) == (1, True)

    put(workspace, "two", "anything\n")
    put(workspace, "one", "a text of another length\n")
    planex("snapshot", "create", "--no-upgrade", "--dirty")
    third = nightly.find("latest").id
    shorter = "test $(rpm -qp --qf '%{SIZE}' repo/one-1-1.noarch.rpm) -lt 20"
    found = planex("snapshot", "bisect", second, third, "--run", shorter)
    assert found.stdout.startswith(f"`{shorter}` breaks by what {third} has of one, and {second} has not\n")
    assert (found.returncode, f"planex snapshot diff {second} {third}" in found.stdout) == (0, True)
    assert "with one: bad" in found.stderr or "with two: good" in found.stderr
