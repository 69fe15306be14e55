# SPDX-License-Identifier: LGPL-2.1-or-later
"""Initial RAM disks: cpio archives of the "newc" form, which Linux unpacks at start; same entries, same bytes.

Format: Documentation/driver-api/early-userspace/buffer-format.rst of Linux. Made here rather than by cpio(1), which
needs root for device nodes and takes inode numbers and times from the disk.
"""

from __future__ import annotations

import gzip
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from planex.drafts import write_atomic

_TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class CpioEntry:
    """A file, folder, symbolic link or device node. ``mode`` holds the type bits too, as in stat(2)."""

    path: str
    """Relative to the root, without a leading slash."""
    mode: int
    data: bytes = b""
    """Contents of a file or destination of a link."""
    device: tuple[int, int] = (0, 0)


def file(path: str, data: bytes, mode: int = 0o644) -> CpioEntry:
    return CpioEntry(path, stat.S_IFREG | mode, data)


def link(path: str, destination: str) -> CpioEntry:
    return CpioEntry(path, stat.S_IFLNK | 0o777, destination.encode())


def character_device(path: str, major: int, minor: int) -> CpioEntry:
    return CpioEntry(path, stat.S_IFCHR | 0o600, device=(major, minor))


def archive(entries: Iterable[CpioEntry]) -> bytes:
    """The archive of ``entries`` and of all folders above them, in order of path; owned by root, times 0."""
    table = {entry.path: entry for entry in entries}
    for path in list(table):
        for parent in PurePosixPath(path).parents:
            if str(parent) != ".":
                table.setdefault(str(parent), CpioEntry(str(parent), stat.S_IFDIR | 0o755))
    ordered = sorted(table.values(), key=lambda entry: entry.path)
    parts = [_record(entry, number) for number, entry in enumerate(ordered, 1)]
    return _padded(b"".join([*parts, _record(CpioEntry(_TRAILER, 0), 0)]), 512)


def _record(entry: CpioEntry, inode: int) -> bytes:
    name = entry.path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name, 4) + _padded(entry.data, 4)


def _padded(data: bytes, unit: int) -> bytes:
    return data + b"\0" * (-len(data) % unit)


def make_initrd(output: Path, init: Path, busybox: Path) -> None:
    """Write the live host's initrd: ``init`` as its first program and a static busybox to carry it out."""
    entries = [
        file("init", init.read_bytes(), 0o755),
        file("bin/busybox", busybox.read_bytes(), 0o755),
        character_device("dev/console", 5, 1),
        *(CpioEntry(folder, stat.S_IFDIR | 0o755) for folder in ("proc", "run", "sys", "sysroot")),
    ]
    write_atomic(output, gzip.compress(archive(entries), compresslevel=9, mtime=0))
