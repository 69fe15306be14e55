# SPDX-License-Identifier: LGPL-2.1-or-later
"""What may be deleted from a shared folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from planex.content.key import Inputs
from planex.sharing import keeping, record
from planex.sharing.depot import Depot
from planex.sharing.folder import FolderPlace
from planex.sharing.keeping import GRACE, GcRules, Laid, LaidFile, LaidRecord, collect, doomed, faults, survey
from planex.sharing.record import SharedFile, SharedResult

DAY = 24 * 3600.0
SIZE = 100


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def laid_record(name: str, age: float, *files: str) -> LaidRecord:
    """The record of a package with RPMs of these contents, by default one of its own."""
    inputs = Inputs.of({"spec": name})
    rpms = {f"{file}.rpm": SharedFile(digest(file), SIZE) for file in files or (name,)}
    return LaidRecord(Path("ac") / name, SharedResult(inputs.key, name, inputs.rows, rpms, {}, 1, "x", 1), age)


def laid(*records: LaidRecord, files: dict[str, float] | None = None) -> Laid:
    """With all files that the records speak of, as old as they are, and more ``files`` of other ages."""
    ages = {name: each.age for each in records for name in each.digests} | {
        digest(name): age for name, age in (files or {}).items()
    }
    return Laid(records, {name: LaidFile(Path("cas") / name, SIZE, age) for name, age in ages.items()})


OLD, YOUNG = laid_record("old", 40 * DAY), laid_record("young", 2 * DAY)


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        (GcRules(), []),
        (GcRules(age=30 * DAY), ["ac/old", f"cas/{digest('old')}"]),
        (GcRules(age=30 * DAY, roots={digest("old")}), []),
        (GcRules(size=SIZE), ["ac/old", f"cas/{digest('old')}"]),
        (GcRules(size=SIZE, roots={digest("old")}), ["ac/young", f"cas/{digest('young')}"]),
        (GcRules(size=2 * SIZE), []),
        (GcRules(size=1, roots={digest("old"), digest("young")}), []),
    ],
)
def test_age_size_and_roots_decide(rules: GcRules, gone: list[str]) -> None:
    assert [str(path) for path in doomed(laid(OLD, YOUNG), rules)] == gone


def test_a_file_of_two_results_stays_until_the_last_is_gone() -> None:
    first, second = laid_record("first", 40 * DAY, "both"), laid_record("second", 2 * DAY, "both")
    assert doomed(laid(first, second), GcRules(age=30 * DAY)) == (Path("ac/first"),)
    assert len(doomed(laid(first, second), GcRules(age=DAY))) == 3


def test_files_that_no_record_speaks_of_yet_stay_a_while() -> None:
    found = laid(YOUNG, files={"under way": GRACE - 1, "left": GRACE + 1})
    assert doomed(found, GcRules()) == (Path("cas") / digest("left"),)


def test_a_file_that_was_brought_just_now_outlives_the_record_that_had_it() -> None:
    assert doomed(laid(OLD, files={"old": 1}), GcRules(age=30 * DAY)) == (Path("ac/old"),)


def test_damaged_records_go() -> None:
    bad = [LaidRecord(Path("ac/new"), None, GRACE - 1), LaidRecord(Path("ac/bad"), None, GRACE + 1)]
    assert doomed(laid(*bad), GcRules()) == (Path("ac/bad"),)


def push(root: Path, name: str) -> Path:
    """Bring a result with one file, which it gives."""
    result, content, depot = laid_record(name, 0).result, root / "made", Depot("", FolderPlace(root), trusted=True)
    assert result
    content.write_text(name)
    for file in result.rpms.values():
        depot.put(content, file)
    depot.publish(result, record.seal(record.text_of(result), ""))
    return root / "cas" / digest(name)


def test_what_is_pushed_while_a_store_is_looked_at_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = keeping._plain_files

    def beside(folder: Path) -> Iterator[Any]:
        yield from list(listed(folder))
        push(tmp_path, folder.name)

    push(tmp_path, "first")
    monkeypatch.setattr(keeping, "_plain_files", beside)
    found = survey(tmp_path)
    assert {digest for each in found.records for digest in each.digests} <= found.files.keys()
    assert list(faults(found)) == []
    assert doomed(found, GcRules()) == ()


def test_what_is_brought_again_meanwhile_is_not_deleted(tmp_path: Path) -> None:
    damaged, lost, old = (push(tmp_path, name) for name in ("damaged", "lost", "old"))
    damaged.chmod(0o644)
    damaged.write_text("other")
    lost.unlink()
    for path in tmp_path.glob("*/*"):
        os.utime(path, (1e9, 1e9))
    found = survey(tmp_path)
    bad = [path for path, _ in faults(found)]
    assert sorted(bad) == sorted([damaged, lost])
    gone = doomed(found, GcRules(age=DAY))
    assert {damaged, old} < set(gone)
    damaged.unlink()
    for name in ("damaged", "lost", "old"):
        push(tmp_path, name)
    collect(tmp_path, found, [*bad, *gone])
    assert damaged.read_text() == "damaged" and lost.exists() and old.exists()
    assert list(faults(survey(tmp_path))) == []
    assert len(list((tmp_path / "ac").iterdir())) == 3


def test_what_nobody_brings_again_is_deleted(tmp_path: Path) -> None:
    damaged = push(tmp_path, "damaged")
    damaged.chmod(0o644)
    damaged.write_text("other")
    found = survey(tmp_path)
    collect(tmp_path, found, [path for path, _ in faults(found)])
    assert not damaged.exists()
