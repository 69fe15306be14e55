# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ``planex build --watch`` takes for an edit."""

from __future__ import annotations

from pathlib import Path

from planex.cli.watching import Seen, changed, look
from planex.workspace import Workspace


def test_files_of_a_person_and_no_others(tmp_path: Path) -> None:
    for name in ("planex.yaml", "specs/a/a.spec", "specs/a/.a.spec.swp", "specs/a/a.spec~", "_build/x", "iso/iso.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "patchqueues" / ".git").mkdir(parents=True)
    (tmp_path / "patchqueues" / ".git" / "index").write_text("x")
    (tmp_path / "patchqueues" / "gone").symlink_to("nowhere")
    seen = look(Workspace(tmp_path))
    assert {str(Path(path).relative_to(tmp_path)) for path in seen} == {"planex.yaml", "specs/a/a.spec"}


def test_it_waits_until_an_edit_is_whole() -> None:
    looks: list[Seen] = [{"a": (1,)}, {"a": (2,)}, {"a": (3,), "b": (1,)}, {"a": (3,), "b": (1,)}, {"a": (4,)}]
    assert changed({"a": (1,)}, iter(looks).__next__, lambda seconds: None) == ["a", "b"]


def test_an_edit_that_was_taken_back_is_none() -> None:
    looks: list[Seen] = [{"a": (2,)}, {}, {"a": (1,)}, {"a": (1,)}, {}, {}]
    assert changed({"a": (1,)}, iter(looks).__next__, lambda seconds: None) == ["a"]
