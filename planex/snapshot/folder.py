# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where snapshots are kept: a folder each, never changed once it is there, and links that say which is which.

``latest`` is the newest, ``latest-good`` the newest of which all parts worked; ``channels/NAME`` are promoted ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from planex.content import records, shelf
from planex.content.locks import Patience, hold
from planex.drafts import switch_link
from planex.errors import PlanexError
from planex.nearest import did_you_mean
from planex.snapshot.ident import SnapshotId, parse_id
from planex.snapshot.record import FORMAT, NAME, Snapshot

LATEST, LATEST_GOOD = "latest", "latest-good"
_HINT = "planex snapshot list names those that are there"


@dataclass(frozen=True, slots=True)
class SnapshotFolder:
    """The snapshots of one target."""

    root: Path

    @property
    def channels(self) -> Path:
        return self.root / "channels"

    @property
    def journal(self) -> Path:
        """Every promotion, a line each."""
        return self.root / "promotions.jsonl"

    @property
    def site(self) -> Path:
        """Pages about the snapshots (``planex snapshot site``)."""
        return self.root / "site"

    @contextmanager
    def alone(self, patience: Patience) -> Iterator[None]:
        """Nobody else makes, promotes or deletes snapshots meanwhile; what a killed run left is swept."""
        with hold(self.root / ".lock", patience=patience):
            shelf.sweep([self.root, self.channels])
            self.mend_links()
            yield

    def ids(self) -> list[SnapshotId]:
        """From the oldest to the newest."""
        if not self.root.is_dir():
            return []
        return sorted(found for path in self.root.iterdir() if path.is_dir() and (found := parse_id(path.name)))

    def folder(self, ident: SnapshotId | str) -> Path:
        return self.root / str(ident)

    def load(self, ident: SnapshotId | str) -> Snapshot:
        """What is written of a snapshot. Raises PlanexError if it cannot be read."""
        return records.require(self.folder(ident) / NAME, Snapshot, FORMAT, _HINT)

    def all(self) -> list[Snapshot]:
        """Every snapshot that can be read, from the oldest to the newest."""
        found = (records.load(self.folder(ident) / NAME, Snapshot, FORMAT) for ident in self.ids())
        return [snapshot for snapshot in found if snapshot]

    def find(self, name: str) -> Snapshot:
        """The snapshot that a person means: an id or its beginning, ``latest``, ``latest-good``, or a channel."""
        if (linked := self.linked(name)) is not None:
            return self.load(linked)
        known = [str(ident) for ident in self.ids()]
        found = [ident for ident in known if ident.startswith(name)] if name else []
        if len(found) == 1:
            return self.load(found[0])
        if found:
            raise PlanexError(f"'{name}' is the beginning of {len(found)} snapshots: {', '.join(found[:5])}", _HINT)
        names = [*known, LATEST, LATEST_GOOD, *self.channel_names()]
        raise PlanexError(f"no such snapshot: {name}", did_you_mean(name, names) or _HINT)

    def linked(self, name: str) -> SnapshotId | None:
        """Where ``latest``, ``latest-good`` or a channel leads."""
        link = self.root / name if name in (LATEST, LATEST_GOOD) else self.channels / name
        if not name or "/" in name or not link.is_symlink():
            return None
        return parse_id(link.readlink().name)

    def channel_names(self) -> list[str]:
        return sorted(path.name for path in self.channels.glob("[!.]*") if path.is_symlink())

    def point(self, channel: str, ident: SnapshotId | str) -> None:
        """Let a channel lead to a snapshot, in one step."""
        self.channels.mkdir(parents=True, exist_ok=True)
        switch_link(self.channels / channel, self.folder(ident))

    def remove(self, ident: SnapshotId | str) -> None:
        """Delete a snapshot; links that led to it are mended by whoever is alone next."""
        shelf.remove(self.folder(ident))

    def mend_links(self) -> None:
        """Let ``latest`` and ``latest-good`` lead to what is there: a run may have been killed before it did."""
        found = self.all()
        for name, wanted in ((LATEST, found[-1:]), (LATEST_GOOD, [one for one in found if one.good][-1:])):
            if wanted and str(self.linked(name)) != wanted[0].id:
                switch_link(self.root / name, self.folder(wanted[0].id))
