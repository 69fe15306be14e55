# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from planex.pages.table import fitted
from planex.printable import few
from planex.snapshot.diff import SnapshotChanges
from planex.snapshot.record import Snapshot
from planex.units import clock, many


def list_text(snapshots: Iterable[Snapshot], names: Mapping[str, Sequence[str]], width: int) -> str:
    """A line each, the newest first; ``names``: id to the channels and links that lead to it."""
    rows = [
        (
            snapshot.id,
            str(snapshot.state),
            clock(snapshot.seconds),
            _what(snapshot),
            " ".join(names.get(snapshot.id, ())),
        )
        for snapshot in reversed(list(snapshots))
    ]
    return fitted(rows, width)


def _what(snapshot: Snapshot) -> str:
    return f"broken by {', '.join(snapshot.broken_by)}" if snapshot.broken_by else snapshot.subject


def show_text(snapshot: Snapshot, names: Sequence[str], width: int) -> str:
    """All that a person asks first of one."""
    head = [
        ("snapshot", snapshot.id),
        ("state", f"{snapshot.state} {' '.join(f'[{name}]' for name in names)}".rstrip()),
        ("target", snapshot.target),
        ("commit", f"{snapshot.commit[:12]} {snapshot.subject}{' (and changes to it)' if snapshot.dirty else ''}"),
        ("made", f"{snapshot.began}, in {clock(snapshot.seconds)}, by planex {snapshot.planex}"),
        ("holds", ", ".join(_holds(snapshot))),
    ]
    parts = [(str(part.status), part.name, clock(part.seconds), part.message) for part in snapshot.parts]
    built = [(p.status or p.action, p.package, clock(p.seconds), p.error or few(p.reasons)) for p in snapshot.packages]
    sections = [fitted(head, width), fitted(parts, width)]
    return "\n\n".join([*sections, *([fitted(built, width)] if built else [])])


def _holds(snapshot: Snapshot) -> Iterator[str]:
    yield many(len(snapshot.rpms), "RPM") if snapshot.rpms else "no repository"
    if snapshot.iso:
        yield f"{snapshot.iso.path} ({snapshot.iso.size / 1e6:.0f} MB, SHA-256 {snapshot.iso.digest})"


def diff_text(changes: SnapshotChanges, width: int) -> str:
    """What differs, by kind; what is the same is not told."""
    rpms = changes.rpms
    lowered = set(rpms.lowered)
    rows = [
        *(("-", rpm.name, rpm.evr) for rpm in rpms.removed),
        *(("+", rpm.name, rpm.evr) for rpm in rpms.added),
        *(("", n, f"{old} -> {new}{' (goes down)' if (n, old, new) in lowered else ''}") for n, old, new in rpms.moved),
        *(("", name, f"{evr}, other contents under the same version") for name, evr in rpms.silent),
    ]
    sections: dict[str, Sequence[Sequence[str]]] = {
        "Commits": [(commit,) for commit in changes.commits],
        "RPMs": rows,
        "Built": [(name, few(reasons)) for name, reasons in changes.rebuilt],
        "Parts": [(name, f"{old} -> {new}") for name, old, new in changes.parts],
        "ISO": [(f"{changes.iso[1] / 1e6:.1f} MB ({(changes.iso[1] - changes.iso[0]) / 1e6:+.1f})",)] * _iso(changes),
    }
    told = [f"{title}\n{fitted(rows, width, 2)}" for title, rows in sections.items() if rows]
    took = f"made in {clock(changes.seconds[1])}, before in {clock(changes.seconds[0])}"
    return "\n\n".join([f"{changes.old} -> {changes.new}, {took}", *(told or ["no differences"])])


def _iso(changes: SnapshotChanges) -> bool:
    return changes.iso[0] != changes.iso[1]
