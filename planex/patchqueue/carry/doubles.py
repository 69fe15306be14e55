# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a merge without a conflict puts twice into a file, since both sides brought it. Pure.

Both sides brought it if the merged file has more of it than either side. Of lines that is told where they are new to
the file, or where the two stand close together; of definitions everywhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise

from planex.patchqueue.carry.definitions import definitions
from planex.patchqueue.carry.telling import is_code, is_weak, squeeze
from planex.patchqueue.format.diff import Diff, Hunk

NEAR = 12
"""Lines. Two copies that are no further apart are taken for the same change, wherever else the line stands."""
ENOUGH = 0.5
"""Of a run of lines that a patch adds, the share that has to be there twice."""
_TEXT = range(16, 400)
"""Characters of a text that is looked for however its lines are broken."""
_JOINTS = b"|&,\\"
"""What joins a line to its neighbours: the last of a list or condition has none."""
_REMARKS = {
    b"/*": re.compile(rb"/\*[^\n]*?\*/"),
    b"//": re.compile(rb"//(?<=[ \t]//)[^\n]*"),
    b"# ": re.compile(rb"# (?<=[ \t]# )[^\n]*"),
}
"""Behind or within a line, each with what a text without it lacks."""
_WORD = re.compile(rb"[\w.-]+(?:/[\w.-]+)*")
_COMMENT = re.compile(rb"/\*.*?\*/|//[^\n]*", re.DOTALL)
_KEYWORDS = frozenset(
    b"auto bool break char class const continue def do double elif else endif enum extern float for goto if ifdef "
    b"ifndef import in include inline int long return short signed sizeof static struct switch then typedef union "
    b"unsigned void volatile while 0 1 a i n x - . / self err ret".split()
)


@dataclass(frozen=True, slots=True)
class Sides:
    """A file before the patch in the old queue and after it, in the new tree so far, and merged."""

    path: str
    base: bytes
    theirs: bytes
    ours: bytes
    merged: bytes


@dataclass(frozen=True, slots=True)
class Double:
    """``what`` stands in the merged file at ``lines`` (from 1)."""

    path: str
    what: str
    lines: tuple[int, ...]
    lost: bool = False
    """It stands nowhere any more, as each side took another of two copies away: ``lines`` of the old file."""

    def __str__(self) -> str:
        places = " and ".join(map(str, self.lines))
        if self.lost:
            return f"{self.what} would be gone from {self.path}: each side takes one of the two away, at lines {places}"
        return f"{self.what} would be twice in {self.path}, at lines {places}"


def find_double(sides: Sides, diff: Diff) -> Double | None:
    """The first thing of a patch that the merge puts in though the new side has it."""
    return _double_line(sides, diff) or _double_definition(sides, diff) or _double_text(sides, diff)


@dataclass(frozen=True, slots=True)
class Run:
    """Lines that stand together and that a patch adds, without blanks, comments and lone braces."""

    lines: tuple[bytes, ...]
    replaces: bool
    """It takes out as many as it adds."""

    @property
    def telling(self) -> tuple[bytes, ...]:
        """Those that are not in every file; all if there is none."""
        return tuple(line for line in self.lines if not is_weak(line)) or self.lines


def added_runs(diff: Diff, path: str) -> Iterator[Run]:
    """What a patch adds to a file; to all its files if it does not name this one."""
    files = [file for file in diff.files if path in file.paths] or diff.files
    for file in files:
        for hunk in file.hunks:
            yield from _runs(hunk)


def _runs(hunk: Hunk) -> Iterator[Run]:
    for changed, lines in groupby(hunk.lines, lambda line: line[:1] in b"+-\\"):
        block = list(lines)
        added = tuple(line[1:] for line in block if line[:1] == b"+" and is_code(line[1:]))
        if changed and added:
            yield Run(added, sum(line[:1] == b"-" for line in block) >= len(added))


def remainder(all_sides: Iterable[Sides], diff: Diff, merged: Collection[str]) -> tuple[int, int]:
    """Of the lines that a patch changes: how many the merge changes as well, and how many there are.

    ``merged``: the files that the merge changes.
    """
    sides = {item.path: item for item in all_sides}
    kept = total = 0
    for file in diff.files:
        lines = [line for hunk in file.hunks for line in hunk.lines if line[:1] in b"+-" and is_code(line[1:])]
        total += len(lines)
        if file.path in sides:
            kept += _still_changed(lines, sides[file.path])
        elif file.path in merged:
            kept += len(lines)
    return kept, total


def _still_changed(lines: Sequence[bytes], sides: Sides) -> int:
    ours, merged = _Lines(sides.ours), _Lines(sides.merged)
    changed = 0
    for line in lines:
        before, after = (len(side.places(line[1:])) for side in (ours, merged))
        changed += after > before if line[:1] == b"+" else after < before
    return changed


class _Lines:
    """A file's lines as ``_plain`` makes them once they are asked for, and where each stands."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def places(self, line: bytes) -> list[int]:
        """Numbers of the lines, from 1, that say the same."""
        (wanted,), lines = _plain(line), _plain_file(self._data)
        found, at = list[int](), 0
        for _ in range(lines.count(wanted)):
            at = lines.index(wanted, at) + 1
            found.append(at)
        return found


def _plain(data: bytes) -> list[bytes]:
    """Lines without white space, remarks, and joints at their ends."""
    for mark, remark in _REMARKS.items():
        if mark in data:
            data = remark.sub(b"", data)
    return [line.strip(_JOINTS) for line in squeeze(data).replace(b"'", b'"').split(b"\n")]


_plain_file = lru_cache(maxsize=32)(_plain)
"""A queue asks for a file again and again."""


def _double_line(sides: Sides, diff: Diff) -> Double | None:
    files = [_Lines(data) for data in (sides.base, sides.theirs, sides.ours, sides.merged)]
    for run in added_runs(diff, sides.path):
        doubled = [(line, pair) for line in run.telling if (pair := _pair(line, *files))]
        near = any(two - one <= NEAR for _, (one, two) in doubled)
        if doubled and len(doubled) >= ENOUGH * len(run.telling) and (near or len(doubled) > 1 or not run.replaces):
            line, lines = doubled[0]
            return Double(sides.path, _quoted(line), lines)
    return _moved_line(sides, diff, *files)


def _moved_line(sides: Sides, diff: Diff, base: _Lines, theirs: _Lines, ours: _Lines, merged: _Lines) -> Double | None:
    """A line that each side moved to a place of its own; or that the old file had twice, close together, and of which
    each side took another one away. What moved past what is for diff to say, so the lines around count too."""
    hunks = (hunk for file in diff.files if sides.path in file.paths for hunk in file.hunks)
    for line in dict.fromkeys(line[1:] for hunk in hunks for line in hunk.lines):
        if not is_code(line) or is_weak(line) or len(places := merged.places(line)) == 1:
            continue
        had = base.places(line)
        if not had or (not places and len(had) == 1):
            continue
        others = [len(side.places(line)) for side in (ours, theirs)]
        if len(places) > len(had) >= max(others):
            return Double(sides.path, _quoted(line), (places[0], places[1]))
        if not places and all(others) and (pairs := _pairs(had, NEAR)):
            return Double(sides.path, _quoted(line), pairs[0], lost=True)
    return None


def _pair(line: bytes, base: _Lines, theirs: _Lines, ours: _Lines, merged: _Lines) -> tuple[int, int] | None:
    """Two places of a line that both sides brought."""
    if len(places := merged.places(line)) < 2:
        return None
    others = [side.places(line) for side in (ours, theirs)]
    if len(places) <= max(map(len, others)):
        return None
    if pair := _close_pair(places, others, 2 if is_weak(line) else NEAR):
        return pair
    return None if base.places(line) or is_weak(line) else (places[0], places[1])


def _close_pair(places: Sequence[int], others: Sequence[Sequence[int]], reach: int) -> tuple[int, int] | None:
    """Two neighbours no further apart than ``reach``, if the other files have fewer such."""
    pairs = _pairs(places, reach)
    return pairs[0] if len(pairs) > max(len(_pairs(other, reach)) for other in others) else None


def _pairs(places: Sequence[int], reach: int) -> list[tuple[int, int]]:
    return [(one, two) for one, two in pairwise(places) if two - one <= reach]


def _quoted(line: bytes) -> str:
    text = " ".join(line.decode("utf-8", "replace").split())
    return f"'{text[:60]}...'" if len(text) > 60 else f"'{text}'"


def _double_definition(sides: Sides, diff: Diff) -> Double | None:
    added = b"\n".join(line for run in added_runs(diff, sides.path) for line in run.lines)
    words = _names(added) & _names(_new_lines(sides))
    if not words:
        return None
    found = definitions(sides.path, sides.merged)
    counts = Counter(item.key for item in found)
    suspects = [item for item in found if counts[item.key] > 1 and _named(item.name, words)]
    if not suspects:
        return None
    before = [Counter(item.key for item in definitions(sides.path, data)) for data in (sides.ours, sides.theirs)]
    for item in suspects:
        if counts[item.key] > max(side[item.key] for side in before):
            lines = [other.line for other in found if other.key == item.key]
            return Double(sides.path, str(item), tuple(lines[:2]))
    return None


def _double_text(sides: Sides, diff: Diff) -> Double | None:
    """Lines that are broken elsewhere."""
    files = [squeeze(data) for data in (sides.ours, sides.theirs, sides.merged)]
    flat = files[0].replace(b"\n", b"")
    for run in added_runs(diff, sides.path):
        text = squeeze(b"".join(run.lines))
        if len(text) not in _TEXT or is_weak(text) or text not in flat:
            continue
        pattern = re.compile(
            rb"^%s$" % rb"\n*".join(re.escape(text[at : at + 1]) for at in range(len(text))), re.MULTILINE
        )
        ours, theirs, merged = ([match.start() for match in pattern.finditer(data)] for data in files)
        if len(merged) > max(len(ours), len(theirs)):
            lines = tuple(files[2].count(b"\n", 0, start) + 1 for start in merged[:2])
            return Double(sides.path, _quoted(run.lines[0]), lines)
    return None


def _names(code: bytes) -> set[bytes]:
    """Words that may name something, so that most files need no closer look."""
    return set(_WORD.findall(_COMMENT.sub(b"", code))) - _KEYWORDS


def _new_lines(sides: Sides) -> bytes:
    """What upstream added."""
    return b"\n".join(Counter(sides.ours.split(b"\n")) - Counter(sides.base.split(b"\n")))


def _named(name: str, words: set[bytes]) -> bool:
    parts = _WORD.findall(name.encode())
    return not parts or any(part in words for part in parts)
