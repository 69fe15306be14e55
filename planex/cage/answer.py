# SPDX-License-Identifier: LGPL-2.1-or-later
"""The inside of a caged question (see ``planex.cage.ask``): reads JSON, answers in JSON, whatever is evaluated."""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Any

_PR_SET_DUMPABLE = 4
_LONGEST_ANSWER = 64 << 20
_CHUNK = 1 << 16
Answer = Callable[[str, Any], Any]


def serve(answer: Answer) -> None:
    """Answer a request ``{"seconds": limit of each, "items": {name: question}}`` with ``{name: answer}``.

    Every item is answered in a process of its own: what it evaluates can neither reach the others' answers nor hold
    them up. An answer is a value of JSON; where there is none, ``{"errors": text}`` says why.
    """
    request = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what is evaluated may print
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # no other process may trace this one
    json.dump(dict(_each(request["items"], request["seconds"], answer)), out)
    out.flush()


def _each(items: Mapping[str, Any], seconds: float, answer: Answer) -> Iterator[tuple[str, Any]]:
    waiting = list(items.items())
    running: dict[int, _Child] = {}
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            name, question = waiting.pop(0)
            child = _Child(name, question, answer, seconds)
            running[child.pipe] = child
        soonest = min(child.deadline for child in running.values())
        ready, _, _ = select.select(list(running), [], [], max(0.0, soonest - time.monotonic()))
        for number in list(running):
            child = running[number]
            if child.ended(number in ready):
                del running[number]
                yield child.name, child.result()


class _Child:
    """A process that answers one question, and what it has said so far."""

    def __init__(self, name: str, question: Any, answer: Answer, seconds: float) -> None:
        self.name = name
        self.deadline = time.monotonic() + seconds
        self._seconds = seconds
        self._said = bytearray()
        self._problem = ""
        self.pipe, write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.setpgid(0, 0)
            _answer_and_exit(name, question, answer, write)
        os.close(write)

    def ended(self, ready: bool) -> bool:
        """Read what is there; whether no more will come, or may."""
        chunk = os.read(self.pipe, _CHUNK) if ready else b""
        self._said += chunk
        if ready and not chunk:
            return True
        if time.monotonic() > self.deadline:
            self._problem = f"does not end within {self._seconds:g} s"
        elif len(self._said) > _LONGEST_ANSWER:
            self._problem = "says more than can be read"
        return bool(self._problem)

    def result(self) -> Any:
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        status = os.waitpid(self._pid, 0)[1]
        os.close(self.pipe)
        if not self._problem:
            with suppress(ValueError):
                return json.loads(self._said)
        return {"errors": self._problem or f"ended by itself ({_ending(status)}) before it could be read"}


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit status {os.waitstatus_to_exitcode(status)}"


def _answer_and_exit(name: str, question: Any, answer: Answer, write: int) -> None:
    try:
        with TemporaryFile() as noise:
            for number in (1, 2):
                os.dup2(noise.fileno(), number)
            try:
                text = json.dumps(answer(name, question))
            except MemoryError:
                text = json.dumps({"errors": "needs more memory than it may have"})
            except RecursionError:
                text = json.dumps({"errors": "is nested too deeply"})
            with os.fdopen(write, "w") as pipe:
                pipe.write(text)
    finally:
        os._exit(0)
