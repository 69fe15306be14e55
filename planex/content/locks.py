# SPDX-License-Identifier: LGPL-2.1-or-later
"""Locks between planex processes: flock on a file that says who holds it and since when.

A lock that was taken counts only if its file is still the one at that path, so a holder may delete the file with all
else: whoever waited for it then takes the new one.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from planex.errors import PlanexError
from planex.workspace import Workspace

_PAUSE = 0.2
"""Seconds between two tries."""
_LIMIT = 4096
"""Bytes read of a lock file at most."""
_ROW = re.compile(r"([0-9]{1,10}) ([0-9]{1,11})")
"""A holder in a lock file: a time of more digits is none that can be written as a date."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that took a lock, and when, in seconds since 1970."""

    pid: int
    since: int

    def __str__(self) -> str:
        return f"process {self.pid}, since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(self.since))}"


class Busy(PlanexError):
    """Another planex holds the lock."""


@dataclass(frozen=True, slots=True)
class Patience:
    """What to do while another planex holds a lock: fail at once, or wait and say so once by ``tell``."""

    wait: bool = False
    tell: Callable[[str], None] = lambda text: None


WAITING = Patience(wait=True)
"""For what takes a moment, and what the other planex makes is what is wanted here."""


@contextmanager
def hold(path: Path, *, shared: bool = False, patience: Patience | None = None) -> Iterator[None]:
    """Hold the lock of ``path``, which is made if need be. Any number of processes may hold it ``shared``.

    Raises Busy, which names the holders, where another has it and ``patience`` does not let it wait.
    """
    patience, told = patience or Patience(), False
    while (handle := _try(path, shared)) is None:
        text = f"another planex is at work in {path.parent} ({_names(path)})"
        if not patience.wait:
            raise Busy(text, "wait until it has ended, or let a command wait that has --wait")
        if not told:
            patience.tell(f"waiting: {text}")
            told = True
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def at_work(workspace: Workspace, target: str, patience: Patience | None = None) -> Iterator[None]:
    """Work on a target alone; nothing below ``_build`` is deleted by others meanwhile."""
    with (
        hold(workspace.lock, shared=True, patience=patience),
        hold(workspace.target(target) / ".lock", patience=patience),
    ):
        yield


def holders(path: Path) -> tuple[Holder, ...]:
    """The living processes that said last that they hold the lock."""
    try:
        text = path.read_bytes()[:_LIMIT].decode(errors="replace")
    except OSError:
        return ()
    rows = [row for line in text.splitlines() if (row := _ROW.fullmatch(line))]
    said = [Holder(int(row[1]), int(row[2])) for row in rows]
    return tuple(holder for holder in said if _alive(holder.pid))


def _try(path: Path, shared: bool) -> int | None:
    """An open file with the lock on it; None where another process has it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:  # its folder was deleted just now
            continue
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if _is_at(handle, path):
            _sign(handle, path, shared)
            return handle
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _sign(handle: int, path: Path, shared: bool) -> None:
    """Write who holds the lock; a full disk is no reason not to work, least of all for `planex clean`."""
    others = [other for other in holders(path) if other.pid != os.getpid()] if shared else []
    lines = [f"{holder.pid} {holder.since}\n" for holder in (*others, Holder(os.getpid(), int(time.time())))]
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.pwrite(handle, "".join(lines).encode(), 0)


def _names(path: Path) -> str:
    return "; ".join(map(str, holders(path))) or "it does not say which process"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
