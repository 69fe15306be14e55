# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names that a patch brings into the source, and names that it uses. Pure.

Read off the added lines alone, by shape: functions, macros, types, members, variables, labels, options and files of
C, assembler, Python, shell, make and Kconfig. A name too many does no harm: who asks looks whether the source has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from planex.patchqueue.format.diff import Diff, FileDiff, Kind

_NOISE = re.compile(rb"/\*.*?(?:\*/|$)|//.*|\"(?:\\.|[^\"\\])*\"|^\s*(?:\*(?:\s.*|/.*)?|#\s.*)$")
_INCLUDE = re.compile(rb"\s*#\s*include\b|\s*-?include\b|\s*source\b")
_WORD = re.compile(rb"[A-Za-z_]\w{2,}")
_WORD_PART = re.compile(rb"\w")
_FILE = re.compile(rb"[\w+-]+\.\w+")
_STATEMENT = rb"(?!\s*(?:return|goto|else|case|delete|throw|import|from|select|imply|depends|default|not|in)\b)"
_BRINGS = tuple(
    re.compile(pattern)
    for pattern in (
        rb"\s*#\s*define\s+(\w+)",
        rb"(?:.*\s)?(?:struct|union|enum|class)\s+(\w+)\s*(?:[{:(].*)?$",
        rb"\s*(?:async\s+)?def\s+(\w+)",
        rb"[A-Za-z_][\w\s*]*?\b(\w+)\s*\(",
        _STATEMENT + rb"\s*(?:[A-Za-z_]\w*[\s*]+)+(\w+)\s*(?:\[[^]]*\]\s*)*(?::\s*\w+\s*)?(?:=[^=].*)?[;,]",
        rb".*\(\s*\*\s*(\w+)\s*\)\s*\(",
        rb"\s*([A-Z][A-Z0-9_]+)\s*(?:=[^=;]*)?,\s*$",
        rb"\s*(?:menu)?config\s+(\w+)",
        rb"([A-Za-z_.]\w*):",
        rb"\s*\.macro\s+(\w+)",
        rb"(?:SYM_\w*START\w*|ENTRY)\(\s*(\w+)",
        rb"(\w+)\s*[:+?]?=[^=]",
    )
)


@dataclass(frozen=True, slots=True)
class Names:
    """Names that are new with a patch, and others that stand in the lines that it adds."""

    brought: frozenset[str]
    used: frozenset[str]


def names_of(diff: Diff) -> Names:
    """What a patch brings and uses."""
    brought = _brought(diff)
    return Names(brought, _used(diff) - brought)


def _brought(diff: Diff) -> frozenset[str]:
    added = {name for file in diff.files for line in _lines(file, b"+") for name in _defined(_plain(line))}
    known = {
        word for file in diff.files for sign in (b"-", b" ") for line in _lines(file, sign) for word in _words(line)
    }
    return frozenset((added - known) | {name for file in diff.files for name in _files(file)})


def _used(diff: Diff) -> frozenset[str]:
    lines = [line for file in diff.files for line in _lines(file, b"+")]
    names = {word for line in lines for word in _words(_plain(line))}
    files = {match.decode() for line in lines if _names_file(line) for match in _FILE.findall(line)}
    return frozenset(names | files)


def defined(lines: Iterable[bytes]) -> set[str]:
    """Names that lines of a source define."""
    return {name for line in lines for name in _defined(_plain(line))}


def among(names: Iterable[str], data: bytes) -> set[str]:
    """Those of the names that a source has. Few of many words are asked for: it is faster to look for each."""
    return {name for name in names if _has(data, name.encode())}


def _has(data: bytes, word: bytes) -> bool:
    at = data.find(word)
    while at >= 0:
        end = at + len(word)
        if not _WORD_PART.match(data, at - 1, at) and not _WORD_PART.match(data, end):
            return bool(_WORD.fullmatch(word))
        at = data.find(word, end)
    return False


def _lines(file: FileDiff, sign: bytes) -> Iterator[bytes]:
    for hunk in file.hunks:
        yield from (line[1:] for line in hunk.lines if line[:1] == sign)


def _plain(line: bytes) -> bytes:
    """A line without comments and texts."""
    return _NOISE.sub(b"", line) if not _INCLUDE.match(line) else b""


def _names_file(line: bytes) -> bool:
    return bool(_INCLUDE.match(line)) or b".o" in line


def _words(line: bytes) -> Iterator[str]:
    for word in _WORD.findall(line):
        yield word.decode()


def _defined(line: bytes) -> Iterator[str]:
    for pattern in _BRINGS:
        if (match := pattern.match(line)) and len(match[1]) > 2:
            name = match[1].decode("utf-8", "replace")
            yield name
            if b"config" in line:
                yield f"CONFIG_{name}"


def _files(file: FileDiff) -> Iterator[str]:
    if file.kind in (Kind.ADD, Kind.RENAME, Kind.COPY):
        path = PurePosixPath(file.new)
        yield path.name
        if path.suffix in (".c", ".S", ".s", ".cc", ".cpp"):
            yield f"{path.stem}.o"
