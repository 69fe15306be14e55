# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks after a shared store in a folder: what is there, whether it is whole, and what may go."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from planex.checksums import digest_of
from planex.content import records, shelf
from planex.content.records import Damaged
from planex.regular import NotRegular, read_regular
from planex.sharing import record
from planex.sharing.record import SharedResult

Stamp = tuple[int, ...]
"""Is another one once a file was brought again."""
GRACE = 3600.0
"""Seconds for which a file stays that no record speaks of: whoever brings one writes its record last."""


@dataclass(frozen=True, slots=True)
class LaidRecord:
    """A record as it lies in a folder. ``result``: None where it is damaged; ``age`` in seconds."""

    path: Path
    result: SharedResult | None
    age: float
    stamp: Stamp = ()

    @property
    def digests(self) -> frozenset[str]:
        """Of all files that it speaks of."""
        return frozenset(file.sha256 for file in self.result.blobs.values()) if self.result else frozenset()

    def has(self, digests: Collection[str]) -> bool:
        """Whether one of its RPMs is among these."""
        return self.result is not None and any(file.sha256 in digests for file in self.result.rpms.values())


@dataclass(frozen=True, slots=True)
class LaidFile:
    """A file in ``cas/``. ``age``: seconds since it was last brought."""

    path: Path
    size: int
    age: float
    stamp: Stamp = ()


@dataclass(frozen=True, slots=True)
class Laid:
    """All that lies in a shared folder."""

    records: tuple[LaidRecord, ...]
    files: Mapping[str, LaidFile]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files.values())


@dataclass(frozen=True, slots=True)
class GcRules:
    """What goes: what is older than ``age`` seconds, then the oldest until no more than ``size`` bytes are there.

    Results with an RPM of ``roots`` (SHA-256) stay whatever their age.
    """

    roots: Collection[str] = field(default_factory=frozenset)
    age: float | None = None
    size: int | None = None


def survey(root: Path) -> Laid:
    """What lies in a folder; what is deleted meanwhile is not there.

    Records first: whoever brings one brought its files before, so these are found after it.
    """
    found = tuple(
        LaidRecord(path, _read(path), now - stat.st_mtime, _stamp(stat))
        for path, stat, now in _plain_files(root / "ac")
    )
    files = (
        LaidFile(path, stat.st_size, now - stat.st_mtime, _stamp(stat))
        for path, stat, now in _plain_files(root / "cas")
    )
    return Laid(found, {file.path.name: file for file in files})


def _plain_files(folder: Path) -> Iterator[tuple[Path, os.stat_result, float]]:
    now = time.time()
    for path in sorted(folder.glob("[0-9a-f]*")):
        with suppress(FileNotFoundError):
            yield path, path.stat(follow_symlinks=False), now


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: Path) -> SharedResult | None:
    try:
        text = record.unseal(read_regular(path, record.LIMIT)).record
        said = records.parse(text.encode("utf-8", "surrogateescape"), SharedResult, record.FORMAT)
        found = record.parse(text, said.package, said.key)
    except (Damaged, NotRegular):
        return None
    return found if path.name in (found.key, record.rival_key(found.key)) else None


def rivals(laid: Laid) -> Iterator[tuple[SharedResult, tuple[str, ...]]]:
    """Results that differ from the first of their key, and the files in which they do."""
    firsts = {each.path.name: each.result for each in laid.records if each.result}
    for each in laid.records:
        if each.result and each.path.name != each.result.key and (first := firsts.get(each.result.key)):
            yield each.result, record.unlike(first, each.result)


def faults(laid: Laid, progress: Callable[[int, int], None] = lambda done, total: None) -> Iterator[tuple[Path, str]]:
    """Read everything: what is damaged, cut off or missing, by its path, in words."""
    yield from ((each.path, "is no record of its key") for each in laid.records if each.result is None)
    for digest in sorted({digest for each in laid.records for digest in each.digests} - laid.files.keys()):
        owner = next(each for each in laid.records if digest in each.digests)
        lost = owner.path.parent.parent / "cas" / digest
        if owner.path.exists() and not lost.exists():
            yield lost, f"is missing: ac/{owner.path.name} speaks of it"
    for number, (digest, file) in enumerate(laid.files.items(), 1):
        try:
            right = digest_of(file.path, "SHA256") == digest
        except NotRegular:
            right = False
        if not right and os.path.lexists(file.path):
            yield file.path, "is damaged: it has not the digest that is its name"
        progress(number, len(laid.files))


def doomed(laid: Laid, rules: GcRules) -> tuple[Path, ...]:
    """What may be deleted, records before the files that only they speak of. Pure."""
    kept = [each for each in laid.records if _stays(each, rules)]
    if rules.size is not None:
        kept = _shrunk(laid, kept, rules)
    spoken = {digest for each in kept for digest in each.digests}
    gone = {each.path for each in laid.records} - {each.path for each in kept}
    files = (file.path for digest, file in laid.files.items() if digest not in spoken and file.age > GRACE)
    return (*sorted(gone), *files)


def _stays(each: LaidRecord, rules: GcRules) -> bool:
    if each.result is None:
        return each.age <= GRACE
    return rules.age is None or each.age <= rules.age or each.has(rules.roots)


def _shrunk(laid: Laid, records_: list[LaidRecord], rules: GcRules) -> list[LaidRecord]:
    """Without the oldest, until what is left is no larger than it may be; roots stay."""
    uses: dict[str, int] = {}
    for each in records_:
        for digest in each.digests:
            uses[digest] = uses.get(digest, 0) + 1
    size = sum(laid.files[digest].size for digest in uses if digest in laid.files)
    kept = []
    for each in sorted(records_, key=lambda each: -each.age):
        if size <= (rules.size or 0) or each.has(rules.roots):
            kept.append(each)
            continue
        for digest in each.digests:
            uses[digest] -= 1
            if not uses[digest] and digest in laid.files:
                size -= laid.files[digest].size
    return kept


def collect(root: Path, laid: Laid, paths: Collection[Path]) -> None:
    """Delete these, but for what was brought since they were surveyed, and what killed runs left."""
    stamps = {each.path: each.stamp for each in laid.records} | {each.path: each.stamp for each in laid.files.values()}
    for path in paths:
        with suppress(FileNotFoundError):
            if _stamp(path.stat(follow_symlinks=False)) == stamps.get(path):
                shelf.remove(path)
    shelf.sweep([root / "ac", root / "cas"])
