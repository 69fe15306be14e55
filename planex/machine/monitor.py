# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks a running QEMU by its own protocol (QMP) on a pair of named pipes.

Pipes, since the path of a socket may have no more than 107 characters, and folders of workspaces are often longer.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from planex.disk import naming
from planex.errors import PlanexError

_SECONDS = 20.0
"""How long QEMU may take to answer."""


def make_pipes(monitor: Path) -> Path:
    """The pipes that qemu_argv names for a machine with this ``monitor``."""
    for end in (".in", ".out"):
        pipe = monitor.with_name(monitor.name + end)
        with naming(pipe, "make"):
            os.mkfifo(pipe, 0o600)
    return monitor


def ask(monitor: Path, command: str, arguments: Mapping[str, str]) -> None:
    """Have QEMU carry out a command. Raises PlanexError where it does not."""
    try:
        with _opened(monitor) as ends:
            _ask(*ends, "qmp_capabilities", {})  # refused, as it should be, from the second time on
            said = _ask(*ends, command, arguments)
    except (OSError, ValueError, TimeoutError) as error:
        raise PlanexError(f"QEMU did not do '{command}': {error}") from error
    if "error" in said:
        raise PlanexError(f"QEMU did not do '{command}': {said['error'].get('desc', '')}")


@contextlib.contextmanager
def _opened(monitor: Path) -> Iterator[tuple[int, int]]:
    ends = [os.open(f"{monitor}{end}", os.O_RDWR | os.O_NONBLOCK) for end in (".in", ".out")]
    try:
        yield ends[0], ends[1]
    finally:
        for end in ends:
            os.close(end)


def _ask(requests: int, answers: int, command: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    """What QEMU answers to a command; its greeting and what it tells unasked are passed over."""
    os.write(requests, json.dumps({"execute": command, "arguments": dict(arguments)}).encode() + b"\n")
    deadline, text = time.monotonic() + _SECONDS, b""
    with selectors.DefaultSelector() as selector:
        selector.register(answers, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            text += os.read(answers, 65536) if selector.select(1) else b""
            *lines, text = text.split(b"\n")
            for said in map(json.loads, filter(None, map(bytes.strip, lines))):
                if "return" in said or "error" in said:
                    return dict(said)
    raise TimeoutError(f"no answer within {_SECONDS:g} s")
