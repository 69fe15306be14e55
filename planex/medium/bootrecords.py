# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boot records of an ISO: by what firmware finds its loaders. Parsing and comparing; pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from planex.medium.image import BLOCK

IGNORED_AREA_WORDS = frozenset({"none", "cyl-align-on", "cyl-align-off", "cyl-align-auto", "cyl-align-all"})


@dataclass(frozen=True, slots=True, order=True)
class BootImage:
    """One entry of the El Torito boot catalogue (El Torito 1.0; UEFI 2.x section 13.3.2.1 for UEFI)."""

    platform: str
    """``BIOS`` or ``UEFI``, as xorriso names it."""
    bootable: bool
    emulation: str
    path: str = ""
    """On the ISO; empty where the image is no file of its tree (an appended partition)."""
    options: tuple[str, ...] = ()
    start: int = field(default=0, compare=False)
    """Offset on the image in bytes."""

    def __str__(self) -> str:
        return f"El Torito entry for {self.platform}: {self.path or 'an image outside the tree'}"


@dataclass(frozen=True, slots=True)
class BootRecords:
    """El Torito, MBR and GPT of an ISO, without what changes with every image (addresses, sizes, identifiers)."""

    label: str = ""
    images: tuple[BootImage, ...] = ()
    area: frozenset[str] = frozenset()
    """Kinds of boot code and tables in the first 32 KiB: ``MBR``, ``isohybrid``, ``grub2-mbr``, ``GPT``, ..."""
    partitions: tuple[tuple[str, str, str], ...] = ()
    """Table (``MBR`` or ``GPT``), type, and path on the ISO or nothing, of each partition."""

    def boots(self, platform: str) -> bool:
        """Whether firmware of that platform (``BIOS``, ``UEFI``) finds a loader on a CD."""
        return any(image.bootable and image.platform == platform for image in self.images)


def parse_records(text: str) -> BootRecords:
    """Read what ``xorriso -report_el_torito plain -report_system_area plain -pvd_info`` prints."""
    rows = [line.partition(":")[::2] for line in text.splitlines() if ":" in line]
    table = [(" ".join(key.split()), value.strip()) for key, value in rows]
    area = next((value for key, value in table if key == "System area summary"), "")
    return BootRecords(
        label=next((value for key, value in table if key == "Volume Id"), ""),
        images=_images(table),
        area=frozenset(area.split()) - IGNORED_AREA_WORDS,
        partitions=(
            *_partitions(table, "MBR", "MBR partition", "MBR partition path", 2),
            *_partitions(table, "GPT", "GPT type GUID", "GPT partition path", 1),
        ),
    )


def _images(table: list[tuple[str, str]]) -> tuple[BootImage, ...]:
    paths, options = _pairs(table, "El Torito img path"), _pairs(table, "El Torito img opts")
    rows = [row for key, value in table if key == "El Torito boot img" and len(row := value.split()) > 3]
    return tuple(
        BootImage(
            platform=row[1],
            bootable=row[2] == "y",
            emulation=row[3],
            path=paths.get(row[0], ""),
            options=tuple(options.get(row[0], "").split()),
            start=int(row[7]) * BLOCK if len(row) > 7 and row[7].isdigit() and len(row[7]) < 12 else 0,
        )
        for row in rows
    )


def _pairs(table: list[tuple[str, str]], key: str) -> dict[str, str]:
    """First word to rest of the rows of a key that have both."""
    rows = [value.split(None, 1) for name, value in table if name == key]
    return {row[0]: row[1] for row in rows if len(row) == 2}


def _partitions(
    table: list[tuple[str, str]], name: str, key: str, path_key: str, column: int
) -> tuple[tuple[str, str, str], ...]:
    paths = _pairs(table, path_key)
    rows = [row for title, value in table if title == key and len(row := value.split()) > column]
    return tuple((name, row[column], paths.get(row[0], "")) for row in rows)


def lost_records(base: BootRecords, result: BootRecords) -> list[str]:
    """What firmware could start from on the base ISO and no longer can on the result, a sentence each."""
    kept = {(image.platform, image.emulation, image.path) for image in result.images if image.bootable}
    lost = [
        f"lost: {image}"
        for image in base.images
        if image.bootable and (image.platform, image.emulation, image.path) not in kept
    ]
    area = base.area - result.area
    lost += [f"lost from the system area: {', '.join(sorted(area))}"] if area else []
    partitions = [part for part in base.partitions if part not in result.partitions]
    return lost + [f"lost: {table} partition of type {kind} {path}".rstrip() for table, kind, path in partitions]
