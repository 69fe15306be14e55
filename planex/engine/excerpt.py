# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person wants to see of the log of a failed build: where it first went wrong, and its end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from planex.run import TAIL_LINES

_LAST_BEHIND_CAUSE = 8
_BEFORE, _AFTER = 2, 7
_LONGEST = 500
_READ = 64 << 20
"""Bytes of a log that are looked at, from its end."""
_CAUSE = re.compile(
    r"(?:^|[\s:\]])(?:fatal |internal compiler )?(?:error|Error|ERROR):\s|^CMake Error|undefined reference to"
    r"|No rule to make target|^Traceback \(most recent call last\)|^(?:FAIL|FAILED|XPASS|ERROR)\b[: ]|^not ok \d"
    r"|\*{2,}\s*(?:Failed|FAIL)|^\s*\d+/\d+ .*\bFAIL\b|^Can't (?:locate \S+\.pm|exec \")"
)
"""What compilers, linkers, make, configure, CMake, meson, Python, Perl and test runners say when something is wrong."""
_PERHAPS = re.compile(r"No such file or directory|: (?:command )?not found$|Permission denied|\*\*\* ")
"""What may be said although all is well, and counts where nothing else is."""
_CONSEQUENCE = re.compile(r"^error: Bad exit status|^RPM build errors|^\s+Bad exit status")


_NO_CAUSE = re.compile(rf"{_CONSEQUENCE.pattern}|^\+ ")
"""Nor is a command that the shell shows before it runs it."""
_ERRORS_AT_MOST = 200


def errors_of(log: Path) -> list[tuple[int, str]]:
    """Lines that tell of errors, each with its number from 1; the first of them, of very many.

    Where a command failed without a word, those that say which section it was in.
    """
    with log.open(errors="replace") as file:
        lines = [line[:_LONGEST].rstrip("\n") for line in file]
    rows = list(enumerate(lines, 1))
    for pattern in (_CAUSE, _PERHAPS):
        if found := [row for row in rows if pattern.search(row[1]) and not _NO_CAUSE.match(row[1])]:
            return found[:_ERRORS_AT_MOST]
    return [row for row in rows if _CONSEQUENCE.match(row[1])]


def excerpt_of(log: Path) -> str:
    """Of the last command that a log has: ``planex.run`` begins each with ``$ ``."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _READ))
        lines = file.read().decode(errors="replace").splitlines()
    start = max((number for number, line in enumerate(lines) if line.startswith("$ ")), default=-1)
    return excerpt(lines[start + 1 :])


def excerpt(lines: Sequence[str]) -> str:
    """The first error with its number and the lines around it, then the last lines; these alone if it is in them."""
    found = cause(lines)
    if found is None or found >= len(lines) - TAIL_LINES:
        return _shown(lines[-TAIL_LINES:])
    around = lines[max(0, found - _BEFORE) : found + _AFTER]
    last = lines[max(found + _AFTER, len(lines) - _LAST_BEHIND_CAUSE) :]
    return f"line {found + 1} of {len(lines)}:\n{_shown(around)}\n...\n{_shown(last)}"


def cause(lines: Sequence[str]) -> int | None:
    """The first line that tells of an error, counted from 0."""
    for pattern in (_CAUSE, _PERHAPS):
        for number, line in enumerate(lines):
            if pattern.search(line[:_LONGEST]) and not _CONSEQUENCE.match(line):
                return number
    return None


def _shown(lines: Sequence[str]) -> str:
    return "\n".join(line[:_LONGEST] for line in lines)
