# SPDX-License-Identifier: LGPL-2.1-or-later
"""Would an ISO start? Its boot records, loaders and menus."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from planex.host.examined import ExaminedIso
from planex.host.finding import Finding, Grade
from planex.medium.area import Boots, area_faults
from planex.medium.bootimage import is_grub, is_isolinux, named_menus, searches, table_fault
from planex.medium.bootrecords import BootRecords, lost_records
from planex.medium.entry import LIVE_IMAGE
from planex.medium.grubfaults import grub_faults
from planex.medium.isolinuxfaults import isolinux_faults, parse_isolinux
from planex.medium.loaders import LOADER, REQUIRES, isolinux_version
from planex.medium.references import is_menu, label_uses, references, unescape

RECORDS, MENU, LABEL = "boot records", "menu", "label"
_LABEL = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_LIVE = re.compile(r"\broot=live:(?:CD)?LABEL=")
_LOADERS = {
    "BIOS": re.compile(r".*/(isolinux\.bin|eltorito\.img)"),
    "UEFI": re.compile(r"/EFI/BOOT/BOOT[A-Z0-9]+\.EFI", re.IGNORECASE),
}
"""Files that would be on an ISO only to be started by that firmware."""
_ISOLINUX_MENUS = ("isolinux.cfg", "syslinux.cfg")
_ISOLINUX_FOLDERS = ("/boot/isolinux", "/isolinux", "/boot/syslinux", "/syslinux", "")
_GRUB_MENU = re.compile(r"(/EFI/BOOT|/boot/grub2?|/EFI/[^/]+)/grub\.cfg", re.IGNORECASE)


def check_records(iso: ExaminedIso, base: BootRecords | None = None) -> Iterator[Finding]:
    """El Torito, MBR and GPT: they start what is there, and lost nothing that ``base`` has."""
    image, records = iso.image, iso.records
    lost = [] if base is None else lost_records(base, records)
    yield from (Finding(RECORDS, sentence) for sentence in lost)
    yield from _platforms(iso)
    starts = {
        name: tuple(entry.start for entry in records.images if entry.platform == name and entry.bootable)
        for name in _LOADERS
    }
    boots = Boots(starts["BIOS"], starts["UEFI"])
    yield from (Finding(RECORDS, text) for text in area_faults(image.part, image.size, image.volume, boots))


def _platforms(iso: ExaminedIso) -> Iterator[Finding]:
    missing = [name for name in _LOADERS if not iso.records.boots(name)]
    for name in missing:
        loader = next((path for path in iso.files if _LOADERS[name].fullmatch(path)), "")
        if loader:
            yield Finding(RECORDS, f"El Torito has no bootable entry for {name}, though {loader} is there")
        elif len(missing) == 1:
            yield Finding(RECORDS, f"it cannot be started by {name}", Grade.NOTE)
    if len(missing) == len(_LOADERS):
        yield Finding(RECORDS, "nothing starts it: El Torito has no bootable entry")


def check_loaders(iso: ExaminedIso) -> Iterator[Finding]:
    """What firmware starts is whole, and finds a menu."""
    for entry in iso.records.images:
        if entry.platform == "BIOS" and entry.bootable and entry.emulation == "none" and iso.has(entry.path):
            loader = iso.image.read(entry.path)
            if fault := table_fault(iso.image, loader, entry.start):
                yield Finding(RECORDS, f"{entry.path} {fault}")
            yield from _bios_menu(iso, entry.path, loader)
    for efi in iso.efi:
        if efi.fault:
            yield Finding(RECORDS, f"{efi.name} cannot be read: {efi.fault}")
        elif not efi.starts():
            yield Finding(RECORDS, f"{efi.name} has no loader EFI/BOOT/BOOT*.EFI")
        yield from _efi_menus(iso, efi.name, {name.lower() for name in efi.files}, efi.loaders())


def _bios_menu(iso: ExaminedIso, path: str, loader: bytes) -> Iterator[Finding]:
    if is_isolinux(loader):
        folders = (posixpath.dirname(path), *_ISOLINUX_FOLDERS)
        if not any(iso.has(f"{folder}/{name}") for folder in folders for name in _ISOLINUX_MENUS):
            yield Finding(MENU, f"{path} has no menu: there is no isolinux.cfg")
    elif PurePosixPath(path).name == "eltorito.img" and not any(_GRUB_MENU.fullmatch(name) for name in iso.files):
        yield Finding(MENU, f"{path} has no menu: there is no grub.cfg")


def _efi_menus(iso: ExaminedIso, image: str, inside: set[str], loaders: dict[str, bytes]) -> Iterator[Finding]:
    """Where a configuration inside the loader names its menu, that is there; else any that GRUB looks for."""
    grubs = {name: data for name, data in loaders.items() if is_grub(data)}
    named = {menu for data in grubs.values() for menu in named_menus(data)}
    for menu in sorted(named):
        if not iso.has(menu) and menu.lstrip("/").lower() not in inside:
            yield Finding(MENU, f"the loader in {image} goes on with {menu}, which is not there")
    own = any(_GRUB_MENU.fullmatch(f"/{name}") for name in inside)
    if grubs and not named and not own and not any(_GRUB_MENU.fullmatch(name) for name in iso.files):
        yield Finding(MENU, f"the loader in {image} has no menu: there is no grub.cfg")


def check_menus(iso: ExaminedIso) -> Iterator[Finding]:
    """Menus can be read, and every file that they name is there, and so is what isolinux' modules need."""
    menus = list(iso.menus())
    if not menus and not any(_GRUB_MENU.fullmatch(f"/{name}") for efi in iso.efi for name in efi.files):
        yield Finding(MENU, "it has no boot menu that can be read (isolinux.cfg, grub.cfg)", Grade.NOTE)
    for name, text in menus:
        named = references(name, text)
        yield from (Finding(MENU, f"{ref}: no such file") for ref in named if not iso.has(ref.path))
        yield from _modules(iso, name, {PurePosixPath(ref.path).name for ref in named})
        if _LIVE.search(unescape(text)) and not iso.has(LIVE_IMAGE) and "rd.live.squashimg=" not in text:
            yield Finding(MENU, f"{name} starts a live root, but {LIVE_IMAGE} is not there")
        yield from _faults(iso, name, text)
    yield from (finding for efi in iso.efi for finding in _menus_inside(iso, efi.name, efi.files))


def _faults(iso: ExaminedIso, name: str, text: str) -> Iterator[Finding]:
    if PurePosixPath(name).name.lower() == "grub.cfg":
        found = grub_faults(text, iso.has)
    else:
        folder = posixpath.dirname(name)
        beside = [other for path, other in iso.menus() if path != name and posixpath.dirname(path) == folder]
        names = [label.name for other in beside for label in parse_isolinux(other)[1]]
        found = isolinux_faults(text, folder, iso.has, names)
    yield from (Finding(MENU, f"{name}:{line}: {what}" if line else f"{name}: {what}") for line, what in found)


def _menus_inside(iso: ExaminedIso, image: str, files: Mapping[str, bytes]) -> Iterator[Finding]:
    """Menus in an EFI image, whose paths are of the medium or of the image."""
    inside = {f"/{name}".lower() for name in files}

    def has(path: str) -> bool:
        return iso.has(path) or path.lower() in inside

    for name, data in files.items():
        if is_menu(f"/{name}"):
            text, menu = data.decode("utf-8", "replace"), f"{image}/{name}"
            named = references(menu, text)
            yield from (Finding(MENU, f"{ref}: no such file") for ref in named if not has(ref.path))
            yield from (Finding(MENU, f"{menu}:{line}: {what}") for line, what in grub_faults(text, has))


def _modules(iso: ExaminedIso, menu: str, named: set[str]) -> Iterator[Finding]:
    folder = str(PurePosixPath(menu).parent).rstrip("/")
    loader = f"{folder}/{LOADER}"
    if not iso.has(loader) or isolinux_version(iso.image.read(loader)) < "5":
        return
    for module in sorted(named & REQUIRES.keys()):
        missing = [name for name in REQUIRES[module] if not iso.has(f"{folder}/{name}")]
        if missing:
            yield Finding(MENU, f"{menu} uses {module}, which needs {', '.join(missing)} beside it")


def check_labels(iso: ExaminedIso) -> Iterator[Finding]:
    """Menus and loaders look for this label and no other."""
    label = iso.records.label
    if len(label) > 32:
        yield Finding(LABEL, f"'{label}' has more than 32 characters")
    elif not _LABEL.fullmatch(label):
        what = f"'{label}' has characters that udev, GRUB and dracut spell differently" if label else "it has none"
        yield Finding(LABEL, what, Grade.NOTE)
    for name, text in iso.menus():
        for use in label_uses(name, text):
            if use.label != label and "$" not in use.label:
                yield Finding(LABEL, f"{name}:{use.line} looks for '{use.label}', but the label is '{label}'")
    for efi in iso.efi:
        for name, other in sorted(_labels_inside(efi.files)):
            if other != label and "$" not in other:
                yield Finding(LABEL, f"{name} in {efi.name} looks for '{other}', but the label is '{label}'")


def _labels_inside(files: Mapping[str, bytes]) -> set[tuple[str, str]]:
    """File of an EFI image, and a label that it looks for."""
    menus = {name: data.decode("utf-8", "replace") for name, data in files.items() if is_menu(f"/{name}")}
    loaders = {name: "\n".join(searches(data)) for name, data in files.items() if name not in menus}
    return {(name, use.label) for name, text in (menus | loaders).items() for use in label_uses(name, text)}
