# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a new order into a series with as few changed lines as possible. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import replace

from planex.patchqueue.format.series import Entry, Series, make_entry


def rewrite(series: Series, before: Sequence[str], after: Sequence[Entry]) -> Series:
    """The series once the patches ``before`` (those that were worked on, in order) have become ``after``.

    Comments, blank lines and patches not worked on stay where they are. A patch that keeps its place among the
    others keeps its line, byte for byte unless its guards or strip level changed; a new or moved one goes behind
    the patch it follows.
    """
    names = [entry.name for entry in after]
    staying = _in_order([name for name in names if name in before], before)
    old = {entry.name: entry for entry in series.entries}
    gone = set(before) - staying
    lines: list[str | Entry] = [line for line in series.lines if not (isinstance(line, Entry) and line.name in gone)]
    previous: str | None = None
    for entry in after:
        line = _line(entry, old.get(entry.name))
        if entry.name in staying:
            lines[_index(lines, entry.name)] = line
        else:
            lines.insert(_place(lines, previous, staying, names), line)
        previous = entry.name
    return replace(series, lines=tuple(lines))


def _in_order(names: Sequence[str], before: Sequence[str]) -> set[str]:
    """The longest run of names that have kept their order (patience sorting)."""
    position = {name: number for number, name in enumerate(before)}
    tops: list[int] = []
    chosen: list[str] = []
    link: dict[str, str | None] = {}
    for name in names:
        at = bisect.bisect_left(tops, position[name])
        link[name] = chosen[at - 1] if at else None
        tops[at : at + 1] = [position[name]]
        chosen[at : at + 1] = [name]
    result: set[str] = set()
    name_: str | None = chosen[-1] if chosen else None
    while name_ is not None:
        result.add(name_)
        name_ = link[name_]
    return result


def _line(entry: Entry, old: Entry | None) -> Entry:
    if old is None:
        return make_entry(entry.name, entry.strip, entry.guards)
    if (old.strip, old.guards) == (entry.strip, entry.guards):
        return old
    made = make_entry(entry.name, entry.strip, entry.guards)
    remark = _remark(old)
    return replace(made, text=f"{made.text} {remark}") if remark else made


def _remark(entry: Entry) -> str:
    """The remark behind a patch's options and guards, if there is one."""
    words = entry.text.split()
    for number, word in enumerate(words):
        if word.startswith("#") and word[1:2] not in ("+", "-"):
            return " ".join(words[number:])
    return ""


def _index(lines: Sequence[str | Entry], name: str) -> int:
    return next(n for n, line in enumerate(lines) if isinstance(line, Entry) and line.name == name)


def _place(lines: Sequence[str | Entry], previous: str | None, staying: set[str], names: Sequence[str]) -> int:
    """Behind the patch before it; a first one goes before the first that stays, else to the end."""
    if previous is not None:
        return _index(lines, previous) + 1
    first = next((name for name in names if name in staying), None)
    return len(lines) if first is None else _index(lines, first)
