# SPDX-License-Identifier: LGPL-2.1-or-later
"""A three-way merge of one file that asks what to do where both sides changed the same lines. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from planex.patchqueue.carry.lines import Block, has_a_place

Lines = tuple[bytes, ...]
_AROUND = 12
"""Lines of context that a solver sees on each side."""


@dataclass(frozen=True, slots=True)
class Region:
    """What both sides made of the same lines, and what stands around them in the merged file so far and in ours."""

    base: Lines
    ours: Lines
    theirs: Lines
    before: Lines
    after: Lines


@dataclass(frozen=True, slots=True)
class Solved:
    """Lines for a region, and the name of the rule that says so."""

    lines: Lines
    rule: str


Solver = Callable[[Region], Solved | None]


@dataclass(frozen=True, slots=True)
class MergedLines:
    """A merged file; ``rules``: what was needed where both sides changed the same lines."""

    lines: Lines
    rules: frozenset[str]


def merge_regions(
    base: Sequence[bytes], ours: Sequence[Block], theirs: Sequence[Block], solve: Solver
) -> MergedLines | None:
    """The base with the changes of both sides; None if a region stays unsolved or a change has no place."""
    new = [block for block in theirs if block not in ours]
    merged: list[bytes] = []
    rules: set[str] = set()
    done = 0
    for low, high, mine, other in _clusters(ours, new):
        merged += base[done:low]
        done = high
        if not mine or not other:
            if other and not all(has_a_place(base, ours, block) for block in other):
                return None
            merged += _apply(base, low, high, mine or other)
            continue
        sides = _apply(base, low, high, mine), _apply(base, low, high, other)
        around = tuple(merged[-_AROUND:]), tuple(base[high : high + _AROUND])
        solved = solve(Region(tuple(base[low:high]), *sides, *around))
        if solved is None:
            return None
        merged += solved.lines
        rules.add(solved.rule)
    return MergedLines((*merged, *base[done:]), frozenset(rules))


def _apply(base: Sequence[bytes], low: int, high: int, blocks: Sequence[Block]) -> Lines:
    lines: list[bytes] = []
    for block in blocks:
        lines += base[low : block.start]
        lines += block.lines
        low = block.end
    return (*lines, *base[low:high])


def _clusters(ours: Sequence[Block], theirs: Sequence[Block]) -> Iterator[tuple[int, int, list[Block], list[Block]]]:
    """Changes in their order, those that conflict together: where they begin and end, and those of each side."""
    marked = sorted([(block, 0) for block in ours] + [(block, 1) for block in theirs], key=lambda m: _place(m[0]))
    group: list[tuple[Block, int]] = []
    for block, side in marked:
        if group and not any(block.conflicts(other) for other, _ in group):
            yield _cluster(group)
            group = []
        group.append((block, side))
    if group:
        yield _cluster(group)


def _place(block: Block) -> tuple[int, int]:
    return block.start, block.end


def _cluster(group: Sequence[tuple[Block, int]]) -> tuple[int, int, list[Block], list[Block]]:
    low, high = min(block.start for block, _ in group), max(block.end for block, _ in group)
    mine, other = ([block for block, side in group if side == wanted] for wanted in (0, 1))
    return low, high, mine, other
