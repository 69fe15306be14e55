# SPDX-License-Identifier: LGPL-2.1-or-later
"""The digest of a large file while it is written, with which a few of its bytes can still be exchanged afterwards."""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import BufferedRandom, FileIO
from pathlib import Path
from typing import IO, Any, Self

from planex.disk import DiskError, naming
from planex.medium import sha256

_STEP = 1 << 22
"""Bytes between the states that are kept."""
_CHUNK = 1 << 20

Mark = tuple[int, str]
"""Offset, and the state of SHA-256 there as text."""


class Trail:
    """States of SHA-256 at offsets of a file. ``marks``: of a trail that was kept."""

    def __init__(self, marks: tuple[Mark, ...] = ()) -> None:
        self._states: list[tuple[int, Any]] = [(0, sha256.begin())]
        self._states += [(offset, sha256.begin(state)) for offset, state in marks]

    @classmethod
    def follow(cls, reading: int, output: Path) -> Self:
        """Write all that comes from the descriptor ``reading``, which is closed then, to a file.

        It is read to its end even where the file cannot be written: who opens or fills a pipe that nobody reads waits.
        """
        trail = cls()
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            try:
                with naming(output, "write"), output.open("wb") as file:
                    trail._go_on(pipe, file)
            except DiskError:
                while pipe.read(_CHUNK):
                    pass
                raise
        return trail

    def exchange(self, path: Path, pieces: Mapping[int, bytes]) -> str:
        """Put other bytes at offsets of the file; its SHA-256 in hexadecimal, read from the first of them on only."""
        with naming(path, "write"), path.open("r+b") as file:
            for offset, data in pieces.items():
                file.seek(offset)
                file.write(data)
            first = min(pieces)
            self._states = [(offset, state) for offset, state in self._states if offset <= first]
            file.seek(self._states[-1][0])
            return self._go_on(file)

    def marks(self) -> tuple[Mark, ...]:
        """What can be kept of it."""
        return tuple((offset, state.state) for offset, state in self._states[1:] if hasattr(state, "state"))

    def _go_on(self, reading: FileIO | BufferedRandom, copy: IO[bytes] | None = None) -> str:
        size, whole = self._states[-1][0], self._states[-1][1].copy()
        buffer = memoryview(bytearray(_CHUNK))
        while count := reading.readinto(buffer):
            if copy:
                copy.write(buffer[:count])
            whole.update(buffer[:count])
            size += count
            if size >= self._states[-1][0] + _STEP:
                self._states.append((size, whole.copy()))
        return str(whole.hexdigest())
