# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files that iso.yaml adds to the ISO: what is in iso/, and where it goes without being in the way of anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.errors import ConfigError, Problem
from planex.host.definition import ExtraFile
from planex.medium.entry import ISO_PATH

Complain = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Extra:
    """A file on this machine, and its path on the ISO; ``replaces``: it may take the place of one of the base."""

    path: str
    source: Path
    replaces: bool


def find_extras(written: Path, wanted: Sequence[ExtraFile], *others: Extra) -> list[Extra]:
    """Every file, those of folders one by one. ConfigError with all that is wrong.

    ``written``: the file in iso/ that names them. ``others``: what was made and goes on the ISO like them.
    """
    said: list[str] = []
    found = [extra for entry in wanted for extra in _expand(written.parent, entry, said.append)]
    found += others
    _refuse(written, [*said, *_twice(found)])
    return found


def place_extras(
    written: Path, extras: Sequence[Extra], base: Collection[str], made: Collection[str]
) -> dict[str, Path]:
    """Path on the ISO to file. ``base``: files of the base ISO; ``made``: files and folders that planex makes there.

    ConfigError with all that are in the way of something.
    """
    folders = {parent for name in base for parent in _parents(name)}
    _refuse(written, [text for extra in extras for text in _in_the_way(extra, base, folders, made)])
    return {extra.path: extra.source for extra in extras}


def _refuse(written: Path, texts: Sequence[str]) -> None:
    if texts:
        raise ConfigError([Problem(written, 0, f"files: {text}") for text in texts])


def _expand(folder: Path, entry: ExtraFile, complain: Complain) -> Iterator[Extra]:
    source = folder / entry.source
    if not source.resolve().is_relative_to(folder.resolve()):
        complain(f"{entry.source} leads out of iso/")
    elif not source.exists():
        complain(f"{entry.source} is not in iso/")
    elif source.is_file():
        yield Extra(entry.path, source, entry.replace)
    else:
        yield from _below(entry, source, complain)


def _below(entry: ExtraFile, source: Path, complain: Complain) -> Iterator[Extra]:
    files = sorted(path for path in source.rglob("*") if path.is_symlink() or not path.is_dir())
    if not files:
        complain(f"{entry.source} is a folder without a file")
    for file in files:
        path = f"{entry.path}/{file.relative_to(source)}"
        if file.is_symlink() or not file.is_file():
            complain(f"{entry.source}/{file.relative_to(source)} is no regular file")
        elif not re.fullmatch(ISO_PATH, path):
            complain(f"{path!r} is no name that every boot loader can read: letters, digits and _ . + - only")
        else:
            yield Extra(path, file, entry.replace)


def _twice(extras: Sequence[Extra]) -> Iterator[str]:
    first: dict[str, Extra] = {}
    for extra in extras:
        if extra.path in first:
            yield f"two files for {extra.path}: {first[extra.path].source.name} and {extra.source.name}"
        first.setdefault(extra.path, extra)
    folders = {parent for path in first for parent in _parents(path)}
    yield from (f"{path} is a file, and a folder of others" for path in first if path in folders)


def _in_the_way(extra: Extra, base: Collection[str], folders: Collection[str], made: Collection[str]) -> Iterator[str]:
    above = [extra.path, *_parents(extra.path)]
    if taken := next((path for path in above if path in made), ""):
        yield f"{extra.path}: planex makes {taken} itself; choose another path"
    elif extra.path in folders:
        yield f"{extra.path} is a folder of the base ISO"
    elif over := next((path for path in above[1:] if path in base), ""):
        yield f"{extra.path}: {over} is a file of the base ISO"
    elif extra.path in base and not extra.replaces:
        yield f"{extra.path} is on the base ISO already; 'replace: true' beside it takes its place"


def _parents(path: str) -> list[str]:
    """Folders that a path lies in, but for the top."""
    return [str(parent) for parent in Path(path).parents if str(parent) != "/"]
