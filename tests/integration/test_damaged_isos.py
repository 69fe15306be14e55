# SPDX-License-Identifier: LGPL-2.1-or-later
"""Harmful copies of host ISOs: ``planex iso check`` refuses every one, without the base, and says why."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from planex.host.check import check_iso
from planex.host.finding import faults
from planex.rpm.repo import create_repo
from tests.integration import tiny_iso
from tests.integration.damage import (
    Damage,
    added,
    cut,
    edited,
    flipped,
    flipped_in_esp,
    patched,
    remade,
    together,
    without,
    zeroed,
)
from tests.integration.tiny_iso import LABEL
from tests.unit.rpm_factory import make_rpm

pytestmark = pytest.mark.tools(*tiny_iso.TOOLS, "rpmbuild")

GRUB, ISOLINUX = "/EFI/BOOT/grub.cfg", "/isolinux/isolinux.cfg"
SUMS = without("/SHA256SUMS")
"""What who damages an ISO on purpose would do first, and again what no ISO of another maker has."""


@pytest.fixture(scope="module")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("rpms")
    return [make_rpm(folder, name) for name in ("alpha", "beta")]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, rpms: list[Path]) -> Path:
    """A host ISO in the layout of EL 9: the EFI image is a file."""
    folder = tmp_path_factory.mktemp("host")
    return tiny_iso.make_host(tiny_iso.make_base(folder), folder / "host", rpms)


@pytest.fixture(scope="module")
def appended(tmp_path_factory: pytest.TempPathFactory, rpms: list[Path]) -> Path:
    """A host ISO in the layout of EL 10: the EFI image is a partition behind the tree."""
    folder = tmp_path_factory.mktemp("appended")
    return tiny_iso.make_host(tiny_iso.make_appended_base(folder), folder / "host", rpms)


def told(iso: Path) -> list[str]:
    return [str(finding) for finding in faults(check_iso(iso))]


def test_the_untouched_pass(host: Path, appended: Path) -> None:
    assert check_iso(host) == []
    assert check_iso(appended) == []


def other_uefi_partition(data: bytearray) -> None:
    data[446 + 16 + 8] ^= 4  # the first sector of the second partition


def other_loader_address(data: bytearray) -> None:
    data[0x1B0] ^= 4


def backup_zeroed(data: bytearray) -> None:
    place = 512 * int.from_bytes(data[512 + 32 : 512 + 40], "little")
    data[place : place + 512] = bytes(512)


MENUS: dict[str, tuple[Damage, str]] = {
    "no isolinux.cfg": (without(ISOLINUX), "/isolinux/isolinux.bin has no menu"),
    "no grub.cfg": (without(GRUB), f"goes on with {GRUB}, which is not there"),
    "no menu at all": (without(GRUB, ISOLINUX), "/isolinux/isolinux.bin has no menu"),
    "empty grub.cfg": (added(GRUB, b""), f"{GRUB}: it has no entry"),
    "empty isolinux.cfg": (added(ISOLINUX, b""), f"{ISOLINUX}: it has no entry"),
    "first --- lost": (edited(ISOLINUX, "xen.gz --- ", "xen.gz "), "/boot/vmlinuz is given as an argument"),
    "second --- lost": (edited(ISOLINUX, " --- /boot/initrd", " /boot/initrd"), "/boot/initrd.img is given as an"),
    "every --- lost": (edited(ISOLINUX, " --- ", " "), "/boot/xen.gz is started without a kernel for dom0"),
    "--- doubled": (edited(ISOLINUX, " --- ", " --- --- "), "'---' parts nothing"),
    "append lost": (edited(ISOLINUX, "  append /boot/xen.gz", "  # "), "mboot.c32 is given nothing to start"),
    "kernel line lost": (edited(ISOLINUX, "  kernel mboot.c32", ""), "the entry 'xen' names no kernel"),
    "other Xen for BIOS": (edited(ISOLINUX, "xen.gz", "xen-5.gz"), f"{ISOLINUX}:"),
    "other Xen for UEFI": (edited(GRUB, "/boot/xen.gz", "/boot/xen-5.gz"), "/boot/xen-5.gz: no such file"),
    "Xen from no folder": (edited(GRUB, "/boot/xen.gz", "boot/xen.gz"), ": boot/xen.gz: no such file"),
    "no Xen for UEFI": (edited(GRUB, "multiboot2 /boot/xen.gz", ""), "has modules, but nothing that they are for"),
    "no kernel for UEFI": (edited(GRUB, "module2 /", "# "), "/boot/xen.gz is started without a kernel"),
    "no initrd for UEFI": (edited(GRUB, "module2 --nounzip /boot/initrd.img", ""), "live root is started without"),
    "default of isolinux": (edited(ISOLINUX, "default xen", "default zen"), "the default 'zen' is no entry"),
    "default of GRUB": (edited(GRUB, "default=xen", "default=zen"), "the default 'zen' is no entry"),
    "default by number": (edited(GRUB, "default=xen", "default=7"), "the default '7' is no entry"),
    "opening brace lost": (edited(GRUB, "--id xen {", "--id xen"), "menuentry without {"),
    "closing brace lost": (edited(GRUB, "\n}", "\n"), "{ is never closed"),
    "quote lost": (edited(GRUB, '(unsigned)"', "(unsigned)"), "a quote is not closed"),
    "fi lost": (edited(GRUB, "\nfi\n", "\n"), "if without fi"),
    "other label in GRUB": (edited(GRUB, f"CDLABEL={LABEL}", "CDLABEL=OTHER"), "looks for 'OTHER'"),
    "other label in isolinux": (edited(ISOLINUX, f"CDLABEL={LABEL}", "CDLABEL=OTHER"), "looks for 'OTHER'"),
    "other label": (remade("-volid", "OTHER"), "but the label is 'OTHER'"),
}
FILES: dict[str, tuple[Damage, str]] = {
    name: (without(name), f"{name}: no such file") for name in ("/boot/xen.gz", "/boot/vmlinuz", "/boot/initrd.img")
} | {
    "no root image": (without("/LiveOS/squashfs.img"), "but /LiveOS/squashfs.img is not there"),
    "no mboot.c32": (without("/isolinux/mboot.c32"), "/isolinux/mboot.c32: no such file"),
    "no libcom32.c32": (without("/isolinux/libcom32.c32"), "which needs libcom32.c32 beside it"),
    "no BOOTX64.EFI": (without("/EFI/BOOT/BOOTX64.EFI"), "/EFI/BOOT/BOOTX64.EFI is listed in /SHA256SUMS"),
    "no .treeinfo": (without("/.treeinfo"), "treeinfo: /.treeinfo is not there"),
    "no .discinfo": (without("/.discinfo"), "treeinfo: /.discinfo is not there"),
    "no .treeinfo nor .discinfo": (without("/.treeinfo", "/.discinfo"), "/.treeinfo is listed in /SHA256SUMS"),
    "no SHA256SUMS": (SUMS, "/SHA256SUMS is not there, though .treeinfo names it"),
    "SHA256SUMS of others": (edited("/SHA256SUMS", "  boot/xen.gz", "  boot/zen.gz"), "/boot/zen.gz is listed"),
    "no RPM": (without("/planex/alpha-1-1.noarch.rpm"), "/planex/alpha-1-1.noarch.rpm is listed, but not there"),
    "stray RPM": (added("/planex/gamma-1-1.noarch.rpm", b"x"), "/planex/gamma-1-1.noarch.rpm is listed nowhere"),
    "stray RPM elsewhere": (added("/gamma-1-1.noarch.rpm", b"x"), "/gamma-1-1.noarch.rpm is not listed in"),
    "stray metadata": (added("/planex/repodata/0-primary.xml.gz", b"x"), "0-primary.xml.gz is listed nowhere"),
    "no repodata": (without("/planex/repodata"), "/planex/repodata/repomd.xml is listed in .treeinfo"),
    "repomd.xml is no XML": (added("/planex/repodata/repomd.xml", b"x"), "/planex/repodata/repomd.xml: its metadata"),
    "treeinfo is no treeinfo": (added("/.treeinfo", b"x"), "treeinfo: .treeinfo cannot be read"),
}
RECORDS: dict[str, tuple[Damage, str]] = {
    "MBR zeroed": (zeroed(0, 512), "there is a GPT but no MBR"),
    "MBR's code zeroed": (zeroed(0, 432), "the MBR has an active partition, but no code"),
    "GPT zeroed": (zeroed(512, 32768), "the GPT is gone"),
    "MBR and GPT zeroed": (zeroed(0, 32768), "the GPT is gone"),
    "GPT's header": (zeroed(520, 540), "the checksum of its header is wrong"),
    "GPT's table": (zeroed(1024, 1100), "the checksum of its table is wrong"),
    "GPT's copy zeroed": (patched(backup_zeroed), "its copy at the end is gone"),
    "MBR's UEFI partition elsewhere": (patched(other_uefi_partition), "is not the image that El Torito has for UEFI"),
    "MBR looks elsewhere": (patched(other_loader_address), "does not look for the loader where it is"),
    "cut by a block": (cut(2048), "image: it is cut off"),
    "cut in half": (cut(4_000_000), "image: it is cut off"),
}
FLIPS: dict[str, tuple[Damage, str]] = {
    f"bit of {name}": (flipped(name, offset), f"{name} does not have the checksum that /SHA256SUMS gives")
    for name, offset in {
        "/isolinux/isolinux.bin": 5000,
        "/isolinux/mboot.c32": 700,
        "/EFI/BOOT/BOOTX64.EFI": 100_000,
        "/boot/vmlinuz": 1,
        "/boot/xen.gz": -1,
        "/boot/initrd.img": 2,
        "/LiveOS/squashfs.img": 3,
        "/planex/alpha-1-1.noarch.rpm": 2000,
        "/readme.txt": 0,
    }.items()
} | {
    "bit of isolinux.bin's start": (flipped("/isolinux/isolinux.bin", 2), "/isolinux/isolinux.bin does not have"),
    "bit of isolinux.bin's table": (flipped("/isolinux/isolinux.bin", 20), "boot info table has another checksum"),
    "bit of the EFI image": (flipped_in_esp(1_000_000), "/images/efiboot.img does not have the checksum"),
    "bit of the EFI image's head": (flipped_in_esp(510), "/images/efiboot.img cannot be read"),
    "bit of SHA256SUMS": (flipped("/SHA256SUMS", -90), "/SHA256SUMS"),
    "bit of a folder": (patched(lambda data: data.__setitem__(18 * 2048 + 40, 1)), "folders or gaps of the image"),
}
ALL = MENUS | FILES | RECORDS | FLIPS
WITHOUT_SUMS = {
    "bit of isolinux.bin": (flipped("/isolinux/isolinux.bin", 5000), "boot info table has another checksum"),
    "bit of an RPM": (flipped("/planex/beta-1-1.noarch.rpm", 999), "beta-1-1.noarch.rpm does not have the checksum"),
    "bit of the root image": (flipped("/LiveOS/squashfs.img", 3), "does not have the checksum that .treeinfo gives"),
}
APPENDED: dict[str, tuple[Damage, str]] = {
    "bit of the EFI partition": (flipped_in_esp(1_000_000), "gaps of the image are not as they were written"),
    "EFI partition without a head": (flipped_in_esp(510), "the EFI partition cannot be read"),
    "no menu": (without(GRUB), f"the loader in the EFI partition goes on with {GRUB}"),
    "other label": (remade("-volid", "OTHER"), f"in the EFI partition looks for '{LABEL}', but the label is 'OTHER'"),
    "GPT zeroed": (zeroed(512, 32768), "the MBR announces a GPT, which is not there"),
}


def test_there_are_enough() -> None:
    assert len(ALL) >= 60


@pytest.mark.parametrize(("damage", "message"), ALL.values(), ids=ALL)
def test_harmful_copies_are_refused(host: Path, tmp_path: Path, damage: Damage, message: str) -> None:
    damage(host, tmp_path / "copy.iso")
    found = told(tmp_path / "copy.iso")
    assert any(message in finding for finding in found), found


@pytest.mark.parametrize(("damage", "message"), WITHOUT_SUMS.values(), ids=WITHOUT_SUMS)
def test_other_checksums_count_too(host: Path, tmp_path: Path, damage: Damage, message: str) -> None:
    together(SUMS, damage)(host, tmp_path / "copy.iso")
    found = told(tmp_path / "copy.iso")
    assert any(message in finding for finding in found), found


@pytest.mark.parametrize(("damage", "message"), APPENDED.values(), ids=APPENDED)
def test_an_appended_efi_image_is_looked_into(appended: Path, tmp_path: Path, damage: Damage, message: str) -> None:
    damage(appended, tmp_path / "copy.iso")
    found = told(tmp_path / "copy.iso")
    assert any(message in finding for finding in found), found


def test_metadata_of_other_rpms(host: Path, tmp_path: Path, rpms: list[Path]) -> None:
    """The RPMs were exchanged for others of the same name, the metadata were not."""
    other = make_rpm(tmp_path, "alpha", tags="URL: https://example.org/")
    damage = remade("-update", other, "/planex/alpha-1-1.noarch.rpm")
    together(SUMS, damage)(host, tmp_path / "copy.iso")
    assert any("alpha-1-1.noarch.rpm has another size" in finding for finding in told(tmp_path / "copy.iso"))


def test_metadata_that_list_too_much(host: Path, tmp_path: Path, rpms: list[Path]) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    make_rpm(tmp_path, "delta").rename(folder / "delta-1-1.noarch.rpm")
    create_repo(folder)
    damage = remade("-rm_r", "/planex/repodata", "--", "-map", folder / "repodata", "/planex/repodata")
    damage(host, tmp_path / "copy.iso")
    found = told(tmp_path / "copy.iso")
    assert any("/planex/delta-1-1.noarch.rpm is listed, but not there" in finding for finding in found)
    assert any("/planex/alpha-1-1.noarch.rpm is listed nowhere" in finding for finding in found)


def test_two_rpms_of_one_name_and_version(host: Path, tmp_path: Path, rpms: list[Path]) -> None:
    """In one repository: the same bytes twice are no fault, other bytes are."""
    folder = tmp_path / "repository"
    (folder / "more").mkdir(parents=True)
    for rpm in rpms:
        shutil.copy(rpm, folder)
        shutil.copy(rpm, folder / "more")
    other = make_rpm(tmp_path, "alpha", tags="URL: https://example.org/")
    found = []
    for number, rpm in enumerate((rpms[0], other)):
        shutil.copy(rpm, folder / "more")
        create_repo(folder)
        copy = tmp_path / f"{number}.iso"
        together(SUMS, remade("-rm_r", "/planex", "--", "-map", folder, "/planex"))(host, copy)
        found.append([finding for finding in told(copy) if "are both" in finding])
    names = "/planex/alpha-1-1.noarch.rpm and /planex/more/alpha-1-1.noarch.rpm"
    assert found == [[], [f"repository: {names} are both alpha-1-1.noarch, with other bytes"]]
