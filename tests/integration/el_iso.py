# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small ISOs in the three shapes of EL installation media, whose menus and loaders are laid out as theirs."""

from __future__ import annotations

from pathlib import Path

from planex.checksums import digest_of
from planex.drafts import temporary_folder
from planex.medium import efi
from planex.medium.loaders import find_here
from planex.medium.respin import ESP_TYPE
from planex.medium.xorriso import xorriso
from planex.run import run
from tests.integration.tiny_iso import EPOCH, TREEINFO
from tests.unit.shapes import Shape, grub_menu, isolinux_menu

_MODULES = "iso9660 fat part_gpt part_msdos normal search search_label configfile linux serial gzio all_video test echo"
"""What is in EL's own GRUB for UEFI, as far as it matters; multiboot2 is not."""


def make_el_base(folder: Path, shape: Shape) -> Path:
    """A base ISO in a shape; kernel, initrd and stage 2 are texts."""
    tree = folder / "tree"
    for name in ("images/pxeboot/vmlinuz", "images/pxeboot/initrd.img", "images/install.img", "EULA"):
        _put(tree / name, f"{name}\n")
    _put(tree / ".discinfo", "1.0\nCentOS\nx86_64\n")
    _put(tree / "EFI/BOOT/grub.cfg", grub_menu(shape))
    loader = tree / "EFI/BOOT/BOOTX64.EFI"
    make_el_loader(loader)
    efi_image = folder / "efiboot.img" if shape.appended else tree / "images/efiboot.img"
    efi.make_fat(efi_image, {"EFI/BOOT/BOOTX64.EFI": loader, "EFI/BOOT/grub.cfg": tree / "EFI/BOOT/grub.cfg"}, EPOCH)
    treeinfo = TREEINFO if not shape.appended else TREEINFO.replace("images/efiboot.img", "images/install.img")
    listed = efi_image if not shape.appended else tree / "images/install.img"
    _put(tree / ".treeinfo", treeinfo.format(efiboot=digest_of(listed, "SHA256")))
    if shape.isolinux:
        _add_isolinux(tree, shape)
    else:
        _put(tree / "images/eltorito.img", "GRUB for BIOS\n" + "x" * 4096)
        _put(tree / "boot/grub2/grub.cfg", grub_menu(shape))
    output = folder / "base.iso"
    bios = "isolinux/isolinux.bin" if shape.isolinux else "images/eltorito.img"
    start: list[str | Path] = ["-e", "images/efiboot.img"]
    if shape.appended:
        start = ["-append_partition", "2", ESP_TYPE, efi_image, "-appended_part_as_gpt", "-partition_offset", "16"]
        start = [*start, "-e", "--interval:appended_partition_2:all::"]
    # fmt: off
    words: list[str | Path] = [
        "-as", "mkisofs", "-o", output, "-V", shape.label, "-R", "-J", "-joliet-long",
        "-b", bios, "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
        "-eltorito-alt-boot", *start, "-no-emul-boot", tree,
    ]
    # fmt: on
    xorriso(words, EPOCH)
    return output


def make_el_loader(output: Path) -> None:
    """A GRUB without multiboot2 that reads the menu beside it, as EL's does."""
    with temporary_folder(output.parent) as folder:
        made = folder / "grub"
        words = [
            "--format",
            efi.PLATFORM,
            "--directory",
            str(efi.MODULES),
            "--prefix",
            "/EFI/BOOT",
            "--output",
            str(made),
        ]
        run(["grub-mkimage", *words, *_MODULES.split()])
        output.write_bytes(made.read_bytes())


def _add_isolinux(tree: Path, shape: Shape) -> None:
    (tree / "isolinux").mkdir()
    for name in ("isolinux.bin", "ldlinux.c32", "libcom32.c32", "libutil.c32", "vesamenu.c32"):
        (tree / "isolinux" / name).write_bytes(find_here(name).read_bytes())
    for name in ("vmlinuz", "initrd.img"):
        _put(tree / "isolinux" / name, f"images/pxeboot/{name}\n")
    _put(tree / "isolinux/isolinux.cfg", isolinux_menu(shape))


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
