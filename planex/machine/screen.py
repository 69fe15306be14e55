# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes pictures of a machine's screen, through QEMU's own protocol (QMP) on a pair of named pipes.

Pipes, since the path of a socket may have no more than 107 characters, and folders of workspaces are often longer.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planex.disk import naming
from planex.machine.boot import Ear

_SECONDS = 20.0
"""How long QEMU may take to answer."""
_SETTLE = 1.5
"""Seconds that a menu which is on the serial line may take to be on the screen, too; menus wait longer for a key."""


def make_pipes(monitor: Path) -> Path:
    """The pipes that qemu_argv names for a machine with this ``monitor``."""
    for end in (".in", ".out"):
        pipe = monitor.with_name(monitor.name + end)
        with naming(pipe, "make"):
            os.mkfifo(pipe, 0o600)
    return monitor


def take_picture(monitor: Path, picture: Path) -> bool:
    """Save the machine's screen as PNG; whether that could be done. A picture is never worth the boot it shows."""
    with contextlib.suppress(OSError, ValueError, TimeoutError), _opened(monitor) as ends:
        _ask(*ends, "qmp_capabilities")
        return "return" in _ask(*ends, "screendump", filename=str(picture.absolute()), format="png")
    return False


@contextlib.contextmanager
def _opened(monitor: Path) -> Iterator[tuple[int, int]]:
    ends = [os.open(f"{monitor}{end}", os.O_RDWR | os.O_NONBLOCK) for end in (".in", ".out")]
    try:
        yield ends[0], ends[1]
    finally:
        for end in ends:
            os.close(end)


def _ask(requests: int, answers: int, command: str, **arguments: str) -> dict[str, Any]:
    """What QEMU answers to a command; its greeting and what it tells unasked are passed over."""
    os.write(requests, json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
    deadline, text = time.monotonic() + _SECONDS, b""
    with selectors.DefaultSelector() as selector:
        selector.register(answers, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            text += os.read(answers, 65536) if selector.select(1) else b""
            *lines, text = text.split(b"\n")
            for said in map(json.loads, filter(None, map(bytes.strip, lines))):
                if "return" in said or "error" in said:
                    return dict(said)
    raise TimeoutError(f"QEMU did not answer '{command}'")


@dataclass
class Onlooker:
    """Listens as ``ear`` does, and has a picture taken of what is there when that first types something: the menu."""

    ear: Ear
    monitor: Path
    picture: Path
    _taken: bool = False

    @property
    def fatal(self) -> str:
        return self.ear.fatal

    def feed(self, text: str) -> str | None:
        said = self.ear.feed(text)
        if said and not self._taken:
            self._taken = True
            time.sleep(_SETTLE)
            take_picture(self.monitor, self.picture)
        return said

    def finished(self) -> bool:
        return self.ear.finished()
