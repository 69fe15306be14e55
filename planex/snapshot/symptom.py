# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is broken in a snapshot, and what the records of other snapshots say of that. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from planex.bisection import Judgement
from planex.errors import PlanexError
from planex.events import Status
from planex.snapshot import parts
from planex.snapshot.record import BuiltPackage, PartStatus, Snapshot

_NOT_TRIED = (Status.SKIPPED.value, Status.POSTPONED.value)


class SymptomKind(StrEnum):
    COMMAND = "command"
    PROOF = "proof"
    ISO = "iso"
    PACKAGE = "package"
    BUILD = "build"
    """Of the whole: it failed, and no package did."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """``what``: the shell line, the proof (of PROOFS) or the package; ``iso``: the shell line wants the ISO, too."""

    kind: SymptomKind
    what: str = ""
    iso: bool = False

    def __str__(self) -> str:
        match self.kind:
            case SymptomKind.COMMAND:
                return f"`{self.what}`"
            case SymptomKind.PROOF:
                return f"the proof '{self.what}'"
            case SymptomKind.PACKAGE:
                return f"the build of {self.what}"
        return "the build of the ISO" if self.kind is SymptomKind.ISO else "the build"

    @property
    def wants_iso(self) -> bool:
        return self.iso or self.kind in (SymptomKind.PROOF, SymptomKind.ISO)


def failed_packages(snapshot: Snapshot) -> tuple[str, ...]:
    return tuple(package.package for package in snapshot.packages if package.status == Status.FAILED.value)


def symptom_of(snapshot: Snapshot) -> Symptom:
    """What broke a snapshot first. PlanexError where that is nothing that a commit could be tried for."""
    if failed := failed_packages(snapshot):
        return Symptom(SymptomKind.PACKAGE, failed[0])
    for name in snapshot.broken_by:
        if name in (parts.BUILD, parts.ISO):
            return Symptom(SymptomKind(name))
        if (proof := name.removeprefix(parts.BOOT)) in parts.PROOFS:
            return Symptom(SymptomKind.PROOF, proof)
    why = f"is broken by {', '.join(snapshot.broken_by)}" if snapshot.broken_by else "is good: nothing broke in it"
    raise PlanexError(f"{snapshot.id} {why}", "say what it breaks: --run CMD, --proof NAME or --package NAME")


def recorded(symptom: Symptom, snapshot: Snapshot) -> Judgement | None:
    """What is known of a snapshot without trying anything; None where nothing is."""
    match symptom.kind:
        case SymptomKind.COMMAND:
            return None if snapshot.rpms else Judgement.SKIPPED
        case SymptomKind.PACKAGE:
            return _of_package(next((p for p in snapshot.packages if p.package == symptom.what), None))
        case SymptomKind.PROOF:
            return _of_part(snapshot, parts.BOOT + symptom.what)
    return _of_part(snapshot, str(symptom.kind))


def _of_package(package: BuiltPackage | None) -> Judgement:
    if package is None or package.status in _NOT_TRIED or (package.action == "build" and not package.status):
        return Judgement.SKIPPED
    return Judgement.BAD if package.status == Status.FAILED.value else Judgement.GOOD


def _of_part(snapshot: Snapshot, name: str) -> Judgement | None:
    found = next((part.status for part in snapshot.parts if part.name == name), None)
    if found is None:
        return None if snapshot.iso and name.startswith(parts.BOOT) else Judgement.SKIPPED
    known = {PartStatus.FAILED: Judgement.BAD, PartStatus.SKIPPED: Judgement.SKIPPED}
    return known.get(found, Judgement.GOOD)
