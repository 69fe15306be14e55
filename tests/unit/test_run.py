# SPDX-License-Identifier: LGPL-2.1-or-later
"""What children get of the caller, and that none outlives its run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from planex.errors import LoggedError, PlanexError
from planex.git.door import run_git
from planex.git.gitpython import Repo
from planex.run import NETWORK, run, run_logged, spawn, talk
from tests.conftest import ROOT

SECRET = "AWS_SECRET_ACCESS_KEY"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "hunter2")
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("https_proxy", "http://user:password@proxy.example:3128")


def names(text: str) -> set[str]:
    return {line.partition("=")[0] for line in text.splitlines()}


def test_children_get_a_built_environment(tmp_path: Path) -> None:
    assert names(run(["env"], env={"EXTRA": "1"}).stdout) - {"TMPDIR"} == {"PATH", "LC_ALL", "PLANEX_PARENT", "EXTRA"}
    run_logged(["env"], tmp_path / "log")
    assert "hunter2" not in (tmp_path / "log").read_text()
    for start in (spawn, talk):
        with start(["env"]) as process:
            assert process.stdout is not None
            assert b"hunter2" not in process.stdout.read()


def test_a_download_gets_the_proxy_and_no_more() -> None:
    got = names(run(["env"], inherit=NETWORK).stdout)
    assert "https_proxy" in got
    assert got <= {"PATH", "TMPDIR", "LC_ALL", "PLANEX_PARENT", *NETWORK}


def test_git_gets_no_secret_also_through_gitpython(tmp_path: Path) -> None:
    run_git(tmp_path, ["init", "--quiet"])
    alias = ["-c", "alias.show-env=!env", "show-env"]
    assert "hunter2" not in run_git(tmp_path, alias).stdout
    with Repo(tmp_path) as repository:
        text = repository.git.execute(["git", *alias])
    assert "hunter2" not in text
    assert "GIT_CONFIG_NOSYSTEM=1" in text


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody has asked about yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


WAITING = """
import signal, sys
from pathlib import Path
from planex.cli import _interrupt
from planex.git.gitpython import Repo
signal.signal(signal.SIGTERM, _interrupt)
with Repo(sys.argv[1]) as repository:
    repository.git.execute(["git", "-c", f"alias.wait=!echo $$ > {sys.argv[2]}; exec sleep 600", "wait"])
"""


def test_nothing_of_git_outlives_a_terminated_run(tmp_path: Path) -> None:
    run_git(tmp_path, ["init", "--quiet"])
    started = tmp_path / "pid"
    argv = [sys.executable, "-c", WAITING, str(tmp_path), str(started)]
    process = subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (started.exists() and started.read_text()):
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    assert not alive(int(started.read_text()))


@pytest.mark.parametrize("deaf", ["", "trap '' TERM INT; "])
def test_what_left_the_group_is_stopped_with_the_rest(deaf: str) -> None:
    with spawn(["sh", "-c", f'setsid sh -c "{deaf}echo \\$\\$; while :; do sleep 600; done" & sleep 600']) as process:
        assert process.stdout is not None
        strayed = int(process.stdout.readline())
        assert alive(strayed)
    for _ in range(500):
        if not alive(strayed):
            return
        time.sleep(0.02)
    os.kill(strayed, signal.SIGKILL)
    pytest.fail("it is still there")


def test_what_a_command_that_ended_left_running_is_let_alone() -> None:
    left = int(run(["sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!"]).stdout)
    assert alive(left)
    os.kill(left, signal.SIGKILL)


def test_a_file_that_is_no_program_is_an_error_in_words(tmp_path: Path) -> None:
    path = tmp_path / "tool"
    path.write_bytes(b"\x7fELF garbage")
    path.chmod(0o755)
    with pytest.raises(PlanexError, match=f"{path} cannot be run: Exec format error"):
        run([path])


@pytest.mark.parametrize(
    "data",
    [
        b"one\ntwo\n",
        b"one\n\ntwo without an end",
        b"\xff\xfe\nrest",
        b"",
        b"x\n" * 100_000,
        b"\n" * 70_000 + b"last",
        "".join(f"line {n}\n" for n in range(30_000)).encode(),
    ],
)
def test_a_log_is_what_was_printed_and_each_line_is_told_once(tmp_path: Path, data: bytes) -> None:
    told: list[str] = []
    (tmp_path / "data").write_bytes(data)
    run_logged(["cat", tmp_path / "data"], tmp_path / "log", on_line=told.append)
    assert (tmp_path / "log").read_bytes().partition(b"\n")[2] == data
    assert told == data.decode(errors="replace").removesuffix("\n").split("\n") * bool(data)


def test_a_line_without_an_end_is_told_in_pieces(tmp_path: Path) -> None:
    told: list[str] = []
    run_logged(["head", "-c", "1000000", "/dev/zero"], tmp_path / "log", on_line=told.append)
    assert "".join(told) == "\0" * 1_000_000
    assert max(map(len, told)) <= 2 << 16


def test_results_and_what_is_said_go_different_ways(tmp_path: Path) -> None:
    with (tmp_path / "results").open("wb") as results:
        run_logged(["sh", "-c", "echo result; echo said >&2"], tmp_path / "log", results=results)
    assert (tmp_path / "results").read_text() == "result\n"
    assert (tmp_path / "log").read_text().splitlines()[1:] == ["said"]


def test_the_end_of_a_failed_command_is_in_its_error(tmp_path: Path) -> None:
    with pytest.raises(PlanexError) as caught:
        run_logged(["sh", "-c", "seq 100; printf last; exit 3"], tmp_path / "log")
    assert isinstance(caught.value, LoggedError)
    assert caught.value.tail.splitlines() == [*map(str, range(82, 101)), "last"]
