# SPDX-License-Identifier: LGPL-2.1-or-later
"""A workspace beside the real one in which a carried queue is tried: nothing of the real one is changed.

It shares what is made from keys (downloads, caches, bases, layers) and the results of others. The package itself
has results of its own there, so trials push no real result out.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from planex.checksums import digest_of_text
from planex.content import records, shelf
from planex.drafts import write_atomic
from planex.patchqueue.commits.commits import Chain
from planex.patchqueue.commits.sourcecommit import ImportedSource
from planex.patchqueue.commits.writeback import Writes, carry_out
from planex.patchqueue.format.queue import SERIES
from planex.rebase.finish import finish_writes
from planex.rebase.package import PackageQueue
from planex.rebase.state import State
from planex.workspace import CONFIG_NAME, Workspace

_FORMAT = 1
_SHARED = ("downloads", "cache", "base")


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a trial. ``log``: of the build that failed."""

    builds: bool
    log: str = ""


@dataclass(frozen=True)
class Trial:
    """A queue that was carried, to be built with more or fewer of its patches."""

    package: PackageQueue
    state: State
    chain: Chain
    base: ImportedSource

    @property
    def folder(self) -> Path:
        return self.package.home / "trial"

    def writes(self, count: int) -> Writes:
        """What the first ``count`` patches would have become in the workspace."""
        state = replace(self.state, verdicts=self.state.verdicts[:count])
        writes = finish_writes(self.package, state, self.chain, self.base)
        return writes if count else _emptied(self.package, writes)

    def lay_out(self, writes: Writes) -> Workspace:
        """The workspace, with these files in it."""
        real = self.package.project.workspace
        for name in ("specs", "patchqueues"):
            shelf.remove(self.folder / name)
            _link_all(real.root / name, self.folder / name, but=self.package.name)
        shutil.copytree(real.specs / self.package.name, self.folder / "specs" / self.package.name)
        self._write_queue()
        carry_out(self.folder, writes)
        write_atomic(self.folder / CONFIG_NAME, real.config.read_text())
        for name in ("repos", "mock-configs"):
            _link(real.root / name, self.folder / name)
        self._share(real)
        return Workspace(self.folder)

    def _write_queue(self) -> None:
        """The queue as it was read: a rebase may have written the real one meanwhile."""
        queue = self.package.queue
        folder = self.folder / "patchqueues" / self.package.name
        folder.mkdir(parents=True)
        (folder / SERIES).write_text(queue.series.text(), errors="surrogateescape")
        for patch in (*queue.applied, *queue.skipped):
            (folder / patch.name).parent.mkdir(parents=True, exist_ok=True)
            (folder / patch.name).write_bytes(patch.data)

    def _share(self, real: Workspace) -> None:
        target = self.package.project.target_name
        build, own = real.target(target), self.folder / "_build" / target
        for name in _SHARED:
            _link(real.build / name, self.folder / "_build" / name)
        (build / "buildroots").mkdir(parents=True, exist_ok=True)
        _link(build / "buildroots", own / "buildroots")
        _link_all(build / "store", own / "store", but=self.package.name)

    def known(self, key: str) -> Tried | None:
        """What an earlier trial with this key came to."""
        tried = records.load(self._record(key), Tried, _FORMAT)
        return tried if tried is None or tried.builds or Path(tried.log).is_file() else None

    def keep(self, key: str, log: Path | None) -> Tried:
        """Remember a trial; the log of one that failed stays."""
        kept = ""
        if log is not None:
            place = self._record(key).with_suffix(".log")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log, place)
            kept = str(place)
        tried = Tried(log is None, kept)
        records.save(self._record(key), tried, _FORMAT)
        return tried

    def _record(self, key: str) -> Path:
        return self.package.home / "tried" / f"{digest_of_text(key)}.json"


def _emptied(package: PackageQueue, writes: Writes) -> Writes:
    """The same version without any patch that is applied."""
    queue = package.queue
    folder = str(queue.folder.relative_to(package.project.workspace.root))
    files = {name: data for name, data in writes.files.items() if not name.startswith(f"{folder}/")}
    kept = "".join(f"{patch.entry.text}\n" for patch in queue.skipped)
    return Writes({**files, f"{folder}/{SERIES}": kept.encode("utf-8", "surrogateescape")})


def _link_all(real: Path, folder: Path, but: str) -> None:
    """Links to all that lies in a folder, one name aside."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in _entries(real):
        if path.name != but:
            _link(path, folder / path.name)


def _entries(folder: Path) -> Iterable[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else ()


def _link(real: Path, link: Path) -> None:
    """A link, if there is something to lead to."""
    if real.exists() and not os.path.lexists(link):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(real.resolve())
