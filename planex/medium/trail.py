# SPDX-License-Identifier: LGPL-2.1-or-later
"""The digest of a large file while it is written, with which a few of its bytes can still be exchanged afterwards."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import IO, Any, Self

from planex.disk import DiskError, naming

_STEP = 1 << 22
"""Bytes between the states that are kept."""
_CHUNK = 1 << 20


class Trail:
    """States of SHA-256 at offsets of a file."""

    def __init__(self) -> None:
        self._states: list[tuple[int, Any]] = [(0, hashlib.sha256())]

    @classmethod
    def follow(cls, reading: int, output: Path) -> Self:
        """Write all that comes from the descriptor ``reading``, which is closed then, to a file.

        It is read to its end even where the file cannot be written: who opens or fills a pipe that nobody reads waits.
        """
        trail = cls()
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            try:
                with naming(output, "write"), output.open("wb") as file:
                    trail._take(pipe, file)
            except DiskError:
                while pipe.read(_CHUNK):
                    pass
                raise
        return trail

    def _take(self, pipe: FileIO, file: IO[bytes]) -> None:
        size, whole, buffer = 0, hashlib.sha256(), memoryview(bytearray(_CHUNK))
        while count := pipe.readinto(buffer):
            file.write(buffer[:count])
            whole.update(buffer[:count])
            size += count
            if size >= self._states[-1][0] + _STEP:
                self._states.append((size, whole.copy()))

    def exchange(self, path: Path, pieces: Mapping[int, bytes]) -> str:
        """Put other bytes at offsets of the file; its SHA-256 in hexadecimal, read from the first of them on only."""
        with naming(path, "write"), path.open("r+b") as file:
            for offset, data in pieces.items():
                file.seek(offset)
                file.write(data)
            first = min(pieces)
            start, state = max((state for state in self._states if state[0] <= first), key=lambda state: state[0])
            whole = state.copy()
            file.seek(start)
            while piece := file.read(_CHUNK):
                whole.update(piece)
        return str(whole.hexdigest())
