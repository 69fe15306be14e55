# SPDX-License-Identifier: LGPL-2.1-or-later
"""A patch queue: the folder ``patchqueues/<package>`` with its series and its patches, read and checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from planex.checksums import digest_of_text
from planex.errors import ENOUGH, ConfigError, Problem
from planex.patchqueue.format.diff import Diff, DiffError, parse_diff
from planex.patchqueue.format.header import Header, is_text, parse_header, split_patch
from planex.patchqueue.format.series import Entry, Series, parse_series
from planex.regular import NotRegular, read_regular

SERIES = "series"
MAX_PATCH, MAX_SERIES = 1 << 28, 1 << 22
"""Bytes that a file may have."""
MAX_NAME = 255
"""Bytes, on every file system in use."""


@dataclass(frozen=True)
class Patch:
    """A patch of the queue, with the bytes it had when the queue was read."""

    entry: Entry
    path: Path
    data: bytes

    @property
    def name(self) -> str:
        """As in the series."""
        return self.entry.name

    @property
    def strip(self) -> int:
        """Leading folders to drop from its paths (``patch -pN``)."""
        return self.entry.strip

    @cached_property
    def sha256(self) -> str:
        """Of its bytes, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def subject(self) -> str:
        """Its first line for people: the header's subject, or the file name."""
        return self.header.subject or self.path.stem

    @cached_property
    def header(self) -> Header:
        return parse_header(self.data, self.name)

    @cached_property
    def diff(self) -> Diff:
        """Its changes; none if the patch is damaged."""
        return self._parsed[0]

    @property
    def damage(self) -> Problem | None:
        """Where and why the file is no valid patch."""
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[Diff, Problem | None]:
        header, diff = split_patch(self.data)
        if not diff and not self.empty:
            return Diff(), Problem(self.path, 1, "is not a patch: it holds no diff, and is not a text")
        try:
            return parse_diff(diff, self.strip), None
        except DiffError as error:
            return Diff(), Problem(self.path, header.count(b"\n") + error.line, str(error))

    @cached_property
    def empty(self) -> bool:
        """It changes nothing: no bytes, or comments only. ``patch`` refuses such a file, so a build leaves it out.

        What is no text at all (random bytes, an archive) is not empty but damaged.
        """
        return self.diff_start == len(self.data) and is_text(self.data)

    @cached_property
    def diff_start(self) -> int:
        """Offset in bytes of the first diff line."""
        return len(split_patch(self.data)[0])

    @cached_property
    def key(self) -> str:
        """Names what the patch does: its bytes and strip level, not its file name."""
        return f"{self.sha256}-p{self.strip}"


@dataclass(frozen=True)
class PatchQueue:
    """A queue as the chosen guards see it."""

    folder: Path
    guards: frozenset[str]
    series: Series
    applied: tuple[Patch, ...]
    """In order, empty ones included."""
    skipped: tuple[Patch, ...] = ()
    """Patches that the guards leave out."""

    @property
    def patches(self) -> tuple[Patch, ...]:
        """The patches to hand to rpmbuild, in order: the applied ones that change something."""
        return tuple(patch for patch in self.applied if not patch.empty)

    @cached_property
    def digest(self) -> str:
        """Names everything the queue does, in order."""
        return chain_digest(patch.key for patch in self.applied)

    def find(self, name: str) -> Patch:
        """The applied patch called ``name``, with or without its ending."""
        for patch in self.applied:
            if name in (patch.name, patch.path.stem):
                return patch
        raise ConfigError(f"no applied patch '{name}' in {self.folder / SERIES}")


def chain_digest(keys: Iterable[str]) -> str:
    """SHA-256 over a sequence of keys."""
    return digest_of_text("\n".join(keys))


def load_queue(folder: Path, guards: AbstractSet[str] = frozenset()) -> PatchQueue:
    """Read a queue. A folder that is not there is an empty queue. Raises ConfigError with every mistake found."""
    path = folder / SERIES
    chosen = frozenset(guards)
    if not os.path.lexists(path):
        if folder.is_dir() and any(folder.glob("*.patch")):
            raise ConfigError(
                [Problem(path, 0, "file not found, though the folder holds patches")],
                f"name the patches in {path}, one a line, in the order they are applied",
            )
        return PatchQueue(folder, chosen, Series(), ())
    series = parse_series(_read_series(path), path)
    patches = _load_patches(folder, series, path)
    applied = tuple(patch for patch in patches if patch.entry.applies(chosen))
    skipped = tuple(patch for patch in patches if not patch.entry.applies(chosen))
    return PatchQueue(folder, chosen, series, applied, skipped)


def _read_series(path: Path) -> str:
    try:
        return read_regular(path, MAX_SERIES).decode("utf-8", "surrogateescape")
    except NotRegular as error:
        raise ConfigError(error.message, error.hint) from None


def _load_patches(folder: Path, series: Series, path: Path) -> list[Patch]:
    patches: list[Patch] = []
    problems: list[Problem] = []
    for entry in series.entries:
        if len(problems) >= ENOUGH:
            break
        file = folder / entry.name
        if problem := _file_problem(folder, file, entry):
            problems.append(Problem(path, entry.line, problem))
            continue
        try:
            patches.append(Patch(entry, file, read_regular(file, MAX_PATCH)))
        except NotRegular as error:
            problems.append(Problem(path, entry.line, f"'{entry.name}' cannot be read: {error.message}"))
    problems += _same_file_names(series, path)
    if problems:
        raise ConfigError(problems)
    return patches


def _same_file_names(series: Series, path: Path) -> Iterable[Problem]:
    """A source package holds all patches in one folder."""
    seen: dict[str, Entry] = {}
    for entry in series.entries:
        first = seen.setdefault(Path(entry.name).name, entry)
        if first is not entry:
            message = f"'{entry.name}' has the same file name as '{first.name}' (line {first.line})"
            yield Problem(path, entry.line, message)


def _file_problem(folder: Path, file: Path, entry: Entry) -> str | None:
    if any(len(os.fsencode(part)) > MAX_NAME for part in file.parts):
        return f"'{entry.name[:40]}...' is too long for a file's name"
    if not file.exists():
        return f"'{entry.name}' is not in the patch queue"
    if not file.is_file():
        return f"'{entry.name}' is not a file"
    if not file.resolve().is_relative_to(folder.resolve()):
        return f"'{entry.name}' lies outside the patch queue (a symbolic link leads to {file.resolve()})"
    return None
