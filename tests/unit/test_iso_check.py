# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the check of an ISO finds: on a folder that stands for the ISO, without any tool."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.host import check
from planex.host.check import CheckFailed, ExaminedIso, Finding
from planex.medium.bootrecords import BootImage, BootRecords
from planex.rpm import repo

BIOS = BootImage("BIOS", True, "none", "/isolinux/isolinux.bin")
UEFI = BootImage("UEFI", True, "none", "/images/efiboot.img")
RECORDS = BootRecords("HOST-1.0", (BIOS, UEFI))
GRUB, ISOLINUX, LOADER = "/EFI/BOOT/grub.cfg", "/isolinux/isolinux.cfg", "/isolinux/isolinux.bin"
VERSION_5, VERSION_4 = b"ISOLINUX 6.04 20200816", b"ISOLINUX 4.05 x"

Files = Mapping[str, str | bytes]


def medium(folder: Path, files: Files, records: BootRecords = RECORDS) -> ExaminedIso:
    sizes = {}
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        sizes[name] = len(data)
    return ExaminedIso(records, sizes, folder)


def said(findings: Iterator[Finding]) -> list[str]:
    return [str(finding) for finding in findings]


@pytest.mark.parametrize(
    ("images", "lacking"), [((BIOS, UEFI), []), ((BIOS,), ["UEFI"]), ((UEFI,), ["BIOS"]), ((), ["BIOS", "UEFI"])]
)
def test_an_iso_without_a_base_boots_by_bios_and_uefi(images: tuple[BootImage, ...], lacking: list[str]) -> None:
    found = said(check.check_records(BootRecords(images=images), None))
    assert found == [f"boot records: El Torito has no bootable entry for {platform}" for platform in lacking]


def test_an_iso_with_a_base_loses_nothing_of_it() -> None:
    assert said(check.check_records(BootRecords(images=(BIOS,)), BootRecords(images=(BIOS,)))) == []
    assert said(check.check_records(BootRecords(images=(BIOS,)), RECORDS)) == [
        "boot records: lost: El Torito entry for UEFI: /images/efiboot.img"
    ]


@pytest.mark.parametrize("label", ["A", "HOST-1.0_X", "A" * 32])
def test_labels_that_all_readers_spell_alike(tmp_path: Path, label: str) -> None:
    assert said(check.check_labels(medium(tmp_path, {}, BootRecords(label)))) == []


@pytest.mark.parametrize("label", ["", "A" * 33, "Host", "A B", "A/B", "A\n"])
def test_labels_that_some_reader_spells_otherwise(tmp_path: Path, label: str) -> None:
    found = check.check_labels(medium(tmp_path, {}, BootRecords(label)))
    assert said(found) == [f"label: '{label}' is not 1 to 32 of A-Z 0-9 _ . -"]


def test_menus_and_loaders_look_for_the_label(tmp_path: Path) -> None:
    search = "search --no-floppy --set=root --label "
    files: Files = {
        GRUB: f"{search}HOST-1.0\nlinux /k root=live:CDLABEL=OTHER\n{search}$label\nlinux /k LABEL=HOST-1.0\n",
        "/images/efiboot.img": f"\0\1{search}GONE\0{search}HOST-1.0\0{search}$x\0".encode("latin-1"),
        "/readme.txt": "LABEL=ANYTHING\n",
    }
    assert said(check.check_labels(medium(tmp_path, files))) == [
        f"label: {GRUB}:2 looks for 'OTHER', but the label is 'HOST-1.0'",
        "label: the loader in /images/efiboot.img looks for 'GONE', the label is 'HOST-1.0'",
    ]


def test_only_uefi_images_that_are_on_the_iso_are_read(tmp_path: Path) -> None:
    images = (BIOS, UEFI, BootImage("UEFI", True, "none", "/gone.img"), BootImage("UEFI", True, "none", ""))
    loader = b"search --label GONE\0"
    found = medium(tmp_path, {LOADER: loader, "/images/efiboot.img": loader}, BootRecords("HOST-1.0", images))
    assert len(said(check.check_labels(found))) == 1


def test_the_old_label_is_gone_from_all_texts(tmp_path: Path) -> None:
    files: Files = {"/a.txt": "made for OLD\n", "/b.txt": "OLDER\n", "/c.bin": b"OLD\0", "/d.cfg": "OLD HOST-1.0\n"}
    found = medium(tmp_path, files)
    assert said(iter(check.check_old_label(found, "OLD"))) == [
        f"label: {name} still names the base's label 'OLD'" for name in ("/a.txt", "/d.cfg")
    ]
    assert check.check_old_label(found, "HOST-1.0") == []
    assert check.check_old_label(found, "") == []


def test_an_iso_has_a_menu(tmp_path: Path) -> None:
    found = said(check.check_menus(medium(tmp_path, {"/readme.txt": "x", GRUB: b"\0"})))
    assert found == ["menu: there is no boot menu (isolinux.cfg, grub.cfg)"]


def test_files_that_menus_name_are_there(tmp_path: Path) -> None:
    files = {GRUB: "linux /k\ninitrd /gone.img\n", "/k": "x", "/readme.txt": "linux /gone\n"}
    assert said(check.check_menus(medium(tmp_path, files))) == [f"menu: {GRUB}:2: /gone.img: no such file"]


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
    assert said(check.check_menus(medium(tmp_path, files))) == [message] * wrong


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
    files: dict[str, str | bytes] = {ISOLINUX: "label x\n  kernel mboot.c32\n", "/isolinux/mboot.c32": "x"}
    files |= {f"/isolinux/{name}": "x" for name in present}
    files |= {} if loader is None else {LOADER: loader}
    message = f"menu: {ISOLINUX} uses mboot.c32, which needs {', '.join(missing)} beside it"
    assert said(check.check_menus(medium(tmp_path, files))) == [message] * bool(missing)


def test_treeinfo_lists_what_is_there(tmp_path: Path) -> None:
    digests = {name: hashlib.new(name, b"x").hexdigest() for name in sorted(check._ALGORITHMS)}
    for number, (algorithm, digest) in enumerate(digests.items()):
        text = f"[checksums]\ngood = {algorithm}:{digest}\nbad = {algorithm}:{digest}\ngone = {algorithm}:{digest}\n"
        found = medium(tmp_path / str(number), {"/.treeinfo": text, "/good": "x", "/bad": "y"})
        assert check._listed(found) == ["/good", "/bad"]
        assert said(check.check_treeinfo(found)) == [
            "treeinfo: /bad does not have the checksum that .treeinfo gives",
            "treeinfo: /gone is listed in .treeinfo, but not there",
        ]
    assert len(digests) == 6


def test_treeinfo_may_lack_and_must_be_readable(tmp_path: Path) -> None:
    assert said(check.check_treeinfo(medium(tmp_path, {}))) == []
    found = medium(tmp_path, {"/.treeinfo": "[checksums\n"})
    assert check._listed(found) == []
    [message] = said(check.check_treeinfo(found))
    assert message.startswith("treeinfo: ")


def test_repositories_have_the_rpms_that_they_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = {"": {"b.rpm": 1, "a.rpm": 1}, "x/Packages": {"a.rpm": 1, "c.rpm": 1, "short.rpm": 2}}

    def read_locations(folder: Path) -> dict[str, int]:
        name = str(folder.relative_to(tmp_path)).removeprefix(".")
        if name not in lists:
            raise PlanexError("its metadata are damaged")
        return lists[name]

    monkeypatch.setattr(repo, "read_locations", read_locations)
    names = ["/other.txt", "/bad/repodata/repomd.xml", "/repodata/repomd.xml", "/x/Packages/repodata/repomd.xml"]
    names += ["/x/Packages/a.rpm", "/x/Packages/short.rpm", "/repodata/primary.xml"]
    found = ExaminedIso(RECORDS, dict.fromkeys(names, 1), tmp_path)
    monkeypatch.setattr(ExaminedIso, "path", lambda self, name: tmp_path / name.lstrip("/"))
    assert said(check.check_repositories(found)) == [
        "repository: /bad/repodata/repomd.xml: its metadata are damaged",
        "repository: /repodata/repomd.xml lists /a.rpm, which is not there",
        "repository: /repodata/repomd.xml lists /b.rpm, which is not there",
        "repository: /x/Packages/repodata/repomd.xml lists /x/Packages/c.rpm, which is not there",
        "repository: /x/Packages/repodata/repomd.xml lists /x/Packages/short.rpm, which has another size",
    ]


def test_findings_are_all_in_the_error(tmp_path: Path) -> None:
    check.require_clean(tmp_path / "x.iso", [])
    findings = [Finding("menu", "one"), Finding("label", "two")]
    with pytest.raises(CheckFailed, match=r"^x\.iso does not pass 2 checks:\n  menu: one\n  label: two$") as caught:
        check.require_clean(tmp_path / "x.iso", findings)
    assert caught.value.findings == tuple(findings)


Tools = Callable[[Files, BootRecords], Path]


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Tools, list[str]]:
    """A maker of ISOs, which what stands for xorriso reads; and the names of the files that it copies out."""
    isos: dict[Path, tuple[Files, BootRecords]] = {}
    taken: list[str] = []

    def make(files: Files, records: BootRecords) -> Path:
        iso = tmp_path / f"{len(isos)}.iso"
        iso.write_bytes(bytes(1000))
        isos[iso] = (files, records)
        return iso

    def extract(iso: Path, names: Mapping[str, Path]) -> None:
        taken.extend(names)
        for name, path in names.items():
            content = isos[iso][0][name]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    monkeypatch.setattr(check, "require_iso", lambda iso: None)
    monkeypatch.setattr(check, "read_records", lambda iso: isos[iso][1])
    monkeypatch.setattr(check, "list_files", lambda iso: {name: len(data) for name, data in isos[iso][0].items()})
    monkeypatch.setattr(check, "extract", extract)
    return make, taken


GOOD: Files = {GRUB: "linux /k\n", "/k": "kernel", "/images/efiboot.img": b"\0"}


def test_a_good_iso_has_no_findings(tools: tuple[Tools, list[str]]) -> None:
    make, _ = tools
    assert check.check_iso(make(GOOD, RECORDS)) == []


def test_every_kind_of_finding_is_looked_for(tools: tuple[Tools, list[str]]) -> None:
    make, taken = tools
    digest = hashlib.sha256(b"x").hexdigest()
    files: Files = {
        GRUB: "linux /gone root=live:CDLABEL=OLD rd.live.squashimg=x\n",
        "/.treeinfo": f"[checksums]\nbig = sha256:{digest}\n",
        "/big": b"",
        "/Packages/a.rpm": b"\0",
        "/images/efiboot.img": b"\0",
        "/repodata/repomd.xml": "<broken",
    }
    found = check.check_iso(make(files, BootRecords("NEW", (UEFI,))), make(GOOD, BootRecords("OLD", (BIOS, UEFI))))
    assert [(finding.kind, finding.message.split()[0]) for finding in found] == [
        ("boot records", "lost:"),
        ("label", f"{GRUB}:1"),
        ("menu", f"{GRUB}:1:"),
        ("treeinfo", "/big"),
        ("repository", "/repodata/repomd.xml:"),
        ("label", GRUB),
    ]
    assert sorted(taken) == sorted(files.keys() - {"/Packages/a.rpm"}), "once, and no RPM"


def test_files_far_larger_than_their_iso_are_not_copied(tools: tuple[Tools, list[str]]) -> None:
    make, taken = tools
    just = {"/a.txt": "x" * (2000 - sum(map(len, GOOD.values())))}
    assert check.check_iso(make({**GOOD, **just}, RECORDS)) == []
    taken.clear()
    with pytest.raises(PlanexError, match="far more than the ISO has"):
        check.check_iso(make({**GOOD, **just, "/b.txt": "x"}, RECORDS))
    assert taken == []
