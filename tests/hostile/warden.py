# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs one command with a time limit and says how it ended; whatever it leaves behind is counted and killed.

A program of its own (``python -S -E warden.py``, request on standard input, answer on standard output, both JSON), so
that it can be the reaper of everything that the command starts: even what left its session and its parent.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
FILES = {"stdin": 0, "stdout": 1, "stderr": 2}
PATIENCE = 0.5
"""Seconds that a process may live on after the command's end (a child that is just ending)."""
ADDRESS_SPACE = 8 << 30
FILE_SIZE = 4 << 30
WHERE = {"full": "/dev/full", "null": "/dev/null"}


def main() -> None:
    request = json.load(sys.stdin)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        become(request)
    status = wait(child, started, request["seconds"], request["signals"])
    seconds = time.monotonic() - started
    left = sweep() if status is not None else []
    if status is None:
        kill_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = {"status": status, "seconds": seconds, "left": left, "memory": used.ru_maxrss // 1024}
    json.dump({**answer, "cpu": used.ru_utime + used.ru_stime}, sys.stdout)


def become(request: dict) -> None:  # type: ignore[type-arg]
    """In the child: files, limits, folder, then the program itself. A folder that is None was deleted meanwhile."""
    try:
        os.setsid()
        for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):  # by the caller, perhaps
            signal.signal(ignored, signal.SIG_DFL)
        for name, number in FILES.items():
            redirect(number, request[name])
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(request["folder"])
        if request["delete_folder"]:
            os.rmdir(request["folder"])  # noqa: PTH106 - pathlib takes as long to import as all else here
        os.execve(request["words"][0], request["words"], request["environment"])
    finally:
        os._exit(126)


def redirect(number: int, where: str) -> None:
    if where == "closed":
        os.close(number)
        return
    reading = number == 0
    opened = os.open(WHERE.get(where, where), os.O_RDONLY if reading else os.O_WRONLY | os.O_CREAT, 0o644)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)


def wait(child: int, started: float, seconds: float, signals: list[tuple[str, float, str]]) -> int | None:
    """Exit status as a shell says it; None when time is up. Orphans that end meanwhile are reaped as well.

    ``signals``: name, and after how many seconds by which clock it is sent to the command's process group, as a
    terminal does.
    """
    while (gone := time.monotonic() - started) < seconds:
        while signals and (processor(child) if signals[0][2] == "processor" else gone) >= signals[0][1]:
            os.killpg(child, signal.Signals[f"SIG{signals.pop(0)[0]}"])
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if pid == 0:
            time.sleep(0.01)
    return None


def processor(pid: int) -> float:
    """Seconds of the processor that a process has used (utime and stime of proc(5))."""
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sweep() -> list[str]:
    """Names of the processes that are still alive after a moment; they are killed."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        reap()
        if not descendants():
            return []
        time.sleep(0.02)
    left = [name for _, name in descendants()]
    kill_all()
    return left


def kill_all() -> None:
    while found := descendants():
        for pid, _ in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        reap()
        time.sleep(0.01)


def reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def descendants() -> list[tuple[int, str]]:
    """Process id and name of everything below this process that is no zombie."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208
        with contextlib.suppress(OSError, ValueError):
            with open(f"/proc/{int(entry)}/stat", errors="replace") as file:  # noqa: PTH123
                text = file.read()
            name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
            if rest[0] != "Z":
                parents[int(entry)] = (int(rest[1]), name)
    found = {os.getpid()}
    grew = True
    while grew:
        new = {pid for pid, (parent, _) in parents.items() if parent in found} - found
        found |= new
        grew = bool(new)
    return [(pid, parents[pid][1]) for pid in sorted(found - {os.getpid()})]


if __name__ == "__main__":
    main()
