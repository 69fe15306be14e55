# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a new ISO from a base ISO: files added, replaced and removed, a new label, and every boot record kept."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from planex.errors import PlanexError
from planex.medium.bootrecords import BootRecords, lost_records
from planex.medium.xorriso import read_records, report_boot_commands, volume_date, xorriso

ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
"""GPT type of an EFI system partition (UEFI 2.x, table 5.7)."""


@dataclass(frozen=True, slots=True)
class Respin:
    """What is to change. Paths on the ISO start with a slash."""

    base: Path
    label: str
    epoch: int
    """Seconds since 1970: the time of everything on the new ISO."""
    add: Mapping[str, Path] = field(default_factory=dict)
    """Path on the ISO -> file or folder on disk; files that are there are replaced, folders merged."""
    remove: tuple[str, ...] = ()
    efi_image: Path | None = None
    """New FAT image for UEFI, in the place of the base's."""


def respin(plan: Respin, output: Path) -> None:
    """Carry a Respin out. ``output`` is written in place: give a temporary name.

    Raises PlanexError, and leaves no output, where a boot record of the base is missing from the result: xorriso
    itself drops them without an error when it is not told to replay them.
    """
    before = read_records(plan.base)
    explicit = boot_commands(report_boot_commands(plan.base)) if replaces_loader(plan, before) else ()
    output.unlink(missing_ok=True)
    xorriso(respin_commands(plan, before, output, explicit), plan.epoch)
    lost = lost_records(before, read_records(output))
    if lost:
        output.unlink()
        raise PlanexError("the respun ISO would not start as the base does: " + "; ".join(lost))


def replaces_loader(plan: Respin, base: BootRecords) -> bool:
    """Whether a file that El Torito starts (isolinux.bin, not the EFI image) is replaced by another."""
    return any(image.path in plan.add for image in base.images if image.path)


def boot_commands(report: str) -> tuple[str, ...]:
    """The commands that make a base's boot records, out of what xorriso reports; EFI images have their new size."""
    words = [shlex.split(line) for line in report.splitlines()]
    commands: list[str] = []
    efi = False
    for line in (line for line in words if line and line[0] in ("-boot_image", "-append_partition")):
        efi = (efi or "efi_path=" in line[-1]) and line[-1] != "next"
        commands += [*line[:-1], "load_size=full" if efi and line[-1].startswith("load_size=") else line[-1]]
    return tuple(commands)


def respin_commands(plan: Respin, base: BootRecords, output: Path, explicit: Sequence[str] = ()) -> list[str]:
    """The xorriso commands of a Respin, in an order that matters: records first, then files, then their attributes.

    Replayed records stay with the file that they were read with: a new isolinux.bin would lose its entry. Where one
    is put in place, ``explicit`` commands define the records instead, after the files.
    """
    # fmt: off
    commands = [
        "-indev", f"stdio:{plan.base}",
        "-outdev", f"stdio:{output}",
        *(() if explicit else ("-boot_image", "any", "replay")),
        "-volid", plan.label,
        "-volume_date", "uuid", volume_date(plan.epoch),
        "-compliance", "iso_9660_level=3",
        "-joliet", "on",
        "-pathspecs", "off",
    ]
    # fmt: on
    for path in plan.remove:
        commands += ["-rm_r", path, "--"]
    for path, source in sorted(plan.add.items()):
        commands += ["-update_r" if source.is_dir() else "-update", str(source), path]
    return [*commands, *_efi_commands(plan, base), *explicit, *_attributes(plan.epoch)]


def _efi_commands(plan: Respin, base: BootRecords) -> list[str]:
    """Replace the EFI image: in the tree on EL 7 to 9, as an appended partition on Fedora and EL 10."""
    if plan.efi_image is None:
        return []
    image = next((image for image in base.images if image.platform == "UEFI"), None)
    if image is None:
        raise PlanexError(f"{plan.base} has no boot image for UEFI", "respin an ISO that starts by UEFI")
    if image.path:
        return ["-update", str(plan.efi_image), image.path]
    return ["-append_partition", "2", ESP_TYPE, str(plan.efi_image)]


def _attributes(epoch: int) -> list[str]:
    """Owner root, read-only as on pressed media, one time for all: nothing of the machine that made it."""
    commands = ["-chown_r", "0", "/", "--", "-chgrp_r", "0", "/", "--"]
    for kind, mode in (("f", "0444"), ("d", "0555")):
        commands += ["-find", "/", "-type", kind, "-exec", "chmod", mode, "--"]
    return [*commands, "-alter_date_r", "b", f"={epoch}", "/", "--"]
