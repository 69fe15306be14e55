# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the check of an ISO finds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from planex.errors import PlanexError


class Grade(Enum):
    """How grave a finding is."""

    FAULT = "fault"
    BASE = "base"
    """A fault, but the base has it as well."""
    NOTE = "note"
    """No fault: what the ISO cannot do, or what is uncommon about it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """``kind``: ``image``, ``boot records``, ``label``, ``menu``, ``treeinfo``, ``checksums`` or ``repository``."""

    kind: str
    message: str
    grade: Grade = Grade.FAULT

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}".replace("\n", "\\n")  # names may have line ends, a finding is a line


class CheckFailed(PlanexError):
    """An ISO with faults."""

    def __init__(self, iso: Path, faults: Sequence[Finding]) -> None:
        self.findings = tuple(faults)
        lines = "\n".join(f"  {finding}" for finding in faults)
        count = "1 check" if len(faults) == 1 else f"{len(faults)} checks"
        super().__init__(f"{iso.name} does not pass {count}:\n{lines}")


def faults(findings: Iterable[Finding]) -> list[Finding]:
    """Those that make an ISO fail."""
    return [finding for finding in findings if finding.grade is Grade.FAULT]


def require_clean(iso: Path, findings: Iterable[Finding]) -> None:
    """Raise CheckFailed if there are faults."""
    if found := faults(findings):
        raise CheckFailed(iso, found)


def without_inherited(findings: Iterable[Finding], base: Collection[Finding]) -> list[Finding]:
    """Findings with the faults that the base has too, in the same words, graded as the base's."""
    known = {str(finding) for finding in base}
    return [
        replace(finding, grade=Grade.BASE) if finding.grade is Grade.FAULT and str(finding) in known else finding
        for finding in findings
    ]
