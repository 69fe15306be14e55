# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bombs and broken archives: refused by the name of a limit and of the file, before they cost memory or time."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import lzma
import resource
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.base.unpack import pick, unpack
from planex.errors import PlanexError
from planex.patchqueue.apply.tarball import SourceFiles, members, read_member
from planex.patchqueue.commits.importer import from_tarball
from planex.sources.tarballs import TooLarge, UnpackLimits, content_of, read_stream, read_tarball, require_tarball

SMALL = UnpackLimits(size=1 << 20, ratio=50, free=1 << 16, members=20, member=1 << 15, header=1 << 12)


def tar(*files: tuple[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def header(size: int, kind: bytes = tarfile.REGTYPE, name: str = "top/x") -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = size, kind
    return entry.tobuf(tarfile.GNU_FORMAT)


def read_all(path: Path, limits: UnpackLimits = SMALL) -> list[tuple[str, bytes | None]]:
    return [
        (entry.name, content_of(entry, archive, str(path), limits)) for entry, archive in read_tarball(path, limits)
    ]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_every_known_format_is_read(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x.tar"
    long = "top/" + "n" * 300
    path.write_bytes(pack(tar(("top/a", b"one"), (long, b"two"))))
    assert read_all(path) == [("top/a", b"one"), (long, b"two")]
    path.write_bytes(pack(tar(("top/a", b"one"), (long, b"two"), form=tarfile.PAX_FORMAT)))
    assert [name for name, _ in read_all(path)] == ["top/a", long]


ZEROS = b"\0" * (4 << 20)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(tar(("top/x", ZEROS))), "unpacks to more than 50 times its own size"),
        (bz2.compress(tar(("top/x", ZEROS))), "unpacks to more than 50 times its own size"),
        (lzma.compress(tar(("top/x", ZEROS))), "unpacks to more than 50 times its own size"),
        (tar(("top/x", ZEROS)), "unpacks to more than 1 MiB"),
        (header(1 << 60) + b"x" * 100, "unpacks to more than"),
        (tar(*[(f"top/{n}", b"") for n in range(30)]), "holds more than 20 files"),
        (tar(("top/big", b"x" * 40_000)), "top/big has more than 32 KiB; such files are not read"),
        (header(1 << 50, tarfile.GNUTYPE_LONGNAME), "an extended header of more than 4 KiB"),
        (header(1 << 50, tarfile.XHDTYPE), "an extended header of more than 4 KiB"),
        (header(100_000, tarfile.XGLTYPE) + b"9" * 100_000, "an extended header of more than 4 KiB"),
        (header(5, name="top/x")[:300], "cannot be read as a tarball: "),
        (tar(("top/x", b"y" * 9000))[:2000], "cannot be read as a tarball: "),
        (gzip.compress(tar(("top/x", b"y" * 9000)))[:-30], "cannot be read as a tarball: "),
        (b"BZh9garbage" * 100, "cannot be read as a tarball: "),
        (b"\xfd7zXZ\x00garbage" * 100, "cannot be read as a tarball: "),
        (b"\x1f\x8bgarbage" * 100, "cannot be read as a tarball: "),
        (b"", "cannot be read as a tarball: empty file"),
        (b"x" * 600, "cannot be read as a tarball: "),
    ],
)
def test_bombs_and_ruins_are_refused_by_name(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(data)
    started = time.monotonic()
    with pytest.raises(PlanexError) as caught:
        read_all(path)
    assert str(path) in caught.value.message
    assert message in caught.value.message
    assert time.monotonic() - started < 3


def test_a_block_that_unpacks_to_gigabytes_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.bz2"
    compressor = bz2.BZ2Compressor()
    with path.open("wb") as file:
        file.write(compressor.compress(header(8 << 30)))
        for _ in range(70):
            file.write(compressor.compress(ZEROS))
        file.write(compressor.flush())
    assert path.stat().st_size < 2000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(TooLarge, match=r"bomb\.tar\.bz2 unpacks to more than 500 times its own size"):
        list(read_tarball(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (Path("/dev/zero"), tmp_path, tmp_path / "none"):
        with pytest.raises(PlanexError):
            list(read_tarball(path))
        if not path.is_dir():
            with pytest.raises(PlanexError):
                SourceFiles(path, tmp_path / "cache")


def test_sources_and_queues_are_read_through_it(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(header(1 << 60))
    for read in (
        lambda: SourceFiles(path, tmp_path / "cache").read("x"),
        lambda: [read_member(entry, archive, path) for _, entry, archive in members(path)],
        lambda: from_tarball(path, tmp_path / "scratch"),
    ):
        with pytest.raises(TooLarge, match="unpacks to more than"):
            read()


def test_a_queue_tarball_with_names_that_clash(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar(("a", b"x"), ("a/b", b"y")))
    with pytest.raises(PlanexError, match=r"cannot write .*/a/b: "):
        from_tarball(path, tmp_path / "scratch")


@pytest.mark.tools("dpkg-deb")
def test_a_deb_is_read_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planex.base.unpack.read_stream", functools.partial(read_stream, limits=SMALL))
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: x\n"
    )
    with (tree / "zeros").open("wb") as file:
        file.truncate(4 << 20)
    subprocess.run(["dpkg-deb", "-Zxz", "-z1", "--build", tree, tmp_path / "x.deb"], check=True, capture_output=True)
    with pytest.raises(TooLarge, match=r"x\.deb unpacks to more than 50 times its own size"):
        unpack(tmp_path / "x.deb", tmp_path / "root")


@pytest.mark.tools("dpkg-deb")
def test_what_is_no_deb_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.deb").write_bytes(b"garbage")
    with pytest.raises(PlanexError, match=r"x\.deb cannot be read as a tarball") as caught:
        pick(tmp_path / "x.deb", ["/x"])
    assert "delete it" in str(caught.value.hint)


@given(st.binary(max_size=2000), st.integers(0, 3), st.integers(0, 2000))
def test_any_bytes_are_a_tarball_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: int, at: int
) -> None:
    whole = tar(("top/a", b"one" * 50), ("top/" + "l" * 150, b"two"))
    spoilt = whole[:at] + data + whole[at + len(data) :]
    path = tmp_path_factory.getbasetemp() / "fuzz.tar"
    packers: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, bz2.compress, lzma.compress]
    path.write_bytes(packers[kind](spoilt) if at % 2 else data)
    try:
        read_all(path)
    except PlanexError as error:
        assert str(path) in error.message


def test_what_holds_no_file_is_told_without_reading_it_all(tmp_path: Path) -> None:
    path = tmp_path / "zeros.tar"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(PlanexError, match=r"zeros\.tar cannot be read as a tarball: it holds no file"):
        require_tarball(path)
