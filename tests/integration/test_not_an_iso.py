# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex boot`` and ``planex iso check`` of what is no ISO: one line at once, and no virtual machine."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "random").write_bytes(random.Random(1).randbytes(100_000))
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", [["boot"], ["iso", "check"]], ids=" ".join)
@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("pipe", 1, "pipe is a pipe, not a file"),
        ("empty", 1, "empty is not an ISO image: it is empty"),
        ("random", 1, "random is not an ISO image: it has no ISO 9660 volume descriptor"),
        ("/dev/zero", 1, "/dev/zero is a device, not a file"),
        ("folder", 2, "File 'folder' is a directory."),
        ("none", 2, "File 'none' does not exist."),
    ],
)
def test_what_is_no_iso_is_told_at_once(folder: Path, command: list[str], name: str, status: int, message: str) -> None:
    words = [sys.executable, "-m", "planex", *command, name]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
