# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads an ISO's bytes where they lie on it: its files by their extents, and what no file has. Copies nothing out."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planex.errors import PlanexError
from planex.regular import open_regular

BLOCK = 2048
"""Bytes: the logical block of all ISO images that firmware starts from."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Bytes of an image: offset of the first, and how many."""

    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class Image:
    """An ISO: its size in bytes, the size of each file, and where each lies. Paths start with a slash."""

    path: Path
    size: int
    files: Mapping[str, int] = field(default_factory=dict)
    spans: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)

    def read(self, name: str) -> bytes:
        """A file's bytes; PlanexError where it claims more than the image has."""
        return b"".join(self._pieces(self._spans(name)))

    def open(self, name: str) -> io.BufferedReader:
        """A file's bytes, to be read in order."""
        return io.BufferedReader(_Pieces(self._pieces(self._spans(name))))

    def digest(self, name: str, algorithm: str = "sha256") -> str:
        """A file's digest in hexadecimal."""
        return self._digest(self._spans(name), algorithm)

    def part(self, start: int, size: int) -> bytes:
        """Bytes anywhere on the image; fewer where it ends before."""
        with open_regular(self.path) as file:
            file.seek(start)
            return file.read(size)

    def digest_without(self, names: Iterable[str], end: int) -> str:
        """SHA-256 of the first ``end`` bytes without the blocks of these files: records, tables, folders, gaps."""
        blocks = (_blocks(span) for name in names for span in self._spans(name))
        return self._digest(gaps(blocks, end), "sha256")

    @property
    def volume(self) -> int:
        """Bytes of the volume by its descriptor (ECMA-119 8.4.8); 0 where that is cut off."""
        descriptor = self.part(16 * BLOCK, BLOCK)
        return int.from_bytes(descriptor[80:84], "little") * BLOCK

    def cut(self) -> list[str]:
        """Files that lie past the end of the image."""
        return [name for name, spans in self.spans.items() if any(span.end > self.size for span in spans)]

    def _spans(self, name: str) -> tuple[Span, ...]:
        spans = self.spans.get(name, ())
        if any(span.end > self.size for span in spans):
            raise PlanexError(f"{self.path}: {name} lies past the end of the image", "it was cut off: copy it again")
        return spans

    def _digest(self, spans: Iterable[Span], algorithm: str) -> str:
        whole = hashlib.new(algorithm, usedforsecurity=False)
        for piece in self._pieces(spans):
            whole.update(piece)
        return whole.hexdigest()

    def _pieces(self, spans: Iterable[Span]) -> Iterator[bytes]:
        with open_regular(self.path) as file:
            for span in spans:
                file.seek(span.start)
                left = span.size
                while left and (piece := file.read(min(left, _CHUNK))):
                    left -= len(piece)
                    yield piece


class _Pieces(io.RawIOBase):
    """Bytes that come in pieces, as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def _blocks(span: Span) -> Span:
    return Span(span.start, -(-span.size // BLOCK) * BLOCK)


def gaps(taken: Iterable[Span], end: int) -> Iterator[Span]:
    """What the spans leave of the bytes before ``end``; they may overlap."""
    start = 0
    for span in sorted(taken):
        if start < min(span.start, end):
            yield Span(start, min(span.start, end) - start)
        start = max(start, span.end)
    if start < end:
        yield Span(start, end - start)
