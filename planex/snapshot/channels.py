# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels: names under which others use a snapshot. Who promoted what, when and why is a chain of lines.

Each line of ``promotions.jsonl`` holds the SHA-256 of the line before it, so that none can be changed, taken out or
put in between unseen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from planex.checksums import digest_of_text
from planex.content import records
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.snapshot.diff import compare_rpms
from planex.snapshot.folder import LATEST, LATEST_GOOD, SnapshotFolder
from planex.snapshot.record import Snapshot
from planex.snapshot.upgrade import stays_behind

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
START = "0" * 64
"""What the first line has in place of the digest of the line before it."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """``was``: the id before, or empty; ``when``: ISO 8601, UTC; ``before``: digest of the line before."""

    number: int
    when: str
    who: str
    channel: str
    was: str
    now: str
    why: str
    checked: tuple[str, ...]
    before: str

    @property
    def line(self) -> str:
        return json.dumps(asdict(self))


def promote(
    archive: SnapshotFolder, snapshot: Snapshot, channel: str, *, who: str, why: str, require: Iterable[str]
) -> str:
    """Let a channel lead to a snapshot; the id that it led to before. ``archive`` must be held alone.

    The line is written before the link is switched: what was not told never happens.
    """
    if not _NAME.fullmatch(channel) or channel in (LATEST, LATEST_GOOD):
        raise PlanexError(f"'{channel}' is no name of a channel", "lower case letters, digits and -: nightly, stable")
    old = archive.linked(channel)
    was = archive.load(old) if old else None
    checked = tuple(sorted({"good", *require}))
    if failures := [text for check in checked for text in CHECKS[check](snapshot, was)]:
        raise PlanexError("\n".join([f"{snapshot.id} is not promoted to {channel}:", *(f"  {f}" for f in failures)]))
    lines = read_lines(archive.journal)
    before = digest_of_text(lines[-1]) if lines else START
    when = datetime.now(UTC).isoformat(timespec="seconds")
    promotion = Promotion(len(lines) + 1, when, who, channel, str(old or ""), snapshot.id, why, checked, before)
    write_atomic(archive.journal, "".join(f"{line}\n" for line in [*lines, promotion.line]), durable=True)
    archive.point(channel, snapshot.id)
    return promotion.was


def _good(snapshot: Snapshot, was: Snapshot | None) -> Iterator[str]:
    if not snapshot.good:
        yield f"it is broken by {', '.join(snapshot.broken_by)}"


def _clean(snapshot: Snapshot, was: Snapshot | None) -> Iterator[str]:
    if snapshot.dirty:
        yield "it was made of a workspace that was not as in its commit"


def _upgrade(snapshot: Snapshot, was: Snapshot | None) -> Iterator[str]:
    """What a machine that uses the channel would not get by an upgrade."""
    if was is None or was.id == snapshot.id:
        return
    faults = [fault for proof in snapshot.upgrades if proof.start == was.id for fault in proof.faults]
    yield from dict.fromkeys((*stays_behind(compare_rpms(was.rpms, snapshot.rpms)), *faults))
    if was.id not in {proof.start for proof in snapshot.upgrades}:
        yield f"the upgrade from {was.id} was not tried"


CHECKS = {"good": _good, "clean": _clean, "upgrade": _upgrade}
"""What can be required of a promotion, by name."""


def read_lines(journal: Path) -> list[str]:
    """The lines of the promotions, oldest first."""
    try:
        return journal.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []


def promotions(archive: SnapshotFolder) -> list[Promotion]:
    """All promotions that can be read."""
    found: list[Promotion] = []
    for line in read_lines(archive.journal):
        try:
            found.append(records.from_plain(json.loads(line), Promotion))
        except (ValueError, records.Damaged):
            continue
    return found


def audit(archive: SnapshotFolder) -> list[str]:
    """All that is wrong with the promotions and the channels, in words."""
    return [*_broken_chain(read_lines(archive.journal)), *_strayed(archive, promotions(archive))]


def _broken_chain(lines: list[str]) -> Iterator[str]:
    before = START
    for number, line in enumerate(lines, 1):
        try:
            promotion = records.from_plain(json.loads(line), Promotion)
        except (ValueError, records.Damaged):
            yield f"line {number} is no promotion"
        else:
            if promotion.before != before:
                yield f"line {number} does not follow the line before it: one was changed, taken out or put in"
            if promotion.number != number:
                yield f"line {number} has number {promotion.number}"
        before = digest_of_text(line)


def _strayed(archive: SnapshotFolder, known: list[Promotion]) -> Iterator[str]:
    last = {promotion.channel: promotion.now for promotion in known}
    for channel in sorted({*last, *archive.channel_names()}):
        leads, told = str(archive.linked(channel) or "nowhere"), last.get(channel, "nowhere")
        if leads != told:
            yield f"channel {channel} leads to {leads}, and was promoted to {told}"
        elif not archive.folder(leads).is_dir():
            yield f"channel {channel} leads to {leads}, which is not there"
