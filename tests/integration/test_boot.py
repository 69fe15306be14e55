# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small ISOs started by real QEMU: firmware, loader and serial port are real, the host's words come from its menu."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.machine.boot import BootFailed, boot
from planex.machine.conversation import choose_entry
from planex.machine.matrix import boot_entry, picture_beside, sign_of
from planex.machine.qemu import FirmwareName, Machine, MediumName
from planex.medium import xorriso
from planex.medium.loaders import isolinux_version
from tests.integration import tiny_iso
from tests.integration.tiny_iso import EPOCH

pytestmark = [pytest.mark.tools(*tiny_iso.TOOLS, "qemu-system-x86_64"), pytest.mark.slow]

WORDS = """\
(XEN) Xen version 4.20.3 (planex@planex) debug=n
planex-boot-report: begin
planex-boot-report: kernel 6.12.107
planex-boot-report: xen 4.20.3
planex-boot-report: xl info
xen_version            : 4.20.3
planex-boot-report: xl list
Domain-0                                     0  1024     1     r-----      12.2
planex-boot-report: failed-units 0
planex-boot-report: end
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("host")
    return tiny_iso.make_host(tiny_iso.make_base(folder), folder / "host")


def boot_sector(words: str) -> bytes:
    """A program for the PC, loaded at 7C00h, that writes a text to the first serial port and stops.

    cli; xor ax,ax; mov ds,ax; cld; mov si,text
    next: lodsb; test al,al; jz stop; mov bl,al; mov dx,3FDh; wait: in al,dx; test al,20h; jz wait
    mov al,bl; mov dx,3F8h; out dx,al; jmp next; stop: hlt; jmp stop
    """
    code = bytes.fromhex("fa 31c0 8ed8 fc be2a7c ac 84c0 7412 88c3 bafd03 ec a820 74fb 88d8 baf803 ee ebe9 f4 ebfd")
    return code.ljust(0x2A, b"\0") + words.replace("\n", "\r\n").encode() + b"\0"


def saying(host: Path, folder: Path, words: str) -> Path:
    """The ISO with menus that say ``words`` on the serial port and wait."""
    lines = words.splitlines()
    isolinux = ["default words", "label words", "  boot words.bin"]
    grub = ["serial --unit=0 --speed=115200", "terminal_output serial", *(f"echo '{line}'" for line in lines)]
    (folder / "isolinux.cfg").write_text("\n".join(isolinux) + "\n")
    (folder / "words.bin").write_bytes(boot_sector(words))
    (folder / "grub.cfg").write_text("\n".join([*grub, "sleep 600"]) + "\n")
    output = folder / "saying.iso"
    commands: list[str | Path] = ["-indev", f"stdio:{host}", "-outdev", f"stdio:{output}"]
    commands += ["-boot_image", "any", "replay"]
    commands += ["-update", folder / "isolinux.cfg", "/isolinux/isolinux.cfg"]
    commands += ["-update", folder / "words.bin", "/isolinux/words.bin"]
    commands += ["-update", folder / "grub.cfg", "/EFI/BOOT/grub.cfg"]
    xorriso.xorriso(commands, EPOCH)
    return output


@pytest.mark.parametrize("medium", ["cd", "disk"])
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_respun_loaders_start_by_every_way(
    host: Path, tmp_path: Path, firmware: FirmwareName, medium: MediumName
) -> None:
    iso = saying(host, tmp_path, WORDS)
    booted = boot(Machine(iso, firmware, medium, memory=512), tmp_path / "serial.log", 60)
    assert booted.proof.xen == "4.20.3"
    assert booted.proof.kernel == "6.12.107"


def test_isolinux_of_another_version_is_replaced_and_starts(tmp_path: Path) -> None:
    iso = tiny_iso.make_host(tiny_iso.make_base(tmp_path, other_isolinux=True), tmp_path / "host")
    assert isolinux_version(xorriso.open_image(iso).read("/isolinux/isolinux.bin")).startswith("6.")
    booted = boot(Machine(saying(iso, tmp_path, WORDS), memory=512), tmp_path / "serial.log", 60)
    assert booted.proof.xen == "4.20.3"


def test_words_without_xen_are_no_proof(host: Path, tmp_path: Path) -> None:
    iso = saying(host, tmp_path, WORDS.split("\n", 1)[1])
    with pytest.raises(BootFailed, match="missing: Xen's version line"):
        boot(Machine(iso, memory=512), tmp_path / "serial.log", 20)


def test_kernel_that_is_none_is_told_by_the_loader(host: Path, tmp_path: Path) -> None:
    """The tiny host's own menu starts a hypervisor that is a text file."""
    with pytest.raises(BootFailed) as caught:
        boot(Machine(host, "uefi", memory=512), tmp_path / "serial.log", 120)
    assert "the boot loader failed: error: " in caught.value.message


@pytest.mark.parametrize(("firmware", "medium"), [("bios", "usb"), ("uefi", "nvme")])
def test_a_picture_of_the_menu_is_taken_whatever_comes_after(
    host: Path, tmp_path: Path, firmware: FirmwareName, medium: MediumName
) -> None:
    """The tiny host's menu is real, and what it starts is nothing."""
    machine, log = Machine(host, firmware, medium, memory=512), tmp_path / "serial.log"
    with pytest.raises(BootFailed):
        boot_entry(machine, choose_entry(["Tiny"], 0, 0), sign_of(False, ""), log, 60 if firmware == "uefi" else 15)
    picture = picture_beside(log).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 1000
