# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program that a person types to as if it ran on this terminal; it has one of its own, and reaches no other."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from planex.run import attended

_CHUNK = 1 << 16


def on_terminal() -> bool:
    """Whether a person types here and reads what is answered."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def attend(argv: Sequence[str], inherit: Collection[str] = ()) -> int:
    """Run a program until it ends; its exit status."""
    with attended(argv, terminal=on_terminal(), inherit=inherit) as (process, other):
        if other >= 0:
            with _raw(other):
                _relay(other)
        return process.wait()


@contextmanager
def _raw(other: int) -> Iterator[None]:
    """This terminal hands on every key as it is, Ctrl-C as well, and tells of its size."""

    def resize(number: int = 0, frame: FrameType | None = None) -> None:
        fcntl.ioctl(other, termios.TIOCSWINSZ, fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(8)))

    resize()
    before, settings = signal.signal(signal.SIGWINCH, resize), termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, settings)
        signal.signal(signal.SIGWINCH, before)


def _relay(other: int) -> None:
    """Carry what is typed there, and what is printed here, until nobody has the other terminal open."""
    sources = [0, other]
    while True:
        for source in select.select(sources, [], [])[0]:
            try:
                data = os.read(source, _CHUNK)
            except OSError:  # EIO: the last one has closed it
                data = b""
            if data:
                _write(1 if source == other else other, data)
            elif source == other:
                return
            else:
                sources.remove(source)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
