# SPDX-License-Identifier: LGPL-2.1-or-later
"""Phases of a build: read from the builder's output, shown on the terminal, kept in state.log as mock does."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from planex.report import Task

_SECTION = re.compile(r"^Executing\(%(generate_buildrequires|prep|build|install|check)\)")
_MOCK_START = re.compile(r"^(?:INFO: )?Start(?:\(bootstrap\))?: (chroot init|build setup|rpmbuild)\b")
_BUILDROOT = "buildroot"


class StateLog:
    """Appends ``2026-11-23 00:47:50,804 - Start: build`` lines, mock's format."""

    def __init__(self, path: Path, task: Task) -> None:
        self._path = path
        self._task = task

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self._task.phase(name)
        self._write(f"Start: {name}")
        yield
        self._write(f"Finish: {name}")

    def _write(self, text: str) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        with self._path.open("a") as file:
            file.write(f"{stamp},{int(now % 1 * 1000):03d} - {text}\n")


def rpmbuild_section(line: str) -> str | None:
    """``%build`` when a line of build.log begins that section."""
    if line.startswith("Processing files: "):
        return "%files"
    match = _SECTION.match(line)
    return f"%{match.group(1)}" if match else None


def mock_phase(line: str) -> str | None:
    """The phase that a line of mock's output begins: its own, or a section of the rpmbuild whose output it prints.

    Most of what mock starts is a part of these and is over soon; what it finishes is no news, for where it fails, it
    finishes all that it began.
    """
    match = _MOCK_START.match(line.strip())
    if match is None:
        return rpmbuild_section(line)
    return "rpmbuild" if match.group(1) == "rpmbuild" else _BUILDROOT
