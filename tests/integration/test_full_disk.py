# SPDX-License-Identifier: LGPL-2.1-or-later
"""Full, read-only and worn-out file systems: tiny ones of the tests' own, in a name space of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def have_own_mounts() -> bool:
    if shutil.which("unshare") is None:
        return False
    words = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "x", "/mnt"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not have_own_mounts(), reason="no user name spaces here")


def on_tmpfs(options: str, folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script where ``folder`` is a tmpfs with these mount options; $planex and $python are set."""
    folder.mkdir()
    whole = f"mount -t tmpfs -o {options} x {folder} && {script}"
    env = {**os.environ, "planex": f"{sys.executable} -P -m planex", "python": sys.executable, "PYTHONPATH": str(ROOT)}
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", whole]
    return subprocess.run(words, capture_output=True, text=True, env=env, cwd="/", timeout=120, check=False)


def assert_told(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    done = on_tmpfs("size=8k", disk, f"$planex init {disk}/new")
    assert_told(done, f"cannot write {disk}/new/", "No space left on device (0 bytes free on the file system of")
    assert "hint:    make room, for instance with `planex clean`" in done.stderr


def test_no_more_files(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    done = on_tmpfs("nr_inodes=4", disk, f"$planex init {disk}/new")
    assert_told(done, f"cannot write {disk}/new/", "(no room for more files (inodes), ")


def test_a_disk_that_is_read_only(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    done = on_tmpfs("size=1m,ro", disk, f"$planex init {disk}/new")
    assert_told(
        done, f"cannot write {disk}/new/", "Read-only file system", "hint:    the file system is mounted read-only"
    )


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    done = on_tmpfs("size=1m", disk, f"$planex init {disk}/{'n' * 300}")
    assert_told(done, "File name too long", "hint:    a file's name may have 255 bytes")


CODE = """
import sys
from pathlib import Path
from planex import cli
from planex.report import Reporter, Task
from planex.run import run_logged
from planex.sources.fetch import fetch_url
from planex.patchqueue.apply.tarball import SourceFiles
from planex.drafts import write_atomic
from planex.workspace import Workspace
disk, what = Path(sys.argv[1]), sys.argv[2]
def work(**_):
    if what == "copy":
        fetch_url(Workspace(disk), "file:///proc/self/exe", disk / "x.part", Task(Reporter(), "x"))
    if what == "atomic":
        write_atomic(disk / "x.json", b"x" * 1_000_000)
    if what == "log":
        run_logged(["head", "-c", "1000000", "/dev/zero"], disk / "x.log")
    if what == "plain":
        with (disk / "x.part").open("wb") as file:
            file.write(b"x" * 1_000_000)
cli.cli.main = work
cli.main()
"""


@pytest.mark.parametrize(("what", "name"), [("copy", "x.part"), ("atomic", "x.json"), ("log", "x.log"), ("plain", "")])
def test_whatever_is_written_is_named(tmp_path: Path, what: str, name: str) -> None:
    disk = tmp_path / "disk"
    done = on_tmpfs("size=64k", disk, f"cd {disk} && $python -P -c '{CODE}' {disk} {what}")
    words = (f"cannot write {disk}/{name}: ",) if name else (f"{disk}",)
    if name:  # shown as a person would type it from the current folder
        words = (f"cannot write {name}: ",)
    assert_told(done, *words, "No space left on device (", "free on the file system of", "planex clean")
