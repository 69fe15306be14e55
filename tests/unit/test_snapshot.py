# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots without a build: names, where links lead, what differs, what is kept, and who promoted what."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.content import records
from planex.content.copies import link_or_copy
from planex.content.locks import Patience
from planex.distro.project import Project
from planex.errors import PlanexError
from planex.pages.snapshots import diff_text, list_text, show_text
from planex.snapshot.channels import Promotion, audit, promote, promotions
from planex.snapshot.diff import compare, compare_rpms
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.gather import Gathered, Gatherer, built_packages, sentence_of, upgrade_proofs
from planex.snapshot.gc import KeepRules, kept
from planex.snapshot.ident import SnapshotId, next_id, parse_id
from planex.snapshot.parts import HostUpgrade, SnapshotWish, parts
from planex.snapshot.record import (
    FORMAT,
    NAME,
    BuiltPackage,
    PartReport,
    PartStatus,
    PublishedFile,
    PublishedRpm,
    Snapshot,
    SnapshotState,
    UpgradeProof,
    state_of,
)
from planex.workspace import Workspace

COMMIT = "0123456789abcdef" * 2
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def rpm(name: str, evr: str, digest: str = "a") -> PublishedRpm:
    return PublishedRpm(name, evr, digest * 64, 1000, f"{name}.rpm")


def snapshot(ident: str, *reports: PartReport, rpms: tuple[PublishedRpm, ...] = (), dirty: bool = False) -> Snapshot:
    state = state_of(reports)
    packages = (BuiltPackage("hello", "build", ("patch x changed",), "built", 3.0),)
    iso = PublishedFile("iso/x.iso", 151_000_000, "b" * 64)
    began = "2026-11-24T03:00:00+00:00"
    return Snapshot(ident, "test", state, COMMIT, "a change", dirty, began, 61.0, "5", reports, packages, rpms, iso)


OK = PartReport("build", PartStatus.OK, 60, "planex build", "logs/build.log")
BAD = PartReport("iso", PartStatus.FAILED, 1, "planex iso build", "logs/iso.log", "no room")


@pytest.fixture
def folder(tmp_path: Path) -> SnapshotFolder:
    """Three nights: good, good, broken."""
    found = SnapshotFolder(tmp_path / "snapshots")
    old, new = (rpm("a", "1-1"), rpm("b", "1-1")), (rpm("a", "2-1"), rpm("b", "1-1", "c"))
    nights = {"20261122.01": ((OK,), old), "20261123.01": ((OK,), new), "20261124.01": ((OK, BAD), ())}
    for night, (reports, rpms) in nights.items():
        add(found, snapshot(f"{night}-0123456789ab", *reports, rpms=rpms))
    with found.alone(Patience()):
        pass
    return found


def add(folder: SnapshotFolder, one: Snapshot) -> None:
    folder.folder(one.id).mkdir(parents=True)
    records.save(folder.folder(one.id) / NAME, one, FORMAT)


@given(st.dates(date(2020, 1, 1), date(2099, 1, 1)), st.integers(1, 99), st.booleans())
def test_a_name_is_read_as_it_was_written(day: date, number: int, dirty: bool) -> None:
    ident = SnapshotId(f"{day:%Y%m%d}", number, COMMIT[:12], dirty)
    assert parse_id(str(ident)) == ident


@pytest.mark.parametrize("name", ["", "latest", "2026112.01-0123456789ab", "20261124.1-0123456789ab", "20261124.01-x"])
def test_what_is_no_name_of_a_snapshot(name: str) -> None:
    assert parse_id(name) is None


@given(st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)), min_size=1, max_size=30))
def test_names_go_up_whatever_the_clock_says(days: list[date]) -> None:
    made: list[SnapshotId] = []
    for day in days:
        made.append(next_id(made, day, COMMIT, dirty=False))
    assert [str(ident) for ident in made] == sorted({str(ident) for ident in made})
    assert made == sorted(made)


def test_a_snapshot_is_good_if_every_part_is_done() -> None:
    look = PartReport("forecast-x", PartStatus.LOOK, 1, "planex pq forecast x")
    skipped = PartReport("boot-bios", PartStatus.SKIPPED, 0, "planex boot")
    assert state_of((OK, look)) is SnapshotState.GOOD
    assert state_of((OK, BAD)) is SnapshotState.BROKEN
    assert state_of((OK, skipped)) is SnapshotState.BROKEN


def test_the_parts_are_commands_that_a_person_could_type() -> None:
    wish = SnapshotWish("el9", True, ("bios", "install"), (("xen", ("4.20", "4.21")),))
    found = {part.name: part for part in parts(wish, Path("/d"))}
    assert list(found) == ["build", "lock", "iso", "boot-bios", "boot-install", "forecast-xen"]
    assert found["build"].words == ("build", "--keep-going")
    assert found["boot-install"].words == ("boot", "--scenario", "install", "--timeout", "900")
    assert (found["boot-bios"].needs, found["iso"].needs) == (("iso",), ("build",))
    assert found["forecast-xen"].words == ("pq", "forecast", "xen", "--onto", "4.20", "--onto", "4.21")
    assert [part.name for part in parts(SnapshotWish("el9", False, ("bios",)), Path("/d"))] == ["build", "lock"]
    assert "--offline" in next(parts(SnapshotWish("el9", False, offline=True), Path("/d"))).words
    *_, last = parts(SnapshotWish("el9", False, host_upgrade=HostUpgrade(Path("/o.iso"), Path("/r"))), Path("/d"))
    assert (last.name, last.needs, last.looks) == ("boot-upgrade", ("build",), frozenset())
    assert last.words[:6] == ("boot", "/o.iso", "--scenario", "upgrade", "--upgrade-to", "/r")


def test_where_links_lead(folder: SnapshotFolder) -> None:
    assert str(folder.linked("latest")) == "20261124.01-0123456789ab"
    assert str(folder.linked("latest-good")) == "20261123.01-0123456789ab"
    assert folder.find("latest-good").id == folder.find("20261123").id
    assert folder.linked("../latest") is None
    with pytest.raises(PlanexError, match="beginning of 3 snapshots"):
        folder.find("2026112")
    with pytest.raises(PlanexError, match="no such snapshot: lastest") as caught:
        folder.find("lastest")
    assert caught.value.hint and "latest" in caught.value.hint


def test_a_snapshot_whose_record_is_damaged_is_told_and_passed_over(folder: SnapshotFolder) -> None:
    (folder.folder("20261123.01-0123456789ab") / NAME).write_text("{")
    assert [one.id[:8] for one in folder.all()] == ["20261122", "20261124"]
    with pytest.raises(PlanexError, match="damaged"):
        folder.find("20261123")
    with folder.alone(Patience()):
        assert str(folder.linked("latest-good")) == "20261122.01-0123456789ab"


def test_a_promotion_is_refused_for_what_is_required(folder: SnapshotFolder) -> None:
    refused: dict[str, str] = {}
    promote(folder, folder.find("20261123"), "nightly", who="me", why="", require=())
    add(folder, snapshot("20261125.01-0123456789ab", OK, rpms=(rpm("a", "1-2"), rpm("b", "1-1", "d")), dirty=True))
    for name, checks in (("latest", ()), ("20261125", ("clean", "upgrade"))):
        with pytest.raises(PlanexError) as caught:
            promote(folder, folder.find(name), "nightly", who="me", why="", require=checks)
        refused[name] = caught.value.message
    assert "it is broken by iso" in refused["latest"]
    assert "a would go down from 2-1 to 1-2" in refused["20261125"]
    assert "b-1-1 has other contents under the same version" in refused["20261125"]
    assert "not as in its commit" in refused["20261125"]
    assert "the upgrade from 20261123.01-0123456789ab was not tried" in refused["20261125"]
    assert len(promotions(folder)) == 1
    for name in ("latest", "Nightly", "../x", ""):
        with pytest.raises(PlanexError, match="is no name of a channel"):
            promote(folder, folder.find("20261123"), name, who="me", why="", require=())


def test_what_an_upgrade_showed_decides_a_promotion(folder: SnapshotFolder) -> None:
    was = folder.find("20261123")
    promote(folder, was, "nightly", who="me", why="", require=())
    new = replace(
        snapshot("20261125.01-0123456789ab", OK), upgrades=(UpgradeProof("20261122.01-0123456789ab", ("x",)),)
    )
    add(folder, new)
    for proofs, told in ((new.upgrades, "was not tried"), ((UpgradeProof(was.id, ("a file conflict",)),), "conflict")):
        with pytest.raises(PlanexError, match=told):
            promote(folder, replace(new, upgrades=proofs), "nightly", who="me", why="", require=["upgrade"])
    worked = replace(new, upgrades=(*new.upgrades, UpgradeProof(was.id, ())))
    for one in (worked, worked):  # the second time there is nothing to upgrade
        promote(folder, one, "nightly", who="me", why="", require=["upgrade"])
    promote(folder, new, "stable", who="me", why="", require=["upgrade"])  # nobody uses it yet


def test_upgrades_are_a_part_that_breaks_nothing(tmp_path: Path) -> None:
    wish = SnapshotWish("el9", False, upgrade=True)
    _, lock, upgrade = parts(wish, tmp_path)
    assert (lock.words, lock.hidden) == (("lock",), ("--output", str(tmp_path / "planex.lock")))
    assert upgrade.words == ("snapshot", "upgrade")
    for part in (lock, upgrade):
        assert (part.needs, part.looks) == (("build",), frozenset({1}))
    assert upgrade_proofs(tmp_path) == ()
    (tmp_path / "results").mkdir()
    row = {"start": "20261123.01-0123456789ab", "faults": ["x"], "upgraded": ["a-1-2"], "removed": [], "seconds": 1.5}
    (tmp_path / "results/upgrade.json").write_text(json.dumps({"upgrades": [row]}))
    assert upgrade_proofs(tmp_path) == (UpgradeProof("20261123.01-0123456789ab", ("x",), ("a-1-2",), (), 1.5),)


def test_what_upstream_has_breaks_no_night(tmp_path: Path) -> None:
    *_, forecast, watch = parts(SnapshotWish("el9", False, forecasts=(("xen", ("4.21",)),), watched=("xen",)), tmp_path)
    assert (watch.name, watch.words) == ("watch-xen", ("pq", "forecast", "xen", "--onto", "newest"))
    assert (watch.needs, watch.looks) == ((), frozenset({1, 2}))
    assert len({forecast.name, watch.name, *forecast.hidden, *watch.hidden}) == 6, "each has a page of its own"
    assert sentence_of(tmp_path, "watch-xen") == ""
    (tmp_path / "results").mkdir()
    (tmp_path / "results/watch-xen.json").write_text('{"sentence": "4.20.5 is out"}')
    assert sentence_of(tmp_path, "watch-xen") == "4.20.5 is out"
    out = PartReport("watch-xen", PartStatus.OK, 1, "planex", message="4.20.5 is out")
    assert "ok  watch-xen  1.0 s  4.20.5 is out" in show_text(snapshot("20261122.01-0123456789ab", out), (), 80)


def test_who_promoted_what_cannot_be_changed_unseen(folder: SnapshotFolder) -> None:
    for name, channel in (("20261122", "stable"), ("20261123", "nightly"), ("20261123", "stable")):
        promote(folder, folder.find(name), channel, who="me", why="it works", require=())
    assert audit(folder) == []
    assert [(p.channel, p.was[:8], p.now[:8]) for p in promotions(folder)] == [
        ("stable", "", "20261122"),
        ("nightly", "", "20261123"),
        ("stable", "20261122", "20261123"),
    ]
    lines = folder.journal.read_text().splitlines()
    lies = {
        "changed": [lines[0].replace("it works", "it wurks"), *lines[1:]],
        "taken out": [lines[0], lines[2]],
        "swapped": [lines[1], lines[0], lines[2]],
        "no JSON": [lines[0], "{", lines[2]],
        "put in": [lines[0], lines[0], *lines[1:]],
    }
    for lie, told in lies.items():
        folder.journal.write_text("".join(f"{line}\n" for line in told))
        assert audit(folder), lie
    folder.journal.write_text("".join(f"{line}\n" for line in lines))
    folder.point("stable", "20261122.01-0123456789ab")
    assert audit(folder) == [
        "channel stable leads to 20261122.01-0123456789ab, and was promoted to 20261123.01-0123456789ab"
    ]


def test_a_channel_that_nobody_promoted_is_told(folder: SnapshotFolder) -> None:
    folder.point("mine", "20261122.01-0123456789ab")
    assert audit(folder) == ["channel mine leads to 20261122.01-0123456789ab, and was promoted to nowhere"]


def test_what_differs_between_two() -> None:
    old = snapshot("20261122.01-0123456789ab", OK, rpms=(rpm("a", "2-1"), rpm("b", "1-1"), rpm("c", "1-1")))
    new = snapshot("20261123.01-0123456789ab", OK, BAD, rpms=(rpm("a", "1-9"), rpm("b", "1-1", "d"), rpm("e", "1-1")))
    changes = compare(old, new, ["abc a commit"])
    assert changes.rpms.moved == changes.rpms.lowered == (("a", "2-1", "1-9"),)
    assert changes.rpms.silent == (("b", "1-1"),)
    assert [one.name for one in (*changes.rpms.added, *changes.rpms.removed)] == ["e", "c"]
    assert changes.parts == (("iso", "not asked for", "failed"),)
    text = diff_text(changes, 100)
    for words in ("abc a commit", "2-1 -> 1-9 (goes down)", "other contents under the same version", "+  e", "-  c"):
        assert words in text
    assert "no differences" in diff_text(compare(old, old, ()), 100).replace(
        "Built\n  hello  patch x changed", "no differences"
    )


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["1-1", "1-2", "2-1"])))
def test_a_repository_does_not_differ_from_itself(versions: dict[str, str]) -> None:
    rpms = [rpm(name, evr) for name, evr in versions.items()]
    changes = compare_rpms(rpms, reversed(rpms))
    assert not (changes.added or changes.removed or changes.moved or changes.silent)


def test_what_is_kept() -> None:
    days = [f"202611{day:02}.01-0123456789ab" for day in range(1, 25)]
    nights = [snapshot(day, OK) for day in days]
    nights[-1] = snapshot(days[-1], OK, BAD)
    told = Promotion(1, "2026-11-20T00:00:00+00:00", "me", "stable", days[1], days[2], "", (), "")
    ancient = Promotion(2, "2025-11-20T00:00:00+00:00", "me", "stable", days[4], days[5], "", (), "")
    why = kept(nights, [told, ancient], [days[9]], KeepRules(2, 2, 1, 100), NOW)
    assert why == {
        days[23]: "the newest",
        days[9]: "a channel leads to it",
        days[2]: "stable led to it",
        days[1]: "stable led to it",
        days[22]: "the newest good of its day",
        days[21]: "the newest good of its day",
    }
    assert set(kept(nights, [], [], KeepRules(0, 3, 0, 0), NOW)) == {days[23], days[22], days[21], days[14]}
    assert set(kept(nights, [], [], KeepRules(0, 0, 0, 0), NOW)) == {days[23]}


def test_broken_nights_are_kept_as_long_as_daily_ones() -> None:
    days = [f"202611{day:02}.01-0123456789ab" for day in (20, 22, 23, 24)]
    nights = [*(snapshot(day, OK, BAD) for day in days[:3]), snapshot(days[3], OK)]
    why = kept(nights, [], [], KeepRules(2, 0, 0, 0), NOW)
    assert why == {days[3]: "the newest", days[2]: "broken, and of the last days"}
    assert set(kept(nights, [], [], KeepRules(3, 0, 0, 0), NOW)) == set(days[1:])


def test_what_became_of_packages_is_read_of_what_the_build_left(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    event = {"event": "package_planned", "package": "a", "action": "build", "reasons": ["new"]}
    (tmp_path / "events.jsonl").write_text(json.dumps(event) + '\n{"event": "run_began"}\n{"event": "package_pl')
    rows = [{"package": "a", "status": "failed", "seconds": 2.5, "error": "/ws/specs/a/a.spec: no"}]
    (tmp_path / "results/build.json").write_text(json.dumps({"packages": rows}))
    assert list(built_packages(tmp_path, Workspace(Path("/ws")))) == [
        BuiltPackage("a", "build", ("new",), "failed", 2.5, "specs/a/a.spec: no")
    ]
    (tmp_path / "results/build.json").write_text("")
    assert list(built_packages(tmp_path, Workspace(Path("/ws")))) == [BuiltPackage("a", "build", ("new",))]


def test_texts(folder: SnapshotFolder) -> None:
    text = list_text(folder.all(), {"20261123.01-0123456789ab": ["latest-good", "stable"]}, 120)
    assert [line.split()[:2] for line in text.splitlines()] == [
        ["20261124.01-0123456789ab", "broken"],
        ["20261123.01-0123456789ab", "good"],
        ["20261122.01-0123456789ab", "good"],
    ]
    assert "broken by iso" in text.splitlines()[0]
    assert text.splitlines()[1].endswith("latest-good stable")
    shown = show_text(folder.find("latest"), ["latest"], 120)
    for words in ("broken [latest]", "failed  iso", "no room", "no repository", "patch x changed"):
        assert words in shown


def test_what_cannot_be_read_of_a_promotion_keeps_its_snapshot() -> None:
    nights = [snapshot(f"202611{day:02}.01-0123456789ab", OK) for day in (1, 2, 3)]
    for when in ("2026-11-23T00:00:00", "yesterday"):
        told = Promotion(1, when, "me", "stable", "", nights[0].id, "", (), "")
        assert nights[0].id in kept(nights, [told], [], KeepRules(0, 0, 0, 30), NOW)


def test_what_could_not_be_taken_leaves_reports_and_no_repository(tmp_path: Path) -> None:
    for name in ("repo/a.rpm", "logs/build.log"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    project = cast(Project, SimpleNamespace(workspace=Workspace(tmp_path)))
    assert Gatherer(project, tmp_path, None).retreat() == Gathered(())
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_a_file_that_cannot_be_linked_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object) -> None:
        raise OSError(errno.EMLINK, "too many links")

    (tmp_path / "one").write_text("x")
    link_or_copy(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two").samefile(tmp_path / "one")
    monkeypatch.setattr(os, "link", no_more)
    link_or_copy(tmp_path / "one", tmp_path / "three")
    assert (tmp_path / "three").read_text() == "x"
    assert not (tmp_path / "three").samefile(tmp_path / "one")
