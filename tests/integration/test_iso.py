# SPDX-License-Identifier: LGPL-2.1-or-later
"""Respins of a small base ISO by real xorriso, and every way in which a result can be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.host.check import check_iso
from planex.host.finding import CheckFailed, Grade, faults, require_clean
from planex.host.tree import kept_loader
from planex.medium import efi, xorriso
from planex.medium.bootrecords import lost_records
from planex.medium.metadata import checksums
from planex.medium.respin import respin
from tests.integration import tiny_iso
from tests.integration.damage import edited, together, without
from tests.integration.tiny_iso import EPOCH, LABEL, OLD_LABEL

pytestmark = pytest.mark.tools(*tiny_iso.TOOLS)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_iso.make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def host(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_iso.make_host(base, tmp_path_factory.mktemp("host"))


def changed(host: Path, output: Path, *commands: str | Path) -> Path:
    """A copy of an ISO that is still bootable, with something changed."""
    replay = ["-boot_image", "any", "replay"]
    xorriso.xorriso(["-indev", f"stdio:{host}", "-outdev", f"stdio:{output}", *replay, *commands], EPOCH)
    return output


def text_of(iso: Path, name: str) -> str:
    return xorriso.open_image(iso).read(name).decode()


def messages(iso: Path, base: Path | None = None) -> list[str]:
    """Faults, but for those of checksums: of a changed ISO they always are wrong."""
    return [str(finding) for finding in faults(check_iso(iso, base)) if finding.kind not in ("checksums", "image")]


def test_base_and_host_have_no_findings(base: Path, host: Path) -> None:
    assert messages(base) == [
        "menu: /EFI/BOOT/grub.cfg: it has no entry",
        "menu: /isolinux/isolinux.cfg:3: /k: no such file",
    ]
    assert check_iso(host, base) == []


def test_host_keeps_every_boot_record_and_has_its_own_label(base: Path, host: Path) -> None:
    records = xorriso.read_records(host)
    assert lost_records(xorriso.read_records(base), records) == []
    assert records.label == LABEL


def test_host_has_all_that_its_menus_need(host: Path) -> None:
    files = xorriso.open_image(host).files
    assert {"/boot/xen.gz", "/boot/vmlinuz", "/boot/initrd.img", "/LiveOS/squashfs.img"} <= files.keys()
    assert {"/isolinux/mboot.c32", "/planex/repodata/repomd.xml"} <= files.keys()


def test_old_label_is_replaced_in_texts_and_treeinfo_is_true(host: Path) -> None:
    assert text_of(host, "/readme.txt") == f"This medium is labelled {LABEL}.\n"
    treeinfo = text_of(host, "/.treeinfo")
    assert set(checksums(treeinfo)) == {
        "images/efiboot.img",
        "boot/xen.gz",
        "boot/vmlinuz",
        "boot/initrd.img",
        "LiveOS/squashfs.img",
        "planex/repodata/repomd.xml",
    }
    assert text_of(host, "/.discinfo") == f"{EPOCH}.000000\ntiny 1.0\nx86_64\n"


def test_same_inputs_give_the_same_bytes(base: Path, host: Path, tmp_path: Path) -> None:
    assert tiny_iso.make_host(base, tmp_path / "again").read_bytes() == host.read_bytes()


def test_the_loader_for_uefi_is_kept_until_something_in_it_is_another(tmp_path: Path) -> None:
    def kept(label: str, programs: str = "those of today") -> Path:
        return kept_loader(label, EPOCH, tmp_path, lambda _program: programs)

    first = kept("A")
    image = (first / "efiboot.img").read_bytes()
    made = first.stat().st_ino
    assert kept("A").stat().st_ino == made
    assert kept("A", "a newer GRUB") != first
    other = kept("B")
    assert list(tmp_path.glob("uefi-*")) == [other], "one is kept"
    assert (other / "efiboot.img").read_bytes() != image
    assert (kept("A") / "efiboot.img").read_bytes() == image


def test_other_isolinux_is_replaced_with_every_record_kept(tmp_path: Path) -> None:
    base = tiny_iso.make_base(tmp_path, other_isolinux=True)
    first, second = (tiny_iso.make_host(base, tmp_path / name) for name in ("first", "second"))
    assert messages(first, base) == []
    assert xorriso.read_records(first).images == xorriso.read_records(base).images
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("firmware", ["BIOS", "UEFI"])
def test_a_base_for_one_firmware_gives_a_host_for_it(tmp_path: Path, firmware: str) -> None:
    """Nothing is put on the medium that promises the other."""
    base = tiny_iso.make_base_for(tmp_path, firmware)
    host = tiny_iso.make_host(base, tmp_path / "host")
    assert messages(host, base) == []
    files = xorriso.look(host)[1].files
    assert ("/EFI/BOOT/grub.cfg" in files, "/isolinux/mboot.c32" in files) == (firmware == "UEFI", firmware == "BIOS")
    assert xorriso.read_records(host).images == xorriso.read_records(base).images


def test_base_that_nothing_starts_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "plain.iso"
    (tmp_path / "tree" / "folder").mkdir(parents=True)
    xorriso.xorriso(["-as", "mkisofs", "-o", plain, tmp_path / "tree"])
    with pytest.raises(PlanexError, match="can be started by neither BIOS nor UEFI"):
        tiny_iso.make_host(plain, tmp_path / "host")


def test_lost_boot_records_are_an_error_and_leave_nothing(base: Path, tmp_path: Path) -> None:
    """A loader that is removed takes its El Torito entry along."""
    plan = replace(tiny_iso.plan(base, tmp_path), remove=("/isolinux/isolinux.bin",))
    with pytest.raises(PlanexError):
        respin(plan, tmp_path / "host.iso")
    assert not (tmp_path / "host.iso").exists()


def test_xorriso_drops_boot_records_in_silence_and_check_says_so(base: Path, host: Path, tmp_path: Path) -> None:
    lossy = tmp_path / "lossy.iso"
    xorriso.xorriso(["-indev", f"stdio:{host}", "-outdev", f"stdio:{lossy}", "-rm", "/readme.txt", "--"])
    assert messages(lossy)[:3] == [
        "boot records: El Torito has no bootable entry for BIOS, though /isolinux/isolinux.bin is there",
        "boot records: El Torito has no bootable entry for UEFI, though /EFI/BOOT/BOOTX64.EFI is there",
        "boot records: nothing starts it: El Torito has no bootable entry",
    ]
    assert "boot records: lost: El Torito entry for BIOS: /isolinux/isolinux.bin" in messages(lossy, base)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/boot/xen.gz", "menu: /EFI/BOOT/grub.cfg:13: /boot/xen.gz: no such file"),
        ("/isolinux/mboot.c32", "menu: /isolinux/isolinux.cfg:11: /isolinux/mboot.c32: no such file"),
        ("/isolinux/libcom32.c32", "menu: /isolinux/isolinux.cfg uses mboot.c32, which needs libcom32.c32 beside it"),
        ("/LiveOS/squashfs.img", "menu: /EFI/BOOT/grub.cfg starts a live root, but /LiveOS/squashfs.img is not there"),
        ("/boot/initrd.img", "treeinfo: /boot/initrd.img is listed in .treeinfo, but not there"),
    ],
)
def test_missing_files_are_found(host: Path, tmp_path: Path, path: str, expected: str) -> None:
    assert expected in messages(changed(host, tmp_path / "x.iso", "-rm", path, "--"))


@pytest.mark.parametrize("label", ["lower-case", "WITH SPACE", "OTHER"])
def test_wrong_labels_are_found(host: Path, tmp_path: Path, label: str) -> None:
    found = messages(changed(host, tmp_path / "x.iso", "-volid", label))
    assert any(f"in /images/efiboot.img looks for '{LABEL}', but the label is '{label}'" in m for m in found)
    assert any(f"/isolinux/isolinux.cfg:12 looks for '{LABEL}'" in message for message in found)


def test_old_label_left_in_a_text_is_found(base: Path, host: Path, tmp_path: Path) -> None:
    (tmp_path / "note").write_text(f"from {OLD_LABEL}\n")
    iso = changed(host, tmp_path / "x.iso", "-map", tmp_path / "note", "/docs/note")
    assert messages(iso, base) == [f"label: /docs/note still names the base's label '{OLD_LABEL}'"]


def test_loader_for_another_medium_is_found(host: Path, tmp_path: Path) -> None:
    efi.make_loader(tmp_path / "loader", efi.stub_config("ANOTHER", "/EFI/BOOT/grub.cfg"))
    efi.make_fat(tmp_path / "fat", {"EFI/BOOT/BOOTX64.EFI": tmp_path / "loader"}, EPOCH)
    iso = changed(host, tmp_path / "x.iso", "-update", tmp_path / "fat", "/images/efiboot.img")
    assert messages(iso) == [
        f"label: EFI/BOOT/BOOTX64.EFI in /images/efiboot.img looks for 'ANOTHER', but the label is '{LABEL}'",
        "treeinfo: /images/efiboot.img does not have the checksum that .treeinfo gives",
    ]


def test_all_findings_come_at_once(host: Path, tmp_path: Path) -> None:
    iso = changed(host, tmp_path / "x.iso", "-rm", "/boot/xen.gz", "--", "-volid", "OTHER")
    findings = check_iso(iso)
    assert {finding.kind for finding in findings} == {"label", "menu", "treeinfo", "checksums"}
    with pytest.raises(CheckFailed, match=f"x.iso does not pass {len(findings)} checks"):
        require_clean(iso, findings)


def test_broken_metadata_is_a_finding_not_a_crash(host: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("nonsense\n")
    treeinfo = changed(host, tmp_path / "a.iso", "-update", tmp_path / "bad", "/.treeinfo")
    assert any(message.startswith("treeinfo: .treeinfo cannot be read") for message in messages(treeinfo))
    repomd = changed(host, tmp_path / "b.iso", "-update", tmp_path / "bad", "/planex/repodata/repomd.xml")
    assert any(message.startswith("repository: /planex/repodata/repomd.xml") for message in messages(repomd))


@pytest.fixture
def not_an_iso(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "file.iso"
    path.write_bytes(b"\0" * 40000)
    yield path


def test_other_files_are_refused(not_an_iso: Path) -> None:
    with pytest.raises(PlanexError, match=r"file\.iso is not an ISO image"):
        check_iso(not_an_iso)
    with pytest.raises(PlanexError, match="No such file"):
        check_iso(not_an_iso.with_name("gone.iso"))


def test_a_fault_of_the_base_is_the_bases_and_stops_no_respin(base: Path, tmp_path: Path) -> None:
    damage = together(edited("/.treeinfo", "[general]", "images/gone = sha256:0\n\n[general]"), without("/.discinfo"))
    damage(base, tmp_path / "base.iso")
    host = tiny_iso.make_host(tmp_path / "base.iso", tmp_path / "host")
    findings = check_iso(host, tmp_path / "base.iso")
    require_clean(host, findings)
    assert {(finding.grade, str(finding)) for finding in findings} == {
        (Grade.BASE, "treeinfo: /images/gone is listed in .treeinfo, but not there"),
        (Grade.BASE, "treeinfo: /.discinfo is not there, though /.treeinfo is"),
    }
    assert len(faults(check_iso(host))) == 2, "without the base they are the ISO's own"
