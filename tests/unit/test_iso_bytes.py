# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bytes of an image: FAT file systems, MBR and GPT, what lies between files, SHA256SUMS; hostile ones too."""

from __future__ import annotations

import contextlib
import hashlib
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.errors import PlanexError
from planex.medium.area import Boots, area_faults
from planex.medium.bootimage import named_menus, searches, table_fault
from planex.medium.fat import read_fat
from planex.medium.image import Image, Span, gaps
from planex.medium.sums import Sums, blank, parse_sums
from tests.unit.iso_factory import make_fat, make_image

FAT = make_fat({"BOOTX64.EFI": bytes(range(256)) * 9, "GRUB.CFG": b"x", "EMPTY": b""})


def test_fat_files_are_read_whole() -> None:
    files = read_fat(FAT)
    assert files == {"EFI/BOOT/BOOTX64.EFI": bytes(range(256)) * 9, "EFI/BOOT/GRUB.CFG": b"x", "EFI/BOOT/EMPTY": b""}


@pytest.mark.parametrize("data", [b"", bytes(512), FAT[:600], bytes(510) + b"\x55\xaa"])
def test_no_fat_is_told(data: bytes) -> None:
    with pytest.raises(PlanexError):
        read_fat(data)


@given(st.lists(st.tuples(st.integers(0, 8191), st.integers(0, 255)), min_size=1, max_size=40))
def test_damaged_fat_is_read_or_told(changes: list[tuple[int, int]]) -> None:
    data = bytearray(FAT)
    for offset, value in changes:
        data[offset] = value
    with contextlib.suppress(PlanexError):
        read_fat(bytes(data))


def test_gaps_are_all_that_no_span_has() -> None:
    spans = [Span(10, 10), Span(15, 10), Span(40, 5), Span(60, 100)]
    assert list(gaps(spans, 50)) == [Span(0, 10), Span(25, 15), Span(45, 5)]
    assert list(gaps([], 5)) == [Span(0, 5)]
    assert list(gaps([Span(0, 9)], 5)) == []


def test_the_rest_of_an_image_is_what_no_file_has(tmp_path: Path) -> None:
    image = make_image(tmp_path / "x.iso", {"/a": "aaa", "/b": "b"})
    data = image.path.read_bytes()
    expected = hashlib.sha256(data[: 32 * 2048] + data[33 * 2048 :]).hexdigest()
    assert image.digest_without(["/a"], image.size) == expected


NAMES = st.text(st.characters(min_codepoint=1, codec="utf-8"), min_size=1, max_size=20).map(lambda name: f"/{name}")


@given(
    st.dictionaries(NAMES.filter(lambda name: "./" not in name), st.text("0123456789abcdef", min_size=64, max_size=64))
)
def test_sums_survive_a_round_trip_and_are_as_long_as_planned(files: dict[str, str]) -> None:
    sums = Sums(files, "ab" * 32, 12345)
    assert parse_sums(sums.text()) == sums
    assert len(blank(files).encode()) == len(sums.text().encode())


def test_sums_of_sha256sum_are_read_and_others_told() -> None:
    assert parse_sums(f"{'a' * 64} *./b\n").files == {"/b": "a" * 64}
    with pytest.raises(PlanexError, match="line 2 is no checksum"):
        parse_sums(f"{'a' * 64}  b\nnonsense\n")
    text = Sums({"/a": "0" * 64}, "0" * 64, 1).text()
    with pytest.raises(PlanexError, match="not as it was written"):
        parse_sums(text.replace("Every", "Evers"))


SECTORS = 4096
UEFI, BIOS = 100 * 2048, 50 * 2048


def header(current: int, other: int, table: bytes) -> bytes:
    row = struct.pack(
        "<8sIIIIQQQQ16sQIII",
        b"EFI PART",
        0x10000,
        92,
        0,
        0,
        current,
        other,
        34,
        4000,
        b"",
        2,
        4,
        128,
        zlib.crc32(table),
    )
    return (row[:16] + struct.pack("<I", zlib.crc32(row)) + row[20:]).ljust(512, b"\0")


def disk() -> bytearray:
    data = bytearray(SECTORS * 512)
    data[:40] = b"\x33\xed isolinux.bin missing or corrupt".ljust(40)
    data[0x1B0:0x1B8] = struct.pack("<Q", BIOS // 512)
    data[446:462] = struct.pack("<B3sB3sII", 0x80, b"", 0, b"", 0, SECTORS)
    data[462:478] = struct.pack("<B3sB3sII", 0, b"", 0xEF, b"", UEFI // 512, 64)
    data[510:512] = b"\x55\xaa"
    table = struct.pack("<16s16sQQ72x", b"type", b"id", UEFI // 512, UEFI // 512 + 63).ljust(512, b"\0")
    data[1024:1536] = table
    data[512:1024] = header(1, SECTORS - 1, table)
    data[-512:] = header(SECTORS - 1, 1, table)
    return data


BOOTS = Boots((BIOS,), (UEFI,))


def area(data: bytearray, boots: Boots = BOOTS) -> list[str]:
    return list(area_faults(lambda start, size: bytes(data[start : start + size]), len(data), len(data), boots))


def test_a_sound_system_area_has_no_faults() -> None:
    assert area(disk()) == []
    assert area(bytearray(SECTORS * 512)) == []


@pytest.mark.parametrize(
    ("start", "change", "fault"),
    [
        (0, bytes(0x1B0), "the MBR has an active partition, but no code"),
        (0, bytes(512), "there is a GPT but no MBR"),
        (0, bytes(1024), "the GPT is gone: only its copy at the end is there"),
        (450, b"\xee", "the MBR announces a GPT, which is not there"),
        (0x1B0, b"\x01", "the code in the MBR does not look for the loader where it is"),
        (470, b"\x01", "the MBR's partition for UEFI is not the image that El Torito has for UEFI"),
        (474, b"\x01", "MBR and GPT do not name the same partition for UEFI"),
        (474, b"\0\0\0\x01", "a partition reaches past the end of the image"),
        (530, b"x", "the GPT is damaged: the checksum of its header is wrong"),
        (1024, b"x", "the GPT is damaged: the checksum of its table is wrong"),
        ((SECTORS - 1) * 512, b"x", "the GPT is damaged: its copy at the end is gone or damaged"),
    ],
)
def test_faults_of_the_system_area(start: int, change: bytes, fault: str) -> None:
    data = disk()
    data[start : start + len(change)] = change
    if change == b"\xee":
        data[512:1024] = bytes(512)
    assert fault in area(data)


def test_the_gpt_has_the_uefi_image() -> None:
    assert "no partition of the GPT is the image that El Torito has for UEFI" in area(disk(), Boots((), (4096,)))


@given(st.lists(st.tuples(st.integers(0, 1535), st.integers(0, 255)), max_size=40))
def test_any_system_area_is_judged(changes: list[tuple[int, int]]) -> None:
    data = disk()
    for offset, value in changes:
        data[offset] = value
    assert all(area(data))


def loader(image_start: int, text: bytes = b"ISOLINUX") -> bytes:
    rest = text.ljust(64, b"x")
    total = sum(struct.unpack("<16I", rest)) & 0xFFFFFFFF
    return bytes(8) + struct.pack("<IIII", 16, image_start // 2048, 128, total) + bytes(40) + rest


@pytest.mark.parametrize(
    ("data", "start", "fault"),
    [
        (loader(65536), 65536, ""),
        (loader(65536), 67584, "has a boot info table that does not fit"),
        (loader(65536, b"GRUB"), 67584, ""),
        (loader(65536)[:-1] + b"y", 65536, "is damaged: its boot info table has another checksum"),
        (loader(65536) + b"y", 65536, "is damaged: its boot info table has another checksum"),
        (b"ISOLINUX", 65536, "is too short"),
    ],
)
def test_boot_info_tables(tmp_path: Path, data: bytes, start: int, fault: str) -> None:
    path = tmp_path / "x.iso"
    path.write_bytes(bytes(16 * 2048) + b"\x01CD001" + bytes(9000))
    assert table_fault(Image(path, path.stat().st_size), data, start) == fault


def test_what_a_loader_looks_for() -> None:
    data = b"\0search --label A\0search -l 'B'\nconfigfile ($root)/EFI/x.cfg\0configfile $prefix/y.cfg\nconfigfile /z\n"
    assert list(searches(data)) == ["search --label A", "search -l 'B'"]
    assert named_menus(data) == ["/EFI/x.cfg", "/z"]


def test_a_file_is_read_in_order_and_in_pieces(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000
    image = make_image(tmp_path / "x.iso", {"/a": data, "/empty": b""})
    with image.open("/a") as file:
        assert file.read(10) + file.read() == data and file.read() == b""
    with image.open("/empty") as file:
        assert file.read() == b""
