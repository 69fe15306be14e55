# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules that propose what to do where a patch and upstream changed the same lines. Pure.

None of them proves that it is right, so what they find is shown to a person and never taken unasked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from planex.patchqueue.carry.lines import Block
from planex.patchqueue.carry.regions import Lines, Region, Solved
from planex.patchqueue.carry.telling import squeeze

_TOKEN = re.compile(rb"\w+|\s+|[^\w\s]")
_INDENT = re.compile(rb"[ \t]*")
_ENTRY = re.compile(
    rb"\s*(?:#\s*include\b.*|(?:import|from)\s.*|[\w$()./-]+\s*[+:]?=\s*.*\.[oa]\b.*|.*\.[och]\s*\\?|[^(){};]*,"
    rb"|(?:source|select|imply)\s.*|[-.\w]+\s*\\?)\n?"
)
"""A line that is an entry of a list: includes, imports, make's objects, names with a comma."""
_CHANGED = 0.5
"""Of a line's tokens, the share that a side must have left alone for its changes to be merged with the other's."""


def words(region: Region) -> Solved | None:
    """Token by token, where both sides changed the same lines one by one and in different places."""
    if not len(region.base) == len(region.ours) == len(region.theirs):
        return None
    merged = [_merge_tokens(*lines) for lines in zip(region.base, region.ours, region.theirs, strict=True)]
    found = tuple(line for line in merged if line is not None)
    return Solved(found, "words") if len(found) == len(merged) else None


def _merge_tokens(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    if ours in (base, theirs) or theirs == base:
        return theirs if ours == base else ours
    tokens = _TOKEN.findall(base)
    mine, other = (_token_blocks(tokens, side) for side in (ours, theirs))
    if mine is None or other is None:
        return None
    if any(block.start <= two.end and two.start <= block.end for block in mine for two in other):
        return None
    merged, done = list[bytes](), 0
    for block in sorted([*mine, *other], key=lambda b: (b.start, b.end)):
        merged += tokens[done : block.start]
        merged += block.lines
        done = block.end
    return b"".join([*merged, *tokens[done:]])


def _token_blocks(base: Sequence[bytes], side: bytes) -> list[Block] | None:
    """What a side changed in a line; None if that is most of it."""
    tokens = _TOKEN.findall(side)
    matcher = SequenceMatcher(None, base, tokens, autojunk=False)
    if matcher.ratio() < _CHANGED:
        return None
    codes = (code for code in matcher.get_opcodes() if code[0] != "equal")
    return [Block(start, end, tuple(tokens[low:high])) for _, start, end, low, high in codes]


def spaces(region: Region) -> Solved | None:
    """The patch's lines in upstream's indentation, where upstream changed nothing but white space."""
    if not _same(region.base, region.ours):
        return Solved(region.ours, "spaces") if _same(region.ours, region.theirs) else None
    indents = _indents(region.base, region.ours)
    if indents is None:
        return None
    known = {squeeze(line): line for line in region.ours}
    lines = [known.get(squeeze(line)) or _indented(line, indents) for line in region.theirs]
    found = tuple(line for line in lines if line is not None)
    return Solved(found, "spaces") if len(found) == len(lines) else None


def _same(one: Sequence[bytes], two: Sequence[bytes]) -> bool:
    return len(one) == len(two) and all(squeeze(a) == squeeze(b) for a, b in zip(one, two, strict=True))


def _indents(base: Sequence[bytes], ours: Sequence[bytes]) -> dict[bytes, bytes] | None:
    """Old indentation to new; None where one became two."""
    found: dict[bytes, bytes] = {}
    for old, new in zip(base, ours, strict=True):
        if old.strip() and found.setdefault(_indent(old), _indent(new)) != _indent(new):
            return None
    return found


def _indented(line: bytes, indents: dict[bytes, bytes]) -> bytes | None:
    """A line moved as its neighbours were: as those with its indentation, or as the next less indented ones."""
    indent = _indent(line)
    if not line.strip():
        return line
    for length in range(len(indent), -1, -1):
        if (new := indents.get(indent[:length])) is not None:
            return new + indent[length:] + line[len(indent) :]
    return None


def _indent(line: bytes) -> bytes:
    match = _INDENT.match(line)
    return match[0] if match else b""


def neighbours(region: Region) -> Solved | None:
    """Both sides' new entries of a list: in its order if it is sorted, else upstream's first."""
    if region.base:
        return None
    mine, other = region.ours, tuple(line for line in region.theirs if line not in region.ours)
    if not other or not all(_ENTRY.fullmatch(line) for line in (*mine, *other)):
        return None
    around = [line for line in (*_last_run(region.before), *_first_run(region.after)) if line.strip()]
    whole = sorted((*mine, *other))
    fits = sorted(around) == around and len(around) > 1 and list(mine) == sorted(mine)
    return Solved(tuple(whole) if fits else (*mine, *other), "neighbours")


def _last_run(lines: Lines) -> Lines:
    """Entries of the same list that stand right above."""
    return tuple(reversed(tuple(_run(reversed(lines)))))


def _first_run(lines: Lines) -> Lines:
    return tuple(_run(lines))


def _run(lines: Iterator[bytes] | Sequence[bytes]) -> Iterator[bytes]:
    for line in lines:
        if not _ENTRY.fullmatch(line):
            return
        yield line


def follow_moved(
    base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[Block], context: int = 3
) -> Lines | None:
    """Ours with each of the patch's changes where its lines and those around stand now, if there is just one such place
    (whatever their white space)."""
    keys = [squeeze(line) for line in ours]
    places: dict[bytes, list[int]] = {}
    for number, key in enumerate(keys):
        places.setdefault(key, []).append(number)
    moved: list[Block] = []
    for block in theirs:
        found = _place_of(base, ours, keys, places, block, context)
        if found is None:
            return None
        moved.append(found)
    moved.sort(key=lambda b: (b.start, b.end))
    if any(one.conflicts(two) for one, two in pairwise(moved)):
        return None
    lines, done = list[bytes](), 0
    for block in moved:
        lines += ours[done : block.start]
        lines += block.lines
        done = block.end
    return (*lines, *ours[done:])


def _place_of(
    base: Sequence[bytes],
    ours: Sequence[bytes],
    keys: Sequence[bytes],
    places: dict[bytes, list[int]],
    block: Block,
    context: int,
) -> Block | None:
    low, high = max(0, block.start - context), min(len(base), block.end + context)
    wanted = [squeeze(line) for line in base[low:high]]
    if not any(len(key) > 3 for key in wanted):
        return None
    starts = [at for at in places.get(wanted[0], ()) if list(keys[at : at + len(wanted)]) == wanted]
    if len(starts) != 1:
        return None
    (at,) = starts
    begin, end = at + block.start - low, at + block.end - low
    indents = _indents(base[low:high], ours[at : at + len(wanted)])
    lines = [_indented(line, indents) for line in block.lines] if indents is not None else [None]
    found = tuple(line for line in lines if line is not None)
    return Block(begin, end, found) if len(found) == len(lines) else None
