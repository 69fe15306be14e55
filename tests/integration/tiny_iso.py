# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small ISOs with the boot layout of an EL medium, for tests."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from planex.checksums import digest_of
from planex.host.definition import IsoDefinition, Live
from planex.host.live import LiveHost
from planex.host.tree import Parts, plan_respin, read_base
from planex.medium import efi
from planex.medium.entry import BootEntry
from planex.medium.loaders import find_here
from planex.medium.metadata import Product
from planex.medium.respin import ESP_TYPE, Respin, respin
from planex.medium.xorriso import make_iso, open_image, xorriso
from planex.rpm.repo import create_repo

EPOCH = 1700000000
OLD_LABEL = "TINY-BASE-1.0"
LABEL = "TINY-HOST-WITH-A-LONG-LABEL-1.0"
"""Longer than the 16 characters that a Joliet volume descriptor can hold."""
TOOLS = ("xorriso", "mformat", "mcopy", "grub-mkimage", "createrepo_c")

TREEINFO = """\
[checksums]
images/efiboot.img = sha256:{efiboot}

[general]
name = tiny base 1.0

[header]
type = productmd.treeinfo
version = 1.2

[tree]
variants = tiny
"""


def make_base(folder: Path, *, other_isolinux: bool = False) -> Path:
    """A base ISO: isolinux without mboot.c32, GRUB for UEFI, .treeinfo, .discinfo, and a text that names its label.

    With ``other_isolinux`` its isolinux says that it is of another version than this machine's.
    """
    tree = folder / "tree"
    for name in ("isolinux", "images", "EFI/BOOT"):
        (tree / name).mkdir(parents=True)
    for name in ("isolinux.bin", "ldlinux.c32", "libcom32.c32", "libutil.c32", "menu.c32"):
        (tree / "isolinux" / name).write_bytes(find_here(name).read_bytes())
    if other_isolinux:
        loader = tree / "isolinux" / "isolinux.bin"
        loader.write_bytes(re.sub(rb"ISOLINUX \d", b"ISOLINUX 5", loader.read_bytes()))
    (tree / "isolinux" / "isolinux.cfg").write_text(f"default x\nlabel x\n  kernel /k\n  append LABEL={OLD_LABEL}\n")
    (tree / "EFI/BOOT/grub.cfg").write_text(f"search --label {OLD_LABEL}\n")
    efi.make_loader(tree / "EFI/BOOT/BOOTX64.EFI", efi.stub_config(OLD_LABEL, "/EFI/BOOT/grub.cfg"))
    efi.make_fat(tree / "images/efiboot.img", {"EFI/BOOT/BOOTX64.EFI": tree / "EFI/BOOT/BOOTX64.EFI"}, EPOCH)
    (tree / "readme.txt").write_text(f"This medium is labelled {OLD_LABEL}.\n")
    (tree / ".discinfo").write_text("1.0\ntiny base 1.0\nx86_64\n")
    (tree / ".treeinfo").write_text(TREEINFO.format(efiboot=digest_of(tree / "images/efiboot.img", "SHA256")))
    make_iso(tree, folder / "base.iso", OLD_LABEL, EPOCH)
    return folder / "base.iso"


def make_appended_base(folder: Path) -> Path:
    """A base ISO whose EFI image is a partition behind its tree, as on media of EL 10."""
    make_base(folder)
    tree, efi_image = folder / "tree", folder / "efiboot.img"
    (tree / "images" / "efiboot.img").rename(efi_image)
    (tree / ".treeinfo").write_text(TREEINFO.replace("images/efiboot.img = sha256:{efiboot}", ""))
    # fmt: off
    words: list[str | Path] = [
        "-as", "mkisofs", "-o", folder / "appended.iso", "-V", OLD_LABEL, "-R", "-J", "-joliet-long",
        "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat",
        "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
        "-partition_offset", "16", "-append_partition", "2", ESP_TYPE, efi_image, "-appended_part_as_gpt",
        "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot",
        tree,
    ]
    # fmt: on
    xorriso(words, EPOCH)
    return folder / "appended.iso"


def make_base_for(folder: Path, firmware: str) -> Path:
    """A base ISO that only ``BIOS`` or only ``UEFI`` starts, from CD."""
    make_base(folder)
    tree = folder / "tree"
    for name in ("EFI", "images") if firmware == "BIOS" else ("isolinux",):
        shutil.rmtree(tree / name)
    (tree / ".treeinfo").unlink()
    (tree / ".discinfo").unlink()
    loaders = {"BIOS": ["-b", "isolinux/isolinux.bin", "-boot-info-table"], "UEFI": ["-e", "images/efiboot.img"]}
    output = folder / "one.iso"
    words: list[str | Path] = [
        "-as",
        "mkisofs",
        "-o",
        output,
        "-V",
        OLD_LABEL,
        "-R",
        "-J",
        *loaders[firmware],
        "-no-emul-boot",
        tree,
    ]
    xorriso(words, EPOCH)
    return output


def make_parts(folder: Path, rpms: Sequence[Path] = ()) -> Parts:
    """Everything else that a host ISO is made of, none of which could really run."""
    host = folder / "host"
    (host / "repository").mkdir(parents=True)
    for name in ("squashfs.img", "xen.gz", "vmlinuz", "initrd.img"):
        (host / name).write_text(f"{name}\n")
    for rpm in rpms:
        shutil.copy(rpm, host / "repository")
    create_repo(host / "repository", epoch=EPOCH)
    entry = BootEntry(
        name="xen",
        title="Tiny",
        hypervisor="/boot/xen.gz",
        kernel="/boot/vmlinuz",
        initrd="/boot/initrd.img",
        default=True,
    )
    live = Live(packages=("tiny",))
    definition = IsoDefinition(label=LABEL, name="tiny", title="Tiny", live=live, entries=(entry,))
    product = Product("tiny", "1.0", "x86_64", EPOCH, "planex")
    return Parts(definition, product, LiveHost(host), host / "repository", host / "initrd.img")


def plan(base: Path, folder: Path, rpms: Sequence[Path] = ()) -> Respin:
    """The respin of a base into a host ISO, its files made ready below ``folder``."""
    work = folder / "work"
    work.mkdir()
    return plan_respin(read_base(base), make_parts(folder, rpms), work)


def make_host(base: Path, folder: Path, rpms: Sequence[Path] = ()) -> Path:
    """The host ISO made from a base."""
    folder.mkdir(exist_ok=True)
    respin(plan(base, folder, rpms), folder / "host.iso")
    return folder / "host.iso"


def extract(iso: Path, wanted: Mapping[str, Path]) -> None:
    """Copy files out of an ISO: path on the ISO to path on disk."""
    image = open_image(iso)
    for name, path in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.read(name))
