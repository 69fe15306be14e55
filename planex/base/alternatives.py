# SPDX-License-Identifier: LGPL-2.1-or-later
"""The alternatives that Debian's postinst scripts would make, read from them and never by running them. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from planex.base.unpack import merge_path

_ASSIGNED = re.compile(r"^\s*(\w+)=(\"[^\"`]*\"|'[^']*'|[^\s\"'`;]*)\s*$", re.M)
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_CONTINUED = re.compile(r"\\\n\s*")
_CALL = re.compile(r"^[^#\n]*?\bupdate-alternatives\b(.*--install\b.*)$", re.M)


@dataclass(frozen=True, slots=True)
class Alternative:
    """A link that a package would have made, and to which of its files; the highest priority wins."""

    link: str
    path: str
    priority: int


def read_alternatives(script: str) -> tuple[list[Alternative], list[str]]:
    """What a script installs by update-alternatives, and the calls that only running it would tell."""
    found: list[Alternative] = []
    unclear: list[str] = []
    known = _variables(script)
    for match in _CALL.finditer(_CONTINUED.sub(" ", script)):
        words, rest = _words(_resolved(match[1], known))
        found += _of(words)
        if rest:
            unclear.append(" ".join(match[0].split()))
    return found, unclear


def _variables(script: str) -> dict[str, str]:
    """Those that are set once, to plain text."""
    values: dict[str, set[str]] = {}
    for name, value in _ASSIGNED.findall(script):
        values.setdefault(name, set()).add(value.strip("\"'"))
    return {name: next(iter(each)) for name, each in values.items() if len(each) == 1}


def _resolved(text: str, known: Mapping[str, str]) -> str:
    for _ in range(len(known)):
        text, before = _VARIABLE.sub(lambda match: known.get(match[1] or match[2], match[0]), text), text
        if text == before:
            break
    return text


def _words(text: str) -> tuple[list[str], list[str]]:
    """The words of a call up to the first that is not known, and the rest."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";|&<>")
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if word[0] in ";|&<>":
                break
            if "$" in word or "`" in word:
                return words, [word, *lexer]
            words.append(word)
    except ValueError:
        return words, [text]
    return words, []


def _of(words: Sequence[str]) -> Iterator[Alternative]:
    at = words.index("--install") if "--install" in words else len(words)
    match words[at : at + 5]:
        case [_, link, _, path, priority] if priority.lstrip("-").isdigit():
            yield Alternative(merge_path(link), merge_path(path), int(priority))
        case _:
            return
    for slave, word in enumerate(words):
        if word == "--slave" and len(words) > slave + 3:
            yield Alternative(merge_path(words[slave + 1]), merge_path(words[slave + 3]), int(priority))


def choose(offered: Mapping[str, Sequence[Alternative]], taken: Collection[str]) -> dict[str, dict[str, str]]:
    """Package to its links, each with the file behind it. Where several offer one, that of the highest priority has it.

    ``taken``: links that the base's definition makes itself.
    """
    best: dict[str, tuple[int, str, str]] = {}
    for package in sorted(offered):
        for each in offered[package]:
            if each.link not in taken and each.link != each.path:
                best[each.link] = max(best.get(each.link, (each.priority, "", "")), (each.priority, package, each.path))
    links: dict[str, dict[str, str]] = {}
    for link, (_, package, path) in sorted(best.items()):
        links.setdefault(package, {})[link] = path
    return links
