# SPDX-License-Identifier: LGPL-2.1-or-later
"""The digest of a large file while it is written, with which a few of its bytes can still be exchanged afterwards."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Self

from planex.disk import naming

_STEP = 1 << 22
"""Bytes between the states that are kept."""
_CHUNK = 1 << 20


class Trail:
    """States of SHA-256 at offsets of a file."""

    def __init__(self) -> None:
        self._states: list[tuple[int, Any]] = [(0, hashlib.sha256())]

    @classmethod
    def follow(cls, reading: int, output: Path) -> Self:
        """Write all that comes from the descriptor ``reading`` to a file; the descriptor is closed in any case."""
        trail = cls()
        with os.fdopen(reading, "rb", buffering=0) as pipe, naming(output, "write"), output.open("wb") as file:
            size, whole, buffer = 0, hashlib.sha256(), memoryview(bytearray(_CHUNK))
            while count := pipe.readinto(buffer):
                file.write(buffer[:count])
                whole.update(buffer[:count])
                size += count
                if size >= trail._states[-1][0] + _STEP:
                    trail._states.append((size, whole.copy()))
        return trail

    def exchange(self, path: Path, offset: int, data: bytes) -> str:
        """Put other bytes at an offset of the file; its SHA-256 in hexadecimal, read from there on only."""
        with naming(path, "write"), path.open("r+b") as file:
            file.seek(offset)
            file.write(data)
            start, state = max((state for state in self._states if state[0] <= offset), key=lambda state: state[0])
            whole = state.copy()
            file.seek(start)
            while piece := file.read(_CHUNK):
                whole.update(piece)
        return str(whole.hexdigest())
