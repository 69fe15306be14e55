# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of one snapshot: its parts, packages, ISO and RPMs, and what differs from the night before."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from planex.pages.site.frame import (
    Site,
    address,
    brief,
    chip,
    document,
    folded,
    link,
    night_page,
    package_page,
    rows,
    said,
)
from planex.pages.site.front import holds, part_row
from planex.pages.site.history import FAILED
from planex.pages.web import escaped
from planex.printable import few
from planex.snapshot.diff import RpmChanges, SnapshotChanges, compare, compare_rpms
from planex.snapshot.nights import Night
from planex.snapshot.record import BuiltPackage, PublishedFile, PublishedRpm, Snapshot
from planex.units import clock, many, size_text

_FILES = ("snapshot.json", "events.jsonl", "junit.xml")
_UP = "../"


@dataclass(frozen=True)
class Neighbours:
    """Ids of the nights around one, the record before it, and the last before it that has a repository."""

    earlier: str = ""
    later: str = ""
    before: Snapshot | None = None
    stocked: Snapshot | None = None


@dataclass(frozen=True)
class NightPage:
    site: Site
    night: Night
    beside: Neighbours

    def text(self) -> str:
        return document(self.site, night_page(self.night.ident), brief(self.night.ident), self._body())

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        if self.night.snapshot is None:
            return {"id": self.night.ident, "state": "damaged", "fault": self.night.fault}
        changes = asdict(self.changes) if self.changes else None
        rpms = {"old": self.beside.stocked.id, **asdict(self.rpms)} if self.beside.stocked and self.rpms else None
        return {**asdict(self.night.snapshot), "changes": changes and {**changes, "rpms": rpms}}

    @cached_property
    def changes(self) -> SnapshotChanges | None:
        """Since the night before."""
        one, before = self.night.snapshot, self.beside.before
        return compare(before, one) if one and before else None

    @cached_property
    def rpms(self) -> RpmChanges | None:
        """Since the last repository; a broken night has none."""
        one, before = self.night.snapshot, self.beside.stocked
        return compare_rpms(before.rpms, one.rpms) if one and one.rpms and before else None

    def _body(self) -> Iterator[str]:
        snapshot = self.night.snapshot
        if snapshot is None:
            yield f'<h1 class="state damaged">{self.night.ident} cannot be read</h1>'
            yield f'<p class="soft">{said(self.night.fault)}</p>'
            yield self._around()
            return
        yield f'<h1 class="state {snapshot.state}">{brief(snapshot.id)} is {snapshot.state}</h1>'
        names = "".join(f"{chip(name)} " for name in self.site.channels_of.get(snapshot.id, ()))
        dirty = " (and changes to it)" if snapshot.dirty else ""
        yield f"<p>{names}{said(snapshot.subject)}{dirty}</p>"
        made = f"commit {snapshot.commit[:12]}, begun {snapshot.began[:16].replace('T', ' ')} UTC, "
        made += f"took {clock(snapshot.seconds)}, by planex {snapshot.planex}; {holds(snapshot)}"
        yield f'<p class="soft">{said(made)}</p>'
        yield self._around()
        yield "<h2>Parts</h2>"
        yield rows(part_row(self.site, snapshot, part, _UP) for part in snapshot.parts)
        yield from self._packages(snapshot)
        yield from self._differences()
        if snapshot.iso:
            yield from self._image(snapshot.iso)
        yield from self._rpms(snapshot)
        files = [self._file(name, name) for name in _FILES if name in self.night.files]
        if files:
            yield f"<h2>Files</h2>\n<p>{' '.join(files)}</p>"

    def _file(self, path: str, words: str) -> str:
        return self.site.file(self.night.ident, path, words, _UP)

    def _around(self) -> str:
        beside = ((self.beside.earlier, "the night before"), (self.beside.later, "the night after"))
        links = (link(_UP + night_page(ident), f"{words}: {brief(ident)}") for ident, words in beside if ident)
        return f'<nav aria-label="Nights beside it">{"".join(links)}</nav>'

    def _packages(self, snapshot: Snapshot) -> Iterator[str]:
        if not snapshot.packages:
            return
        yield f'<h2 id="packages">{many(len(snapshot.packages), "package")}</h2>'
        loud = [package for package in snapshot.packages if _loud(package)]
        quiet = [package for package in snapshot.packages if not _loud(package)]
        loud.sort(key=lambda package: package.status != FAILED)
        if loud:
            yield rows(map(self._package, loud))
        if quiet:
            head = f"{many(len(quiet), 'package')} {'as they were' if len(quiet) > 1 else 'as it was'}"
            yield folded(head, rows(map(self._package, quiet)), opened=not loud and len(quiet) < 10)

    def _package(self, package: BuiltPackage) -> str:
        own = f"packages/{package.package}/"
        logs = sorted(path for path in self.night.files if path.startswith(own) and path.endswith(".log"))
        links = " ".join(self._file(path, path.removeprefix(own)) for path in logs)
        time = f' <span class="soft">{clock(package.seconds)}</span>' if package.seconds else ""
        head = f"{link(_UP + package_page(package.package), package.package)}{time}"
        why = f'<span class="soft">{said(few(package.reasons))}</span>' if package.reasons else ""
        error = f"<pre>{said(package.error)}</pre>" if package.error else ""
        more = f"<span>{why} {links}{error}</span>"
        return f"{chip(package.status or package.action)}<span>{head}</span>{more}"

    def _differences(self) -> Iterator[str]:
        if not (before := self.beside.before) or not (changes := self.changes):
            return
        link_before = link(_UP + night_page(before.id), brief(before.id))
        yield f'<h2 id="changes">Since {link_before}</h2>'
        told = [*self._told(changes, before), *self._rpm_changes()]
        yield rows(told, "rows two") if told else '<p class="none">No differences.</p>'

    def _told(self, changes: SnapshotChanges, before: Snapshot) -> Iterator[str]:
        snapshot = self.night.snapshot
        if snapshot and before.commit != snapshot.commit:
            yield f"<b>commit</b><span>{said(f'{before.commit[:12]} → {snapshot.commit[:12]}')}</span>"
        for commit in snapshot.commits if snapshot else ():
            yield f"<code>{escaped(commit[:12])}</code><span>{said(commit[13:])}</span>"
        for name, old, new in changes.parts:
            yield f"<b>{escaped(name)}</b><span>{chip(old)} → {chip(new)}</span>"
        if changes.iso[0] != changes.iso[1]:
            old, new = (size_text(size) if size else "none" for size in changes.iso)
            yield f"<b>ISO</b><span>{old} → {new}</span>"
        slower = changes.seconds[1] - changes.seconds[0]
        if abs(slower) > max(60, changes.seconds[0] / 4):
            yield f"<b>time</b><span>{clock(changes.seconds[0])} → {clock(changes.seconds[1])}</span>"

    def _rpm_changes(self) -> Iterator[str]:
        rpms, stocked, before = self.rpms, self.beside.stocked, self.beside.before
        if not rpms or not stocked:
            return
        since = f" (since {brief(stocked.id)}, the last repository)" if before and stocked.id != before.id else ""
        lowered = set(rpms.lowered)
        for rpm in rpms.removed:
            yield f"<b>{escaped(rpm.name)}</b><span>{said(rpm.evr)} is gone{since}</span>"
        for rpm in rpms.added:
            yield f"<b>{escaped(rpm.name)}</b><span>{said(rpm.evr)} is new{since}</span>"
        for name, old, new in rpms.moved:
            down = ' <span class="alarm">goes down</span>' if (name, old, new) in lowered else ""
            yield f"<b>{escaped(name)}</b><span>{said(f'{old} → {new}')}{down}{since}</span>"
        for name, evr in rpms.silent:
            yield f"<b>{escaped(name)}</b><span>{said(evr)}: other contents under the same version{since}</span>"

    def _image(self, iso: PublishedFile) -> Iterator[str]:
        name = iso.path.rpartition("/")[2]
        yield '<h2 id="iso">ISO</h2>'
        beside = sorted(path for path in self.night.files if path.startswith(f"{iso.path}."))
        links = " ".join(self._file(path, path.rpartition("/")[2].removeprefix(name)) for path in beside)
        yield f'<p>{self._file(iso.path, name)} <span class="soft">{size_text(iso.size)}</span> {links}</p>'
        yield f"<p>SHA-256 <code>{escaped(iso.digest)}</code></p>"
        yield "<p>To verify it, where it was saved:</p>"
        yield f'<pre tabindex="0">{escaped(chr(10).join(self._commands(iso, name)))}</pre>'

    def _commands(self, iso: PublishedFile, name: str) -> Iterator[str]:
        yield f"echo {shlex.quote(f'{iso.digest}  {name}')} | sha256sum -c"
        signed = f"{iso.path}.asc" in self.night.files
        if signed:
            yield f"gpg --verify {shlex.quote(f'./{name}.asc')} {shlex.quote(f'./{name}')}"
        yield f"planex iso verify {shlex.quote(f'./{name}')}{' --key release.asc' if signed else ''}"

    def _rpms(self, snapshot: Snapshot) -> Iterator[str]:
        if not snapshot.rpms:
            return
        total = sum(rpm.size for rpm in snapshot.rpms)
        yield '<h2 id="rpms">Repository</h2>'
        base = f"{_UP}{address(self.site.archive)}/{address(self.night.ident)}/repo/"
        place = f"{link(base, 'baseurl for dnf')} " if "repo/repodata/repomd.xml" in self.night.files else ""
        yield f"<p>{place}</p>" if place else ""
        head = f"{many(len(snapshot.rpms), 'RPM')}, {size_text(total)}"
        yield folded(head, rows(map(self._rpm, snapshot.rpms), "rows two"), opened=len(snapshot.rpms) < 10)

    def _rpm(self, rpm: PublishedRpm) -> str:
        facts = f'<span class="soft">{size_text(rpm.size)}, SHA-256 <code>{escaped(rpm.digest)}</code></span>'
        return f"<span>{self._file(f'repo/{rpm.location}', rpm.name)}</span><span>{said(rpm.evr)} {facts}</span>"


def _loud(package: BuiltPackage) -> bool:
    """Whether something became of it, or should have."""
    return package.action == "build" or bool(package.error)
