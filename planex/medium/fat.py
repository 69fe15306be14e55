# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads FAT file systems (FAT12, 16 and 32), from which UEFI firmware starts. Pure: bytes in, files out.

Format: Microsoft, "FAT: General Overview of On-Disk Format" 1.03. Of anybody's image: every number is checked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from planex.errors import PlanexError

ENTRY = 32
"""Bytes of an entry in a folder."""
MAX_DEPTH, MAX_FILES = 16, 10_000
_LONG, _LABEL, _FOLDER = 0x0F, 0x08, 0x10
"""Attributes: of a piece of a long name, of the volume's label, of a folder."""
_DELETED, _END = 0xE5, 0x00
"""First bytes of an entry's name."""


@dataclass(frozen=True, slots=True)
class _Volume:
    """``table``: offset of the first FAT; ``start``: of the first cluster, which has the number 2. All in bytes."""

    data: bytes
    bits: int
    table: int
    start: int
    cluster: int
    clusters: int
    root: tuple[int, int]
    """FAT12 and 16: offset and size of the root folder. FAT32: its first cluster, and 0."""

    def next(self, cluster: int) -> int:
        offset = self.table + cluster * self.bits // 8
        if self.bits == 32:
            return int(struct.unpack_from("<I", self.data, offset)[0]) & 0x0FFFFFFF
        value = int(struct.unpack_from("<H", self.data, offset)[0])
        if self.bits == 16:
            return value
        return value >> 4 if cluster % 2 else value & 0x0FFF

    def chain(self, cluster: int) -> bytes:
        """The bytes of a chain of clusters."""
        pieces: list[bytes] = []
        while 2 <= cluster < self.clusters + 2:
            if len(pieces) > self.clusters:
                raise PlanexError("its chains of clusters run in a circle")
            offset = self.start + (cluster - 2) * self.cluster
            pieces.append(self.data[offset : offset + self.cluster])
            cluster = self.next(cluster)
        return b"".join(pieces)


def fat_size(data: bytes) -> int:
    """Bytes of a FAT file system by its first sector; 0 where it is none."""
    if len(data) < 512 or data[510:512] != b"\x55\xaa":
        return 0
    sector, _, _, _, _, small = struct.unpack_from("<HBHBHH", data, 11)
    return int(sector * (small or struct.unpack_from("<I", data, 32)[0]))


def read_fat(data: bytes) -> dict[str, bytes]:
    """Path (``EFI/BOOT/BOOTX64.EFI``) to contents of all files. PlanexError where that is no FAT, or damaged."""
    try:
        volume = _volume(data)
        files: dict[str, bytes] = {}
        for name, contents in _walk(volume, _root(volume), "", 0):
            files[name] = contents
            if len(files) > MAX_FILES or sum(map(len, files.values())) > 2 * len(data):
                raise PlanexError("its files are larger than itself")
    except struct.error:
        raise PlanexError("it is cut off") from None
    return files


def _volume(data: bytes) -> _Volume:
    if not fat_size(data):
        raise PlanexError("it is no FAT file system")
    if fat_size(data) > len(data):
        raise PlanexError("it is cut off")
    sector, per_cluster, reserved, tables, entries, small = struct.unpack_from("<HBHBHH", data, 11)
    (table_sectors,) = struct.unpack_from("<H", data, 22)
    table_sectors = table_sectors or struct.unpack_from("<I", data, 36)[0]
    total = small or struct.unpack_from("<I", data, 32)[0]
    if sector not in (512, 1024, 2048, 4096) or not (per_cluster and tables and table_sectors):
        raise PlanexError("its first sector is damaged")
    root = reserved + tables * table_sectors
    first = root + -(-entries * ENTRY // sector)
    clusters = (total - first) // per_cluster
    bits = 12 if clusters < 4085 else 16 if clusters < 65525 else 32
    place = (root * sector, entries * ENTRY) if bits < 32 else (struct.unpack_from("<I", data, 44)[0], 0)
    return _Volume(data, bits, reserved * sector, first * sector, per_cluster * sector, clusters, place)


def _root(volume: _Volume) -> bytes:
    start, size = volume.root
    return volume.data[start : start + size] if size else volume.chain(start)


def _walk(volume: _Volume, folder: bytes, above: str, depth: int) -> Iterator[tuple[str, bytes]]:
    if depth > MAX_DEPTH:
        raise PlanexError("its folders are nested too deep")
    for name, attributes, cluster, size in _entries(folder):
        if attributes & _FOLDER:
            yield from _walk(volume, volume.chain(cluster), f"{above}{name}/", depth + 1)
        else:
            contents = volume.chain(cluster)[:size]
            if len(contents) < size:
                raise PlanexError(f"{above}{name} in it is cut off")
            yield f"{above}{name}", contents


def _entries(folder: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Name, attributes, first cluster and size of each file and folder in a folder."""
    long = ""
    for offset in range(0, len(folder) - ENTRY + 1, ENTRY):
        entry = folder[offset : offset + ENTRY]
        if entry[0] == _END:
            return
        attributes = entry[11]
        if entry[0] != _DELETED and attributes == _LONG:
            piece = entry[1:11] + entry[14:26] + entry[28:32]
            long = piece.decode("utf-16-le", "replace").split("\0")[0] + long
            continue
        name, long = long or _short(entry), ""
        if entry[0] != _DELETED and not attributes & _LABEL and name not in (".", ".."):
            high, low, size = struct.unpack_from("<H4xHI", entry, 20)
            yield name, attributes, high << 16 | low, size


def _short(entry: bytes) -> str:
    """A name of eight and three characters; byte 12 says which of the two are in lower case."""
    name, kind = (entry[a:b].decode("ascii", "replace").rstrip() for a, b in ((0, 8), (8, 11)))
    name = name.lower() if entry[12] & 0x08 else name
    kind = kind.lower() if entry[12] & 0x10 else kind
    return f"{name}.{kind}" if kind else name
