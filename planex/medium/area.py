# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system area of an ISO, from which BIOS and UEFI start it as a disk: MBR and GPT, and whether they fit. Pure.

Formats: UEFI 2.x chapter 5 (both tables); isohybrid and GRUB keep the address of their loader in the MBR's code.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from planex.medium.image import BLOCK, Span

SECTOR = 512
AREA = 16 * BLOCK
"""Bytes before the first volume descriptor."""
_CODE = 440
"""Bytes of an MBR before its tables."""
_LOADER = 0x1B0
"""Where the MBR's code has the address of the loader, in sectors."""
_ESP = 0xEF
_PROTECTIVE = 0xEE
_MAGIC = b"EFI PART"
_MAX_ENTRIES = 1024
_ADDRESS = {b"isolinux.bin missing or corrupt": 0, b"GRUB \0Geom\0": 4}
"""What the code of isohybrid and of GRUB says, and how many sectors behind the loader's start its address points."""

Read = Callable[[int, int], bytes]
"""Bytes of an image by offset and size."""


@dataclass(frozen=True, slots=True)
class Part:
    """A partition. ``kind``: its type in the MBR; 0 for those of the GPT. ``active``: BIOS is to start from it."""

    kind: int
    span: Span
    active: bool = False


@dataclass(frozen=True, slots=True)
class Boots:
    """What El Torito starts: offsets in bytes of its images for BIOS and UEFI; empty where there is none."""

    bios: tuple[int, ...] = ()
    uefi: tuple[int, ...] = ()


def area_faults(read: Read, size: int, volume: int, boots: Boots) -> Iterator[str]:
    """What is wrong with MBR and GPT, a sentence each. ``size`` and ``volume``: bytes of the image and its volume."""
    head = read(0, AREA)
    yield from _missing(read, (size, volume), head)
    mbr, gpt = mbr_parts(head), tuple[Part, ...]()
    if head[SECTOR:].startswith(_MAGIC):
        yield from (f"the GPT is damaged: {fault}" for fault in _gpt_faults(read, size, head[SECTOR : 2 * SECTOR]))
        gpt = gpt_parts(read, head[SECTOR : 2 * SECTOR])
    yield from _code_faults(head, mbr, boots)
    yield from _place_faults((*mbr, *gpt), size)
    yield from _match_faults(mbr, gpt, boots)


def _missing(read: Read, ends: tuple[int, ...], head: bytes) -> Iterator[str]:
    gpt, mbr = head[SECTOR:].startswith(_MAGIC), has_mbr(head)
    if gpt and not mbr:
        yield "there is a GPT but no MBR"
    if not gpt and any(part.kind == _PROTECTIVE for part in mbr_parts(head)):
        yield "the MBR announces a GPT, which is not there"
    elif not gpt and any(read(end - SECTOR, SECTOR).startswith(_MAGIC) for end in ends if end > AREA):
        yield "the GPT is gone: only its copy at the end is there"


def has_mbr(head: bytes) -> bool:
    return head[510:512] == b"\x55\xaa"


def mbr_parts(head: bytes) -> tuple[Part, ...]:
    """The partitions of an MBR that are not empty."""
    if not has_mbr(head):
        return ()
    rows = (head[446 + 16 * number : 462 + 16 * number] for number in range(4))
    found = (Part(row[4], _span(*struct.unpack_from("<II", row, 8)), row[0] == 0x80) for row in rows)
    return tuple(part for part in found if part.span.size)


def gpt_parts(read: Read, header: bytes) -> tuple[Part, ...]:
    start, count, size = struct.unpack_from("<QII", header, 72)
    if size < 128 or count > _MAX_ENTRIES:
        return ()
    table = read(start * SECTOR, count * size)
    rows = (table[offset : offset + size] for offset in range(0, len(table) - size + 1, size))
    return tuple(Part(0, _between(*struct.unpack_from("<QQ", row, 32))) for row in rows if any(row[:16]))


def _span(start: int, count: int) -> Span:
    return Span(start * SECTOR, count * SECTOR)


def _between(first: int, last: int) -> Span:
    return _span(first, max(0, last - first + 1))


def _gpt_faults(read: Read, size: int, header: bytes) -> Iterator[str]:
    if not _sound(header):
        yield "the checksum of its header is wrong"
        return
    (backup,) = struct.unpack_from("<Q", header, 32)
    start, count, entry, digest = struct.unpack_from("<QIII", header, 72)
    if count > _MAX_ENTRIES or zlib.crc32(read(start * SECTOR, count * entry)) != digest:
        yield "the checksum of its table is wrong"
    if (backup + 1) * SECTOR <= size and not _sound(read(backup * SECTOR, SECTOR)):
        yield "its copy at the end is gone or damaged"


def _sound(header: bytes) -> bool:
    """Whether the checksum of a GPT header is that of its bytes."""
    if not header.startswith(_MAGIC):
        return False
    length, digest = struct.unpack_from("<II", header, 12)
    bare = header[:16] + bytes(4) + header[20:]
    return 92 <= int(length) <= SECTOR and zlib.crc32(bare[:length]) == int(digest)


def _code_faults(head: bytes, mbr: tuple[Part, ...], boots: Boots) -> Iterator[str]:
    """The code of an MBR with an active partition is there, and finds the loader that El Torito starts."""
    if any(part.active for part in mbr) and not any(head[:_LOADER]):
        yield "the MBR has an active partition, but no code"
    (address,) = struct.unpack_from("<Q", head.ljust(AREA, b"\0"), _LOADER)
    for text, behind in _ADDRESS.items():
        starts = [start // SECTOR + behind for start in boots.bios]
        if text in head[:_CODE] and starts and address & 0xFFFFFFFF not in starts:
            yield "the code in the MBR does not look for the loader where it is"


def _place_faults(parts: tuple[Part, ...], size: int) -> Iterator[str]:
    if any(part.span.end > -(-size // (1 << 20)) * (1 << 20) and part.kind != _PROTECTIVE for part in parts):
        yield "a partition reaches past the end of the image"


def _match_faults(mbr: tuple[Part, ...], gpt: tuple[Part, ...], boots: Boots) -> Iterator[str]:
    """The partition for UEFI is the image that El Torito has for UEFI, in both tables."""
    partitions = [part.span for part in mbr if part.kind == _ESP]
    if boots.uefi and partitions and not any(span.start in boots.uefi for span in partitions):
        yield "the MBR's partition for UEFI is not the image that El Torito has for UEFI"
    if gpt and boots.uefi and not any(part.span.start in boots.uefi for part in gpt):
        yield "no partition of the GPT is the image that El Torito has for UEFI"
    if gpt and partitions and not all(span in [part.span for part in gpt] for span in partitions):
        yield "MBR and GPT do not name the same partition for UEFI"
