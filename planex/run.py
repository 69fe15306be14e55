# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs programs. The only module that uses ``subprocess``.

Commands are argv lists, never shell strings. Each runs in a process group of its own, with no standard
input and a built environment, and is stopped as a group: interrupt, then terminate, then kill; and then what left it.

Of the caller's environment a child gets BASIC and what ``inherit`` names, nothing else: tokens and passwords often
lie in it, and much of what planex starts handles what strangers wrote.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from planex.disk import naming
from planex.errors import CommandFailed, LimitReached, MissingTool, PlanexError
from planex.processes import ending

TAIL_LINES = 20
BASIC = frozenset({"PATH", "TMPDIR"})
"""What every child gets of the caller's environment, where it is set."""
NETWORK = frozenset(
    {
        *("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"),
        *("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"),
    }
)
"""What a child that downloads needs as well: proxies and certificates."""
Process = subprocess.Popen
"""A running program, as ``spawn`` gives it."""
Watch = Callable[[int, float, int], str | None]
"""Given a process id, the seconds since its start and the bytes of its output: why it must end, or None."""
_WATCH_SECONDS = 0.25
_LONGEST_LINE = 1 << 16
_LIMIT_HINT = "if it needs more, say so in package.yaml under 'limits'"
_LEASH = Path(__file__).with_name("leash.py")
_running: set[subprocess.Popen[bytes]] = set()
_leashes: dict[subprocess.Popen[bytes], IO[bytes]] = {}
_lock = threading.Lock()
_stopping = threading.Event()


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended. ``stdout`` is empty where the output went to a log."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float


def find(tool: str) -> str | None:
    """Path of a program, also looked for in the ``sbin`` folders that Debian keeps off a user's PATH."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    return shutil.which(tool, path=path)


def require(tool: str, purpose: str) -> str:
    """Path of a program, or a MissingTool error that says what it is needed for."""
    path = find(tool)
    if path is None:
        raise MissingTool(
            f"{tool} is not installed; it is needed to {purpose}", "run `planex doctor` to see how to get it"
        )
    return path


def environment(extra: Mapping[str, str] | None = None, inherit: Collection[str] = ()) -> dict[str, str]:
    """The environment of a child: BASIC and ``inherit`` of this process's own, a fixed locale, then ``extra``."""
    env = {name: value for name, value in os.environ.items() if name in BASIC or name in inherit}
    env["PATH"] = env.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    # PLANEX_PARENT: see planex.cage.enter, which must not outlive who wanted the cage.
    return {**env, "LC_ALL": "C.UTF-8", "PLANEX_PARENT": str(os.getpid()), **(extra or {})}


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    inherit: Collection[str] = (),
    stdin: bytes | None = None,
    output: IO[bytes] | None = None,
    check: bool = True,
    timeout: float | None = None,
    errors: str = "replace",
    program: str | None = None,
    watch: Watch | None = None,
) -> Completed:
    """Run a short command and capture its output as text, or send it to the file ``output``.

    ``timeout`` is in seconds; ``errors`` says what becomes of bytes that are no UTF-8 (see codecs); ``program`` names
    the program that matters, where others only wrap it. Raises CommandFailed on a non-zero exit status if
    ``check`` is set, LimitReached when ``watch`` ends it.
    """
    words = [str(word) for word in argv]
    started = time.monotonic()
    streams = (subprocess.PIPE if stdin else subprocess.DEVNULL, output or subprocess.PIPE, subprocess.PIPE)
    with _started(words, cwd, environment(env, inherit), *streams) as process:
        try:
            with _watched(process, watch, lambda: 0) as reasons:
                out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired as error:
            raise PlanexError(f"{words[0]} did not end within {timeout:g} s") from error
    if reasons:
        raise LimitReached(f"{program or words[0]} was stopped: {reasons[0]}")
    stdout, stderr = (out or b"").decode(errors=errors), err.decode(errors="replace")
    if check and process.returncode:
        raise CommandFailed(words, process.returncode, tail(stderr.strip() or stdout), program=program)
    return Completed(tuple(words), process.returncode, stdout, stderr, time.monotonic() - started)


def run_logged(
    argv: Sequence[str | Path],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    inherit: Collection[str] = (),
    on_line: Callable[[str], None] | None = None,
    check: bool = True,
    program: str | None = None,
    watch: Watch | None = None,
    leash: bool = False,
    results: IO[bytes] | None = None,
) -> Completed:
    """Run a long command; append its output, both streams in order, to ``log``.

    The log's first line is the command, so that it can be replayed. ``on_line`` sees every line as it comes.
    ``program`` names the program that matters, where others only wrap it. Raises LimitReached when ``watch`` ends it.
    With ``leash``, a program that becomes another user, and may not be signalled then, ends with planex all the same.
    With ``results``, standard output goes to that file alone, and the log has the errors.
    """
    words = [str(word) for word in argv]
    started = time.monotonic()
    last: deque[str] = deque(maxlen=TAIL_LINES)
    log.parent.mkdir(parents=True, exist_ok=True)
    streams = (subprocess.DEVNULL, results or subprocess.PIPE, subprocess.PIPE if results else subprocess.STDOUT)
    start = _leashed if leash else _started
    with log.open("ab", buffering=0) as file, start(words, cwd, environment(env, inherit), *streams) as process:
        begin = file.tell()
        file.write(f"$ {shlex.join(words)}\n".encode())
        file.flush()
        with _watched(process, watch, lambda: log.stat().st_size - begin) as reasons:
            _pump(process.stderr if results else process.stdout, file, last, on_line)
            process.wait()
    if reasons:
        raise LimitReached(f"{program or words[0]} was stopped: {reasons[0]}", _LIMIT_HINT, "".join(last).rstrip(), log)
    if check and process.returncode:
        raise CommandFailed(words, process.returncode, "".join(last).rstrip(), log, program=program)
    return Completed(tuple(words), process.returncode, "", "", time.monotonic() - started)


def spawn(
    argv: Sequence[str | Path], *, cwd: Path | None = None, stdin: bool = False, leash: bool = False
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Start a program to listen to, standard output and error on separate pipes; leaving the context stops it.

    ``stdin``: it can be written to as well. ``leash``: it ends with planex, also where that is killed.
    """
    streams = (subprocess.PIPE if stdin else subprocess.DEVNULL, subprocess.PIPE, subprocess.PIPE)
    return (_leashed if leash else _started)([str(word) for word in argv], cwd, environment(), *streams)


def talk(
    argv: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    """Start a program that answers on standard output what it is asked on standard input; its errors are dropped."""
    streams = (subprocess.PIPE, subprocess.PIPE, subprocess.DEVNULL)
    return _started([str(word) for word in argv], cwd, environment(env), *streams)


@contextlib.contextmanager
def attended(
    argv: Sequence[str], *, terminal: bool, inherit: Collection[str] = ()
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a program that a person talks to: on this process's own streams, or, with ``terminal``, on a new one.

    Gives the process and the open file through which it is spoken with (-1: there is none).
    """
    if not terminal:
        with _started(list(argv), None, environment(inherit=inherit), 0, 1, 2) as process:
            yield process, -1
        return
    ours, its = _terminal()
    number = its.fileno()
    with ours, its, _started(list(argv), None, environment(inherit=inherit), number, number, number) as process:
        its.close()
        yield process, ours.fileno()


def _pump(stream: IO[bytes], file: IO[bytes], last: deque[str], on_line: Callable[[str], None] | None) -> None:
    """Copy what a program prints, as it comes; many short lines cost no more than one long one."""
    rest = b""
    while chunk := os.read(stream.fileno(), _LONGEST_LINE):
        with naming(Path(file.name), "write"):
            file.write(chunk)
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) >= _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        _tell(lines, last, on_line)
    _tell([rest] if rest else [], last, on_line)


def _tell(lines: list[bytes], last: deque[str], on_line: Callable[[str], None] | None) -> None:
    last.extend(f"{line.decode(errors='replace')}\n" for line in lines[-TAIL_LINES:])
    if on_line is not None:
        for line in lines:
            on_line(line.decode(errors="replace"))


@contextlib.contextmanager
def _watched(process: subprocess.Popen[bytes], watch: Watch | None, output: Callable[[], int]) -> Iterator[list[str]]:
    """Ask ``watch`` while the context lasts; what it said when it ended the process, if it did."""
    reasons: list[str] = []
    done = threading.Event()

    def look() -> None:
        started = time.monotonic()
        while watch is not None and not done.wait(_WATCH_SECONDS):
            if reason := watch(process.pid, time.monotonic() - started, output()):
                reasons.append(reason)
                _stop(process)
                return

    thread = threading.Thread(target=look, daemon=True)
    if watch is not None:
        thread.start()
    try:
        yield reasons
    finally:
        done.set()
        if watch is not None:
            thread.join()


@contextlib.contextmanager
def _started(  # type: ignore[no-untyped-def]
    words: list[str],
    cwd: Path | None,
    env: Mapping[str, str],
    stdin: int | IO[bytes] | None,
    stdout: int | IO[bytes] | None,
    stderr: int | IO[bytes] | None,
    keep: tuple[int, ...] = (),
):
    """``keep``: open files that it gets as well, by the same numbers."""
    check_stopped()
    try:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=keep,
        )
    except FileNotFoundError as error:
        raise MissingTool(f"{words[0]} is not installed", "run `planex doctor` to see how to get it") from error
    except OSError as error:
        raise PlanexError(f"{words[0]} cannot be run: {error.strerror}", f"look at it: file {words[0]}") from error
    with _lock:
        _running.add(process)
    try:
        yield process
    finally:
        _stop(process)
        with _lock:
            _running.discard(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


@contextlib.contextmanager
def _leashed(  # type: ignore[no-untyped-def]
    words: list[str], cwd: Path | None, env: Mapping[str, str], stdin: int, stdout: int | IO[bytes], stderr: int
):
    """As ``_started``, with a terminal of its own, which hangs up when planex ends; it is a free standard input, too.

    Not for all programs: it costs ten milliseconds, and git or ssh would ask a terminal for passwords.
    """
    ours, its = _terminal()
    keep = () if stdin == subprocess.DEVNULL else (its.fileno(),)
    words = [sys.executable, "-I", "-S", str(_LEASH), *(map(str, keep or (0,))), *words]
    with ours, its, _started(words, cwd, env, stdin if keep else its.fileno(), stdout, stderr, keep) as process:
        its.close()
        _leashes[process] = ours
        yield process


def _terminal() -> tuple[IO[bytes], IO[bytes]]:
    """Both ends of a new one, and whoever has the second is told when the first is closed."""
    try:
        ours, its = os.openpty()
    except OSError as error:
        raise PlanexError(
            f"no terminal can be opened: {error.strerror}", "look at it: ls -l /dev/ptmx /dev/pts"
        ) from error
    return os.fdopen(ours, "rb", buffering=0), os.fdopen(its, "rb", buffering=0)


def check_stopped() -> None:
    """Raise if the user interrupted; for work that runs no program."""
    if _stopping.is_set():
        raise PlanexError("stopped")


def stop_all() -> None:
    """Stop every running program and start no more; called once, when the user interrupts."""
    _stopping.set()
    with _lock:
        running = list(_running)
    for process in running:
        _stop(process)


def kill_all() -> None:
    """Kill every running program at once, from a signal handler: takes no lock and waits for nobody."""
    _stopping.set()
    for process in list(_running):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if leash := _leashes.pop(process, None):
        leash.close()
    if process.poll() is not None:
        return
    with ending(process.pid, 2.0):
        for number, patience in ((signal.SIGINT, 1.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it may be another user's by now
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
                return


def tail(text: str, lines: int = TAIL_LINES) -> str:
    """The last lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])
