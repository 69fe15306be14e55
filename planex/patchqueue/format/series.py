# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ``series`` file of a patch queue: quilt's format with guards. Pure: text in, text out.

One patch a line: ``name.patch [-pN] [#+guard ...] [#-guard ...] [# remark]``. Blank lines and lines that begin
with ``#`` are comments; those before a patch are its section. ``#+g`` applies the patch only if guard g is
chosen, ``#-g`` only if it is not; with several, a chosen positive guard wins. ``# +g`` (with a space) is a remark.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from planex.errors import ENOUGH, ConfigError, Problem

DEFAULT_STRIP = 1
MAX_LINES = 50_000
"""The longest queue known, of a kernel, has half as many patches."""
_GUARD = re.compile(r"#([+-])([A-Za-z0-9][A-Za-z0-9_.-]*)$")
_STRIP = re.compile(r"-p([0-9]{1,3}|ab)$")
_REMARK = re.compile(r"(?:^|\s)#(?![+-])")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that names a patch. ``line`` counts from 1; ``text`` is the line as it stands, without its end."""

    name: str
    strip: int = DEFAULT_STRIP
    guards: tuple[str, ...] = ()
    """Each with its sign: ``+el9``, ``-debug``."""
    section: str = ""
    """The nearest comment line above, without its ``#`` and lines drawn around it."""
    line: int = 0
    text: str = ""

    def applies(self, chosen: AbstractSet[str]) -> bool:
        """Whether the patch is applied when the guards ``chosen`` are."""
        positive = {guard[1:] for guard in self.guards if guard[0] == "+"}
        negative = {guard[1:] for guard in self.guards if guard[0] == "-"}
        return bool(positive & chosen) if positive else not negative & chosen


@dataclass(frozen=True, slots=True)
class Series:
    """A whole series file: every line is kept, so that it can be written back byte for byte."""

    lines: tuple[str | Entry, ...] = ()
    """Comments and blank lines as they stand (without line end), patches as entries."""
    newline: str = "\n"
    ends_with_newline: bool = True

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(line for line in self.lines if isinstance(line, Entry))

    def text(self) -> str:
        """The file's text."""
        lines = [line.text if isinstance(line, Entry) else line for line in self.lines]
        body = self.newline.join(lines)
        return body + self.newline if lines and self.ends_with_newline else body


def parse_series(text: str, path: Path) -> Series:
    """Parse a series file. Raises ConfigError with every mistake in it; ``path`` names it there."""
    if text.count("\n") > MAX_LINES:
        raise ConfigError([Problem(path, MAX_LINES + 1, f"more than {MAX_LINES} lines: no patch queue is that long")])
    newline = "\r\n" if "\r\n" in text else "\n"
    problems: list[Problem] = []
    end = newline.removesuffix("\n")
    lines = tuple(_parse_lines([line.removesuffix(end) for line in text.split("\n")], path, problems))
    problems.extend(_twice(lines, path))
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: problem.line))
    ends = text.endswith("\n") or not text
    return Series(lines[:-1] if ends else lines, newline, ends)


def make_entry(name: str, strip: int = DEFAULT_STRIP, guards: tuple[str, ...] = ()) -> Entry:
    """An entry for a new patch, with its line's text."""
    words = [name, *([f"-p{strip}"] if strip != DEFAULT_STRIP else []), *(f"#{guard}" for guard in guards)]
    return Entry(name, strip, guards, text=" ".join(words))


def _parse_lines(lines: list[str], path: Path, problems: list[Problem]) -> Iterator[str | Entry]:
    section = ""
    for number, text in enumerate(lines, 1):
        if len(problems) >= ENOUGH:
            break
        stripped = text.strip()
        if not stripped or stripped.startswith("#"):
            section = stripped.strip("#-=* \t") or section
            yield text
            continue
        try:
            yield replace(_parse_entry(stripped), section=section, line=number, text=text)
        except ValueError as error:
            problems.append(Problem(path, number, str(error)))


def _parse_entry(text: str) -> Entry:
    remark = _REMARK.search(text)
    name, *words = (text[: remark.start()] if remark else text).split()
    _check_name(name)
    strip, guards = DEFAULT_STRIP, []
    for word in words:
        if guard := _GUARD.fullmatch(word):
            guards.append(guard[1] + guard[2])
        elif option := _STRIP.fullmatch(word):
            strip = DEFAULT_STRIP if option[1] == "ab" else int(option[1])
        else:
            raise ValueError(_explain(word))
    return Entry(name, strip, tuple(guards))


def _explain(word: str) -> str:
    if word.startswith("#"):
        return f"'{word}' is not a guard; write #+name or #-name, several with spaces between"
    if word == "-R":
        return "'-R' (reverse the patch) is not supported; write the reverse patch itself"
    return f"unexpected '{word}' after the patch's name; options are -pN, guards #+name and #-name"


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"'{name}' lies outside the patch queue")


def _twice(lines: tuple[str | Entry, ...], path: Path) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for entry in lines:
        if isinstance(entry, Entry):
            first = seen.setdefault(str(PurePosixPath(entry.name)), entry.line)
            if first != entry.line:
                yield Problem(path, entry.line, f"'{entry.name}' is named twice (first in line {first})")
