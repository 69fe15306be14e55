# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small parts of an ISO: initrd, UEFI loader, isolinux' modules, and the xorriso commands."""

from __future__ import annotations

import hashlib
import stat
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.host.check_contents import check_treeinfo
from planex.host.examined import ExaminedIso
from planex.host.finding import Finding
from planex.host.live import squashfs_argv
from planex.host.manifest import differences, read_manifest
from planex.medium import cpio, efi
from planex.medium.bootrecords import BootImage, BootRecords
from planex.medium.image import Span
from planex.medium.loaders import isolinux_version, modules_to_add
from planex.medium.respin import Respin, boot_commands, replaces_loader, respin_commands
from planex.medium.xorriso import make_commands, parse_listing, volume_date
from tests.unit.iso_factory import make_image
from tests.unit.manifest_factory import make_manifest

EPOCH = 1700000000
IN_TREE = BootRecords(images=(BootImage("UEFI", True, "none", "/images/efiboot.img"),))
APPENDED = BootRecords(images=(BootImage("UEFI", True, "none", ""),))


def test_cpio_is_laid_out_as_linux_reads_it() -> None:
    data = cpio.archive([cpio.file("a/b", b"12345", 0o755)])
    assert data.startswith(b"070701")
    assert len(data) % 512 == 0
    folder, name = data[:110], data[110:112]
    assert int(folder[14:22], 16) == stat.S_IFDIR | 0o755
    assert name == b"a\0"
    second = 112  # a header of 110 and a name of 2 bytes need no padding
    assert data[second : second + 6] == b"070701"
    assert int(data[second + 54 : second + 62], 16) == 5
    assert data[second + 110 : second + 114] == b"a/b\0"
    assert data[second + 116 : second + 124] == b"12345\0\0\0"
    assert b"TRAILER!!!\0" in data


def test_cpio_does_not_depend_on_order() -> None:
    entries = [cpio.file("b", b"1"), cpio.link("a", "b"), cpio.character_device("dev/console", 5, 1)]
    assert cpio.archive(entries) == cpio.archive(reversed(entries))


def test_initrd_is_the_same_each_time(tmp_path: Path) -> None:
    (tmp_path / "init").write_text("#!/bin/busybox sh\n")
    (tmp_path / "busybox").write_bytes(b"\x7fELF")
    for name in ("1", "2"):
        cpio.make_initrd(tmp_path / name, tmp_path / "init", tmp_path / "busybox")
        (tmp_path / "init").touch()
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_loader_looks_for_the_medium_by_label() -> None:
    text = efi.stub_config("HOST-1.0", "/EFI/BOOT/grub.cfg")
    assert "search --no-floppy --set=root --label HOST-1.0\n" in text
    assert "configfile ($root)/EFI/BOOT/grub.cfg\n" in text


def test_memdisk_is_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efi, "MODULES", tmp_path)
    (tmp_path / "multiboot2.mod").write_bytes(b"module")
    first = efi._memdisk("config")
    (tmp_path / "multiboot2.mod").touch()
    assert efi._memdisk("config") == first
    with tarfile.open(fileobj=BytesIO(first)) as archive:
        names = archive.getnames()
    assert names == ["boot/grub/grub.cfg", "boot/grub/x86_64-efi/multiboot2.mod"]


@pytest.mark.parametrize(("size", "mebibytes"), [(0, 1), (1, 2), (3_400_000, 5), (8 << 20, 10)])
def test_fat_image_has_room(size: int, mebibytes: int) -> None:
    assert efi.image_size([size]) == mebibytes << 20


def test_isolinux_tells_its_version() -> None:
    assert isolinux_version(b"\xfa\xfcISOLINUX 6.04 20200816 \0") == "6.04 20200816"
    assert isolinux_version(b"something else") == ""


def test_same_isolinux_gets_only_what_is_missing() -> None:
    present = ["isolinux.bin", "ldlinux.c32", "libcom32.c32", "libutil.c32", "menu.c32"]
    assert modules_to_add("6.04 x", "6.04 x", present) == ("mboot.c32",)


def test_another_isolinux_is_replaced_with_all_its_modules() -> None:
    names = modules_to_add("4.05 x", "6.04 x", ["isolinux.bin", "vesamenu.c32", "boot.msg"])
    assert names[0] == "isolinux.bin"
    assert set(names[1:]) == {"ldlinux.c32", "libcom32.c32", "libutil.c32", "mboot.c32", "menu.c32", "vesamenu.c32"}


def test_volume_date_is_utc() -> None:
    assert volume_date(EPOCH) == "2023111422132000"


def test_respin_replays_boot_records_before_anything_else() -> None:
    plan = Respin(Path("base.iso"), "NEW", EPOCH, {"/b": Path("b"), "/a": Path("a")}, ("/gone",), Path("efi.img"))
    words = respin_commands(plan, IN_TREE)
    text = " ".join(words)
    assert words[:5] == ["-indev", "stdio:base.iso", "-boot_image", "any", "replay"]
    assert "-volid NEW -volume_date uuid 2023111422132000" in text
    assert "-rm_r /gone -- -update a /a -update b /b -update efi.img /images/efiboot.img" in text
    assert text.endswith(f"-alter_date_r b ={EPOCH} / --")


def test_appended_efi_partition_is_appended_again() -> None:
    words = respin_commands(Respin(Path("b"), "NEW", EPOCH, efi_image=Path("efi.img")), APPENDED)
    assert "-append_partition 2 C12A7328-F81F-11D2-BA4B-00A0C93EC93B efi.img" in " ".join(words)


def test_new_isolinux_gets_its_records_after_the_files() -> None:
    report = (
        "-volid 'OLD'\n-boot_image isolinux bin_path='/isolinux/isolinux.bin'\n-boot_image any load_size=2048\n"
        "-boot_image any next\n-boot_image any efi_path='/images/efiboot.img'\n-boot_image any load_size=4194304\n"
    )
    explicit = boot_commands(report)
    assert explicit[2] == "bin_path=/isolinux/isolinux.bin"
    assert [word for word in explicit if word.startswith("load_size")] == ["load_size=2048", "load_size=full"]
    base = BootRecords(images=(BootImage("BIOS", True, "none", "/isolinux/isolinux.bin"), *IN_TREE.images))
    plan = Respin(Path("b"), "NEW", EPOCH, {"/isolinux/isolinux.bin": Path("new.bin")}, efi_image=Path("efi.img"))
    assert replaces_loader(plan, base)
    text = " ".join(respin_commands(plan, base, explicit))
    assert "replay" not in text
    assert text.index("-update new.bin") < text.index("-update efi.img") < text.index("-boot_image isolinux bin_path=")


def test_base_without_uefi_is_refused() -> None:
    with pytest.raises(PlanexError, match="no boot image for UEFI"):
        respin_commands(Respin(Path("b"), "NEW", EPOCH, efi_image=Path("efi.img")), BootRecords())


def test_listing_with_quotes_and_commas() -> None:
    text = "File data lba:  0 ,       34 ,        1 ,       12 , '/a'\"'\"'b, c'\nother line\n"
    image = parse_listing(text, Path("x.iso"), 1 << 20)
    assert (image.files, image.spans) == ({"/a'b, c": 12}, {"/a'b, c": (Span(34 * 2048, 12),)})


def test_a_file_of_two_extents_is_one() -> None:
    line = "File data lba:  {} , {} , {} , 5000 , '/a'\n"
    image = parse_listing(line.format(0, 20, 2) + line.format(1, 40, 1), Path("x.iso"), 1 << 20)
    assert image.files == {"/a": 5000}
    assert image.spans["/a"] == (Span(20 * 2048, 4096), Span(40 * 2048, 904))


def test_new_iso_pins_every_time() -> None:
    words = make_commands(Path("tree"), Path("o.iso"), "L", EPOCH, Path("mbr"))
    assert words[words.index("--set_all_file_dates") + 1] == "2023111422132000"
    assert words[-1] == "tree"


def test_squashfs_is_made_new() -> None:
    words = squashfs_argv(Path("root"), Path("out"), 15)
    assert words[:4] == ["mksquashfs", "root", "out", "-noappend"]
    assert words[-4:] == ["-comp", "zstd", "-Xcompression-level", "15"]


def test_manifest_survives_a_round_trip(tmp_path: Path) -> None:
    manifest = make_manifest()
    (tmp_path / "m").write_text(manifest.to_json())
    assert read_manifest(tmp_path / "m") == manifest


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 0}', '{"format": 1, "packages": []}'])
def test_foreign_manifest_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "m").write_text(text)
    assert read_manifest(tmp_path / "m") is None


def test_differences_are_words() -> None:
    old, new = {"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}
    assert differences(old, new) == ["b changed", "d is new", "c is gone"]


@pytest.mark.parametrize("algorithm", ["md5", "sha256", "sha512", "shake_128", "none"])
def test_checksums_of_any_algorithm_are_read(tmp_path: Path, algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"x").hexdigest() if algorithm in ("md5", "sha256", "sha512") else "ab"
    text = f"[checksums]\nfile = {algorithm}:{digest}\nother = {algorithm}:{digest}\n"
    files = {"/file": "x", "/other": "y", "/.treeinfo": text, "/.discinfo": "x"}
    medium = ExaminedIso.of(IN_TREE, make_image(tmp_path / "x.iso", files))
    wrong = [Finding("treeinfo", "/other does not have the checksum that .treeinfo gives")]
    assert list(check_treeinfo(medium)) == (wrong if len(digest) > 2 else [])
