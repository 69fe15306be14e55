# SPDX-License-Identifier: LGPL-2.1-or-later
"""The builders' command lines, and mock's behaviour through a fake mock on PATH."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from planex.engine.builders.job import Job
from planex.engine.builders.mock import MockBuilder, mock_argv
from planex.engine.builders.sandbox import build_cage, rpmbuild_argv, starting_packages
from planex.engine.builders.state import StateLog, mock_phase, rpmbuild_section
from planex.engine.excerpt import excerpt_of
from planex.errors import CommandFailed, PlanexError
from planex.report import Reporter, Task
from planex.rpm.mockconfig import load_mock_config
from planex.rpm.spec import Macros
from planex.rpm.srpm import srpm_argv, srpm_cage
from tests.unit.factories import package

FakeTool = Callable[[str, str], Path]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    for name in ("work", "results", "logs"):
        (tmp_path / name).mkdir()
    return Job(
        package=package("foo"),
        build_requires=(),
        srpm=tmp_path / "foo-1-1.src.rpm",
        dependencies=Path("/deps"),
        dependencies_digest="",
        work=tmp_path / "work",
        results=tmp_path / "results",
        logs=tmp_path / "logs",
        epoch=7,
    )


def test_mock_gets_one_rebuild_with_a_root_of_its_own(job: Job) -> None:
    assert mock_argv(Path("/ws/mock-configs/el9.cfg"), job) == [
        "mock",
        "--root",
        "/ws/mock-configs/el9.cfg",
        "--config-opts",
        "print_main_output=True",
        "--uniqueext",
        "planex-foo",
        "--resultdir",
        str(job.results),
        "--addrepo",
        "file:///deps",
        "--rebuild",
        str(job.srpm),
    ]


def test_rpmbuild_runs_caged_without_network_as_an_ordinary_user(job: Job) -> None:
    cage = build_cage(Path("/root-of-build"), job, Path("/macros"), {"CC": "clang"})
    assert cage.readable == {"/builddir/foo-1-1.src.rpm": job.srpm, "/builddir/.rpmmacros": Path("/macros")}
    assert not cage.writable and not cage.network and not cage.superuser
    assert (cage.env["SOURCE_DATE_EPOCH"], cage.env["CC"]) == ("7", "clang")
    assert rpmbuild_argv(job, "x86_64", ["--rebuild"])[:4] == ["rpmbuild", "--rebuild", "--target", "x86_64"]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("['chroot_setup_cmd'] = 'install bash'", ""),
        ("['chroot_setup_cmd'] = 'builddep bash'", "config_opts['chroot_setup_cmd'] begins with 'builddep'"),
        ("['module_enable'] = ['nodejs:18']", "the sandbox does not know config_opts['module_enable']"),
    ],
)
def test_what_only_mock_can_do_is_left_to_mock(tmp_path: Path, options: str, fault: str) -> None:
    path = tmp_path / "x.cfg"
    text = {"root": "x", "target_arch": "x86_64", "chroot_setup_cmd": "install bash", "dnf.conf": ""}
    path.write_text(f"config_opts.update({text})\nconfig_opts{options}\n")
    config = load_mock_config(path, tmp_path / "cache")
    if not fault:
        assert starting_packages(config) == ["bash"]
        return
    with pytest.raises(PlanexError, match=re.escape(fault)):
        starting_packages(config)


def test_the_srpm_is_made_under_the_targets_macros() -> None:
    macros = Macros(Path("/config"), {"%dist": ".el9"})
    argv = srpm_argv("foo.spec", macros)
    assert argv[:3] == ["rpmbuild", "-bs", "--nodeps"]
    assert "dist .el9" in argv
    assert argv[-1] == "/sources/foo.spec"
    cage = srpm_cage(Path("/s"), Path("/out"), macros, 7)
    assert cage.readable == {"/sources": Path("/s"), "/rpmconfig": Path("/config")}
    assert cage.env["RPM_CONFIGDIR"] == "/rpmconfig"
    assert not cage.network and not cage.superuser


# What mock prints and leaves, as mock 6 does: build.log has a line of its own before there is any rpmbuild.
FAKE = """#!/bin/sh
for last; do :; done
while [ $# -gt 0 ]; do [ "$1" = --resultdir ] && results=$2; shift; done
echo 'Start: init plugins'; echo 'Finish: init plugins'; echo 'Start: run'
echo 'Start: clean chroot'; echo 'Finish: clean chroot'
echo 'Mock Version: 6.6' > $results/build.log
echo 'Start: chroot init'; echo 'Start: installing minimal buildroot with dnf4'
{init}
echo 'Finish: installing minimal buildroot with dnf4'; echo 'Finish: chroot init'
echo 'Start: build phase for foo-1-1.src.rpm'; echo 'Start: build setup for foo-1-1.src.rpm'
{setup}
echo 'Finish: build setup for foo-1-1.src.rpm'; echo 'Start: rpmbuild foo-1-1.src.rpm'
echo 'Start: Outputting list of installed packages'; echo 'Finish: Outputting list of installed packages'
{build}
echo 'Finish: rpmbuild foo-1-1.src.rpm'; echo 'Finish: build phase for foo-1-1.src.rpm'
echo 'INFO: Done'; echo 'Start: clean chroot'; echo 'Finish: clean chroot'; echo 'Finish: run'
"""
# Where it fails, mock finishes all that it began, and cleans.
END = "echo 'ERROR: Exception(foo-1-1.src.rpm)'; echo 'Start: clean chroot'; echo 'Finish: clean chroot'; exit {}"
BUILD = """rpmbuild() { echo 'Executing(%build): /bin/sh -e /var/tmp/rpm-tmp.x'; echo "$1"; }
rpmbuild "foo.c:1: error: 'x' undeclared" | tee -a $results/build.log
echo 'Finish: rpmbuild foo-1-1.src.rpm'; echo 'Finish: build phase for foo-1-1.src.rpm'
"""
FAILURES = {
    "buildroot": ("init", "echo 'Error: Unable to find a match: no-such'; echo 'Finish: chroot init'", 30, "mock"),
    "buildrequires": ("setup", "echo 'No matching package: nothing'; echo 'Finish: build phase'", 30, "mock"),
    "rpmbuild": ("build", BUILD, 1, "build"),
}


def run_mock(job: Job, fake_tool: FakeTool, task: Task, **bodies: str) -> None:
    script = FAKE
    for name in ("init", "setup", "build"):
        script = script.replace(f"{{{name}}}", bodies.get(name, ""))
    fake_tool("mock", script)
    MockBuilder(Path("el9.cfg")).build(job, task)


def test_mocks_logs_are_kept_with_the_packages_logs(job: Job, fake_tool: FakeTool) -> None:
    task = Task(Reporter(), "foo")
    run_mock(job, fake_tool, task, build="echo built >> $results/build.log; echo x > $results/foo-1-1.x86_64.rpm")
    assert (job.logs / "build.log").read_text() == "Mock Version: 6.6\nbuilt\n"
    assert (job.results / "foo-1-1.x86_64.rpm").exists()
    assert task.current_phase == "rpmbuild"


@pytest.mark.parametrize(
    ("failure", "phase", "reason"),
    [
        ("buildroot", "buildroot", "Error: Unable to find a match: no-such"),
        ("buildrequires", "buildroot", "No matching package: nothing"),
        ("rpmbuild", "%build", "foo.c:1: error: 'x' undeclared"),
    ],
)
def test_a_failure_shows_its_phase_and_its_reason(
    job: Job, fake_tool: FakeTool, failure: str, phase: str, reason: str
) -> None:
    where, body, status, log = FAILURES[failure]
    task = Task(Reporter(), "foo")
    with pytest.raises(CommandFailed) as caught:
        run_mock(job, fake_tool, task, **{where: body + "\n" + END.format(status)})
    assert task.current_phase == phase
    assert reason in caught.value.tail.splitlines()
    assert caught.value.log == job.logs / f"{log}.log"
    assert excerpt_of(job.logs / f"{log}.log").count(reason) == 1


@pytest.mark.parametrize(
    ("line", "phase"),
    [
        ("Executing(%build): /bin/sh -e /var/tmp/rpm-tmp.x", "%build"),
        ("Executing(%license): /bin/sh", None),
        ("Processing files: foo-1-1", "%files"),
    ],
)
def test_sections_of_rpmbuild(line: str, phase: str | None) -> None:
    assert rpmbuild_section(line) == phase


@pytest.mark.parametrize(
    ("line", "phase"),
    [
        ("Start: chroot init", "buildroot"),
        ("Start(bootstrap): chroot init", "buildroot"),
        ("Start: build setup for foo-1-1.src.rpm", "buildroot"),
        ("Start: rpmbuild foo-1-1.src.rpm", "rpmbuild"),
        ("Executing(%check): /bin/sh -e /var/tmp/rpm-tmp.x", "%check"),
        ("Start: Outputting list of installed packages", None),
        ("Start: clean chroot", None),
        ("Finish: chroot init", None),
    ],
)
def test_phases_of_mock(line: str, phase: str | None) -> None:
    assert mock_phase(line) == phase


def test_the_state_log_shows_where_a_build_stopped(tmp_path: Path) -> None:
    state = StateLog(tmp_path / "state.log", Task(Reporter(), "x"))
    with pytest.raises(ValueError, match="stop"), state.phase("buildroot"):
        raise ValueError("stop")
    (line,) = (tmp_path / "state.log").read_text().splitlines()
    assert line.endswith(" - Start: buildroot")
