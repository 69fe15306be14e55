# SPDX-License-Identifier: LGPL-2.1-or-later
"""A three-way merge of one file, line by line. Pure.

git takes changes of neighbouring lines for a conflict. Here only changes of the same lines are one, and additions at
the same place: what lies around a change is no reason to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planex.patchqueue.carry.telling import is_code, is_weak
from planex.patchqueue.format.diff import Hunk

_AROUND = 3
"""Lines on each side of a change that tell where it belongs."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines ``start`` up to ``end`` (from 0) of the old file are replaced by ``lines``, which have their ends."""

    start: int
    end: int
    lines: tuple[bytes, ...]

    def conflicts(self, other: Block) -> bool:
        """Whether both change the same lines, or put something at the same place."""
        if self.start == self.end and other.start == other.end:
            return self.start == other.start
        return self.start < other.end and other.start < self.end


def split_lines(data: bytes) -> list[bytes]:
    """Lines with their ends; only a line feed ends one."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    return lines[:-1] if data.endswith(b"\n") or not data else [*lines[:-1], lines[-1][:-1]]


def blocks_of(hunks: Iterable[Hunk]) -> list[Block]:
    """The changes of a file's diff without the context."""
    blocks: list[Block] = []
    for hunk in hunks:
        at = hunk.old_start - (hunk.old_count > 0)
        start, added, previous = at, list[bytes](), b""
        for line in (*hunk.lines, b" "):
            sign = line[:1]
            if sign == b"-":
                at += 1
            elif sign == b"+":
                added.append(line[1:] + b"\n")
            elif sign == b"\\":
                if previous == b"+":
                    added[-1] = added[-1][:-1]
            else:
                if at > start or added:
                    blocks.append(Block(start, at, tuple(added)))
                at += 1
                start, added = at, []
            previous = sign
    return blocks


def merge_lines(
    base: Sequence[bytes], ours: Sequence[Block], theirs: Sequence[Block], *, force: bool = False
) -> list[bytes] | None:
    """The base with the changes of both sides, or None for a conflict; with ``force``, theirs win there."""
    new = [block for block in theirs if block not in ours]
    clashes = [block for block in ours if any(block.conflicts(other) for other in new)]
    if not force and (clashes or not all(has_a_place(base, ours, block) for block in new)):
        return None
    merged, done = list[bytes](), 0
    for block in sorted([*(block for block in ours if block not in clashes), *new], key=lambda b: (b.start, b.end)):
        merged += base[done : block.start]
        merged += block.lines
        done = block.end
    return merged + list(base[done:])


def has_a_place(base: Sequence[bytes], ours: Sequence[Block], block: Block) -> bool:
    """Whether a line that it changes, or one close by that is still there, says where it belongs."""
    low = max([0, block.start - _AROUND, *(other.end for other in ours if other.end <= block.start)])
    high = min([len(base), block.end + _AROUND, *(other.start for other in ours if other.start >= block.end)])
    around = base[low:high]
    return any(is_code(line) and not is_weak(line) for line in around) or len(around) == len(base)
