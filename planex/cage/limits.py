# SPDX-License-Identifier: LGPL-2.1-or-later
"""How much a caged command may use, and the watch that ends one that uses more.

The kernel keeps the number of processes and the size of a file (setrlimit(2)); time, memory, disk and output of all
processes of a cage together are watched from outside, where nothing in the cage can reach.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from planex.disk import size_of
from planex.processes import memory_of, seconds_of, tree_of
from planex.units import GIB, size_text

_DISK_PATIENCE = 10.0
"""Seconds between two looks at the disk, more where a look takes long."""

_ALL = 16
"""At one look in so many all processes of the machine are read, at the others the lists of children."""


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


WHOLE = 1024.0
"""Cores of a command that used what there was of them: nobody knows how many more it would use."""
_GREEDY = 0.75
"""Part of this machine's cores from which on a command is taken for one of these."""


@dataclass
class Usage:
    """What a command used. ``cores``: on the average; ``memory``: bytes at the most; 0 where it was too short."""

    cores: float = 0.0
    memory: int = 0

    def see(self, pids: list[int], seconds: float) -> int:
        """Look at its processes so many seconds after it began; bytes of memory that they hold."""
        cores, memory = seconds_of(pids) / max(seconds, 1e-3), memory_of(pids)
        self.cores = round(cores, 2) if cores < _GREEDY * (os.cpu_count() or 1) else WHOLE
        self.memory = max(self.memory, memory)
        return memory


class Watch:
    """Says why a running cage must end; to be asked again and again (see ``planex.run.Watch``)."""

    def __init__(self, limits: Limits, scratch: Path | None = None, usage: Usage | None = None) -> None:
        """``scratch``: the folder that takes what the cage writes; ``usage``: is told what was used."""
        self._limits = limits
        self._usage = usage or Usage()
        self._scratch = scratch
        self._looks = 0
        self._next_look = time.monotonic() + _DISK_PATIENCE / 10

    def __call__(self, pid: int, seconds: float, output: int) -> str | None:
        limits = self._limits
        if seconds > limits.time:
            return f"it took longer than {limits.time:.0f} s (limit 'time')"
        if output > limits.output:
            return f"it printed more than {size_text(limits.output)} (limit 'output')"
        if self._memory_used(pid, seconds) > limits.memory:
            return f"it used more than {size_text(limits.memory)} of memory (limit 'memory')"
        if self._disk_used() > limits.disk:
            return f"it wrote more than {size_text(limits.disk)} (limit 'disk')"
        return None

    def _memory_used(self, pid: int, seconds: float) -> int:
        self._looks += 1
        return self._usage.see(tree_of(pid, whole=self._looks % _ALL == 1), seconds)

    def _disk_used(self) -> int:
        if self._scratch is None or time.monotonic() < self._next_look:
            return 0
        started = time.monotonic()
        used = size_of([self._scratch])
        self._next_look = time.monotonic() + max(_DISK_PATIENCE, 20 * (time.monotonic() - started))
        return used
