# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex build --on a farm of several workers on this machine: the same bytes as here, whatever becomes of workers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from planex.processes import tree_of
from planex.run import Completed
from tests.conftest import ROOT
from tests.integration.conftest import make_workspace, run_planex

pytest.importorskip("distributed")
pytestmark = [pytest.mark.tools("bwrap", "dnf", "rpmbuild", "createrepo_c"), pytest.mark.slow]

SPEC = """\
Name: {name}
Version: 1
Release: 1
Summary: x
License: MIT
BuildArch: noarch
{needs}
%description
x
%build
{build}
%install
mkdir -p %{{buildroot}}/usr/share
echo {name} > %{{buildroot}}/usr/share/{name}
%files
/usr/share/{name}
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
STORE = 'store: [{{url: "file:{}", push: true, trusted: true}}]\n'
PATIENCE = 180.0


def add(workspace: Path, name: str, *needs: str, build: str = ":", generates: str = "") -> None:
    folder = workspace / "specs" / name
    folder.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(f"BuildRequires: {need}" for need in needs)
    text = SPEC.format(name=name, needs=lines, build=build)
    section = f"%generate_buildrequires\necho {generates}\n%build" if generates else "%build"
    (folder / f"{name}.spec").write_text(text.replace("%build", section, 1))


def wait_for(what: Callable[[], object]) -> None:
    """Until something is so; a failure where it never is."""
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until
        time.sleep(0.2)


@dataclass
class Trial:
    """A farm on this machine, and a workspace that builds on it."""

    folder: Path
    workspace: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = ""

    def start(self, *words: str, before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """A planex command in the background; what it says is in ``<number>.out`` and ``.err``."""
        number = len(self.started)
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (self.folder / f"{number}.out").open("wb") as out, (self.folder / f"{number}.err").open("wb") as err:
            argv = [*before, sys.executable, "-m", "planex", *words]
            self.started.append(subprocess.Popen(argv, stdout=out, stderr=err, env=env, cwd=self.folder))
        return self.started[-1]

    def begin(self) -> None:
        self.start("farm", "scheduler", "--listen", "127.0.0.1:0", "--silence", "5s")
        wait_for(lambda: (self.folder / "0.out").read_text().endswith("\n"))
        self.address = (self.folder / "0.out").read_text().strip()

    def worker(self, name: str, before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        words = ["worker", "--join", self.address, "--name", name, "--folder", name, "--cores", "1"]
        process = self.start(*words, before=before)
        err = self.folder / f"{len(self.started) - 1}.err"
        wait_for(lambda: "serves" in err.read_text())
        return process

    def build(self, *words: str) -> Completed:
        return run_planex(self.workspace, "build", "--on", self.address, *words)

    def start_build(self) -> subprocess.Popen[bytes]:
        return self.start("-C", str(self.workspace), "build", "--on", self.address)

    def said(self, process: subprocess.Popen[bytes]) -> str:
        """All that a command said, when it has ended."""
        process.wait(PATIENCE)
        return self.so_far(process)

    def so_far(self, process: subprocess.Popen[bytes]) -> str:
        return (self.folder / f"{self.started.index(process)}.err").read_text()


@pytest.fixture
def trial(tmp_path: Path, base: Path) -> Iterator[Trial]:
    workspace = make_workspace(tmp_path / "workspace", base)
    (tmp_path / "shared").mkdir()
    config = workspace / "planex.yaml"
    config.write_text(config.read_text() + STORE.format(tmp_path / "shared"))
    trial = Trial(tmp_path, workspace)
    trial.begin()
    yield trial
    for process in trial.started:
        process.send_signal(signal.SIGTERM)
    for process in trial.started:
        process.wait(PATIENCE)


def repository(workspace: Path) -> dict[str, bytes]:
    folder = workspace / "_build" / "bookworm" / "repo"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_farm_makes_the_same_repository_as_this_machine(trial: Trial, base: Path) -> None:
    for name, needs in (("a", ()), ("b", ("a",)), ("c", ())):
        add(trial.workspace, name, *needs)
    for name in ("one", "two"):
        trial.worker(name)
    done = trial.build()
    assert done.returncode == 0, done.stderr
    assert "3 built" in done.stderr
    alone = make_workspace(trial.folder / "alone", base)
    for name, needs in (("a", ()), ("b", ("a",)), ("c", ())):
        add(alone, name, *needs)
    assert run_planex(alone, "build").returncode == 0
    assert repository(trial.workspace) == repository(alone)
    assert "a-1-1.noarch.rpm" in repository(alone)


def test_what_only_a_build_can_tell_of_its_needs_is_told_by_workers(trial: Trial) -> None:
    add(trial.workspace, "a", generates="b")
    add(trial.workspace, "b")
    trial.worker("one")
    done = trial.build()
    assert done.returncode == 0, done.stderr
    assert "2 built" in done.stderr
    installed = trial.workspace / "_build" / "bookworm" / "logs" / "a" / "installed_pkgs.log"
    assert "b-1-1.noarch" in installed.read_text()


def sleepers(process: subprocess.Popen[bytes]) -> list[int]:
    """Processes of builds that sleep below a worker."""
    return [pid for pid in tree_of(process.pid) if _command(pid).startswith(b"sleep\x00")]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_killed_worker_leaves_nothing_behind_and_its_package_goes_elsewhere(trial: Trial) -> None:
    go_on = trial.folder / "shared" / "never"  # no build sees it
    add(trial.workspace, "a", build=f"sleep 15; test ! -e {go_on}")
    first = trial.worker("one")
    build = trial.start_build()
    wait_for(lambda: sleepers(first))
    doomed = sleepers(first)
    trial.worker("two")
    first.kill()
    wait_for(lambda: not any(_command(pid).startswith(b"sleep") for pid in doomed))
    said = trial.said(build)
    assert build.returncode == 0, said
    assert "worker one is lost while it built a" in said
    assert "1 built" in said


def test_what_a_worker_that_was_cut_off_builds_as_well_does_no_harm(trial: Trial) -> None:
    add(trial.workspace, "a", build="sleep 20")
    first = trial.worker("one")
    build = trial.start_build()
    wait_for(lambda: sleepers(first))
    trial.worker("two")
    first.send_signal(signal.SIGSTOP)  # and what it started builds on
    said = trial.said(build)
    assert build.returncode == 0, said
    assert "worker one is lost while it built a" in said
    before = repository(trial.workspace)
    first.send_signal(signal.SIGCONT)
    wait_for(lambda: first.poll() is not None)  # it sees that it is none of the farm's any more
    done = trial.build()
    assert done.returncode == 0 and "nothing to do" in done.stderr
    assert repository(trial.workspace) == before


def test_a_worker_whose_disk_is_full_is_told_and_asked_no_more(trial: Trial) -> None:
    add(trial.workspace, "a")
    script = f'mount -t tmpfs -o size=20m x {trial.folder}/one && exec "$@"'
    (trial.folder / "one").mkdir()
    trial.worker("one", before=("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"))
    build = trial.start_build()
    said = trial.said(build)
    assert build.returncode == 1
    assert "worker one is given nothing more" in said and "No space left on device" in said
    assert "no worker is left that can build a" in said
    trial.worker("two")
    done = trial.build()
    assert done.returncode == 0, done.stderr


def test_ctrl_c_stops_what_workers_do_for_it(trial: Trial) -> None:
    add(trial.workspace, "a", build="sleep 600")
    worker = trial.worker("one")
    build = trial.start_build()
    wait_for(lambda: sleepers(worker))
    build.send_signal(signal.SIGINT)
    assert "interrupted" in trial.said(build)
    assert build.returncode == 130
    wait_for(lambda: not sleepers(worker))
    assert worker.poll() is None


def test_a_client_that_is_killed_is_no_longer_built_for(trial: Trial) -> None:
    add(trial.workspace, "a", build="sleep 600")
    worker = trial.worker("one")
    build = trial.start_build()
    wait_for(lambda: sleepers(worker))
    build.kill()
    wait_for(lambda: not sleepers(worker))


def test_where_the_scheduler_dies_the_build_says_so_and_workers_end(trial: Trial) -> None:
    add(trial.workspace, "a", build="sleep 600")
    worker = trial.worker("one")
    build = trial.start_build()
    wait_for(lambda: sleepers(worker))
    asleep = sleepers(worker)
    trial.started[0].kill()
    said = trial.said(build)
    assert build.returncode == 1
    assert "does not answer any more" in said and "Traceback" not in said
    assert "is gone" in trial.said(worker) and worker.returncode == 1
    wait_for(lambda: not any(_command(pid).startswith(b"sleep") for pid in asleep))


def test_a_farm_with_keys_builds_for_who_has_them(trial: Trial) -> None:
    """A scheduler of its own: that of the trial has none."""
    add(trial.workspace, "a")
    keys = ("--keys", str(trial.folder / "keys"))
    assert run_planex(trial.folder, "farm", "keys", keys[1]).returncode == 0
    up = trial.start("farm", "up", "--workers", "1", *keys)
    out = trial.folder / f"{trial.started.index(up)}.out"
    wait_for(lambda: out.read_text().endswith("\n"))
    trial.address = out.read_text().strip()
    stranger = trial.build()
    assert stranger.returncode == 1
    assert "no farm answers" in stranger.stderr
    done = trial.build(*keys)
    assert done.returncode == 0, done.stderr
    assert "1 built" in done.stderr


def test_a_package_that_fails_fails_as_it_does_here(trial: Trial) -> None:
    add(trial.workspace, "a", build="echo the compiler is in a bad mood; exit 3")
    trial.worker("one")
    done = trial.build()
    assert done.returncode == 1
    assert "a failed in %build: rpmbuild failed with exit status" in done.stderr
    assert "the compiler is in a bad mood" in done.stderr
    assert "nothing more" not in done.stderr
    log = trial.workspace / "_build" / "bookworm" / "logs" / "a" / "build.log"
    assert "the compiler is in a bad mood" in log.read_text()


def test_an_address_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run_planex(tmp_path, "farm", "scheduler", "--listen", address)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"error: tcp://{address}: " in done.stderr and "that is free" in done.stderr
