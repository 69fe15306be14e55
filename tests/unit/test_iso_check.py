# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the check of an ISO finds: on an image of a few files, without any tool."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.host import check, check_contents, check_start, examined
from planex.host.check_contents import MediumRepositories
from planex.host.examined import ExaminedIso
from planex.host.finding import CheckFailed, Finding, Grade, require_clean, without_inherited
from planex.medium.bootrecords import BootImage, BootRecords
from planex.medium.image import Image
from planex.rpm.listing import Listing
from planex.rpm.repo import ListedFile
from tests.unit.iso_factory import Files, make_fat, make_image

BIOS = BootImage("BIOS", True, "none", "/isolinux/isolinux.bin")
UEFI = BootImage("UEFI", True, "none", "/images/efiboot.img")
RECORDS = BootRecords("HOST-1.0", (BIOS, UEFI))
GRUB, ISOLINUX, LOADER = "/EFI/BOOT/grub.cfg", "/isolinux/isolinux.cfg", "/isolinux/isolinux.bin"
VERSION_5, VERSION_4 = b"ISOLINUX 6.04 20200816", b"ISOLINUX 4.05 x"
SEARCH = "search --no-floppy --set=root --label "


def medium(folder: Path, files: Files, records: BootRecords = RECORDS) -> ExaminedIso:
    return ExaminedIso.of(records, make_image(folder / "x.iso", files))


def said(findings: Iterable[Finding]) -> list[str]:
    return [str(finding) if finding.grade is Grade.FAULT else f"({finding})" for finding in findings]


@pytest.mark.parametrize(
    ("images", "files", "found"),
    [
        ((BIOS, UEFI), {}, []),
        ((BIOS,), {}, ["(boot records: it cannot be started by UEFI)"]),
        ((UEFI,), {}, ["(boot records: it cannot be started by BIOS)"]),
        ((), {}, ["boot records: nothing starts it: El Torito has no bootable entry"]),
        (
            (UEFI,),
            {LOADER: "x"},
            [f"boot records: El Torito has no bootable entry for BIOS, though {LOADER} is there"],
        ),
        (
            (BIOS,),
            {"/efi/boot/bootx64.efi": "x"},
            ["boot records: El Torito has no bootable entry for UEFI, though /efi/boot/bootx64.efi is there"],
        ),
    ],
)
def test_an_iso_is_started_by_what_is_on_it(
    tmp_path: Path, images: tuple[BootImage, ...], files: Files, found: list[str]
) -> None:
    assert said(check_start.check_records(medium(tmp_path, files, BootRecords(images=images)))) == found


def test_an_iso_with_a_base_loses_nothing_of_it(tmp_path: Path) -> None:
    iso = medium(tmp_path, {}, BootRecords(images=(BIOS,)))
    assert said(check_start.check_records(iso, BootRecords(images=(BIOS,))))[:-1] == []
    assert said(check_start.check_records(iso, RECORDS))[0] == (
        "boot records: lost: El Torito entry for UEFI: /images/efiboot.img"
    )


@pytest.mark.parametrize("label", ["A", "HOST-1.0_X", "A" * 32, "CentOS-Stream-9-BaseOS-x86_64"])
def test_labels_that_all_readers_spell_alike(tmp_path: Path, label: str) -> None:
    assert said(check_start.check_labels(medium(tmp_path, {}, BootRecords(label)))) == []


@pytest.mark.parametrize("label", ["CentOS 7 x86_64", "A/B", "A\t"])
def test_labels_that_readers_spell_differently_are_noted(tmp_path: Path, label: str) -> None:
    found = said(check_start.check_labels(medium(tmp_path, {}, BootRecords(label))))
    assert found == [f"(label: '{label}' has characters that udev, GRUB and dracut spell differently)"]


def test_no_label_is_noted_and_one_that_is_too_long_is_a_fault(tmp_path: Path) -> None:
    assert said(check_start.check_labels(medium(tmp_path, {}, BootRecords()))) == ["(label: it has none)"]
    found = said(check_start.check_labels(medium(tmp_path, {}, BootRecords("A" * 33))))
    assert found == [f"label: '{'A' * 33}' has more than 32 characters"]


def test_menus_and_loaders_look_for_the_label(tmp_path: Path) -> None:
    loader = f"MZ\0\1{SEARCH}GONE\0{SEARCH}HOST-1.0\0{SEARCH}$x\0search -l 'LOST'\0".encode("latin-1")
    files: Files = {
        GRUB: f"{SEARCH}HOST-1.0\nlinux /k root=live:CDLABEL=OTHER\n{SEARCH}$label\nlinux /k LABEL=HOST-1.0\n",
        "/images/efiboot.img": make_fat({"BOOTX64.EFI": loader, "GRUB.CFG": b"search --set=root -l 'OLD'\n"}),
        "/readme.txt": "LABEL=ANYTHING\n",
    }
    inside = "in /images/efiboot.img looks for"
    assert said(check_start.check_labels(medium(tmp_path, files))) == [
        f"label: {GRUB}:2 looks for 'OTHER', but the label is 'HOST-1.0'",
        f"label: EFI/BOOT/BOOTX64.EFI {inside} 'GONE', but the label is 'HOST-1.0'",
        f"label: EFI/BOOT/BOOTX64.EFI {inside} 'LOST', but the label is 'HOST-1.0'",
        f"label: EFI/BOOT/GRUB.CFG {inside} 'OLD', but the label is 'HOST-1.0'",
    ]


@pytest.mark.parametrize(
    ("fat", "found"),
    [
        (b"\0" * 512, ["cannot be read: it is no FAT file system", "has no loader EFI/BOOT/BOOT*.EFI"][:1]),
        (make_fat({"BOOTX64.EFI": b"MZ"}), []),
        (make_fat({"BOOTX64.EFI": b"no program"}), ["has no loader EFI/BOOT/BOOT*.EFI"]),
        (make_fat({"GRUBX64.EFI": b"MZ"}), ["has no loader EFI/BOOT/BOOT*.EFI"]),
    ],
)
def test_the_efi_image_has_a_loader(tmp_path: Path, fat: bytes, found: list[str]) -> None:
    iso = medium(tmp_path, {"/images/efiboot.img": fat}, BootRecords("A", (UEFI,)))
    assert said(check_start.check_loaders(iso)) == [f"boot records: /images/efiboot.img {text}" for text in found]


@pytest.mark.parametrize(
    ("loader", "inside", "files", "found"),
    [
        (b"MZ GRUB configfile ($root)/EFI/BOOT/grub.cfg\n", {}, {}, f"goes on with {GRUB}, which is not there"),
        (b"MZ GRUB configfile ($root)/EFI/BOOT/grub.cfg\n", {}, {GRUB: "x"}, ""),
        (b"MZ GRUB configfile /EFI/BOOT/grub.cfg\n", {"GRUB.CFG": b"configfile /x\n"}, {"/x": ""}, ""),
        (b"MZ GRUB", {}, {}, "has no menu: there is no grub.cfg"),
        (b"MZ GRUB", {"GRUB.CFG": b""}, {}, ""),
        (b"MZ GRUB", {}, {"/boot/grub2/grub.cfg": "x"}, ""),
        (b"MZ memtest", {}, {}, ""),
    ],
)
def test_the_efi_loader_has_its_menu(
    tmp_path: Path, loader: bytes, inside: dict[str, bytes], files: Files, found: str
) -> None:
    image = make_fat({"BOOTX64.EFI": loader, **inside})
    iso = medium(tmp_path, {"/images/efiboot.img": image, **files}, BootRecords("A", (UEFI,)))
    message = f"menu: the loader in /images/efiboot.img {found}"
    assert said(check_start.check_loaders(iso)) == [message] * bool(found)


def test_menus_in_the_efi_image_are_read(tmp_path: Path) -> None:
    fat = make_fat({"GRUB.CFG": b"menuentry x {\n linux /k\n initrd /efi/boot/i.img\n", "I.IMG": b""})
    iso = medium(tmp_path, {"/images/efiboot.img": fat}, BootRecords("A", (UEFI,)))
    assert said(check_start.check_menus(iso)) == [
        "menu: /images/efiboot.img/EFI/BOOT/GRUB.CFG:2: /k: no such file",
        "menu: /images/efiboot.img/EFI/BOOT/GRUB.CFG:1: { is never closed",
    ]


def test_the_old_label_is_gone_from_all_texts(tmp_path: Path) -> None:
    files: Files = {"/a.txt": "made for OLD\n", "/b.txt": "OLDER\n", "/c.bin": b"OLD\0", "/d.cfg": "OLD HOST-1.0\n"}
    found = medium(tmp_path, files)
    assert said(check.check_old_label(found, "OLD")) == [
        f"label: {name} still names the base's label 'OLD'" for name in ("/a.txt", "/d.cfg")
    ]
    assert said(check.check_old_label(found, "HOST-1.0")) == []
    assert said(check.check_old_label(found, "")) == []


def test_an_iso_without_a_menu_is_noted(tmp_path: Path) -> None:
    found = said(check_start.check_menus(medium(tmp_path, {"/readme.txt": "x", GRUB: b"\0"})))
    assert found == ["(menu: it has no boot menu that can be read (isolinux.cfg, grub.cfg))"]


def test_files_that_menus_name_are_there(tmp_path: Path) -> None:
    files = {GRUB: "linux /k\ninitrd /gone.img\n", "/k": "x", "/readme.txt": "linux /gone\n"}
    assert said(check_start.check_menus(medium(tmp_path, files))) == [f"menu: {GRUB}:2: /gone.img: no such file"]


@pytest.mark.parametrize(
    ("arguments", "image", "wrong"),
    [
        ("root=live:CDLABEL=A", False, True),
        ("root=live:LABEL=A", False, True),
        ("root=live:CDLABEL=A", True, False),
        ("root=live:CDLABEL=A rd.live.squashimg=other.img", False, False),
        ("root=/dev/sda", False, False),
    ],
)
def test_a_live_root_is_there_where_a_menu_starts_one(tmp_path: Path, arguments: str, image: bool, wrong: bool) -> None:
    files = {GRUB: f"linux /k {arguments}\n", "/k": "x"} | ({"/LiveOS/squashfs.img": "x"} if image else {})
    message = f"menu: {GRUB} starts a live root, but /LiveOS/squashfs.img is not there"
    assert said(check_start.check_menus(medium(tmp_path, files))) == [message] * wrong


@pytest.mark.parametrize(
    ("loader", "present", "missing"),
    [
        (VERSION_5, ["ldlinux.c32", "libcom32.c32"], []),
        (VERSION_5, ["libcom32.c32"], ["ldlinux.c32"]),
        (VERSION_5, [], ["ldlinux.c32", "libcom32.c32"]),
        (b"ISOLINUX 5.00 x", [], ["ldlinux.c32", "libcom32.c32"]),
        (VERSION_4, [], []),
        (None, [], []),
    ],
)
def test_modules_of_isolinux_have_beside_them_what_they_load(
    tmp_path: Path, loader: bytes | None, present: list[str], missing: list[str]
) -> None:
    text = "label x\n  kernel mboot.c32\n  append a --- b\n"
    files: dict[str, str | bytes] = {ISOLINUX: text, "/isolinux/mboot.c32": "x", "/isolinux/a": "", "/isolinux/b": ""}
    files |= {f"/isolinux/{name}": "x" for name in present}
    files |= {} if loader is None else {LOADER: loader}
    message = f"menu: {ISOLINUX} uses mboot.c32, which needs {', '.join(missing)} beside it"
    assert said(check_start.check_menus(medium(tmp_path, files))) == [message] * bool(missing)


def test_names_in_the_menu_beside_count_for_a_default(tmp_path: Path) -> None:
    files = {ISOLINUX: "include live.cfg\ndefault x\n", "/isolinux/live.cfg": "label x\nlocalboot 0\n"}
    assert said(check_start.check_menus(medium(tmp_path, files))) == []


def test_treeinfo_lists_what_is_there(tmp_path: Path) -> None:
    digests = {name: hashlib.new(name, b"x").hexdigest() for name in ("md5", "sha1", "sha224", "sha256", "sha512")}
    for number, (algorithm, digest) in enumerate(digests.items()):
        text = f"[checksums]\ngood = {algorithm}:{digest}\nbad = {algorithm}:{digest}\ngone = {algorithm}:{digest}\n"
        found = medium(tmp_path / str(number), {"/.treeinfo": text, "/.discinfo": "", "/good": "x", "/bad": "y"})
        assert set(check_contents.treeinfo_wanted(found)) == {("/good", algorithm), ("/bad", algorithm)}
        assert said(check_contents.check_treeinfo(found)) == [
            "treeinfo: /bad does not have the checksum that .treeinfo gives",
            "treeinfo: /gone is listed in .treeinfo, but not there",
        ]


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({}, []),
        ({"/.treeinfo": "", "/.discinfo": ""}, []),
        ({"/.treeinfo": ""}, ["/.discinfo is not there, though /.treeinfo is"]),
        ({"/.discinfo": ""}, ["/.treeinfo is not there, though /.discinfo is"]),
        (
            {"/images/pxeboot/vmlinuz": ""},
            [f"/{name} is not there, though /images/pxeboot/vmlinuz is" for name in (".treeinfo", ".discinfo")],
        ),
        (
            {"/images/install.img": "", "/images/stage2.img": ""},
            [f"/{name} is not there, though /images/install.img is" for name in (".treeinfo", ".discinfo")],
        ),
    ],
)
def test_installation_media_describe_themselves(tmp_path: Path, files: Files, missing: list[str]) -> None:
    found = said(check_contents.check_treeinfo(medium(tmp_path, files)))
    assert found == [f"treeinfo: {text}" for text in missing]


def test_treeinfo_must_be_readable(tmp_path: Path) -> None:
    found = medium(tmp_path, {"/.treeinfo": "[checksums\n", "/.discinfo": ""})
    assert list(check_contents.treeinfo_wanted(found)) == []
    [message] = said(check_contents.check_treeinfo(found))
    assert message.startswith("treeinfo: ")


def test_repositories_have_the_rpms_that_they_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = hashlib.sha256(b"x").hexdigest()
    listed = {"b.rpm": ListedFile(1, "sha256", good), "a.rpm": ListedFile(1, "sha256", "0")}
    listed |= dict.fromkeys(("c.rpm", "gone.rpm"), ListedFile(2, "sha256", good))
    listing = Listing({"repodata/primary.xml": ListedFile(None, "sha256", good)}, listed)
    monkeypatch.setattr(check_contents, "read_listings", lambda folders, cache: dict.fromkeys(folders, listing))
    names = ("repomd.xml", "repomd.xml.asc", "repomd.xml.key", "primary.xml", "old-primary.xml")
    files = {f"/x/repodata/{name}": "x" for name in names} | {f"/x/{name}.rpm": "x" for name in "abcd"}
    found = MediumRepositories(medium(tmp_path, {**files, "/elsewhere.rpm": "x"}))
    assert sorted(found.wanted()) == [(f"/x/{name}", "sha256") for name in ("a.rpm", "b.rpm", "repodata/primary.xml")]
    assert said(found.check()) == [
        "repository: /x/a.rpm does not have the checksum that is listed",
        "repository: /x/c.rpm has another size than is listed",
        "repository: /x/gone.rpm is listed, but not there",
        "repository: /x/d.rpm is listed nowhere",
        "repository: /x/repodata/old-primary.xml is listed nowhere",
    ]


def test_a_repository_that_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        check_contents, "read_listings", lambda folders, cache: dict.fromkeys(folders, "its metadata are bad")
    )
    found = MediumRepositories(medium(tmp_path, {"/repodata/repomd.xml": "x", "/a.rpm": "x"}))
    assert said(found.check()) == ["repository: /repodata/repomd.xml: its metadata are bad"]


def test_metadata_that_cannot_be_as_large_as_they_say_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of files may say of many that they are the same terabyte of the image."""
    copied: list[list[str]] = []

    def read(folders: dict[str, Path], cache: Path | None) -> dict[str, str]:
        copied.extend(sorted(path.name for path in (folder / "repodata").iterdir()) for folder in folders.values())
        return dict.fromkeys(folders, "none")

    monkeypatch.setattr(check_contents, "read_listings", read)
    image = medium(tmp_path, {"/repodata/repomd.xml": "x", "/repodata/more": "x", "/repodata/sub/deeper": "x"}).image
    for size in (image.size, image.size + 1, image.size + 2):
        files = {**image.files, "/repodata/more": size, "/repodata/repomd.xml": image.size - 1}
        MediumRepositories(ExaminedIso(RECORDS, Image(image.path, image.size, files, image.spans), {}))
    assert copied == [["more", "repomd.xml"], ["more", "repomd.xml"], []]


def test_findings_are_all_in_the_error(tmp_path: Path) -> None:
    require_clean(tmp_path / "x.iso", [Finding("menu", "none", Grade.NOTE), Finding("menu", "old", Grade.BASE)])
    findings = [Finding("menu", "one"), Finding("label", "two")]
    with pytest.raises(CheckFailed, match=r"^x\.iso does not pass 2 checks:\n  menu: one\n  label: two$") as caught:
        require_clean(tmp_path / "x.iso", findings)
    assert caught.value.findings == tuple(findings)


def test_faults_of_the_base_are_the_bases() -> None:
    mine, both, note = Finding("menu", "one"), Finding("menu", "two"), Finding("menu", "three", Grade.NOTE)
    found = without_inherited([mine, both, note], [both, note, Finding("menu", "four")])
    assert found == [mine, Finding("menu", "two", Grade.BASE), note]


Make = Callable[[Files, BootRecords], Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A maker of ISOs, which what stands for xorriso reads."""
    isos: dict[Path, tuple[Image, BootRecords]] = {}

    def make_iso(files: Files, records: BootRecords) -> Path:
        iso = tmp_path / f"{len(isos)}.iso"
        isos[iso] = (make_image(iso, files), records)
        return iso

    def require(iso: Path) -> None:
        if iso not in isos:
            raise PlanexError(f"{iso.name} is no ISO")

    monkeypatch.setattr(check, "require_iso", require)
    monkeypatch.setattr(check, "read_records", lambda iso: isos[iso][1])
    monkeypatch.setattr(examined, "look", lambda iso: (isos[iso][1], isos[iso][0]))
    return make_iso


GOOD: Files = {GRUB: "linux /k\n", "/k": "kernel", "/images/efiboot.img": make_fat({"BOOTX64.EFI": b"MZ"})}


def test_a_good_iso_has_no_findings(make: Make) -> None:
    assert check.check_iso(make(GOOD, RECORDS)) == []


def test_every_kind_of_finding_is_looked_for(make: Make) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    files: Files = {
        GRUB: "linux /gone root=live:CDLABEL=OLD rd.live.squashimg=x\n",
        "/.treeinfo": f"[checksums]\nbig = sha256:{digest}\n",
        "/.discinfo": "",
        "/SHA256SUMS": f"{digest}  big\n",
        "/big": b"",
        "/images/efiboot.img": make_fat({"GRUBX64.EFI": b"MZ"}),
        "/repodata/repomd.xml": "<broken",
    }
    found = check.check_iso(make(files, BootRecords("NEW", (UEFI,))), make(GOOD, BootRecords("OLD", (BIOS, UEFI))))
    assert [(finding.kind, finding.message.split()[0]) for finding in found] == [
        ("boot records", "lost:"),
        ("boot records", "it"),
        ("boot records", "/images/efiboot.img"),
        ("label", f"{GRUB}:1"),
        ("menu", f"{GRUB}:1:"),
        ("treeinfo", "/big"),
        ("repository", "/repodata/repomd.xml:"),
        ("checksums", "/big"),
        ("label", GRUB),
    ]


def test_both_isos_must_be_some(make: Make, tmp_path: Path) -> None:
    good = make(GOOD, RECORDS)
    for pair in ((tmp_path / "gone.iso", good), (good, tmp_path / "gone.iso"), (tmp_path / "gone.iso", None)):
        with pytest.raises(PlanexError, match=r"gone\.iso is no ISO"):
            check.check_iso(*pair)


def test_a_cut_iso_is_said_to_be_and_read_no_further(make: Make) -> None:
    iso = make({**GOOD, "/zz": bytes(5000)}, RECORDS)
    with iso.open("r+b") as file:
        file.seek(16 * 2048 + 80)
        file.write((10_000).to_bytes(4, "little"))
    assert said(check.check_iso(iso)) == ["image: it is cut off: 1.1 MiB of 19.5 MiB are there"]


def test_files_past_the_end_are_told(tmp_path: Path) -> None:
    image = make_image(tmp_path / "x.iso", {"/a": "x", "/b": "x"})
    short = Image(image.path, image.size - 2048, image.files, image.spans)
    assert said(check_contents.check_places(short)) == ["image: 1 files lie past its end, the first is /b"]
    with pytest.raises(PlanexError, match="/b lies past the end of the image"):
        short.read("/b")
