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

from planex.errors import PlanexError
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


def test_a_file_that_is_no_program_is_an_error_in_words(tmp_path: Path) -> None:
    path = tmp_path / "tool"
    path.write_bytes(b"\x7fELF garbage")
    path.chmod(0o755)
    with pytest.raises(PlanexError, match=f"{path} cannot be run: Exec format error"):
        run([path])
