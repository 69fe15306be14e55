# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

from pathlib import Path

from planex.fingerprint import Inputs
from planex.store import KEPT, Store


def build(store: Store, tmp_path: Path, key: str, content: str) -> str:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "x-1-1.noarch.rpm").write_text(content)
    (folder / "x-1-1.src.rpm").write_text("source")
    return store.add("x", folder, Inputs((("spec", key),)), 1.0, "sandbox").key


def test_a_result_is_found_by_its_key_and_is_current(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    key = build(store, tmp_path, "1", "one")
    found = store.find("x", key)
    assert found is not None
    assert list(found.rpms) == ["x-1-1.noarch.rpm"]
    assert list(found.srpm) == ["x-1-1.src.rpm"]
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
