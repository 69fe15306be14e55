# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every error of a disk names its path, the reason and, where it is full, how much is free and how to make room."""

from __future__ import annotations

import errno
import os
import resource
import signal
import sys
from pathlib import Path

import pytest

from planex import cli
from planex.disk import DiskError, explain, naming, size_of
from planex.drafts import write_atomic
from planex.regular import NotRegular, read_regular
from planex.units import MIB, size_text


@pytest.fixture(autouse=True)
def own_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line sets handlers; those of the tests' own process stay."""
    monkeypatch.setattr("planex.cli.signal.signal", lambda number, handler: None)


def error(number: int, *names: str) -> OSError:
    first, second = (*names, None, None)[:2]
    return OSError(number, os.strerror(number), first, None, second)


def test_a_write_without_a_path_gets_one(tmp_path: Path) -> None:
    with pytest.raises(DiskError) as caught, naming(tmp_path / "not" / "there", "write"):
        Path("/dev/full").write_bytes(b"x" * 10_000)
    assert caught.value.message.startswith(f"cannot write {tmp_path}/not/there: No space left on device (")
    assert caught.value.message.endswith(f"free on the file system of {tmp_path})")
    assert "planex clean" in str(caught.value.hint)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_says_how_much_is_free(tmp_path: Path, number: int) -> None:
    told = explain(error(number, str(tmp_path / "x")))
    assert told.message.startswith(f"{tmp_path}/x: {os.strerror(number)} (")
    assert " free on the file system of " in told.message
    assert told.errno == number


def test_of_a_copy_the_file_that_is_written_is_named(tmp_path: Path) -> None:
    assert explain(error(errno.ENOSPC, "/from", str(tmp_path / "to"))).message.startswith(f"{tmp_path}/to: ")
    assert explain(error(errno.EACCES, "/from", str(tmp_path / "to"))).message == "/from: Permission denied"


def test_out_of_inodes_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(tmp_path)
    fields = list(real)
    fields[5:8] = [1000, 0, 0]  # f_files, f_ffree, f_favail
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    assert "no room for more files (inodes)" in explain(error(errno.ENOSPC, str(tmp_path))).message


@pytest.mark.parametrize(("number", "word"), [(errno.EROFS, "read-only"), (errno.EACCES, "mode"), (36, "shorter")])
def test_other_reasons_have_their_hint(number: int, word: str) -> None:
    assert word in str(explain(error(number, "/x")).hint)


def test_an_atomic_write_names_the_file_and_not_its_draft(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=f"^cannot write {tmp_path}/file/below: "):
        write_atomic(tmp_path / "file" / "below", "x")
    with pytest.raises(DiskError, match="File name too long"):
        write_atomic(tmp_path / ("n" * 300), "x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    write_atomic(tmp_path / ("n" * 255), "x")


def test_an_atomic_write_that_finds_the_disk_full_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.getsignal(signal.SIGXFSZ)  # Python ignores it: the write fails instead
    assert before is signal.SIG_IGN
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(DiskError, match=f"^cannot write {path}: File too large"):
            write_atomic(path, "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def run_main(monkeypatch: pytest.MonkeyPatch, raised: BaseException) -> int:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(cli.cli, "main", fail)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_any_error_of_the_system_ends_with_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_main(monkeypatch, error(errno.ENOSPC, str(tmp_path / "log"))) == 1
    said = capsys.readouterr().err
    assert f"error: {tmp_path}/log: No space left on device (" in said
    assert "hint:    make room, for instance with `planex clean`" in said


def test_a_deleted_folder_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for words in (["build"], ["doctor"], ["fetch"], ["init", "x"], ["clean"]):
        monkeypatch.setattr(sys, "argv", ["planex", *words])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        assert caught.value.code == 1
        assert "error: the current folder is gone: it was deleted" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["planex", "--help"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 0
    assert "House-keeping:" in capsys.readouterr().out


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in {
        tmp_path: "is a folder",
        tmp_path / "pipe": "is a pipe",
        Path("/dev/zero"): "is a device",
        tmp_path / "none": "No such file",
        tmp_path / "a\0b": "holds a NUL",
        tmp_path / ("n" * 300): "File name too long",
    }.items():
        with pytest.raises(NotRegular, match=words):
            read_regular(path, 10)
    (tmp_path / "file").write_bytes(b"12345678901")
    with pytest.raises(NotRegular, match="is larger than 10 bytes"):
        read_regular(tmp_path / "file", 10)
    assert len(read_regular(tmp_path / "file", 11)) == 11


def test_sizes_are_for_people() -> None:
    assert [size_text(size) for size in (0, 1023, 1536, 64 << 30, 1 << 50)] == [
        "0 bytes", "1023 bytes", "1.5 KiB", "64 GiB", "1024 TiB",
    ]  # fmt: skip


def test_what_is_on_the_disk_counts_once_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"x" * MIB)
    (tmp_path / "other name").hardlink_to(tmp_path / "folder" / "file")
    (tmp_path / "usr").symlink_to("/usr")
    assert MIB <= size_of([tmp_path]) < MIB + 50_000
    assert MIB <= size_of([tmp_path / "folder", tmp_path / "other name", tmp_path / "gone"]) < MIB + 50_000
    assert size_of([tmp_path / "usr"]) < 50_000
