# SPDX-License-Identifier: LGPL-2.1-or-later
"""What records say of a bisection over snapshots, and what its answers say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from planex.bisection import Conclusion, Judgement
from planex.errors import PlanexError
from planex.pages.bisection import culprit_text
from planex.snapshot.bisect import SnapshotCulprit, between, differing, narrowed
from planex.snapshot.record import BuiltPackage, PartReport, PartStatus, PublishedFile, PublishedRpm, Snapshot, state_of
from planex.snapshot.symptom import Symptom, SymptomKind, recorded, symptom_of

ISO = PublishedFile("iso/x.iso", 1, "b" * 64)
HELLO = Symptom(SymptomKind.PACKAGE, "hello")
UEFI = Symptom(SymptomKind.PROOF, "uefi")


def night(
    day: int, hello: str = "", *, image: bool = False, rpms: tuple[PublishedRpm, ...] = (), **parts: str
) -> Snapshot:
    """``hello``: what became of the package; ``parts``: status of each, with _ for -."""
    reports = tuple(PartReport(name.replace("_", "-"), PartStatus(status), 1, "x") for name, status in parts.items())
    packages = (BuiltPackage("hello", "build" if hello else "keep", (), hello),)
    began = "2026-11-24T03:00:00+00:00"
    return Snapshot(
        f"202611{day:02}.01-0123456789ab", "t", state_of(reports), "c" * 40, "s", False, began, 1.0, "5", reports,
        packages, rpms, ISO if image else None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("symptom", "snapshot", "said"),
    [
        (HELLO, night(1, "failed"), Judgement.BAD),
        (HELLO, night(1, "built"), Judgement.GOOD),
        (HELLO, night(1), Judgement.GOOD),
        (HELLO, night(1, "skipped"), Judgement.SKIPPED),
        (replace(HELLO, what="other"), night(1), Judgement.SKIPPED),
        (UEFI, night(1, boot_uefi="ok"), Judgement.GOOD),
        (UEFI, night(1, boot_uefi="failed"), Judgement.BAD),
        (UEFI, night(1, boot_uefi="skipped"), Judgement.SKIPPED),
        (UEFI, night(1, image=True), None),
        (UEFI, night(1), Judgement.SKIPPED),
        (Symptom(SymptomKind.ISO), night(1), Judgement.SKIPPED),
        (Symptom(SymptomKind.BUILD), night(1, build="failed"), Judgement.BAD),
        (Symptom(SymptomKind.COMMAND, "x"), night(1), Judgement.SKIPPED),
        (Symptom(SymptomKind.COMMAND, "x"), night(1, rpms=(PublishedRpm("a", "1", "a", 1, "a"),)), None),
    ],
)
def test_what_a_record_says(symptom: Symptom, snapshot: Snapshot, said: Judgement | None) -> None:
    assert recorded(symptom, snapshot) is said


def test_what_broke_a_night_is_what_is_looked_for() -> None:
    assert symptom_of(night(1, "failed", build="failed")) == HELLO
    assert symptom_of(night(1, build="failed")) == Symptom(SymptomKind.BUILD)
    assert symptom_of(night(1, build="ok", iso="failed")) == Symptom(SymptomKind.ISO)
    assert symptom_of(night(1, iso="ok", boot_uefi="failed")) == UEFI
    with pytest.raises(PlanexError, match="broken by workspace"):
        symptom_of(night(1, workspace="failed"))


def test_records_say_between_which_nights_it_came() -> None:
    """Also where it had come and gone before."""
    became = ["built", "failed", "", "skipped", "", "skipped", "failed", "skipped", "failed"]
    nights = [night(day, status) for day, status in enumerate(became, 1)]
    assert [one.id[6:8] for one in narrowed(nights, HELLO)] == ["05", "06", "07"]
    assert len(narrowed(nights, Symptom(SymptomKind.COMMAND, "x"))) == len(nights)
    assert [one.id[6:8] for one in between(nights, nights[2], nights[4])] == ["03", "04", "05"]
    with pytest.raises(PlanexError, match="is not older"):
        between(nights, nights[4], nights[2])


def test_packages_that_differ_come_in_the_order_of_building() -> None:
    old = night(1, rpms=(PublishedRpm("a", "1", "1", 1, "a", "aa"), PublishedRpm("hello", "1", "1", 1, "h", "hello")))
    new = night(2, rpms=(PublishedRpm("a", "1", "2", 1, "a", "aa"), PublishedRpm("hello", "1", "2", 1, "h", "hello")))
    assert differing(old, new) == ("hello", "aa")
    assert differing(old, old) == ()


def test_each_answer_says_what_to_type_next() -> None:
    def said(answer: Conclusion, commits: tuple[str, ...] = (), packages: tuple[str, ...] = ()) -> str:
        return culprit_text(SnapshotCulprit(answer, "A", "B", commits, packages), str(HELLO))

    assert said(Conclusion.FOUND, ("0123 a b",)) == "the build of hello breaks by commit 0123, 'a b'\n  git show 0123"
    assert said(Conclusion.FOUND, (), ("x",)).endswith("of x, and A has not\n  planex snapshot diff A B")
    assert "one of these commits" in said(Conclusion.UNSURE, ("1 a", "2 b"))
    assert "these packages differ:\n  x\n  y" in said(Conclusion.UNSURE, (), ("x", "y"))
    assert "the base, the machine, or chance" in said(Conclusion.UNSURE)
    assert said(Conclusion.NEVER) == "the build of hello does not fail with B"
    assert "name an older one" in said(Conclusion.ALWAYS)
    assert said(Conclusion.UNTOLD) == "of B itself it cannot be told whether the build of hello fails"
