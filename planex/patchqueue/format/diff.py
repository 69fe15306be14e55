# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads unified diffs, git's and hand-made ones. Pure: bytes in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from planex.git.quoting import unquote

NULL = "/dev/null"
_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_MAX_DIGITS = 18
"""``patch`` refuses larger numbers of lines."""
_CONTEXT_RANGE = re.compile(rb"\*\*\* \d+(?:,\d+)? \*\*\*\*")


class Kind(StrEnum):
    """What a diff does to a file."""

    MODIFY = "modify"
    ADD = "add"
    DELETE = "delete"
    RENAME = "rename"
    COPY = "copy"


class DiffError(ValueError):
    """A damaged diff. ``line`` counts from 1 in the patch."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Hunk:
    """One ``@@`` block. Lines keep their first character (space, ``-``, ``+`` or ``\\``), without line end."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[bytes, ...]
    patch_line: int
    """The line of the patch file where the hunk begins, from 1."""


@dataclass(slots=True)
class FileDiff:
    """What a patch does to one file. Paths are stripped; they differ in renames, copies and loose hand-made diffs."""

    old: str = ""
    new: str = ""
    kind: Kind = Kind.MODIFY
    hunks: list[Hunk] = field(default_factory=list)
    git: bool = False
    """Begins with ``diff --git``: the header lines say all, so nothing has to be guessed from names and dates."""
    binary: bool = False
    opaque: bool = False
    """Only its names were understood (a context diff, chopped blank lines); ``patch`` has to judge the rest."""
    old_mode: str = ""
    new_mode: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for path in (self.old, self.new) if path and path != NULL))

    @property
    def path(self) -> str:
        """The file's name after the patch, or before it where the patch deletes the file."""
        return self.paths[-1] if self.paths else "?"


@dataclass(frozen=True, slots=True)
class Diff:
    """All changes of a patch."""

    files: tuple[FileDiff, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path named, sorted."""
        return tuple(sorted({path for file in self.files for path in file.paths}))

    @property
    def binary(self) -> bool:
        return any(file.binary for file in self.files)

    @property
    def added(self) -> int:
        return self._count(b"+")

    @property
    def removed(self) -> int:
        return self._count(b"-")

    def _count(self, sign: bytes) -> int:
        return sum(line[:1] == sign for file in self.files for hunk in file.hunks for line in hunk.lines)


def parse_diff(data: bytes, strip: int = 1) -> Diff:
    """Parse a patch; text that belongs to no diff is passed over. Raises DiffError for a damaged one."""
    return Diff(tuple(_Reader(data, strip).read()))


class _Reader:
    """Walks the lines of a patch."""

    def __init__(self, data: bytes, strip: int) -> None:
        self.lines = data.split(b"\n")
        self.strip = strip
        self.at = 0

    def read(self) -> Iterator[FileDiff]:
        current: FileDiff | None = None
        while self.at < len(self.lines):
            started = self._header(current)
            if started is not None:
                if current is not None and current.paths:
                    yield current
                current = started
            elif current is not None:
                self._detail(current)
            else:
                self.at += 1
        if current is not None and current.paths:
            yield current

    def _header(self, current: FileDiff | None) -> FileDiff | None:
        """A new FileDiff if one begins here. A ``---`` line begins one unless it belongs to ``diff --git``."""
        line = self.lines[self.at]
        if line.startswith(b"diff --git "):
            self.at += 1
            return self._git_names(line)
        if line.startswith(b"*** ") and self._line(1).startswith(b"--- "):
            return self._context_names(line)
        if not (line.startswith(b"--- ") and self._line(1).startswith(b"+++ ")):
            return None
        old, new = self._name(line[4:]), self._name(self._line(1)[4:])
        self.at += 2
        if current is not None and current.git and not current.hunks and not current.binary:
            _take_names(current, old, new)
            return None if self.at < len(self.lines) else current
        return _loose(old, new)

    def _detail(self, file: FileDiff) -> None:
        line = self.lines[self.at]
        if file.paths and (match := _HUNK.match(line)):
            file.hunks.append(self._hunk(match, file))
            return
        if file.git and not file.hunks:
            _extended(file, line.rstrip(b"\r"), self.strip)
        self.at += 1

    def _hunk(self, match: re.Match[bytes], file: FileDiff) -> Hunk:
        begin = self.at
        if any(number and len(number) > _MAX_DIGITS for number in match.groups()):
            raise DiffError(begin + 1, "the hunk names a line number that is too large")
        old_start, new_start = int(match[1]), int(match[3])
        old_count, new_count = (int(match[n]) if match[n] is not None else 1 for n in (2, 4))
        old_left, new_left, lines = old_count, new_count, []
        self.at += 1
        while old_left > 0 or new_left > 0:
            line = self._line(0, default=None)
            if line is None and max(old_left, new_left) < 3:  # patch takes chopped blank lines for granted
                file.opaque = True
                break
            sign = line[:1] if line else b" "
            if line is None or sign not in b" +-\\\r" or (sign == b"\r" and len(line) > 1):
                raise DiffError(self.at + 1, "the hunk ends too soon")
            old_left -= sign in b" -\r"
            new_left -= sign in b" +\r"
            lines.append(line or b" ")
            self.at += 1
        if not file.opaque and (old_left or new_left):
            raise DiffError(begin + 1, "the hunk's line counts do not match its lines")
        if self._line(0).startswith(b"\\ "):
            lines.append(self._line(0))
            self.at += 1
        return Hunk(old_start, old_count, new_start, new_count, tuple(lines), begin + 1)

    def _context_names(self, line: bytes) -> FileDiff | None:
        if _CONTEXT_RANGE.match(line):
            return None
        file = _loose(self._name(line[4:]), self._name(self._line(1)[4:]))
        file.opaque = True
        self.at += 2
        return file

    def _line(self, offset: int, default: bytes | None = b"") -> bytes:
        at = self.at + offset
        if at < len(self.lines) - (self.lines[-1] == b""):
            return self.lines[at]
        return default  # type: ignore[return-value]

    def _name(self, text: bytes) -> str:
        return strip_path(_file_name(text), self.strip)

    def _git_names(self, line: bytes) -> FileDiff:
        """Names from ``diff --git a/x b/x``: sure only where both are the same, which is all git means them for."""
        text = line[len(b"diff --git ") :].rstrip(b"\r")
        file = FileDiff(git=True)
        if text.startswith(b'"'):
            end = text.find(b'" ', 1)
            file.old = file.new = strip_path(unquote(text[: end + 1]), self.strip)
            return file
        half = len(text) // 2
        old, new = (strip_path(_decode(part), self.strip) for part in (text[:half], text[half + 1 :]))
        if old == new:
            file.old = file.new = old
        return file


def strip_path(path: str, strip: int) -> str:
    """Drop ``strip`` leading folders, as ``patch -pN`` does; ``/dev/null`` stays."""
    if path == NULL:
        return path
    parts = [part for part in path.split("/") if part]
    return "/".join(parts[strip:]) if len(parts) > strip else ""


def _take_names(file: FileDiff, old: str, new: str) -> None:
    """``---`` and ``+++`` lines inside a git diff name the same file again; they settle odd names."""
    if old != NULL:
        file.old = old
    if new != NULL:
        file.new = new
    file.old = file.old or file.new
    file.new = file.new or file.old


def _loose(old: str, new: str) -> FileDiff:
    kind = Kind.ADD if old == NULL else Kind.DELETE if new == NULL else Kind.MODIFY
    old, new = (new if old == NULL else old), (old if new == NULL else new)
    return FileDiff(old, new, kind)


def _extended(file: FileDiff, line: bytes, strip: int) -> None:
    """One of git's extended header lines."""
    word, _, rest = line.partition(b" mode ")
    if rest and word in (b"new file", b"deleted file", b"old", b"new"):
        mode = rest.decode("ascii", "replace")
        file.kind = {b"new file": Kind.ADD, b"deleted file": Kind.DELETE}.get(word, file.kind)
        if word in (b"new file", b"new"):
            file.new_mode = mode
        else:
            file.old_mode = mode
        return
    for prefix, kind in ((b"rename", Kind.RENAME), (b"copy", Kind.COPY)):
        if line.startswith(prefix + b" from "):
            file.kind, file.old = kind, _unprefixed(line[len(prefix) + 6 :], strip)
        elif line.startswith(prefix + b" to "):
            file.kind, file.new = kind, _unprefixed(line[len(prefix) + 4 :], strip)
    if line.startswith((b"GIT binary patch", b"Binary files ")):
        file.binary = True


def _unprefixed(name: bytes, strip: int) -> str:
    """Names behind ``rename from`` have no ``a/``: one folder fewer is stripped."""
    return strip_path(_decode(unquote(name).encode()) if name.startswith(b'"') else _decode(name), max(strip - 1, 0))


def _file_name(text: bytes) -> str:
    """The name in a ``---`` line: quoted, or up to a tab, or (without one) up to white space."""
    text = text.rstrip(b"\r")
    if text.startswith(b'"'):
        return unquote(text)
    name = text.split(b"\t", 1)[0] if b"\t" in text else text.split(None, 1)[0] if text.split() else b""
    return _decode(name)


def _decode(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
