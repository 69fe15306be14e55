# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files and links appear whole or not at all, whichever step of writing them fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from planex.disk import DiskError
from planex.drafts import DRAFT, switch_link, write_atomic


def full(*words: Any, **more: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullFile:
    """A file of a full disk: ``flush`` or ``write`` fails, which has written half of it then."""

    def __init__(self, file: Any, step: str) -> None:
        self._file, self._step = file, step

    def __enter__(self) -> FullFile:
        return self

    def __exit__(self, *words: object) -> None:
        self._file.close()

    def _half(self, data: bytes) -> Any:
        self._file.write(data[: len(data) // 2])
        self._file.flush()
        return full()

    def __getattr__(self, name: str) -> Any:
        fails = {"write": self._half, "flush": full}
        return fails[name] if name == self._step else getattr(self._file, name)


@pytest.fixture(params=["open", "write", "flush", "chmod", "fsync", "rename"])
def failing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Writing fails at one step."""
    step = str(request.param)
    real, real_open = os.fdopen, os.open
    if step in ("write", "flush"):
        monkeypatch.setattr(os, "fdopen", lambda *words: FullFile(real(*words), step))
    elif step == "rename":
        monkeypatch.setattr(Path, "replace", full)
    elif step == "open":
        monkeypatch.setattr(
            os,
            "open",
            lambda path, *words, **more: (full if str(path).endswith(DRAFT) else real_open)(path, *words, **more),
        )
    else:
        monkeypatch.setattr(os, {"chmod": "fchmod", "fsync": "fsync"}[step], full)
    return step


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("old", ["old", None])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, old: str | None) -> None:
    path = tmp_path / "file"
    if old is not None:
        path.write_text(old)
    with pytest.raises(DiskError, match=r"cannot write .*file: No space left"):
        write_atomic(path, "new", durable=True)
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == ([] if old is None else [("file", old)])


def test_a_file_is_on_the_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(handle: int) -> None:
        steps.append("folder" if Path(f"/proc/self/fd/{handle}").is_dir() else "file")
        real_sync(handle)

    def replace(self: Path, target: Path) -> Path:
        assert self.read_text() == "new"
        assert self.stat().st_mode & 0o777 == 0o644
        steps.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    write_atomic(tmp_path / "file", "new", durable=True)
    assert steps == ["file", "rename", "folder"]


def test_a_folder_that_cannot_be_synced_is_an_error_with_the_new_file_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: full() if Path(f"/proc/self/fd/{handle}").is_dir() else real(handle)
    )
    (tmp_path / "file").write_text("old")
    with pytest.raises(DiskError, match=r"cannot write .*file: No space left"):
        write_atomic(tmp_path / "file", "new", durable=True)
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("file", "new")]


def test_a_new_file_replaces_the_old_and_keeps_its_readers(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with path.open() as reader:
        write_atomic(path, b"new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_a_name_as_long_as_may_be_can_be_written(tmp_path: Path) -> None:
    write_atomic(tmp_path / ("n" * 255), "x")
    assert [path.name for path in tmp_path.iterdir()] == ["n" * 255]


@pytest.fixture
def link(tmp_path: Path) -> Path:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "link").symlink_to("old")
    return tmp_path / "link"


@pytest.mark.parametrize("step", ["symlink_to", "replace"])
def test_a_switch_that_fails_leaves_the_old_link_and_nothing_else(
    link: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(Path, step, full)
    with pytest.raises(OSError, match="No space left"):
        switch_link(link, link.parent / "new")
    assert str(link.readlink()) == "old"
    assert sorted(path.name for path in link.parent.iterdir()) == ["link", "new", "old"]


def test_a_link_that_was_switched_is_on_the_disk(link: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[Path, str]] = []

    def sync(handle: int) -> None:
        synced.append((Path(f"/proc/self/fd/{handle}").readlink(), str(link.readlink())))

    monkeypatch.setattr(os, "fsync", sync)
    switch_link(link, link.parent / "new")
    assert synced == [(link.parent, "new")]


class Killed(BaseException):
    """What a test takes for the end of the process."""


@pytest.mark.parametrize("step", ["fsync", "rename"])
def test_what_a_killed_write_leaves_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def killed(*words: Any, **more: Any) -> Any:
        raise Killed

    (tmp_path / "file.json").write_text("old")
    monkeypatch.setattr(Path, "unlink", killed)  # whoever is killed cleans nothing up
    monkeypatch.setattr(*{"fsync": (os, "fsync"), "rename": (Path, "replace")}[step], killed)
    with pytest.raises(Killed):
        write_atomic(tmp_path / "file.json", "new", durable=True)
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["file.json"]
    assert (tmp_path / "file.json").read_text() == "old"
    assert [path.suffix for path in tmp_path.iterdir() if path.name.startswith(".")] == [DRAFT]


def test_a_link_is_switched_by_one_rename(link: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        assert str(target.readlink()) == "old", "the old link is there until the rename"
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    switch_link(link, link.parent / "new")
    assert str(link.readlink()) == "new"
    assert sorted(path.name for path in link.parent.iterdir()) == ["link", "new", "old"]
