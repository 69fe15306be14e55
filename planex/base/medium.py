# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base ISO, in the layout of an EL installation medium.

Its kernel boots to a rescue shell; what matters of it is the rest, which a respin starts from: boot loaders for
BIOS and UEFI, ``.treeinfo``, ``.discinfo`` and a repository with groups. Needs no root, no mount and no loop device.
"""

from __future__ import annotations

import gzip
import stat
from collections.abc import Mapping
from pathlib import Path

from planex.base.archive import Archive
from planex.base.check import check_closed
from planex.base.closure import Closure, reach
from planex.base.compose import render_groups
from planex.base.definition import Definition, Medium
from planex.base.unpack import pick
from planex.checksums import digest_of
from planex.errors import PlanexError
from planex.medium import cpio
from planex.medium.efi import make_fat, make_loader, stub_config
from planex.medium.entry import BootEntry
from planex.medium.menu import Menu, render_grub, render_isolinux
from planex.medium.metadata import Product, new_treeinfo, update_discinfo
from planex.medium.xorriso import make_iso
from planex.rpm.repo import create_repo, link_rpms

ISOLINUX = ("isolinux.bin", "ldlinux.c32", "libcom32.c32", "libmenu.c32", "libutil.c32", "menu.c32", "vesamenu.c32")
"""What an EL medium has in isolinux/; mboot.c32 is not among it there either, so a respin has to bring it."""
KERNEL, INITRD = "/images/pxeboot/vmlinuz", "/images/pxeboot/initrd.img"
IMAGES = {"efiboot.img": "images/efiboot.img", "kernel": KERNEL.lstrip("/"), "initrd": INITRD.lstrip("/")}
INIT = Path(__file__).parents[1] / "data" / "base" / "init"
_ARGUMENTS = {"serial": "console=tty0 console=ttyS0,115200n8", "screen": "console=ttyS0,115200n8 console=tty0"}


def write_medium(
    output: Path, definition: Definition, archive: Archive, closure: Closure, rpms: Mapping[str, Path], work: Path
) -> None:
    """Write the base ISO to ``output``; its tree is put together in ``work``, an empty folder."""
    medium = definition.medium
    _boot_files(work, medium, archive)
    _loaders(work, medium, definition.epoch)
    packages = work / "Packages"
    link_rpms(packages, (rpms[name] for name in on_medium(definition, closure)))
    groups = work.parent / "medium-comps.xml"
    groups.write_text(render_groups(definition, [name for name, group in definition.groups.items() if group.medium]))
    create_repo(work, groups=groups, epoch=definition.epoch)
    check_closed(work, work.parent / "check-medium")
    product = Product(medium.title, medium.release, "x86_64", definition.epoch, ".")
    (work / ".discinfo").write_text(update_discinfo("", product))
    (work / ".treeinfo").write_text(new_treeinfo(product, IMAGES, _digests(work)))
    _set_modes(work)
    make_iso(work, output, medium.label, definition.epoch)


def on_medium(definition: Definition, closure: Closure) -> list[str]:
    """Packages on the medium, sorted: the groups for it with all they need, and what the definition makes."""
    groups = [group for group in definition.groups.values() if group.medium]
    roots = {name for group in groups for name in group.packages}
    metas = {group.meta for group in groups if group.meta}
    return sorted({*reach(closure, roots - definition.made.keys()), *definition.made, *metas})


def _boot_files(work: Path, medium: Medium, archive: Archive) -> None:
    kernel = _one(archive, archive.kernel(medium.kernel).name, "/boot/vmlinuz-*")
    busybox = _one(archive, medium.shell, "*/bin/busybox")
    for path, data in ((KERNEL, kernel), (INITRD, make_initrd(busybox, medium))):
        destination = work / path.lstrip("/")
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_bytes(data)
    files = {Path(path).name: data for name in medium.loaders for path, data in _pick(archive, name).items()}
    (work / "isolinux").mkdir()
    for name in ISOLINUX:
        if name not in files:
            raise PlanexError(f"no {name} in {', '.join(medium.loaders)}", "correct 'loaders' of the base's definition")
        (work / "isolinux" / name).write_bytes(files[name])


def _pick(archive: Archive, name: str) -> dict[str, bytes]:
    patterns = [f"*/ISOLINUX/{file}" for file in ISOLINUX] + [f"*/modules/bios/{file}" for file in ISOLINUX]
    return pick(archive.path(archive.find(name)), patterns)


def _one(archive: Archive, name: str, pattern: str) -> bytes:
    found = pick(archive.path(archive.find(name)), [pattern])
    if len(found) != 1:
        raise PlanexError(
            f"{name} has {len(found)} files {pattern}, not one", "correct 'medium' of the base's definition"
        )
    return next(iter(found.values()))


def make_initrd(busybox: bytes, medium: Medium) -> bytes:
    """An initrd that says what the medium is and gives a shell; same inputs, same bytes."""
    folders = [cpio.CpioEntry(name, stat.S_IFDIR | 0o755) for name in ("dev", "proc", "run", "sys", "tmp")]
    entries = [
        *folders,
        cpio.character_device("dev/console", 5, 1),
        cpio.file("init", INIT.read_bytes(), 0o755),
        cpio.file("bin/busybox", busybox, 0o755),
        cpio.link("bin/sh", "busybox"),
        cpio.file("etc/motd", _motd(medium).encode()),
    ]
    return gzip.compress(cpio.archive(entries), compresslevel=9, mtime=0)


def _motd(medium: Medium) -> str:
    return (
        f"\n{medium.title} {medium.release} ({medium.label})\n"
        "This is a base medium: planex makes host ISOs from it. Here is a rescue shell.\n\n"
    )


def menu(medium: Medium) -> Menu:
    """The boot menu: the shell on the serial console, which is the default as EL's is for servers, or on the screen."""
    entries = tuple(
        BootEntry(
            name=name,
            title=f"Rescue shell on the {where}",
            kernel=KERNEL,
            initrd=INITRD,
            kernel_args=_ARGUMENTS[name],
            live=False,
            default=name == "serial",
        )
        for name, where in (("serial", "serial console"), ("screen", "screen"))
    )
    return Menu(f"{medium.title} {medium.release}", medium.label, 5, entries)


def _loaders(work: Path, medium: Medium, epoch: int) -> None:
    boot = work / "EFI" / "BOOT"
    boot.mkdir(parents=True)
    (work / "isolinux" / "isolinux.cfg").write_text(render_isolinux(menu(medium)))
    (boot / "grub.cfg").write_text(render_grub(menu(medium)))
    make_loader(boot / "BOOTX64.EFI", stub_config(medium.label, "/EFI/BOOT/grub.cfg"))
    make_fat(work / "images" / "efiboot.img", {"EFI/BOOT/BOOTX64.EFI": boot / "BOOTX64.EFI"}, epoch)


def _set_modes(work: Path) -> None:
    """Modes that do not depend on the umask of who builds."""
    for path in (work, *work.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _digests(work: Path) -> dict[str, str]:
    return {path: digest_of(work / path, "SHA256") for path in (*IMAGES.values(), "repodata/repomd.xml")}
