# SPDX-License-Identifier: LGPL-2.1-or-later
"""Inputs that are better made than stored: ``given: {PATH: {make: NAME, ...}}`` calls the function of that name."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import random
import shutil
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

EPOCH = 1700000000


def text(path: Path, content: str) -> None:
    """A text, as the short form does."""
    path.write_text(content)


def hexadecimal(path: Path, content: str) -> None:
    """Bytes, given in hexadecimal (blanks are left out)."""
    path.write_bytes(bytes.fromhex(content))


def encoded(path: Path, content: str, codec: str) -> None:
    """A text in another encoding than UTF-8."""
    path.write_bytes(content.encode(codec))


def repeat(path: Path, content: str, count: int, head: str = "", tail: str = "") -> None:
    """``head``, ``content`` many times, ``tail``."""
    path.write_text(head + content * count + tail)


def numbered(path: Path, content: str, count: int, head: str = "", tail: str = "") -> None:
    """As repeat; ``{n}`` in the content counts from 0, ``{m}`` from 1."""
    lines = (content.replace("{n}", str(n)).replace("{m}", str(n + 1)) for n in range(count))
    path.write_text(head + "".join(lines) + tail)


def nested(path: Path, opening: str, closing: str, count: int, head: str = "", middle: str = "") -> None:
    """Brackets in brackets."""
    path.write_text(head + opening * count + middle + closing * count)


def rattle(path: Path, count: int, seed: int = 1, head: str = "") -> None:
    """Random bytes, the same for the same seed."""
    path.write_bytes(head.encode() + random.Random(seed).randbytes(count))


def link(path: Path, to: str) -> None:
    """A symbolic link."""
    path.symlink_to(to)


def folder(path: Path) -> None:
    """An empty folder."""
    path.mkdir()


def fifo(path: Path) -> None:
    """A named pipe that nobody writes to."""
    os.mkfifo(path)


def gone(path: Path) -> None:
    """Nothing: what the template workspace has there is deleted."""


def sparse(path: Path, size: int) -> None:
    """Zeros that take no room on disk."""
    with path.open("wb") as file:
        file.truncate(size)


def tar(path: Path, members: list[dict[str, Any]], count: int = 1, compress: str = "") -> None:
    """A tarball. A member: ``name``, and ``text``, ``link``, ``hard``, ``type`` (device, fifo, folder) or ``size``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for number in range(count):
            for member in members:
                _add(archive, member, number)
    packers: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gz": _gzip, "xz": lzma.compress}
    path.write_bytes(packers[compress](buffer.getvalue()))


def _add(archive: tarfile.TarFile, member: dict[str, Any], number: int) -> None:
    info = tarfile.TarInfo(member["name"].replace("{n}", str(number)))
    info.mtime = EPOCH
    kinds = {"device": tarfile.CHRTYPE, "block": tarfile.BLKTYPE, "fifo": tarfile.FIFOTYPE, "folder": tarfile.DIRTYPE}
    content = member.get("text", "").encode() if "text" in member else bytes(member.get("size", 0))
    if "link" in member:
        info.type, info.linkname = tarfile.SYMTYPE, member["link"]
    elif "hard" in member:
        info.type, info.linkname = tarfile.LNKTYPE, member["hard"]
    elif "type" in member:
        info.type, info.devmajor, info.devminor = kinds[member["type"]], 1, 5
    info.size = len(content) if info.isreg() else 0
    archive.addfile(info, io.BytesIO(content))


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=EPOCH)


def bomb(path: Path, size: int, name: str = "one-1/big", packing: str = "gz") -> None:
    """A tarball with one file of ``size`` zeros, packed some thousand times smaller; made piece by piece."""
    head = tarfile.TarInfo(name)
    head.size, head.mtime = size, EPOCH
    packer: Any = zlib.compressobj(9, wbits=31) if packing == "gz" else lzma.LZMACompressor(preset=0)
    piece = bytes(1 << 20)
    with path.open("wb") as file:
        file.write(packer.compress(head.tobuf(tarfile.GNU_FORMAT)))
        for _ in range(size >> 20):
            file.write(packer.compress(piece))
        file.write(packer.compress(bytes(1024)))
        file.write(packer.flush())


def cut(path: Path, of: str, keep: int) -> None:
    """The first bytes of another file of the workspace (a negative number: all but the last ones)."""
    path.write_bytes((path.parent / of).read_bytes()[:keep])


def flip(path: Path, of: str, at: int) -> None:
    """Another file of the workspace with one byte changed."""
    data = bytearray((path.parent / of).read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(bytes(data))


def volume(path: Path, sectors: int = 64, root: int = 18, claims: int = 64, loop: bool = False) -> None:
    """A file with an ISO 9660 volume descriptor and an empty, or circular, root folder; no boot record."""
    record = bytearray(34)
    record[0], record[25], record[32] = 34, 2, 1
    struct.pack_into("<I", record, 2, root)
    struct.pack_into("<I", record, 10, 2048)
    descriptor = bytearray(2048)
    descriptor[0:7] = b"\x01CD001\x01"
    descriptor[40:72] = b"HOSTILE".ljust(32)
    struct.pack_into("<I", descriptor, 80, claims)
    struct.pack_into("<H", descriptor, 128, 2048)
    descriptor[156:190] = record
    image = bytearray(sectors * 2048)
    image[16 * 2048 : 17 * 2048] = descriptor
    image[17 * 2048 : 17 * 2048 + 7] = b"\xffCD001\x01"
    if loop:
        image[root * 2048 : root * 2048 + 34] = record
    path.write_bytes(bytes(image))


def program(path: Path, script: str) -> None:
    """An executable script, for a folder on PATH."""
    path.write_text(script)
    path.chmod(0o755)


def copy(path: Path, of: str) -> None:
    """A copy of another file of the workspace, or of a folder."""
    source = path.parent / of
    if source.is_dir():
        shutil.copytree(source, path)
    else:
        shutil.copyfile(source, path)


MAKERS: dict[str, Callable[..., None]] = {
    "text": text,
    "hex": hexadecimal,
    "encoded": encoded,
    "repeat": repeat,
    "numbered": numbered,
    "nested": nested,
    "random": rattle,
    "link": link,
    "folder": folder,
    "fifo": fifo,
    "gone": gone,
    "sparse": sparse,
    "tar": tar,
    "bomb": bomb,
    "cut": cut,
    "flip": flip,
    "volume": volume,
    "program": program,
    "copy": copy,
}
