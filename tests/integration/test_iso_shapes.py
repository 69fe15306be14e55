# SPDX-License-Identifier: LGPL-2.1-or-later
"""Host ISOs that keep the installer of a base in each shape of EL media: entries, labels, loaders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.host.check import check_iso
from planex.host.definition import Installer, IsoDefinition
from planex.host.extras import Extra
from planex.host.finding import faults
from planex.host.installer import whole_menu
from planex.host.live import BootFiles
from planex.host.loading import choose_loaders
from planex.host.tree import Base, Parts, plan_respin, read_base
from planex.medium.bootimage import efi_images
from planex.medium.metadata import Product
from planex.medium.respin import respin
from planex.rpm.repo import create_repo
from tests.integration import el_iso, tiny_iso
from tests.integration.tiny_iso import EPOCH
from tests.unit.shapes import SHAPES

pytestmark = pytest.mark.tools(*tiny_iso.TOOLS)
LABEL, STAGE2 = "XEN-HOST-1.0", "inst.stage2=hd:LABEL=XEN-HOST-1.0"
ANSWERS = "inst.ks=hd:LABEL=XEN-HOST-1.0:/host.ks"
MULTIBOOT2 = "/boot/grub2/i386-pc/multiboot2.mod"


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: el_iso.make_el_base(tmp_path_factory.mktemp(name), shape) for name, shape in SHAPES.items()}


def definition(start: str) -> IsoDefinition:
    xen = {"xen_args": "console=com1,vga com1=115200,8n1", "packages": ("xen-hypervisor", "kernel")}
    installer = Installer.model_validate(
        {"start": start, "kernel_args": "inst.text", **(xen if start != "bare" else {})}
    )
    return IsoDefinition(label=LABEL, name="host", title="Host", kickstart="host.ks", installer=installer)


def make_parts(base: Base, folder: Path, start: str) -> Parts:
    for name in ("xen.gz", "vmlinuz", "host.ks", "multiboot2.mod"):
        (folder / name).write_text(f"{name}\n")
    (folder / "repository").mkdir()
    create_repo(folder / "repository", epoch=EPOCH)
    menu = whole_menu(definition(start), base.menus, base.records.label)
    extras = [Extra("/host.ks", folder / "host.ks", False)]
    if start != "bare" and "/boot/grub2/grub.cfg" in base.files:
        extras.append(Extra(MULTIBOOT2, folder / "multiboot2.mod", False))
    product = Product("host", "1.0", "x86_64", EPOCH, "planex")
    return Parts(
        menu.definition,
        product,
        None,
        folder / "repository",
        None,
        boot=BootFiles(folder) if start != "bare" else None,
        extras=tuple(extras),
    )


def make_host(iso: Path, folder: Path, start: str) -> tuple[Path, dict[str, str], dict[str, bytes]]:
    """The host ISO, its menus, and the files in its EFI image."""
    base = read_base(iso)
    work = folder / "work"
    work.mkdir()
    plan = plan_respin(base, make_parts(base, folder, start), work)
    made = respin(plan, folder / "host.iso")
    (inside,) = efi_images(made.image, made.records)
    menus = ("/EFI/BOOT/grub.cfg", "/boot/grub2/grub.cfg", "/isolinux/isolinux.cfg")
    texts = {name: made.image.read(name).decode() for name in menus if name in made.image.files}
    return folder / "host.iso", texts, dict(inside.files)


@pytest.mark.parametrize("start", ["bare", "both"])
@pytest.mark.parametrize("name", SHAPES)
def test_the_installer_of_every_shape_is_kept(bases: dict[str, Path], tmp_path: Path, name: str, start: str) -> None:
    host, menus, inside = make_host(bases[name], tmp_path, start)
    found = faults(check_iso(host, bases[name]))
    assert [str(each) for each in found] == []
    before = read_base(bases[name]).efi[0].files
    kept = inside["EFI/BOOT/BOOTX64.EFI"] == before["EFI/BOOT/BOOTX64.EFI"]
    assert kept == (start == "bare"), "multiboot2 is not in the base's GRUB"
    linux = SHAPES[name].linux if kept else "linux"
    assert f"  {linux} /images/pxeboot/vmlinuz {STAGE2} quiet {ANSWERS} inst.text\n" in menus["/EFI/BOOT/grub.cfg"]
    rescue = f"  {linux} /images/pxeboot/vmlinuz {STAGE2} inst.rescue quiet inst.text\n"
    assert rescue in menus["/EFI/BOOT/grub.cfg"], "which installs nothing"
    if start == "both":
        xen = "/boot/xen.gz console=com1,vga com1=115200,8n1"
        grub, isolinux = menus["/EFI/BOOT/grub.cfg"], menus.get("/isolinux/isolinux.cfg", "")
        assert f"multiboot2 {xen}\n  module2 /boot/vmlinuz {STAGE2} quiet {ANSWERS} inst.text\n" in grub
        assert "module2 --nounzip /images/pxeboot/initrd.img" in grub
        assert isolinux == "" or f"append {xen} --- /boot/vmlinuz {STAGE2} quiet" in isolinux
    assert set(menus) == {"/EFI/BOOT/grub.cfg", *(_bios_menu(name),)}
    if kept:
        stub = inside["EFI/BOOT/grub.cfg"].decode()
        assert f"--label {LABEL}\n" in stub and "configfile ($root)/EFI/BOOT/grub.cfg\n" in stub


def _bios_menu(name: str) -> str:
    return "/isolinux/isolinux.cfg" if SHAPES[name].isolinux else "/boot/grub2/grub.cfg"


def test_the_same_inputs_give_the_same_bytes(bases: dict[str, Path], tmp_path: Path) -> None:
    hosts = []
    for number in ("1", "2"):
        (tmp_path / number).mkdir()
        hosts.append(make_host(bases["el9"], tmp_path / number, "bare")[0].read_bytes())
    assert hosts[0] == hosts[1]


def test_what_becomes_of_the_loaders_is_said(bases: dict[str, Path]) -> None:
    told = {}
    for name, iso in bases.items():
        for start in ("bare", "xen"):
            base = read_base(iso)
            menu = whole_menu(definition(start), base.menus, base.records.label)
            files = {*base.files, MULTIBOOT2}
            told[name, start] = choose_loaders(menu.definition, base.records, files, base.efi).texts
    isolinux = "BIOS: isolinux of the base, with the modules that the menu needs"
    kept = "UEFI: the base's loader stays, its shim too"
    replaced = (
        "UEFI: the base's loader is replaced by a GRUB with multiboot2, which Secure Boot refuses: entries start Xen"
    )
    assert told == {
        ("el7", "bare"): (isolinux, kept),
        ("el7", "xen"): (isolinux, replaced),
        ("el9", "bare"): (isolinux, kept),
        ("el9", "xen"): (isolinux, replaced),
        ("el10", "bare"): ("BIOS: GRUB of the base", kept),
        ("el10", "xen"): ("BIOS: GRUB of the base", replaced),
    }


def test_a_grub_for_bios_that_cannot_start_xen_is_an_error(bases: dict[str, Path], tmp_path: Path) -> None:
    base = read_base(bases["el10"])
    parts = make_parts(base, tmp_path, "xen")
    with pytest.raises(PlanexError, match="starts by BIOS with a GRUB that has no multiboot2 module") as caught:
        plan_respin(base, replace(parts, extras=parts.extras[:1]), tmp_path)
    assert "installer: start: bare" in (caught.value.hint or "")


def test_a_base_without_an_entry_that_could_be_kept_is_an_error() -> None:
    with pytest.raises(PlanexError, match=r"no entry that could be kept \(Boot: it starts no kernel"):
        whole_menu(definition("bare"), {"/EFI/BOOT/grub.cfg": "menuentry Boot {\nexit\n}\n"}, "X")
    with pytest.raises(PlanexError, match=r"\(it has no menu that can be read\)"):
        whole_menu(definition("bare"), {}, "X")
