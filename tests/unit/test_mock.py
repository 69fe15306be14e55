# SPDX-License-Identifier: LGPL-2.1-or-later
"""mock's command line, and its behaviour through a fake one on PATH, which prints and leaves what mock 6 does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from planex.cli import cli
from planex.engine.builders import mock
from planex.engine.builders.job import Job
from planex.engine.builders.mock import MockBuilder, mock_argv
from planex.engine.builders.state import mock_phase
from planex.engine.excerpt import excerpt_of
from planex.errors import CommandFailed, PlanexError
from planex.report import Reporter, Task
from planex.rpm import mockroots
from planex.rpm.mockconfig import MockConfig, load_mock_config
from tests.conftest import ROOT

FakeTool = Callable[[str, str], Path]


def test_mock_gets_one_rebuild_with_a_root_of_its_own(job: Job, tmp_path: Path) -> None:
    assert mock_argv(config(tmp_path, "/opt/rpmbuild"), "planex-el9-01234567-0123456789ab", job) == [
        "mock",
        "--root",
        str(tmp_path / "el9.cfg"),
        "--config-opts",
        "root=planex-el9-01234567-0123456789ab",
        "--config-opts",
        "print_main_output=True",
        "--config-opts",
        "rpmbuild_command=env SOURCE_DATE_EPOCH=7 /opt/rpmbuild",
        "--uniqueext",
        "planex-foo",
        "--resultdir",
        str(job.results),
        "--addrepo",
        "file:///deps",
        "--rebuild",
        str(job.srpm),
    ]


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


# What mock prints and leaves, as mock 6 does: build.log has a line of its own before there is any rpmbuild.
FAKE = """#!/bin/sh
here=${0%/*}
case "$*" in
*--debug-config-expanded)
  echo "config_opts['basedir'] = '$here/lib'"; echo "config_opts['cache_topdir'] = '$here/cache'"; exit;;
*--scrub=*) echo "$*" >> $here/scrubbed; exit;;
esac
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
LOCK = """
import fcntl, signal
file = open({file!r}, "a+")
fcntl.lockf(file, fcntl.LOCK_SH)
print("held", flush=True)
signal.pause()
"""
FAILURES = {
    "buildroot": ("init", "echo 'Error: Unable to find a match: no-such'; echo 'Finish: chroot init'", 30, "mock"),
    "buildrequires": ("setup", "echo 'No matching package: nothing'; echo 'Finish: build phase'", 30, "mock"),
    "rpmbuild": ("build", BUILD, 1, "build"),
}


CONFIG = "config_opts.update(root='el9', target_arch='x86_64', chroot_setup_cmd='install bash')\n"


def config(folder: Path, rpmbuild: str = "/usr/bin/rpmbuild") -> MockConfig:
    path = folder / "el9.cfg"
    path.write_text(f"{CONFIG}config_opts['dnf.conf'] = ''\nconfig_opts['rpmbuild_command'] = {rpmbuild!r}\n")
    return load_mock_config(path, folder / "cache")


def builder(folder: Path, digest: str = "a" * 64) -> MockBuilder:
    return MockBuilder(config(folder), digest, folder / "target")


def run_mock(job: Job, fake_tool: FakeTool, task: Task, **bodies: str) -> None:
    script = FAKE
    for name in ("init", "setup", "build"):
        script = script.replace(f"{{{name}}}", bodies.get(name, ""))
    fake_tool("mock", script)
    builder(job.work.parent).build(job, task)


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


def folders(fake_tool: FakeTool, tmp_path: Path, *names: str) -> Path:
    """Where the fake mock is, with folders of roots and caches: the builder's own begin with @."""
    here = fake_tool("mock", FAKE).parent
    fake_tool("rpm", "#!/bin/sh\necho /var/lib/rpm\n")
    prefix = mockroots.find_folders(tmp_path / "el9.cfg", "el9", tmp_path / "target").prefix
    for name in names:
        (here / name.replace("@", prefix)).mkdir(parents=True)
    return here


@pytest.fixture
def caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "1000")


def scrubbed(here: Path) -> list[str]:
    """What mock was asked to delete: the digest in the root's name, --uniqueext, and how."""
    calls = (here / "scrubbed").read_text().splitlines() if (here / "scrubbed").exists() else []
    return [" ".join(re.sub(r"^.*root=el9-[0-9a-f]{8}-", "", call).split()) for call in calls]


A, B = "a" * 12, "b" * 12


@pytest.mark.usefixtures("caller")
def test_what_killed_runs_and_other_bases_left_is_taken_away(fake_tool: FakeTool, tmp_path: Path) -> None:
    names = [f"lib/@{A}-planex-foo", f"lib/@{B}-planex-foo", f"lib/@{B}-bootstrap", "lib/el9-other", f"cache/@{A}"]
    here = folders(fake_tool, tmp_path, *names, f"cache/@{B}")
    builder(tmp_path).prepare(Task(Reporter(), "buildroot"))
    assert scrubbed(here) == [
        f"{A} --uniqueext planex-foo --scrub=chroot",
        f"{B} --scrub=all",
        f"{B} --uniqueext planex-foo --scrub=all",
    ]


@pytest.mark.usefixtures("caller")
def test_a_root_is_named_by_what_is_in_it_and_by_its_workspace(
    job: Job, fake_tool: FakeTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = set()
    for place in (tmp_path / "one", tmp_path / "two"):
        place.mkdir()
        for digest in ("a" * 64, "b" * 64):
            monkeypatch.setattr(mock, "run_logged", lambda argv, *_, **__: names.add(argv[argv.index("--root") + 3]))
            folders(fake_tool, place)
            builder(place, digest).build(job, Task(Reporter(), "foo"))
    assert len(names) == 4
    assert all(re.fullmatch("root=el9-[0-9a-f]{8}-[0-9a-f]{12}", name) for name in names)


def test_clean_deletes_mocks_folders_of_its_workspace(fake_tool: FakeTool, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    CliRunner().invoke(cli, ["init", str(workspace)])
    here = folders(fake_tool, tmp_path)
    target = workspace / "_build" / "el9"
    found = mockroots.find_folders(workspace / "mock-configs" / "el9.cfg", "el9", target)
    for place in (here / "lib", here / "cache"):
        (place / found.root(A)).mkdir(parents=True)
        (place / "el9-other").mkdir()
        (place / found.root(A) / "file").write_bytes(bytes(5_000_000))
    table = CliRunner().invoke(cli, ["-C", str(workspace), "clean", "--what"]).stdout
    assert re.search(r"^mock +10\.0 MB  mock's roots and caches of this workspace", table, re.MULTILINE)
    done = CliRunner().invoke(cli, ["-C", str(workspace), "clean"])
    assert done.stdout.splitlines() == [
        f"deleted {here}/lib/{found.root(A)}",
        f"deleted {here}/cache/{found.root(A)}",
        f"deleted {target}/mock.json",
    ]
    assert scrubbed(here) == [f"{A} --scrub=all"]
    assert mockroots.known_folders(target) is None


@contextmanager
def locked(root: Path) -> Iterator[int]:
    """Another process that has mock's lock on a root; its id."""
    root.mkdir(parents=True, exist_ok=True)
    script = LOCK.format(file=str(root / "buildroot.lock"))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        yield process.pid
        process.kill()


@pytest.mark.usefixtures("caller")
def test_who_holds_a_root_is_told(
    job: Job, fake_tool: FakeTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mockroots, "PATIENCE", 0.0)
    here = folders(fake_tool, tmp_path)
    own = builder(tmp_path)
    root = mockroots.find_folders(tmp_path / "el9.cfg", "el9", tmp_path / "target").root(A)
    asks: tuple[Callable[[], None], ...] = (
        lambda: own.prepare(Task(Reporter(), "x")),
        lambda: run_mock(job, fake_tool, Task(Reporter(), "x"), init="exit 60"),
    )
    with locked(here / "lib" / f"{root}-planex-foo") as pid:
        for ask in asks:
            with pytest.raises(PlanexError, match=f"another mock is at work in .*foo .process {pid}.") as caught:
                ask()
            assert caught.value.hint == f"wait until it has ended, or end it: kill {pid}"
    own.prepare(Task(Reporter(), "x"))


@pytest.mark.parametrize(
    ("database", "uid", "fault"),
    [
        ("/var/lib/rpm", None, "mock does not run for root alone"),
        ("/root/.rpmdb", "1000", "rpm on this machine keeps its database in the user's home"),
    ],
)
def test_a_machine_that_is_not_set_up_for_mock_gets_a_hint(
    fake_tool: FakeTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: str, uid: str | None, fault: str
) -> None:
    folders(fake_tool, tmp_path)
    fake_tool("rpm", f"#!/bin/sh\necho {database}\n")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("USERHELPER_UID", raising=False)
    monkeypatch.setenv("SUDO_UID", uid) if uid else monkeypatch.delenv("SUDO_UID", raising=False)
    with pytest.raises(PlanexError, match=fault) as caught:
        builder(tmp_path).prepare(Task(Reporter(), "x"))
    assert caught.value.hint and "--builder sandbox" in caught.value.hint


SLOW = """#!/bin/sh
trap 'echo hup >> {here}/ended; exit 129' HUP
echo $$ > {here}/pid
while :; do sleep 0.1; done
"""
PARENT = """
import signal
from pathlib import Path
from planex.run import run_logged
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
run_logged(["{mock}"], Path("{log}"), leash=True)
"""


def wait_for(path: Path) -> str:
    until = time.monotonic() + 20
    while not (path.exists() and path.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    return path.read_text()


def test_mock_ends_with_a_planex_that_is_killed(fake_tool: FakeTool, tmp_path: Path) -> None:
    program = fake_tool("mock", SLOW.format(here=tmp_path))
    script = PARENT.format(mock=program, log=tmp_path / "log")
    with subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}) as planex:
        pid = int(wait_for(tmp_path / "pid"))
        planex.send_signal(signal.SIGKILL)
    try:
        assert wait_for(tmp_path / "ended") == "hup\n"
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
