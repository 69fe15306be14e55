# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sandbox's command lines, and the phases of a build."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from planex.engine.builders.job import Job
from planex.engine.builders.sandbox import build_cage, rpmbuild_argv, starting_packages
from planex.engine.builders.state import StateLog, rpmbuild_section
from planex.errors import PlanexError
from planex.report import Reporter, Task
from planex.rpm.mockconfig import load_mock_config
from planex.rpm.spec import Macros
from planex.rpm.srpm import source_date_epoch, srpm_argv, srpm_cage
from tests.unit.factories import package

FakeTool = Callable[[str, str], Path]


def test_rpmbuild_runs_caged_without_network_as_an_ordinary_user(job: Job) -> None:
    cage = build_cage(Path("/root-of-build"), job, Path("/macros"), {"CC": "clang"})
    assert cage.readable == {"/builddir/foo-1-1.src.rpm": job.srpm, "/builddir/.rpmmacros": Path("/macros")}
    assert not cage.writable and not cage.network and not cage.superuser
    assert (cage.env["SOURCE_DATE_EPOCH"], cage.env["CC"]) == ("7", "clang")
    argv = rpmbuild_argv(job, "x86_64", ["-bb"])
    assert argv[:2] == ["sh", "-c"]
    assert argv[3:] == ["/builddir/foo-1-1.src.rpm", "-bb", "--target", "x86_64"]


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


@pytest.mark.parametrize(
    ("changelog", "epoch"),
    [(1795089600, 1795046400), (1795089601, 1795089601), (0, 946684800)],
)
def test_the_time_of_a_package_is_the_one_that_rpm_takes(changelog: int, epoch: int) -> None:
    assert source_date_epoch(replace(package("foo"), changelog_time=changelog)) == epoch


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


def test_the_state_log_shows_where_a_build_stopped(tmp_path: Path) -> None:
    state = StateLog(tmp_path / "state.log", Task(Reporter(), "x"))
    with pytest.raises(ValueError, match="stop"), state.phase("buildroot"):
        raise ValueError("stop")
    (line,) = (tmp_path / "state.log").read_text().splitlines()
    assert line.endswith(" - Start: buildroot")
