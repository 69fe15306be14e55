# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads tarballs that a stranger made, as a stream, within limits. The only reader of tar, gzip, bzip2 and xz.

A bomb is small and unpacks to terabytes, to millions of files, or to one name of a gigabyte: what comes out is
counted, and compared with what went in, while it is read; and no header is larger than names need.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from planex.errors import PlanexError
from planex.regular import open_regular
from planex.units import size_text


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """What a tarball may unpack to. The largest sources in use (browsers, kernels) stay far below."""

    size: int = 32 << 30
    """Bytes, unpacked, headers and padding included."""
    ratio: int = 500
    """Times its own size; what is below ``free`` is not looked at."""
    free: int = 256 << 20
    """Bytes."""
    members: int = 2_000_000
    member: int = 2 << 30
    """Bytes of one file that is read into memory."""
    header: int = 1 << 20
    """Bytes of an extended header: long names, attributes."""


LIMITS = UnpackLimits()
_OPENERS: tuple[tuple[bytes, Any], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"\x5d\x00\x00", lzma.open),
)
_EXTENDED = frozenset(
    {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}
)
_BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError, OverflowError)
_KNOWN = "formats known: tar, tar.gz, tar.bz2, tar.xz"


class TooLarge(PlanexError):
    """An archive is beyond a limit; the message says which, and of which file."""


def read_tarball(path: Path, limits: UnpackLimits = LIMITS) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """Every entry of a tarball in its order, with the archive to read it from before the next is asked for.

    Raises PlanexError for what is no tarball or breaks off, TooLarge for a bomb.
    """
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        with _opened(file) as stream:
            yield from read_stream(stream, str(path), size, limits)


def require_tarball(path: Path) -> None:
    """Raise PlanexError for what does not begin as a tarball does; a large file is not read for that."""
    for _ in read_tarball(path):
        return
    raise PlanexError(f"{path} cannot be read as a tarball: it holds no file", _KNOWN)


def top_folders(path: Path, wanted: str) -> list[str]:
    """The folders that a tarball unpacks to. It is read whole only where the first is not ``wanted``."""
    found: dict[str, None] = {}
    for entry, _ in read_tarball(path):
        parts = [part for part in entry.name.split("/") if part not in ("", ".")]
        if len(parts) > 1 or (parts and (entry.isdir() or entry.issym())):
            found[parts[0]] = None
        if wanted in found:
            break
    return list(found)


def read_stream(
    stream: IO[bytes], name: str, packed: int, limits: UnpackLimits = LIMITS
) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """As read_tarball, from an unpacked stream; ``packed``: bytes of the file that it came out of."""
    counted = _Counted(stream, name, packed, limits)
    with (
        reading(name),
        tarfile.open(fileobj=cast(IO[bytes], counted), mode="r|", tarinfo=_careful(name, limits)) as archive,
    ):
        for number, entry in enumerate(archive, 1):
            if number > limits.members:
                raise TooLarge(f"{name} holds more than {limits.members} files")
            counted.expect(entry.size)
            yield entry, archive
            archive.members.clear()  # type: ignore[attr-defined]  # else it keeps every one


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what tar and the decompressors raise into a PlanexError about the archive ``name``."""
    try:
        yield
    except _BROKEN as error:
        reason = next(iter(str(error).splitlines()), "") or "it breaks off"
        raise PlanexError(f"{name} cannot be read as a tarball: {reason}", _KNOWN) from None
    except OSError as error:
        if error.filename is not None:  # a file that was written meanwhile
            raise
        raise PlanexError(f"{name} cannot be read as a tarball: {error.strerror or error}", _KNOWN) from None


def content_of(
    entry: tarfile.TarInfo, archive: tarfile.TarFile, name: str, limits: UnpackLimits = LIMITS
) -> bytes | None:
    """The bytes of a regular file; None for anything else. ``name``: of the archive, for errors."""
    if not entry.isreg():
        return None
    if entry.size > limits.member:
        raise TooLarge(f"{name}: {entry.name} has more than {size_text(limits.member)}; such files are not read")
    with reading(name):
        file = archive.extractfile(entry)
        return file.read() if file else None


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[IO[bytes]]:
    magic = file.read(6)
    file.seek(0)
    opener = next((opener for start, opener in _OPENERS if magic.startswith(start)), None)
    if opener is None:
        yield file
        return
    with opener(file) as stream:
        yield stream


class _Counted:
    """A stream that raises TooLarge when more comes out of it than may."""

    def __init__(self, stream: IO[bytes], name: str, packed: int, limits: UnpackLimits) -> None:
        self._stream, self._name, self._limits = stream, name, limits
        self._allowed = min(limits.size, max(limits.free, packed * limits.ratio))
        self._done = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._done += len(data)
        self.expect(0)
        return data

    def expect(self, size: int) -> None:
        """Raise if ``size`` more bytes would be too many."""
        if self._done + size <= self._allowed:
            return
        if self._allowed == self._limits.size:
            raise TooLarge(f"{self._name} unpacks to more than {size_text(self._allowed)}")
        raise TooLarge(f"{self._name} unpacks to more than {self._limits.ratio} times its own size")


def _careful(name: str, limits: UnpackLimits) -> type[tarfile.TarInfo]:
    """A TarInfo that refuses headers which tarfile would read into memory whole."""

    class Careful(tarfile.TarInfo):
        # Every header of every release of Python 3 comes by here; the public frombuf is passed by in newer ones.
        def _proc_member(self, archive: Any) -> Any:
            if self.size < 0:
                raise tarfile.ReadError("a file of negative size")
            if self.type in _EXTENDED and self.size > limits.header:
                raise TooLarge(f"{name} has an extended header of more than {size_text(limits.header)}")
            return super()._proc_member(archive)  # type: ignore[misc]

    return Careful
