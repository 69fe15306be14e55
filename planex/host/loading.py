# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which loaders of the base ISO can do the job, and which are replaced. Pure.

The job is to show the menu of this medium and to start what is in it. Xen is started by multiboot2, which the GRUB of
EL under its shim lacks (and refuses under Secure Boot).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from planex.errors import PlanexError
from planex.host.definition import IsoDefinition
from planex.medium.bootimage import EfiImage, is_grub, searches
from planex.medium.bootrecords import BootRecords
from planex.medium.references import label_uses

GRUB_MODULES = "/boot/grub2/i386-pc", "/boot/grub/i386-pc"
"""Where GRUB for BIOS has its modules on the ISO."""
ISOLINUX_BIN = "/isolinux/isolinux.bin"


@dataclass(frozen=True, slots=True)
class Loading:
    """``keep_efi``: UEFI starts the base's own loader; ``texts``: a sentence for each firmware."""

    keep_efi: bool
    texts: tuple[str, ...]


def choose_loaders(
    definition: IsoDefinition, records: BootRecords, files: Iterable[str], efi: Sequence[EfiImage]
) -> Loading:
    """PlanexError where the base's loader for BIOS cannot do the job and cannot be replaced."""
    xen = any(entry.hypervisor for entry in definition.entries)
    reason = _unfit(efi, xen, records.label)
    uefi = [f"UEFI: {reason or _KEPT}"] if records.boots("UEFI") else []
    bios = [f"BIOS: {_bios(set(files), xen)}"] if records.boots("BIOS") else []
    return Loading(not reason, tuple(bios + uefi))


_KEPT = "the base's loader stays, its shim too"
_REPLACED = "the base's loader is replaced by a GRUB with multiboot2, which Secure Boot refuses: "


def _unfit(efi: Sequence[EfiImage], xen: bool, label: str) -> str:
    """Why the base's loaders for UEFI are replaced; empty where they can stay."""
    grubs = {name: data for image in efi for name, data in image.loaders().items() if is_grub(data)}
    if not grubs:
        return f"{_REPLACED}no GRUB was found in it"
    if xen and not all(b"multiboot2" in data for data in grubs.values()):
        return f"{_REPLACED}entries start Xen"
    if any(_looks_for(data, label) for data in grubs.values()):
        return f"{_REPLACED}the base's label is inside it"
    return ""


def _looks_for(loader: bytes, label: str) -> bool:
    return any(use.label == label for use in label_uses("", "\n".join(searches(loader))))


def _bios(files: set[str], xen: bool) -> str:
    if ISOLINUX_BIN in files:
        return "isolinux of the base, with the modules that the menu needs"
    if xen and not any(f"{folder}/multiboot2.mod" in files for folder in GRUB_MODULES):
        raise PlanexError(
            "the base ISO starts by BIOS with a GRUB that has no multiboot2 module, which Xen needs",
            f"leave Xen out (installer: start: bare), or add its multiboot2.mod to {GRUB_MODULES[0]} by 'files'",
        )
    return "GRUB of the base"


def menus_inside(efi: Sequence[EfiImage]) -> Iterator[str]:
    """Paths in the EFI image of GRUB's menus, which are read where the medium is a disk."""
    for image in efi:
        yield from (name for name in image.files if name.lower().endswith("/grub.cfg"))


def linux_command(text: str) -> str:
    """``linuxefi`` where the base's menu for UEFI says so: the GRUB of EL 7 starts nothing by ``linux`` there."""
    return "linuxefi" if "linuxefi" in text.split() else "linux"
