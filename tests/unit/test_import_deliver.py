# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is imported meets what was there."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.importers.incoming import Delivered, Incoming, deliver
from planex.workspace import Workspace

SPEC = "specs/foo/foo.spec.j2"


def take(root: Path, text: bytes, *, replace: bool = False) -> Delivered:
    (done,) = deliver(Workspace(root), [Incoming("foo", {SPEC: text})], replace=replace)
    return done


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_what_was_there_before_is_not_said_to_be_changed(tmp_path: Path) -> None:
    put(tmp_path / SPEC, "mine")
    assert "it was here before, and not imported" in take(tmp_path, b"theirs").remarks[0]
    assert take(tmp_path, b"theirs", replace=True).remarks == ()
    put(tmp_path / SPEC, "edited")
    assert "it was changed here" in take(tmp_path, b"newer").remarks[0]


@pytest.mark.parametrize("path", ["../x", "/x", "specs/../../x", "specs/link/x"])
def test_nothing_is_written_outside(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    (root / "specs").mkdir(parents=True)
    (root / "specs/link").symlink_to(tmp_path)
    with pytest.raises(PlanexError, match="outside of the workspace"):
        deliver(Workspace(root), [Incoming("foo", {SPEC: b"x", path: b"x"})])
    assert not (tmp_path / "x").exists() and not (root / SPEC).exists()


def test_a_queue_that_was_there_before_is_told(tmp_path: Path) -> None:
    put(tmp_path / SPEC, "mine")
    put(tmp_path / "patchqueues/foo/series", "x.patch\n")
    assert "patchqueues/foo was here before and is applied to it" in take(tmp_path, b"theirs", replace=True).remarks[0]
    assert take(tmp_path, b"newer").remarks == ()
