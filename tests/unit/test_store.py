# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from planex.content.key import Inputs
from planex.content.store import KEPT, Store
from planex.drafts import write_atomic

RPM, SRPM = "x-1-1.noarch.rpm", "x-1-1.src.rpm"


def build(store: Store, tmp_path: Path, key: str, content: str) -> str:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "x-1-1.noarch.rpm").write_text(content)
    (folder / "x-1-1.src.rpm").write_text("source")
    return store.add("x", folder, Inputs((("spec", key),)), 0.04, "sandbox").key


def test_a_result_is_found_by_its_key_and_is_current(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    key = build(store, tmp_path, "1", "one")
    found = store.find("x", key)
    assert found is not None
    assert list(found.rpms) == ["x-1-1.noarch.rpm"]
    assert list(found.srpm) == ["x-1-1.src.rpm"]
    assert found.rpm_paths == {found.rpms[RPM]: found.folder / RPM}
    assert found.seconds == 0, "a tenth of a second is told, and no less"
    current = store.current("x")
    assert current is not None
    assert current.key == key
    assert store.find("x", "0" * 64) is None
    assert store.current("y") is None


def test_a_result_with_a_lost_file_is_no_result(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    key = build(store, tmp_path, "1", "one")
    (tmp_path / "store" / "x" / key / "x-1-1.noarch.rpm").unlink()
    assert store.find("x", key) is None
    assert store.current("x") is None


def test_building_again_replaces_the_result(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    first = build(store, tmp_path, "1", "one")
    assert build(store, tmp_path, "1", "two") == first
    found = store.find("x", first)
    assert found is not None
    assert (found.folder / "x-1-1.noarch.rpm").read_text() == "two"


def test_the_digest_is_of_what_was_made_not_of_what_from(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    results = [store.find("x", build(store, tmp_path, key, text)) for key, text in (("1", "a"), ("2", "a"), ("3", "b"))]
    first, same, other = (result.digest for result in results if result is not None)
    assert first == same
    assert first != other


def test_old_results_go_but_never_the_current_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    keys = [build(store, tmp_path, str(number), "x") for number in range(KEPT + 3)]
    kept = [key for key in keys if store.find("x", key)]
    assert len(kept) == KEPT + 1
    assert keys[-1] in kept


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def stored(store: Store, tmp_path: Path) -> Path:
    """The folder of the only result."""
    return store.root / "x" / build(store, tmp_path, "1", "one")


def rewrite(path: Path, text: str, *, keep_time: bool = False) -> None:
    """Change a file in its place, as a disk or a careless tool does."""
    before = path.stat()
    path.chmod(0o644)
    path.write_text(text)
    path.chmod(before.st_mode)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_stored_files_are_read_only(stored: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in stored.glob("*.rpm")} == {0o444}


@pytest.mark.parametrize("name", [RPM, SRPM])
@pytest.mark.parametrize(
    ("change", "words"),
    [("flip", "is damaged"), ("cut", "is damaged"), ("delete", "is missing"), ("link", "is damaged")],
)
def test_damage_is_noticed_at_each_use_and_named(
    store: Store, stored: Path, name: str, change: str, words: str
) -> None:
    path = stored / name
    if change in ("flip", "cut"):
        rewrite(path, path.read_text().replace("o", "O") if change == "flip" else "")
    else:
        path.unlink()
        if change == "link":
            path.symlink_to("/etc/passwd")
    assert store.find("x", stored.name) is None
    assert store.current("x") is None
    assert store.damage("x", stored.name) == f"the stored {name} {words}"
    last = store.last("x")
    assert last is not None
    assert last.key == stored.name, "what is written of it still serves to say what changed"


def test_what_was_never_there_is_no_damage(store: Store, stored: Path) -> None:
    assert store.damage("x", "0" * 64) is None
    assert store.damage("x", stored.name) is None
    assert store.last("y") is None


def test_a_store_that_was_moved_is_read_once_and_believed_again(
    store: Store, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.utime(stored / RPM, (1, 1))
    assert store.find("x", stored.name) is not None
    monkeypatch.setattr("planex.content.stamps.digest_of", lambda *words: pytest.fail("it was read again"))
    assert store.find("x", stored.name) is not None


def test_a_result_of_an_older_planex_without_stamps_is_read_and_believed(store: Store, stored: Path) -> None:
    record = json.loads((stored / "result.json").read_text())
    del record["files"], record["finished"]
    write_atomic(stored / "result.json", json.dumps(record))
    found = store.find("x", stored.name)
    assert found is not None
    assert found.finished == 0
    assert json.loads((stored / "result.json").read_text())["files"].keys() == {RPM, SRPM}


def test_reading_all_finds_what_a_disk_lost_without_a_trace(store: Store, stored: Path) -> None:
    rewrite(stored / RPM, "onE", keep_time=True)
    assert store.find("x", stored.name) is not None, "size, time and inode are as they were"
    assert store.verify("x", stored.name) == f"the stored {RPM} is damaged"
    assert store.find("x", stored.name) is None
    assert store.damage("x", stored.name) == f"the stored {RPM} is damaged"
    assert store.verify("x", stored.name) == f"the stored {RPM} is damaged"


def test_a_damaged_result_is_replaced_by_a_new_one(store: Store, stored: Path, tmp_path: Path) -> None:
    store.condemn(stored / RPM)
    assert store.find("x", stored.name) is None
    assert build(store, tmp_path, "1", "one") == stored.name
    assert store.verify("x", stored.name) is None
    assert store.find("x", stored.name) is not None


@pytest.mark.parametrize(
    ("note", "words"), [(f"{RPM}\n", f"the stored {RPM} is damaged"), ("", "the stored result is damaged")]
)
def test_damage_that_an_earlier_run_noted_is_believed(store: Store, stored: Path, note: str, words: str) -> None:
    (stored / "damaged").write_text(note)
    assert store.find("x", stored.name) is None
    assert store.damage("x", stored.name) == words


def test_a_note_of_damage_outlives_a_power_cut(store: Store, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    store.condemn(stored / RPM)
    assert len(synced) == 2, "the file and its folder"


def test_results_are_listed_in_the_order_of_names_without_drafts(
    store: Store, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = build(store, tmp_path, "2", "two")
    for name in ("a/1", "x/.key.draft", ".x.draft/1"):
        (store.root / name).mkdir(parents=True)
    for listing in (sorted, reversed):
        with monkeypatch.context() as patch:
            real = Path.glob
            patch.setattr(Path, "glob", lambda *words: listing(sorted(real(*words))))  # noqa: B023
            assert [(package, folder.name) for package, folder in store.results()] == [
                ("a", "1"),
                *(("x", key) for key in sorted((stored.name, other))),
            ]
            assert list(store.add("y", rpms(tmp_path, "b", "a"), Inputs(()), 1.0, "mock").rpms) == ["a.rpm", "b.rpm"]
            store.drop("y", Inputs(()).key)


def rpms(tmp_path: Path, *names: str) -> Path:
    (tmp_path / "made").mkdir()
    for name in names:
        (tmp_path / "made" / f"{name}.rpm").write_text(name)
    return tmp_path / "made"


def test_a_result_that_is_dropped_is_there_no_more(store: Store, stored: Path) -> None:
    store.drop("x", stored.name)
    assert not stored.exists()
    assert store.damage("x", stored.name) is None


BAD: list[tuple[str, Any]] = [
    *((key, None) for key in ("inputs", "rpms", "srpm", "seconds", "builder")),
    ("rpms", []),
    ("rpms", {RPM: None}),
    ("rpms", {RPM: "0" * 63}),
    ("rpms", {"../../x": "0" * 64}),
    ("rpms", {"/etc/passwd": "0" * 64}),
    ("srpm", "x"),
    ("inputs", {"a": "b"}),
    ("inputs", [["spec"]]),
    ("inputs", [["spec", 1]]),
    ("seconds", "1"),
    ("seconds", float("nan")),
    ("finished", 1e300),
    ("builder", 1),
    ("files", None),
    ("files", {RPM: 1}),
    ("files", {RPM: {"sha256": "0" * 64, "size": "1", "mtime_ns": 1, "inode": 1}}),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_record_of_wrong_types_is_a_result_that_is_not_there(
    store: Store, stored: Path, key: str, value: object
) -> None:
    record = json.loads((stored / "result.json").read_text()) | {key: value}
    (stored / "result.json").write_text(json.dumps(record))
    assert store.find("x", stored.name) is None
    assert store.damage("x", stored.name) == "the record of the stored x is damaged"
    assert store.verify("x", stored.name) == "the record of the stored x is damaged"
    assert store.last("x") is None


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "1", '"x"', "\x00", "[" * 100_000])
def test_a_record_that_is_garbage_is_a_result_that_is_not_there(store: Store, stored: Path, text: str) -> None:
    (stored / "result.json").write_text(text)
    assert store.find("x", stored.name) is None
    assert store.damage("x", stored.name) == "the record of the stored x is damaged"


@pytest.mark.parametrize("step", ["shelf.sync_tree", "shelf.sync", "rename", "store.switch_link"])
def test_a_full_disk_leaves_no_half_result(
    store: Store, stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*words: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((Path, "rename", full) if step == "rename" else (f"planex.content.{step}", full)))
        with pytest.raises(OSError, match="No space left"):
            build(store, tmp_path, "2", "two")
    current = store.current("x")
    assert current is not None
    assert current.key == stored.name
    for package, folder in store.results():
        assert store.verify(package, folder.name) is None


def test_a_link_to_itself_is_no_current_result(store: Store, stored: Path) -> None:
    link = stored.parent / "current"
    link.unlink()
    link.symlink_to("current")
    assert store.current(stored.parent.name) is None
    assert store.last(stored.parent.name) is None
