# SPDX-License-Identifier: LGPL-2.1-or-later
"""What El Torito starts: whether the loader for BIOS is whole, and what the EFI image has in it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from planex.errors import PlanexError
from planex.medium.bootrecords import BootImage, BootRecords
from planex.medium.fat import fat_size, read_fat
from planex.medium.image import BLOCK, Image

MAX_ESP = 1 << 28
"""Bytes; a larger EFI image is not read."""
_LOADER = re.compile(r"EFI/BOOT/BOOT[A-Z0-9]+\.EFI", re.IGNORECASE)
_MENU = re.compile(rb"configfile +(?:\(\$\{?root\}?\))?(/[!-:<-~]{1,200})")
_SEARCH = re.compile(rb"search[ -~]{0,500}?(?:--label|-l)[ =][ -~]{0,500}")
"""A command of GRUB in a loader; bounded, as text without end would take quadratic time."""


@dataclass(frozen=True, slots=True)
class EfiImage:
    """The FAT file system that UEFI starts from. ``fault``: why it cannot be read."""

    name: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    fault: str = ""

    def loaders(self) -> dict[str, bytes]:
        return {name: data for name, data in self.files.items() if name.lower().endswith(".efi")}

    def starts(self) -> bool:
        """Whether firmware finds a loader in it."""
        return any(_LOADER.fullmatch(name) and data[:2] == b"MZ" for name, data in self.files.items())


def efi_images(image: Image, records: BootRecords) -> list[EfiImage]:
    """Every EFI image, be it a file of the tree or a partition behind it."""
    return [_efi_image(image, entry) for entry in records.images if entry.platform == "UEFI" and entry.bootable]


def efi_bytes(image: Image, entry: BootImage) -> bytes:
    """The file system that an entry starts. PlanexError where it does not fit."""
    if entry.path in image.spans:
        return image.read(entry.path)
    size = fat_size(image.part(entry.start, 512))
    if entry.start + size > image.size or size > MAX_ESP:
        raise PlanexError("it is larger than the image that it is in")
    return image.part(entry.start, size)


def _efi_image(image: Image, entry: BootImage) -> EfiImage:
    name = entry.path or "the EFI partition"
    try:
        return EfiImage(name, read_fat(efi_bytes(image, entry)))
    except PlanexError as error:
        return EfiImage(name, fault=error.message)


def table_fault(image: Image, loader: bytes, start: int) -> str:
    """What is wrong with the boot info table of a BIOS loader at ``start`` (bytes) of the image, or nothing.

    mkisofs and xorriso write it into bytes 8 to 63: the blocks of a volume descriptor and of the loader, the loader's
    size, and the sum of its words from byte 64 on. A loader that has none is not judged, but isolinux needs one.
    """
    if len(loader) < 64:
        return "is too short"
    descriptor, block, size, total = struct.unpack_from("<IIII", loader, 8)
    if block != start // BLOCK or image.part(descriptor * BLOCK, 6) != b"\x01CD001":
        return "has a boot info table that does not fit" if is_isolinux(loader) else ""
    words = loader[64:].ljust(-(-(len(loader) - 64) // 4) * 4, b"\0")
    found = sum(struct.unpack(f"<{len(words) // 4}I", words)) & 0xFFFFFFFF
    return "" if (size, total) == (len(loader), found) else "is damaged: its boot info table has another checksum"


def is_isolinux(loader: bytes) -> bool:
    return b"ISOLINUX" in loader


def is_grub(loader: bytes) -> bool:
    return b"GRUB" in loader


def named_menus(loader: bytes) -> list[str]:
    """Menus that the configuration inside a GRUB image goes on with."""
    return sorted({match.decode("ascii").rstrip("'\"") for match in _MENU.findall(loader)})


def searches(loader: bytes) -> Iterator[str]:
    """The commands inside a GRUB image that look for a medium by its label."""
    return (match.decode("ascii") for match in _SEARCH.findall(loader))
