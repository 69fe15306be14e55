# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images that stand for ISOs: files one behind the other, without any tool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from planex.medium.image import BLOCK, Image, Span

Files = Mapping[str, str | bytes]
FIRST = 32
"""Block of the first file."""


def make_image(path: Path, files: Files) -> Image:
    data, spans = bytearray(FIRST * BLOCK), {}
    for name, content in files.items():
        contents = content.encode() if isinstance(content, str) else content
        spans[name] = (Span(len(data), len(contents)),)
        data += contents + bytes(-len(contents) % BLOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Image(path, len(data), {name: span[0].size for name, span in spans.items()}, spans)


def make_fat(files: Mapping[str, bytes]) -> bytes:
    """A FAT12 file system of 1 MiB with files of short names in EFI/BOOT."""
    sector, tables, entries, per_table = 512, 1, 16, 6
    first = (1 + tables * per_table) * sector + entries * 32
    data, table = bytearray(1 << 20), [0xFF8, 0xFFF]
    head = (sector).to_bytes(2, "little") + bytes([1]) + (1).to_bytes(2, "little") + bytes([tables])
    data[11:19] = head + entries.to_bytes(2, "little")
    data[19:21] = (len(data) // sector).to_bytes(2, "little")
    data[22:24] = per_table.to_bytes(2, "little")
    data[510:512] = b"\x55\xaa"

    def put(contents: bytes) -> int:
        start, count = len(table), max(1, -(-len(contents) // sector))
        table.extend([*range(start + 1, start + count), 0xFFF])
        offset = first + (start - 2) * sector
        data[offset : offset + len(contents)] = contents
        return start

    def row(name: str, attributes: int, cluster: int, size: int) -> bytes:
        stem, _, kind = name.partition(".")
        plain = f"{stem:8}{kind:3}".encode() + bytes([attributes]) + bytes(14)
        return plain + cluster.to_bytes(2, "little") + size.to_bytes(4, "little")

    boot = put(b"".join(row(name, 0x20, put(contents), len(contents)) for name, contents in files.items()))
    efi = put(row("BOOT", 0x10, boot, 0))
    root = row("EFI", 0x10, efi, 0)
    data[(1 + per_table) * sector : (1 + per_table) * sector + len(root)] = root
    for number, value in enumerate(table):
        offset = sector + number * 3 // 2
        if number % 2:
            data[offset] |= value << 4 & 0xF0
            data[offset + 1] = value >> 4
        else:
            data[offset] = value & 0xFF
            data[offset + 1] |= value >> 8
    return bytes(data)
