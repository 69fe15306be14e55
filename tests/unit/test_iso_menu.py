# SPDX-License-Identifier: LGPL-2.1-or-later
"""The boot menu: one model, two renderings, and the files that any menu names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.medium.entry import BootEntry
from planex.medium.menu import Menu, kernel_arguments, render_grub, render_isolinux
from planex.medium.references import escape, is_menu, label_uses, references, unescape

XEN = BootEntry(
    name="xen",
    title="Live host",
    hypervisor="/boot/xen.gz",
    xen_args="dom0_mem=1024M com1=115200,8n1 console=com1,vga",
    kernel="/boot/vmlinuz",
    kernel_args="console=tty0 console=hvc0",
    initrd="/boot/initrd.img",
    default=True,
)
BARE = BootEntry(name="bare", title="No Xen", kernel="/boot/vmlinuz", initrd="/boot/initrd.img", live=False)
MENU = Menu("Host 1.0", "HOST-1.0", 5, (BARE, XEN))

ISOLINUX = """\
# Written by planex.
serial 0 115200
default xen
ui menu.c32
menu title Host 1.0
timeout 50

label bare
  menu label No Xen
  kernel /boot/vmlinuz
  append initrd=/boot/initrd.img

label xen
  menu label Live host
  menu default
  kernel mboot.c32
  append /boot/xen.gz dom0_mem=1024M com1=115200,8n1 console=com1,vga --- /boot/vmlinuz \
root=live:CDLABEL=HOST-1.0 rd.live.image console=tty0 console=hvc0 --- /boot/initrd.img
"""

GRUB = """\
# Written by planex.
if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi
search --no-floppy --set=root --label HOST-1.0
insmod gzio
insmod all_video
set timeout=5
set default=xen

menuentry "No Xen" --id bare {
  linux /boot/vmlinuz
  initrd /boot/initrd.img
}

menuentry "Live host" --id xen {
  multiboot2 /boot/xen.gz dom0_mem=1024M com1=115200,8n1 console=com1,vga
  module2 /boot/vmlinuz root=live:CDLABEL=HOST-1.0 rd.live.image console=tty0 console=hvc0
  module2 --nounzip /boot/initrd.img
}
"""


def test_isolinux_starts_xen_by_mboot_with_its_modules_apart() -> None:
    assert render_isolinux(MENU) == ISOLINUX


def test_grub_starts_xen_by_multiboot2() -> None:
    assert render_grub(MENU) == GRUB


def test_live_root_is_named_by_label_and_only_for_live_entries() -> None:
    assert kernel_arguments(XEN, "A").startswith("root=live:CDLABEL=A rd.live.image ")
    assert kernel_arguments(BARE, "A") == ""


def test_a_live_root_elsewhere_is_named_by_folder_and_name() -> None:
    live = "root=live:CDLABEL=A rd.live.image"
    rest = "console=tty0 console=hvc0"
    found = kernel_arguments(XEN, "A", "/images/live/root.img")
    assert found == f"{live} rd.live.dir=/images/live rd.live.squashimg=root.img {rest}"
    assert kernel_arguments(XEN, "A", "/root.img") == f"{live} rd.live.dir=/ rd.live.squashimg=root.img {rest}"
    assert kernel_arguments(XEN, "A", "/LiveOS/squashfs.img") == f"{live} {rest}"
    assert kernel_arguments(BARE, "A", "/root.img") == ""


@pytest.mark.parametrize(("menu", "text"), [("/isolinux/isolinux.cfg", ISOLINUX), ("/EFI/BOOT/grub.cfg", GRUB)])
def test_both_renderings_name_the_same_files(menu: str, text: str) -> None:
    paths = {reference.path for reference in references(menu, text)}
    assert paths - {"/isolinux/mboot.c32", "/isolinux/menu.c32"} == {
        "/boot/xen.gz",
        "/boot/vmlinuz",
        "/boot/initrd.img",
    }


def test_isolinux_paths_are_relative_to_the_menu_and_have_their_line() -> None:
    text = "label linux\n  kernel vmlinuz\n  append initrd=initrd.img,extra.img quiet\n  MENU BACKGROUND splash.png\n"
    found = [str(reference) for reference in references("/isolinux/isolinux.cfg", text)]
    assert found == [
        "/isolinux/isolinux.cfg:2: /isolinux/vmlinuz",
        "/isolinux/isolinux.cfg:3: /isolinux/initrd.img",
        "/isolinux/isolinux.cfg:3: /isolinux/extra.img",
        "/isolinux/isolinux.cfg:4: /isolinux/splash.png",
    ]


def test_grub_options_variables_and_comments_are_no_paths() -> None:
    text = "# linux /gone\nlinuxefi /k quiet /x\ninitrdefi /a ($root)/b\nlinux $kernel\nmodule2 --nounzip /m\n"
    assert [reference.path for reference in references("/EFI/BOOT/grub.cfg", text)] == ["/k", "/a", "/b", "/m"]


def test_labels_are_found_in_arguments_and_in_searches() -> None:
    text = (
        "search --no-floppy --set=root -l 'CentOS 7 x86_64'\n"
        "linux /k inst.stage2=hd:LABEL=CentOS\\x207\\x20x86_64:/dir root=live:CDLABEL=OTHER\n"
        "# search -l IGNORED\n"
    )
    found = [(use.line, use.label) for use in label_uses("/EFI/BOOT/grub.cfg", text)]
    assert found == [(1, "CentOS 7 x86_64"), (2, "CentOS 7 x86_64"), (2, "OTHER")]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=32))
def test_udev_escapes_are_undone(label: str) -> None:
    plain = label.replace("\\", "")
    assert unescape(escape(plain)) == plain
    assert " " not in escape(plain)


@pytest.mark.parametrize("path", ["/isolinux/isolinux.cfg", "/EFI/BOOT/grub.cfg", "/isolinux/menu2.cfg"])
def test_menus_are_known_by_name(path: str) -> None:
    assert is_menu(path)


@pytest.mark.parametrize("path", ["/ks.cfg", "/Packages/isolinux.rpm", "/isolinux/boot.msg"])
def test_other_files_are_no_menus(path: str) -> None:
    assert not is_menu(path)
