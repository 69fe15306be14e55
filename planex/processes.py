# SPDX-License-Identifier: LGPL-2.1-or-later
"""The processes below a process, as proc(5) shows them, and how they are ended.

They are looked at four times a second, hence no paths but plain names, which take half the time.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from planex.units import KIB

_TICKS = os.sysconf("SC_CLK_TCK")


def tree_of(pid: int, *, whole: bool = True) -> list[int]:
    """A process and all its descendants that there are now.

    Without ``whole`` the kernel's own lists of children are read, which takes a tenth of the time; but a child that
    ends meanwhile may hide its siblings. It is for those who look again.
    """
    below = _all_children().get if whole or not _has_lists() else _listed
    found = [pid]
    for number in found:
        found += below(number) or ()
    return found


@cache
def _has_lists() -> bool:
    """Whether this kernel has them (CONFIG_PROC_CHILDREN)."""
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110


def _listed(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def _all_children() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        # proc(5): the name in parentheses may hold anything, the parent is the second word behind it
        if words := _read(f"/proc/{name}/stat").rpartition(b")")[2].split():
            children.setdefault(int(words[1]), []).append(int(name))
    return children


def memory_of(pids: Iterable[int]) -> int:
    """Bytes of memory that processes hold for themselves, and of shared memory."""
    return sum(map(_resident, pids))


def processor_time(pid: int) -> tuple[float, float]:
    """Seconds that the busiest thread of a process ran, and that its threads were ready to but others did."""
    read = []
    with contextlib.suppress(OSError):
        read = [_read(f"/proc/{pid}/task/{name}/schedstat").split() for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208
    times = [(int(words[0]), int(words[1])) for words in read if words]
    return max((ran for ran, _ in times), default=0) / 1e9, sum(waited for _, waited in times) / 1e9


def seconds_of(pids: Iterable[int]) -> float:
    """Seconds of processors that processes used, with those of their children that have ended (proc(5))."""
    # The name in parentheses may hold anything; behind it, counted from 0, utime to cstime are 11 to 14.
    rows = (_read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[11:15] for pid in pids)
    return sum(int(word) for row in rows for word in row) / _TICKS


def _resident(pid: int) -> int:
    lines = _read(f"/proc/{pid}/status").split(b"\n")
    return sum(int(line.split()[1]) * KIB for line in lines if line.startswith((b"RssAnon:", b"RssShmem:")))


def _read(path: str) -> bytes:
    """A file of a process; nothing where that has ended."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return b""


@contextlib.contextmanager
def ending(pid: int, patience: float) -> Iterator[None]:
    """When the context is left, what was below the process when it began is asked to end, and then made to.

    Also what left its group and its session, as no signal to a group reaches that. ``patience``: seconds to obey.
    """
    with contextlib.ExitStack() as stack:
        held = [handle for number in tree_of(pid, whole=False)[1:] if (handle := _hold(number, stack)) is not None]
        yield
        for handle in held:
            _send(handle, signal.SIGTERM)
        _wait(held, patience)
        for handle in held:
            _send(handle, signal.SIGKILL)


def _hold(pid: int, stack: contextlib.ExitStack) -> int | None:
    """A handle on a process, which stays its own when its number goes to another."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return None
    stack.callback(os.close, handle)
    return handle


def _send(handle: int, number: int) -> None:
    with contextlib.suppress(OSError):  # it has ended, or is another user's by now
        signal.pidfd_send_signal(handle, number)


def _wait(handles: Sequence[int], patience: float) -> None:
    """Until all have ended, at most for so many seconds."""
    poll, until = select.poll(), time.monotonic() + patience
    left = set(handles)
    for handle in left:
        poll.register(handle, select.POLLIN)
    while left and (rest := until - time.monotonic()) > 0:
        for handle, _ in poll.poll(rest * 1000):
            poll.unregister(handle)
            left.discard(handle)
