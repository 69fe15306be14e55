# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tells somebody when the nights turn from good to broken, or back: a command, with JSON on its standard input.

What was told is written down once the command took it: a change whose telling was killed, or failed, is told next time.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path

from planex.content import records
from planex.errors import ConfigError
from planex.run import NETWORK, run
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.record import PartStatus, Snapshot, SnapshotState

_FORMAT, _RECORD = 1, "told.json"
_PATIENCE = 60.0
_CALLER = NETWORK | {"HOME", "USER"}


@dataclass(frozen=True, slots=True)
class ToldState:
    """The state that was told last, and of which snapshot."""

    state: SnapshotState
    snapshot: str = ""


@dataclass(frozen=True, slots=True)
class StateChange:
    """What the command gets. ``before``: the snapshot that was told last; ``folder``: where this one is.

    Where no snapshot came about, it is told of none: ``snapshot``, ``commit``, ``subject`` and ``folder`` are empty.
    """

    state: SnapshotState
    was: SnapshotState
    snapshot: str
    before: str
    target: str
    commit: str
    subject: str
    broken_by: tuple[tuple[str, str], ...]
    """Parts that failed, and what they said."""
    folder: str


def state_change(snapshot: Snapshot, told: ToldState, folder: Path) -> StateChange | None:
    """What there is to tell; None where nothing turned."""
    if snapshot.state is told.state:
        return None
    failed = tuple((part.name, part.message) for part in snapshot.parts if part.status is PartStatus.FAILED)
    return StateChange(
        snapshot.state, told.state, snapshot.id, told.snapshot,
        snapshot.target, snapshot.commit, snapshot.subject, failed, str(folder),
    )  # fmt: skip


def notify(archive: SnapshotFolder, snapshot: Snapshot, command: str) -> bool:
    """Run ``command`` if the state turned since it was told last; before that, it was good. Whether it did."""
    return _tell(archive, state_change(snapshot, _told(archive), archive.folder(snapshot.id)), command)


def notify_of_none(archive: SnapshotFolder, target: str, why: str, command: str) -> bool:
    """The same of a night of which no snapshot came about: it is broken."""
    told, broken = _told(archive), SnapshotState.BROKEN
    if told.state is broken:
        return False
    return _tell(
        archive, StateChange(broken, told.state, "", told.snapshot, target, "", "", (("create", why),), ""), command
    )


def _told(archive: SnapshotFolder) -> ToldState:
    return records.load(archive.root / _RECORD, ToldState, _FORMAT) or ToldState(SnapshotState.GOOD)


def _tell(archive: SnapshotFolder, change: StateChange | None, command: str) -> bool:
    if change is None:
        return False
    text = json.dumps({"format": _FORMAT, **asdict(change)}, indent=1) + "\n"
    run(command_words(command), stdin=text.encode(), timeout=_PATIENCE, inherit=_CALLER)
    records.save(archive.root / _RECORD, ToldState(change.state, change.snapshot), _FORMAT)
    return True


def command_words(command: str) -> list[str]:
    """A command as a person types it, without a shell."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"--notify {command}: {error}", "a program and its words, as in a shell") from None
    if not words:
        raise ConfigError("--notify has no command", "a program and its words, as in a shell")
    return words
