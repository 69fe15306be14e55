# SPDX-License-Identifier: LGPL-2.1-or-later
"""What xorriso writes to a pipe arrives whole, and a failure at either end is told and ends the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from planex.disk import DiskError
from planex.errors import CommandFailed
from planex.medium.xorriso import stream

FakeTool = Callable[[str, str], Path]
XORRISO = "#!/bin/sh\nfor word; do case $word in stdio:*) to=${word#stdio:} ;; esac; done\n"


def test_all_arrives_and_is_digested(fake_tool: FakeTool, tmp_path: Path) -> None:
    fake_tool("xorriso", XORRISO + 'head -c 3000000 /dev/zero >"$to"\necho end >"$to"\n')
    trail = stream([], 0, tmp_path / "out.iso")
    data = bytes(3_000_000) + b"end\n"
    assert (tmp_path / "out.iso").read_bytes() == data
    assert trail.exchange(tmp_path / "out.iso", {len(data): b""}) == hashlib.sha256(data).hexdigest()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.iso"]


def test_a_xorriso_that_writes_nothing_is_told(fake_tool: FakeTool, tmp_path: Path) -> None:
    fake_tool("xorriso", "#!/bin/sh\nexit 5\n")
    with pytest.raises(CommandFailed, match="failed with exit status 5"):
        stream([], 0, tmp_path / "out.iso")


def test_a_file_that_cannot_be_written_holds_nobody_up(fake_tool: FakeTool, tmp_path: Path) -> None:
    fake_tool("xorriso", XORRISO + 'exec head -c 3000000 /dev/zero >"$to"\n')
    (tmp_path / "out.iso").mkdir()
    with pytest.raises(DiskError, match=r"cannot write .*/out\.iso"):
        stream([], 0, tmp_path / "out.iso")
