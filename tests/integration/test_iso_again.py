# SPDX-License-Identifier: LGPL-2.1-or-later
"""An ISO made from the last one is, to the bit, what xorriso writes; where it would not be, it is not made so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.content.copies import copy_file
from planex.host.tree import plan_respin, read_base
from planex.medium import efi
from planex.medium.again import changes, exchange, shape
from planex.medium.respin import Respin, Respun, respin
from tests.integration import el_iso, tiny_iso
from tests.unit.shapes import SHAPES

pytestmark = pytest.mark.tools(*tiny_iso.TOOLS)
BASES: dict[str, Callable[[Path], Path]] = {
    "both, in the tree": tiny_iso.make_base,
    "both, UEFI in a partition": tiny_iso.make_appended_base,
    "another isolinux": lambda folder: tiny_iso.make_base(folder, other_isolinux=True),
    "BIOS": lambda folder: tiny_iso.make_base_for(folder, "BIOS"),
    "UEFI": lambda folder: tiny_iso.make_base_for(folder, "UEFI"),
    **{name: partial(el_iso.make_el_base, shape=shape) for name, shape in SHAPES.items()},
}


def planned(base: Path, folder: Path, title: str = "Tiny", *, xen: bool = True) -> Respin:
    """Signed, with a manifest, in a folder of its own. Without Xen loaders of EL stay, with a menu in the EFI image."""
    parts = tiny_iso.make_parts(folder)
    (folder / "work").mkdir()
    (folder / "work" / "manifest.json").write_text(f"{title:>20}\n")
    change = {"title": title} if xen else {"title": title, "hypervisor": None}
    entry = parts.definition.entries[0].model_copy(update=change)
    definition = parts.definition.model_copy(update={"entries": (entry,), "title": title})
    parts = replace(parts, definition=definition, more={"/manifest.json": folder / "work" / "manifest.json"})
    return replace(plan_respin(read_base(base), parts, folder / "work"), sign=lambda data: f"signature of {len(data)}")


def sha256(path: Path) -> str:
    return digest_of(path, "SHA256")


def form(plan: Respin) -> str:
    return shape(plan, "", sha256)


def again(plan: Respin, last: Respun, output: Path) -> Respun:
    changed = changes(plan, last)
    assert changed
    copy_file(last.image.path, output, 0o644)
    return exchange(plan, last, changed, output)


@pytest.mark.parametrize("name", BASES)
def test_the_same_bytes_as_when_all_is_written(tmp_path: Path, name: str) -> None:
    """With the same records, places and digests; and once more from that."""
    (tmp_path / "base").mkdir()
    base = BASES[name](tmp_path / "base")
    plan = planned(base, tmp_path / "first", xen=name not in SHAPES)
    last = respin(plan, tmp_path / "first.iso")
    for number, title in enumerate(("Other", "Another one")):
        other = planned(base, tmp_path / f"work-{number}", title, xen=name not in SHAPES)
        assert form(other) == form(plan)
        whole, quick = tmp_path / f"whole-{number}.iso", tmp_path / f"quick-{number}.iso"
        expected, last = respin(other, whole), again(other, last, quick)
        assert quick.read_bytes() == whole.read_bytes() != plan.base.read_bytes()
        assert last.sha256 == expected.sha256 == sha256(quick)
        assert replace(last, image=replace(last.image, path=whole)) == replace(expected, marks=last.marks)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_iso.make_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def first(base: Path, tmp_path: Path) -> Respin:
    return planned(base, tmp_path / "first")


def test_what_moves_other_bytes_than_of_files_is_another_shape(base: Path, first: Respin, tmp_path: Path) -> None:
    """A loader, the EFI image, a folder, a label: records or tables of the image name them."""
    image = tmp_path / "efi.img"
    efi.make_fat(image, {"EFI/BOOT/grub.cfg": base}, tiny_iso.EPOCH)
    loader, folder = tmp_path / "isolinux.bin", tmp_path / "folder"
    loader.write_bytes(b"ISOLINUX")
    (folder / "empty").mkdir(parents=True)
    others = [
        replace(first, efi_image=image),
        replace(first, label="OTHER"),
        replace(first, epoch=1),
        replace(first, sign=None),
        replace(first, remove=("/readme.txt",)),
        replace(first, late=frozenset()),
        replace(first, add={**first.add, "/isolinux/isolinux.bin": loader}),
        replace(first, add={**first.add, "/folder": folder}),
    ]
    forms = [form(plan) for plan in (first, *others)] + [shape(first, "another xorriso", sha256)]
    assert len(set(forms)) == len(forms)
    (folder / "empty").rmdir()
    (folder / "empty").symlink_to("nothing")
    assert form(others[-1]) == forms[-2], "xorriso puts neither on the medium: what is no file is no file"


def test_files_that_need_other_room_are_written_anew(base: Path, first: Respin, tmp_path: Path) -> None:
    last = respin(first, tmp_path / "first.iso")
    assert changes(first, last) == {}
    (menu,) = (path for name, path in first.add.items() if name == "/isolinux/isolinux.cfg")
    text = menu.read_text()
    menu.write_text(text.replace("Tiny", "Mini"))
    assert changes(first, last) == {"/isolinux/isolinux.cfg": menu.read_bytes()}
    menu.write_text(f"{text}#\n")
    assert changes(first, last) is None, "it is longer"
    menu.write_text(text)
    assert changes(replace(first, add={**first.add, "/new": menu}), last) is None


def test_files_that_share_their_place_are_written_anew(base: Path, first: Respin, tmp_path: Path) -> None:
    """xorriso gives one place to two names of one file on the disk."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("x\n")
    two.hardlink_to(one)
    plan = replace(first, add={**first.add, "/one": one, "/two": two})
    last = respin(plan, tmp_path / "first.iso")
    one.unlink()
    one.write_text("y\n")
    assert last.image.spans["/one"] == last.image.spans["/two"]
    assert changes(plan, last) is None
