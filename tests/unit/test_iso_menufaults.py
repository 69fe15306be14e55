# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is wrong with a boot menu by itself: GRUB's scripts and isolinux' lines."""

from __future__ import annotations

import pytest

from planex.medium.grubfaults import grub_faults
from planex.medium.isolinuxfaults import isolinux_faults
from planex.medium.references import references

FILES = {"/xen", "/k", "/i", "/isolinux/mboot.c32", "/isolinux/linux", "/isolinux/vesamenu.c32"}
GOOD = "menuentry 'A' --id a { multiboot2 /xen x=1; module2 /k root=live:LABEL=X; module2 --nounzip /i }\n"


def grub(text: str) -> list[str]:
    return [f"{line}: {what}" for line, what in grub_faults(text, FILES.__contains__)]


def isolinux(text: str) -> list[str]:
    return [f"{line}: {what}" for line, what in isolinux_faults(text, "/isolinux", FILES.__contains__, ["Beside"])]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        'menuentry "A {" {\n  linux /k a=\'}\' b="{" c=${d} # }\n}\n',
        "function f { insmod x }\nif [ -f /x ]; then\n  set a=b\nelse\n  f\nfi\nmenuentry A { echo hello }\n",
        "submenu 'More' { menuentry 'B' { linux /k } }\n",
        "set default=saved\n" + GOOD,
        'set default="$saved"\n' + GOOD,
        "if true; then set default=gone; fi\n" + GOOD,
        "set default=0>1\n" + GOOD,
        "set default=A\n" + GOOD,
        "default=a\n" + GOOD,
        "source /boot/more.cfg\nset default=gone\n" + GOOD,
        "search -l X\nconfigfile /boot/grub.cfg\n",
        "menuentry A { linux /k x \\\n /y }\n",
        "menuentry 'Memory test' { multiboot /memtest }\n",
    ],
)
def test_menus_that_grub_reads(text: str) -> None:
    assert grub(text) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("menuentry A\n  linux /k\n}\n", "1: menuentry without {"),
        ("menuentry A {\n  linux /k\n", "1: { is never closed"),
        ("}\n" + GOOD, "1: } closes nothing"),
        ("menuentry A {\n linux /k\nmenuentry B {\n linux /k\n}\n", "3: menuentry inside the entry of line 1"),
        ("menuentry 'A {\n  linux /k\n}\n", "1: a quote is not closed"),
        ("if true; then\nset a=b\n" + GOOD, "1: if without fi"),
        ("fi\n" + GOOD, "1: fi without if"),
        ("set default=b\n" + GOOD, "1: the default 'b' is no entry"),
        ("set default=1\n" + GOOD, "1: the default '1' is no entry"),
        ("set timeout=5\n", "0: it has no entry"),
        ("", "0: it has no entry"),
        ("menuentry A { }\n", "1: the entry 'A' does nothing"),
        ("menuentry A { module2 /k }\n", "1: the entry 'A' has modules, but nothing that they are for"),
        ("menuentry A { initrd /i }\n", "1: the entry 'A' has an initrd, but no kernel"),
        ("menuentry A { linux }\n", "1: linux names no file"),
        ("menuentry A { multiboot2 /xen }\n", "1: /xen is started without a kernel for dom0"),
        ("menuentry A { multiboot2 /xen; module2 --nounzip /initrd.img }\n", "1: /xen is started without a kernel"),
        ("menuentry A { linux /k root=live:CDLABEL=X }\n", "1: a live root is started without an initrd"),
        ("menuentry A { multiboot2 /xen a module2 /k\nmodule2 /k\n}\n", "1: /k is given as an argument"),
    ],
)
def test_menus_that_grub_does_not_read_or_start(text: str, fault: str) -> None:
    assert any(found.startswith(fault) for found in grub(text)), grub(text)


def test_paths_on_other_devices_are_not_of_the_medium() -> None:
    text = "menuentry A {\n set root=(hd0,1)\n linux /other\n}\nmenuentry B {\n set root=(cd0)\n linux /k b/c\n}\n"
    text += "menuentry C {\n set root='hd0'\n search --set=root -l X\n linux boot/k\n chainloader +1\n}\n"
    assert [ref.path for ref in references("/EFI/BOOT/grub.cfg", text)] == ["/k", "boot/k"]


@pytest.mark.parametrize(
    "text",
    [
        "default x\nlabel x\n kernel mboot.c32\n append /xen a --- /k root=live:LABEL=X --- /i\n",
        "default vesamenu.c32\nlabel x\n\tkernel /k\n\tappend initrd=/i root=live:CDLABEL=X\n",
        "default BESIDE\nlabel linux\n append x\n",
        "label x\n localboot 0\nlabel y\n menu separator\n",
        "include more.cfg\n",
        "menu include more.cfg\n",
        "default linux\n",
        "label x\n linux /k\n initrd /i\n append root=live:LABEL=X\n",
    ],
)
def test_menus_that_isolinux_reads(text: str) -> None:
    assert isolinux(text) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("default y\nlabel x\n kernel /k\n", "1: the default 'y' is no entry"),
        ("ontimeout y\nlabel x\n kernel /k\n", "1: the default 'y' is no entry"),
        ("default\nlabel x\n kernel /k\n", "1: the default '' is no entry"),
        ("label x\n menu label y\n", "1: the entry 'x' names no kernel"),
        ("label x\n kernel\n", "1: the entry 'x' names no kernel"),
        ("label x\n kernel mboot.c32\n", "1: mboot.c32 is given nothing to start"),
        ("label x\n kernel mboot.c32\n append --- /k\n", "3: '---' parts nothing"),
        ("label x\n kernel mboot.c32\n append /xen\n", "3: /xen is started without a kernel"),
        ("label x\n kernel mboot.c32\n append /xen /k --- /i\n", "3: /k is given as an argument"),
        ("label x\n kernel /k\n append root=live:LABEL=X\n", "3: a live root is started without an initrd"),
        ("prompt 1\n", "0: it has no entry"),
        ("", "0: it has no entry"),
    ],
)
def test_menus_that_isolinux_cannot_start(text: str, fault: str) -> None:
    assert any(found.startswith(fault) for found in isolinux(text)), isolinux(text)
