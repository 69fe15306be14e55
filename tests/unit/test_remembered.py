# SPDX-License-Identifier: LGPL-2.1-or-later
"""Digests that are taken once, and digests of files that are still being written."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.content import stamps
from planex.content.remembered import Remembered
from planex.medium import trail
from planex.medium.trail import Trail


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, memory = tmp_path / "file", tmp_path / "memory.json"
    file.write_text("one")
    first = Remembered(memory)
    assert first.digest(file) == hashlib.sha256(b"one").hexdigest()
    first.save()
    with monkeypatch.context() as patch:
        patch.setattr(stamps, "take", None)
        assert Remembered(memory).digest(file) == hashlib.sha256(b"one").hexdigest()
    file.write_text("four")
    assert Remembered(memory).digest(file) == hashlib.sha256(b"four").hexdigest()


def test_what_was_not_asked_for_is_still_known_and_what_is_gone_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One asks for the base ISO alone, to see whether there is anything to do; the next for all there is."""
    for name in ("file", "gone"):
        (tmp_path / name).write_text(name)
    memory = Remembered(tmp_path / "memory.json")
    digests = [memory.digest(tmp_path / name) for name in ("file", "gone")]
    memory.save()
    (tmp_path / "gone").unlink()
    Remembered(tmp_path / "memory.json").save()
    monkeypatch.setattr(stamps, "take", None)
    assert Remembered(tmp_path / "memory.json").digest(tmp_path / "file") == digests[0]
    assert "gone" not in (tmp_path / "memory.json").read_text()


@given(st.binary(min_size=1, max_size=300), st.data())
def test_bytes_can_be_exchanged_behind_the_trail(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, draw: st.DataObject
) -> None:
    offset = draw.draw(st.integers(0, len(data) - 1))
    new = draw.draw(st.binary(max_size=len(data) - offset))
    output = tmp_path_factory.mktemp("trail") / "out"
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trail, "_STEP", 16)
        patch.setattr(trail, "_CHUNK", 7)
        first = Trail.follow(reading, output)
        marks = first.marks()
        digest = first.exchange(output, {offset: new})
        expected = data[:offset] + new + data[offset + len(new) :]
        assert output.read_bytes() == expected
        assert digest == hashlib.sha256(expected).hexdigest()
        assert marks == () or marks[0][0] >= 16
        assert Trail(marks).exchange(output, {offset: new}) == digest, "it is kept"
        assert Trail(first.marks()).exchange(output, {0: data[:offset]}) == digest
