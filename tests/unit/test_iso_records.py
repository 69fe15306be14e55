# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boot records as xorriso reports them, and what a respin must not lose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from planex.medium.bootrecords import BootRecords, lost_records, parse_records

REPORT = """\
El Torito catalog  : 36  1
El Torito cat path : /isolinux/boot.cat
El Torito images   :   N  Pltf  B   Emul  Ld_seg  Hdpt  Ldsiz         LBA
El Torito boot img :   1  BIOS  y   none  0x0000  0x00      4        2085
El Torito boot img :   2  UEFI  y   none  0x0000  0x00   8192          37
El Torito img path :   1  /isolinux/isolinux.bin
El Torito img opts :   1  boot-info-table isohybrid-suitable
El Torito img path :   2  /images/efiboot.img
System area options: 0x00000102
System area summary: MBR isohybrid cyl-align-on GPT
MBR partition table:   N Status  Type        Start       Blocks
MBR partition      :   1   0x80  0x00            0        10240
MBR partition      :   2   0x00  0xef          148         8192
MBR partition path :   2  /images/efiboot.img
GPT type GUID      :   1  a2a0d0ebe5b9334487c068b6b72699c7
GPT type GUID      :   2  a2a0d0ebe5b9334487c068b6b72699c7
GPT partition path :   2  /images/efiboot.img
Volume Id    : CentOS 7 x86_64
"""
BASIC_DATA = "a2a0d0ebe5b9334487c068b6b72699c7"


def test_report_of_an_el_medium() -> None:
    records = parse_records(REPORT)
    assert records.label == "CentOS 7 x86_64"
    assert [(image.platform, image.path) for image in records.images] == [
        ("BIOS", "/isolinux/isolinux.bin"),
        ("UEFI", "/images/efiboot.img"),
    ]
    assert records.images[0].options == ("boot-info-table", "isohybrid-suitable")
    assert records.area == {"MBR", "isohybrid", "GPT"}
    assert records.partitions == (
        ("MBR", "0x00", ""),
        ("MBR", "0xef", "/images/efiboot.img"),
        ("GPT", BASIC_DATA, ""),
        ("GPT", BASIC_DATA, "/images/efiboot.img"),
    )
    assert records.boots("BIOS")
    assert records.boots("UEFI")


def test_appended_partition_has_no_path() -> None:
    text = REPORT.replace("El Torito img path :   2  /images/efiboot.img\n", "")
    assert parse_records(text).images[1].path == ""


def test_same_records_lose_nothing() -> None:
    records = parse_records(REPORT)
    moved = parse_records(REPORT.replace("2085", "9999").replace("8192", "16384").replace("cyl-align-on", ""))
    assert lost_records(records, moved) == []


def test_plain_iso_lost_everything() -> None:
    lost = lost_records(parse_records(REPORT), BootRecords(label="X"))
    assert lost[:3] == [
        "lost: El Torito entry for BIOS: /isolinux/isolinux.bin",
        "lost: El Torito entry for UEFI: /images/efiboot.img",
        "lost from the system area: GPT, MBR, isohybrid",
    ]
    assert len(lost) == 7


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("2  UEFI  y ", "2  UEFI  n ", "lost: El Torito entry for UEFI: /images/efiboot.img"),
        ("MBR isohybrid", "MBR", "lost from the system area: isohybrid"),
        ("0xef", "0x17", "lost: MBR partition of type 0xef /images/efiboot.img"),
    ],
)
def test_single_losses(old: str, new: str, expected: str) -> None:
    assert lost_records(parse_records(REPORT), parse_records(REPORT.replace(old, new))) == [expected]


def test_gained_records_are_no_loss() -> None:
    records = parse_records(REPORT)
    assert lost_records(replace(records, partitions=()), records) == []
