# SPDX-License-Identifier: LGPL-2.1-or-later
"""Applies the plain case of a patch in memory: each hunk matches, without fuzz, where it says or at one other place.

There GNU patch has no choice, so it gives the same bytes (a test compares them): it tries the line that a hunk names
first, and looks further only if the hunk does not match there. In every other case, however small the doubt,
``apply_exactly`` returns None and the real tool has to judge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from planex.git.files import EXECUTABLE, FILE, Changes, File, FileSet
from planex.patchqueue.format.diff import Diff, FileDiff, Hunk, Kind

_CR_IN_HEADER = re.compile(rb"^(?:--- |\+\+\+ |@@ -|diff --git |index )[^\n]*\r$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Moved:
    """A hunk that went in at another line than it names. ``line`` counts from 1 in the file before the patch."""

    path: str
    hunk: int
    line: int
    offset: int


@dataclass(slots=True)
class Applied:
    """Files after the patch, and the hunks that moved."""

    changes: dict[str, File | None] = field(default_factory=dict)
    moved: list[Moved] = field(default_factory=list)


def apply_exactly(diff: Diff, data: bytes, files: FileSet) -> Applied | None:
    """The changed files, or None if this is not the plain case. ``data`` is the patch that ``diff`` was read from."""
    paths = [path for file in diff.files for path in file.paths]
    if not paths or len(paths) != len(set(paths)) or _CR_IN_HEADER.search(data):
        return None
    applied = Applied()
    for file in diff.files:
        changed = _apply_file(file, files, applied.moved)
        if changed is None:
            return None
        applied.changes.update(changed)
    return applied


def cannot_apply(diff: Diff, files: FileSet, *, reverse: bool = False) -> bool:
    """Whether ``patch`` (with ``reverse``: ``patch -R``) must fail without fuzz: what a hunk looks for is nowhere."""
    made = Kind.DELETE if reverse else Kind.ADD
    for file in diff.files:
        if not file.git or file.opaque or file.binary or file.kind is made:
            continue
        found = files.get(file.new if reverse else file.old)
        if found is None:
            return True
        if b"\r" not in found.data and any(_absent(hunk, found.data, reverse) for hunk in file.hunks):
            return True
    return False


def _absent(hunk: Hunk, data: bytes, reverse: bool) -> bool:
    wanted = b"".join(new_lines(hunk) if reverse else old_lines(hunk))
    return b"\r" not in wanted and wanted not in data


def one_place(diff: Diff, files: FileSet) -> bool:
    """Whether all that the hunks look for is there just once."""
    for file in diff.files:
        found = None if file.kind is Kind.ADD else files.get(file.old)
        if file.opaque or (file.kind is not Kind.ADD and found is None):
            return False
        if found and any((b"\n" + found.data).count(b"\n" + b"".join(old_lines(hunk))) != 1 for hunk in file.hunks):
            return False
    return bool(diff.files)


def _apply_file(file: FileDiff, files: FileSet, moved: list[Moved]) -> Changes | None:
    if file.binary or file.opaque or file.kind is Kind.COPY or not _plain_names(file):
        return None
    if file.kind is Kind.ADD:
        return _add(file, files)
    old = files.get(file.old)
    if old is None or old.mode not in (FILE, EXECUTABLE) or file.old_mode not in ("", old.mode):
        return None
    data = _patch_text(old.data, file, moved)
    if data is None:
        return None
    if file.kind is Kind.DELETE:
        return {file.old: None} if not data and file.git else None
    if file.kind is Kind.RENAME:
        if files.get(file.new) is not None:
            return None
        return {file.old: None, file.new: File(data, file.new_mode or old.mode)}
    return {file.old: File(data, file.new_mode or old.mode)}


def _plain_names(file: FileDiff) -> bool:
    if not file.old or not file.new or any(".." in path.split("/") for path in file.paths):
        return False
    return file.old == file.new or (file.git and file.kind is Kind.RENAME)


def _add(file: FileDiff, files: FileSet) -> Changes | None:
    mode = file.new_mode or FILE
    if files.get(file.new) is not None or mode not in (FILE, EXECUTABLE):
        return None
    if not file.hunks:
        return {file.new: File(b"", mode)} if file.git else None
    if len(file.hunks) > 1 or file.hunks[0].old_count or file.hunks[0].old_start:
        return None
    return {file.new: File(b"".join(new_lines(file.hunks[0])), mode)}


def _patch_text(data: bytes, file: FileDiff, moved: list[Moved]) -> bytes | None:
    lines = data.splitlines(keepends=True) if b"\r" not in data else _split(data)
    out: list[bytes] = []
    done = offset = 0
    for number, hunk in enumerate(file.hunks, 1):
        old = old_lines(hunk)
        guess = hunk.old_start - 1 + offset
        start = _locate(hunk, old, lines, guess, done)
        if start is None:
            return None
        offset += start - guess
        if offset:
            moved.append(Moved(file.path, number, start + 1, offset))
        out += lines[done:start]
        out += new_lines(hunk)
        done = start + len(old)
        if done < len(lines) and out and not out[-1].endswith(b"\n"):
            return None  # a last line without its end, in the middle of the file
    return b"".join(out + lines[done:])


def _locate(hunk: Hunk, old: list[bytes], lines: Sequence[bytes], guess: int, done: int) -> int | None:
    """Where patch must put the hunk (counting from 0), or None where that is not certain."""
    prefix, suffix = context(hunk)
    if not old or not hunk.old_count:
        return None
    if guess >= done and lines[guess : guess + len(old)] == old:
        return guess if suffix >= prefix or guess + len(old) == len(lines) else None
    if prefix != suffix:  # belongs to the beginning or the end of the file
        return None
    places = [
        n for n in range(done, len(lines) - len(old) + 1) if lines[n] == old[0] and lines[n : n + len(old)] == old
    ]
    return places[0] if len(places) == 1 else None


def context(hunk: Hunk) -> tuple[int, int]:
    """Lines of context above the first and below the last change."""
    signs = [line[:1] for line in hunk.lines if line[:1] != b"\\"]
    prefix = next((n for n, sign in enumerate(signs) if sign in b"+-"), len(signs))
    suffix = next((n for n, sign in enumerate(reversed(signs)) if sign in b"+-"), len(signs))
    return prefix, suffix


def old_lines(hunk: Hunk) -> list[bytes]:
    """The lines the hunk expects, with their line ends."""
    return _side(hunk, b"-")


def new_lines(hunk: Hunk) -> list[bytes]:
    """The lines the hunk leaves, with their line ends."""
    return _side(hunk, b"+")


def _side(hunk: Hunk, sign: bytes) -> list[bytes]:
    result: list[bytes] = []
    previous = b""
    for line in hunk.lines:
        first = line[:1]
        if first == b"\\":
            if previous in (b" ", sign):
                result[-1] = result[-1][:-1]
        elif first in (b" ", sign):
            result.append(line[1:] + b"\n")
        previous = first
    return result


def _split(data: bytes) -> list[bytes]:
    """Lines with their ends; only a line feed ends one (``splitlines`` also breaks at a carriage return)."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    return lines[:-1] if data.endswith(b"\n") or not data else [*lines[:-1], lines[-1][:-1]]
