# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much a caged command may use, and the watch that ends one that uses more.

The kernel keeps the number of processes and the size of a file (setrlimit(2)); time, memory, disk and output of all
processes of a cage together are watched from outside, where nothing in the cage can reach.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from planex.disk import size_of
from planex.units import GIB, KIB, size_text

_DISK_PATIENCE = 10.0
"""Seconds between two looks at the disk, more where a look takes long."""


def _most_memory() -> int:
    """Four fifths of this machine's."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 4 // 5


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, and bytes; of a whole build. Far above what a kernel needs, so that only mistakes and attacks meet them.

    ``disk`` is also the size of a single file.
    """

    time: float = 12 * 3600.0
    memory: int = field(default_factory=_most_memory)
    processes: int = 8192
    disk: int = 256 * GIB
    output: int = GIB
    address_space: int | None = None
    """Of a single process; programs that reserve much and use little do not bear a limit here."""


class Watch:
    """Says why a running cage must end; to be asked again and again (see ``planex.run.Watch``)."""

    def __init__(self, limits: Limits, scratch: Path | None = None) -> None:
        """``scratch``: the folder that takes what the cage writes."""
        self._limits = limits
        self._scratch = scratch
        self._next_look = time.monotonic() + _DISK_PATIENCE / 10

    def __call__(self, pid: int, seconds: float, output: int) -> str | None:
        limits = self._limits
        if seconds > limits.time:
            return f"it took longer than {limits.time:.0f} s (limit 'time')"
        if output > limits.output:
            return f"it printed more than {size_text(limits.output)} (limit 'output')"
        if memory_of(pid) > limits.memory:
            return f"it used more than {size_text(limits.memory)} of memory (limit 'memory')"
        if self._disk_used() > limits.disk:
            return f"it wrote more than {size_text(limits.disk)} (limit 'disk')"
        return None

    def _disk_used(self) -> int:
        if self._scratch is None or time.monotonic() < self._next_look:
            return 0
        started = time.monotonic()
        used = size_of([self._scratch])
        self._next_look = time.monotonic() + max(_DISK_PATIENCE, 20 * (time.monotonic() - started))
        return used


def memory_of(pid: int) -> int:
    """Bytes of memory that a process and all below it hold for themselves, and of shared memory."""
    return sum(_resident(each) for each in tree_of(pid))


def tree_of(pid: int) -> list[int]:
    """A process and all its descendants that there are now."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # proc(5): the name in parentheses may hold anything, the parent is the second word behind it
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(folder.name))
    found = [pid]
    for number in found:
        found += children.get(number, [])
    return found


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
