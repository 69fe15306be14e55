# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads GRUB's scripts as far as a menu needs it: commands, the entries they belong to, braces and quotes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<space>(?:[ \t\r]|\\\n)+)|(?P<end>[\n;])|(?P<brace>[{}])"""
    r"""|(?P<word>(?:'[^']*'|"(?:\\.|[^"\\])*"|\$\{[^}\n]*\}|\\.|[^\s;{}'"\\])+)|(?P<open>['"\\])"""
)
_PIECE = re.compile(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|([^'"\\]+)""", re.DOTALL)
_LEADING = frozenset({"then", "else", "do", "!"})
"""Words that stand before a command on its line."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command: the line that it begins at (from 1) and its words, unquoted."""

    line: int
    words: tuple[str, ...]
    conditional: bool = False
    """It stands inside ``if``, ``for`` or ``while``."""


@dataclass(slots=True)
class GrubEntry:
    """A ``menuentry`` or ``submenu``."""

    line: int
    title: str
    name: str
    """Its ``--id``."""
    submenu: bool
    commands: list[Command] = field(default_factory=list)
    """Those of its children too."""
    children: list[GrubEntry] = field(default_factory=list)
    """Of a submenu: the entries in it."""


@dataclass(slots=True)
class Script:
    """A script: commands outside entries, the outermost entries, and what is wrong, by line."""

    commands: list[Command] = field(default_factory=list)
    entries: list[GrubEntry] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


def parse_grub(text: str) -> Script:
    """Read a grub.cfg. Nothing in it is an error; what GRUB could not read stands in ``faults``."""
    reader = _GrubReader()
    for line, kind, token in _tokens(text):
        reader.take(line, kind, token)
    return reader.finish()


def _tokens(text: str) -> Iterator[tuple[int, str, str]]:
    line = 1
    for match in _TOKEN.finditer(text):
        yield line, match.lastgroup or "", match.group()
        line += match.group().count("\n")


def _plain(word: str) -> str:
    """A word without its quotes."""
    return "".join(piece[piece.lastindex or 0] for piece in _PIECE.finditer(word))


class _GrubReader:
    def __init__(self) -> None:
        self.script = Script()
        self.words: list[str] = []
        self.line = 0
        self.open: list[int] = []
        """Lines of the braces that are open."""
        self.conditions: list[int] = []
        self.entry: GrubEntry | None = None
        self.depth = 0
        """Braces that were open where the entry began."""
        self.child: GrubEntry | None = None
        self.child_depth = 0

    def take(self, line: int, kind: str, token: str) -> None:
        if kind == "word":
            self.line = self.line if self.words else line
            self.words.append(_plain(token))
        elif kind == "open":
            self.script.faults.append((line, "a quote is not closed"))
        elif kind == "end":
            self._command(opens=False)
        elif token == "{":
            self._command(opens=True)
            self.open.append(line)
        elif kind == "brace":
            self._command(opens=False)
            self._close(line)

    def finish(self) -> Script:
        self._command(opens=False)
        self.script.faults += [(line, "{ is never closed") for line in self.open]
        self.script.faults += [(line, "if without fi") for line in self.conditions]
        return self.script

    def _close(self, line: int) -> None:
        if not self.open:
            self.script.faults.append((line, "} closes nothing"))
            return
        self.open.pop()
        if len(self.open) == self.child_depth:
            self.child = None
        if len(self.open) == self.depth:
            self.entry = None

    def _command(self, *, opens: bool) -> None:
        words, self.words = self.words, []
        while words and words[0] in _LEADING:
            del words[0]
        if not words:
            return
        if words[0] in ("menuentry", "submenu"):
            self._entry(words, opens)
        elif words[0] == "if":
            self.conditions.append(self.line)
        elif words[0] == "fi":
            self._fi()
        else:
            kept = Command(self.line, tuple(words), bool(self.conditions))
            (self.entry.commands if self.entry else self.script.commands).append(kept)
            if self.child:
                self.child.commands.append(kept)

    def _fi(self) -> None:
        if self.conditions:
            self.conditions.pop()
        else:
            self.script.faults.append((self.line, "fi without if"))

    def _entry(self, words: list[str], opens: bool) -> None:
        if not opens:
            self.script.faults.append((self.line, f"{words[0]} without {{"))
            return
        name = words[words.index("--id") + 1] if "--id" in words[:-1] else _option(words)
        found = GrubEntry(self.line, words[1] if len(words) > 1 else "", name, words[0] == "submenu")
        if self.entry is None:
            self.entry, self.depth = found, len(self.open)
            self.script.entries.append(found)
        elif self.entry.submenu:
            self.entry.children.append(found)
            self.child, self.child_depth = found, len(self.open)
        else:
            self.script.faults.append((self.line, f"{words[0]} inside the entry of line {self.entry.line}"))


def _option(words: list[str]) -> str:
    return next((word.removeprefix("--id=") for word in words if word.startswith("--id=")), "")
