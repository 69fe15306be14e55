# SPDX-License-Identifier: LGPL-2.1-or-later
"""The version of planex's own code in keys."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from planex.content.code import code_digest


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "room"
    folder.mkdir()
    for name in ("__init__", "one", "two"):
        (folder / f"{name}.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, "room", raising=False)
    return folder


def test_a_module_or_a_whole_package(room: Path) -> None:
    before = code_digest("room.one"), code_digest("room")
    (room / "two.py").write_text("x = 2\n")
    code_digest.cache_clear()
    assert code_digest("room.one") == before[0]
    assert code_digest("room") != before[1]


def test_the_order_in_which_a_folder_is_listed_does_not_matter(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(real: Callable[..., Iterator[Path]], *, backwards: bool) -> Callable[..., Iterator[Path]]:
        return lambda self, pattern: iter(sorted(real(self, pattern), reverse=backwards))

    found = set()
    for backwards in (False, True):
        code_digest.cache_clear()
        with monkeypatch.context() as patch:
            for name in ("glob", "rglob"):
                patch.setattr(Path, name, listed(getattr(Path, name), backwards=backwards))
            found.add((code_digest("room"), code_digest("planex.data.workspace")))
    code_digest.cache_clear()
    assert len(found) == 1


def test_data_and_the_order_of_names() -> None:
    assert code_digest("planex.data.base", "planex.content") == code_digest("planex.content", "planex.data.base")
    assert code_digest("planex.data.base") != code_digest("planex.data.workspace")


@pytest.mark.parametrize("name", ["planex.content.moved", "planex.data.moved", "planex.moved"])
def test_a_name_that_is_gone_is_not_left_out(name: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        code_digest(name)
