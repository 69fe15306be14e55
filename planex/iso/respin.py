# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a new ISO from a base ISO: files added, replaced and removed, a new label, and every boot record kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from planex.errors import PlanexError
from planex.iso.records import BootRecords, lost_records
from planex.iso.xorriso import read_records, volume_date, xorriso

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
    output.unlink(missing_ok=True)
    xorriso(respin_commands(plan, before, output), plan.epoch)
    lost = lost_records(before, read_records(output))
    if lost:
        output.unlink()
        raise PlanexError("the respun ISO would not start as the base does: " + "; ".join(lost))


def respin_commands(plan: Respin, base: BootRecords, output: Path) -> list[str]:
    """The xorriso commands of a Respin, in an order that matters: records first, then files, then their attributes."""
    # fmt: off
    commands = [
        "-indev", f"stdio:{plan.base}",
        "-outdev", f"stdio:{output}",
        "-boot_image", "any", "replay",
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
    return [*commands, *_efi_commands(plan, base), *_attributes(plan.epoch)]


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
