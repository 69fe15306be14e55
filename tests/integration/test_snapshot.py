# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nights of a workspace under git: good, broken, killed, at the same time."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.run import run, spawn
from planex.snapshot.folder import SnapshotFolder
from tests.integration.conftest import Planex, write_package

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "git"),
]
SPEC = """\
Name:           {name}
Version:        1
Release:        1
Summary:        A test
License:        MIT
Source0:        %{{name}}-%{{version}}.tar
BuildArch:      noarch

%description
A test.

%prep
%autosetup

%build
{build}

%install
install -D file %{{buildroot}}/usr/share/{name}/file

%files
/usr/share/{name}

%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
KILLS = int(os.environ.get("PLANEX_KILLS", "6"))


def put(workspace: Path, name: str, text: str, build: str = "true") -> None:
    write_package(workspace, name, SPEC.format(name=name, build=build), {"file": text}, {})


def commit(workspace: Path, subject: str) -> None:
    git(workspace, "add", "-A")
    git(workspace, "commit", "-qm", subject)


def git(workspace: Path, *words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    run(["git", "-C", workspace, *who, *words])


@pytest.fixture
def nightly(workspace: Path, planex: Planex) -> SnapshotFolder:
    """Two packages in a first commit."""
    (workspace / ".gitignore").write_text("/_build\n/snapshots/\n")
    put(workspace, "one", "1\n")
    put(workspace, "two", "2\n")
    git(workspace, "init", "-q")
    commit(workspace, "two packages")
    return SnapshotFolder(workspace / "snapshots" / "bookworm")


def whole(folder: SnapshotFolder) -> list[str]:
    """The states of all that a reader could find, each of which is proved to be whole."""
    states = []
    for ident in folder.ids():
        snapshot = folder.load(ident)
        states.append(str(snapshot.state))
        for rpm in snapshot.rpms:
            assert digest_of(folder.folder(ident) / "repo" / rpm.location, "sha256") == rpm.digest
        assert snapshot.good == (folder.folder(ident) / "repo/repodata/repomd.xml").exists()
    return states


def test_nights(workspace: Path, planex: Planex, nightly: SnapshotFolder) -> None:
    assert planex("snapshot", "create").returncode == 0
    first = nightly.find("latest")
    assert (first.subject, first.dirty, [rpm.name for rpm in first.rpms]) == ("two packages", False, ["one", "two"])
    assert [rpm.package for rpm in first.rpms] == ["one", "two"]

    put(workspace, "two", "2\n", build="echo 'error: it is broken' >&2; false")
    assert planex("snapshot", "create").returncode == 1, "refused: the workspace is not as in its commit"
    assert len(nightly.ids()) == 1
    commit(workspace, "two breaks")
    put(workspace, "one", "changed\n")
    commit(workspace, "one changes")
    broken = planex("snapshot", "create")
    assert broken.returncode == 1
    assert "broken by build" in broken.stderr
    latest = nightly.find("latest")
    became = {package.package: package.status for package in latest.packages}
    assert became == {"one": "built", "two": "failed"}
    assert "it is broken" in (nightly.folder(latest.id) / "packages/two/build.log").read_text()
    assert not (nightly.folder(latest.id) / "repo").exists()
    assert nightly.find("latest-good").id == first.id
    assert "is broken by build; the last good one is" in (nightly.site / "index.html").read_text()

    put(workspace, "two", "2\n")
    commit(workspace, "two works")
    assert planex("snapshot", "create").returncode == 0
    third = nightly.find("latest-good")
    assert third.id == nightly.find("latest").id
    assert [commit[13:] for commit in latest.commits] == ["one changes", "two breaks"]
    kept = nightly.folder(first.id) / "repo" / next(rpm.location for rpm in first.rpms if rpm.name == "two")
    assert kept.is_file(), "what was published stays"

    diff = planex("snapshot", "diff", first.id, "latest").stdout
    for words in ("two breaks", "one changes", "one  1-1, other contents under the same version"):
        assert words in diff
    assert planex("snapshot", "promote", "latest", "nightly", "--why", "looks fine").returncode == 0
    assert "looks fine" in (nightly.site / "index.html").read_text()
    refused = planex("snapshot", "promote", first.id, "nightly", "--require", "upgrade")
    assert (refused.returncode, "same version" in refused.stderr) == (1, True)
    rollback = planex("snapshot", "promote", first.id, "nightly", "--why", "back")
    assert (rollback.returncode, "dnf distro-sync" in rollback.stderr) == (0, True)
    assert planex("snapshot", "audit").stdout == "2 promotions, 1 channel: all as told\n"

    shown = planex("snapshot", "gc", "--daily", "0", "--weekly", "0", "--monthly", "0", "--promoted", "0")
    assert f"would go  {latest.id}" in shown.stdout
    assert len(nightly.ids()) == 3
    planex("snapshot", "gc", "--daily", "0", "--weekly", "0", "--monthly", "0", "--promoted", "0", "--delete")
    assert [str(ident) for ident in nightly.ids()] == [first.id, third.id]
    assert whole(nightly) == ["good", "good"]


def test_an_unchanged_night_takes_no_space(planex: Planex, nightly: SnapshotFolder) -> None:
    planex("snapshot", "create")
    assert planex("snapshot", "create").returncode == 0
    old, new = (nightly.folder(ident) for ident in nightly.ids())
    for path in (new / "repo").rglob("*"):
        assert path.is_dir() or path.samefile(old / path.relative_to(new))
    assert planex("snapshot", "diff", old.name, new.name).stdout.endswith("no differences\n")


def test_a_workspace_that_changes_meanwhile_makes_no_good_night(workspace: Path, nightly: SnapshotFolder) -> None:
    put(workspace, "one", "1\n", build="sleep 2")
    commit(workspace, "slow")
    with spawn([sys.executable, "-m", "planex", "-C", workspace, "snapshot", "create"]) as process:
        while process.poll() is None and not list(nightly.root.glob(".*/logs/build.log")):
            time.sleep(0.02)
        (workspace / "specs/two/extra").write_text("x")
        process.communicate()
    assert "workspace" in nightly.find("latest").broken_by


def test_what_another_planex_built_meanwhile_is_not_published_as_good(
    workspace: Path, planex: Planex, nightly: SnapshotFolder, fake_tool: Callable[[str, str], Path]
) -> None:
    """A forecast comes after the build: there the repository is made to be another one."""
    repository = workspace / "_build" / "bookworm" / "repo"
    script = f"#!/bin/sh\n[ ! -d {nightly.root}/.2*/results ] || ln -sfn elsewhere {repository}\n"
    real = shutil.which("git")
    fake_tool("git", f'{script}exec {real} "$@"\n')
    assert planex("snapshot", "create", "--forecast", "one=2").returncode == 1
    assert "workspace" in nightly.find("latest").broken_by


def test_a_dirty_one_is_marked(workspace: Path, planex: Planex, nightly: SnapshotFolder) -> None:
    (workspace / "note").write_text("x")
    assert planex("snapshot", "create", "--dirty").returncode == 0
    (ident,) = nightly.ids()
    assert (ident.dirty, nightly.load(ident).dirty) == (True, True)
    assert planex("snapshot", "promote", "latest", "nightly", "--require", "clean").returncode == 1


def test_two_at_once_make_two(planex: Planex, nightly: SnapshotFolder) -> None:
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(planex, "snapshot", "create") for _ in range(2)]
    assert [one.result().returncode for one in done] == [0, 0]
    assert whole(nightly) == ["good", "good"]


def test_a_workspace_without_a_commit_says_so(workspace: Path, planex: Planex) -> None:
    put(workspace, "one", "1\n")
    done = planex("snapshot", "create")
    assert (done.returncode, "is at no commit of a git repository" in done.stderr) == (1, True)


def test_kills_leave_nothing_half_made(workspace: Path, planex: Planex, nightly: SnapshotFolder) -> None:
    moments = random.Random(20261124)
    for number in range(KILLS):
        put(workspace, "one", f"{number}\n")
        commit(workspace, f"night {number}")
        with spawn([sys.executable, "-m", "planex", "-C", workspace, "snapshot", "create"]) as process:
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=moments.uniform(0.3, 4))
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
        assert set(whole(nightly)) <= {"good"}
    assert planex("snapshot", "create").returncode == 0
    assert whole(nightly)[-1] == "good"
    assert json.loads(planex("snapshot", "show", "--json").stdout)["subject"] == f"night {KILLS - 1}"
    assert not [path for path in nightly.root.iterdir() if path.name.endswith(".draft")]
