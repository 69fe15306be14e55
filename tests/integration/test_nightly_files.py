# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files for cron, systemd and CI systems that ``planex init`` writes: what they run is run."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from planex.run import Completed, run
from tests.conftest import ROOT
from tests.integration.conftest import run_planex
from tests.unit.archive_factory import prove_published

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "git", "rsync"),
]
COMMAND = re.compile(r"^(?:0 3 \* \* \*  |ExecStart=/bin/)(.*)$", re.MULTILINE)


@pytest.fixture
def distro(tmp_path: Path, base: Path, fake_tool: Callable[[str, str], Path]) -> Path:
    """What ``planex init`` writes, in git, with ``planex`` on PATH."""
    folder = tmp_path / "distro"
    assert run_planex(tmp_path, "init", str(folder)).returncode == 0
    (folder / "_build").mkdir()
    (folder / "_build" / "base").symlink_to(base)
    git(folder, "init", "-q")
    commit(folder, "first")
    fake_tool("planex", f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -m planex "$@"\n')
    fake_tool("tell-room", f"#!/bin/sh\ncat >>{tmp_path}/told\n")
    return folder


def git(folder: Path, *words: str) -> None:
    run(["git", "-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org", *words])


def commit(folder: Path, subject: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", subject)


def shell(folder: Path, script: str, **env: str) -> Completed:
    """As a CI system does it: the lines of a step, in the checkout."""
    return run(["sh", "-e", "-c", script], cwd=folder, check=False, env=env)


def steps(folder: Path) -> dict[str, list[str]]:
    """The shell in each file."""
    github = yaml.safe_load((folder / "ci/github-nightly.yml").read_text())
    gitlab = yaml.safe_load((folder / "ci/gitlab-ci.yml").read_text())["nightly"]
    found: dict[str, Any] = {
        "github": [step["run"] for step in github["jobs"]["snapshot"]["steps"] if "run" in step],
        "gitlab": [*gitlab["script"], *gitlab["after_script"]],
        "cron": COMMAND.findall((folder / "ci/crontab").read_text()),
        "systemd": COMMAND.findall((folder / "ci/planex-nightly.service").read_text()),
    }
    return found


def test_each_of_them_makes_a_night(distro: Path, tmp_path: Path) -> None:
    env = {"PUBLISH_TO": str(tmp_path / "www"), "NOTIFY": "tell-room 'build room'", "SNAPSHOT_OPTIONS": "--no-iso"}
    for number, (name, scripts) in enumerate(steps(distro).items(), 1):
        assert scripts, name
        for script in scripts:
            done = shell(distro, script.replace("/srv/distro", shlex.quote(str(distro))), **env)
            assert done.returncode == 0, f"{name}: {done.stderr}"
        assert len(prove_published(tmp_path / "www")) == number, name
    assert json.loads((distro / "report" / "snapshot.json").read_text())["state"] == "good"
    assert "hello" in (distro / "report" / "junit.xml").read_text()
    assert not (tmp_path / "told").exists(), "nothing turned"

    (distro / "specs/hello/hello.spec.j2").write_text("Name: hello\n")
    commit(distro, "hello breaks")
    first, report = steps(distro)["gitlab"]
    assert shell(distro, first, **env).returncode == 1
    assert shell(distro, report).returncode == 0
    told = json.loads((tmp_path / "told").read_text())
    assert (told["was"], told["state"], told["subject"]) == ("good", "broken", "hello breaks")
    assert len(prove_published(tmp_path / "www")) == 5, "a broken night is published as well"
    assert "is broken by build" in (tmp_path / "www/site/index.html").read_text()


def test_a_workspace_follows_its_branch(distro: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(distro), str(tmp_path / "clone"))
    (tmp_path / "clone" / "_build").mkdir()
    (tmp_path / "clone" / "_build" / "base").symlink_to((distro / "_build" / "base").readlink())
    (distro / "note").write_text("x")
    commit(distro, "second")
    done = shell(tmp_path, "sh clone/ci/nightly", SNAPSHOT_OPTIONS="--no-iso", GC_OPTIONS="--daily 3")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "clone/snapshots/bookworm/latest/snapshot.json").read_text())
    assert record["subject"] == "second"
