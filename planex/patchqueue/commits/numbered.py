# SPDX-License-Identifier: LGPL-2.1-or-later
"""A folder as ``git format-patch`` writes it: no series, but a number in front of each name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.errors import ConfigError, Problem
from planex.patchqueue.format.queue import MAX_PATCH, Patch
from planex.patchqueue.format.series import make_entry
from planex.regular import NotRegular, read_regular

_NAME = re.compile(r"(?:v(?P<round>\d+)-)?(?P<number>\d{4,})-\S+\.patch")
_COVER = re.compile(r"(?:v\d+-)?0+-cover-letter\.patch")


@dataclass(frozen=True, slots=True)
class Numbered:
    """The patches in the order of their numbers, and what was noticed on the way."""

    patches: dict[str, bytes]
    remarks: tuple[str, ...]


def read_numbered(folder: Path) -> Numbered | None:
    """The patches of a folder, None if no name has a number. Raises ConfigError with every bad file."""
    names = sorted(path.name for path in folder.glob("*.patch"))
    covers = [name for name in names if _COVER.fullmatch(name)]
    found = {name: match for name in names if name not in covers and (match := _NAME.fullmatch(name))}
    if not found:
        return None
    problems = list(_clashes(folder, found))
    order = sorted(found, key=lambda name: int(found[name]["number"]))
    patches = {name: _read(folder / name, problems) for name in order}
    if problems:
        raise ConfigError(problems)
    numbers = [int(match["number"]) for match in found.values()]
    spare = [name for name in names if name not in (*found, *covers)]
    return Numbered(patches, tuple(_remarks(numbers, covers, spare)))


def _clashes(folder: Path, found: dict[str, re.Match[str]]) -> Iterator[Problem]:
    """Two patches with one number: which comes first cannot be known."""
    seen: dict[int, str] = {}
    for name, match in found.items():
        first = seen.setdefault(int(match["number"]), name)
        if first != name:
            yield Problem(folder / name, 0, f"has the same number as {first}: are there two rounds in this folder?")


def _read(path: Path, problems: list[Problem]) -> bytes:
    try:
        data = read_regular(path, MAX_PATCH)
    except NotRegular as error:
        problems.append(Problem(path, 0, error.message))
        return b""
    patch = Patch(make_entry(path.name), path, data)
    if patch.damage:
        problems.append(patch.damage)
    elif patch.empty:
        problems.append(Problem(path, 0, "is not a patch: it holds no diff"))
    return data


def _remarks(numbers: Sequence[int], covers: Sequence[str], spare: Sequence[str]) -> Iterator[str]:
    missing = sorted(set(range(min(numbers), max(numbers))) - set(numbers))
    if missing:
        yield f"no patch has number {', '.join(map(str, missing))}"
    if covers:
        yield f"a cover letter is no patch, so left behind: {', '.join(covers)}"
    if spare:
        yield f"without a number, so left behind: {', '.join(spare)}"
