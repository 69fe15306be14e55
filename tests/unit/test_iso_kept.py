# SPDX-License-Identifier: LGPL-2.1-or-later
"""Entries of a base ISO, read out of its menus."""

from __future__ import annotations

import pytest

from planex.medium.kept import Kept, kept_entries
from tests.unit.shapes import SHAPES, grub_menu, isolinux_menu

NEW = "HOST-EL-1.0"
EFI, ISOLINUX = "/EFI/BOOT/grub.cfg", "/isolinux/isolinux.cfg"
CHECK = "it checks the medium by a checksum that only its maker can put there; SHA256SUMS is on it instead"


def told(kept: Kept) -> list[tuple[str, str, str]]:
    return [(entry.name, entry.title, entry.kernel_args) for entry in kept.entries]


WANTED = [
    ("install-centos", "Install CentOS", f"inst.stage2=hd:LABEL={NEW} quiet"),
    (
        "install-centos-in-basic-graphics-mode",
        "Install CentOS in basic graphics mode",
        f"inst.stage2=hd:LABEL={NEW} nomodeset quiet",
    ),
    ("rescue-a-centos-system", "Rescue a CentOS system", f"inst.stage2=hd:LABEL={NEW} inst.rescue quiet"),
]


@pytest.mark.parametrize("name", SHAPES)
def test_entries_of_grub_are_kept_with_the_new_label(name: str) -> None:
    """Those of submenus too, wherever isolinux has them as well."""
    shape = SHAPES[name]
    kept = kept_entries({ISOLINUX: isolinux_menu(shape), EFI: grub_menu(shape)}, shape.label, NEW)
    assert told(kept) == WANTED
    assert {(entry.kernel, entry.initrd, entry.live, entry.hypervisor) for entry in kept.entries} == {
        ("/images/pxeboot/vmlinuz", "/images/pxeboot/initrd.img", False, None)
    }
    assert kept.left_out == (
        ("Test this media & install CentOS", CHECK),
        ("UEFI Firmware Settings", "it starts no kernel of the medium with an initrd"),
    )


@pytest.mark.parametrize("name", ["el7", "el9"])
def test_entries_of_isolinux_are_kept_where_there_is_no_other(name: str) -> None:
    kept = kept_entries({ISOLINUX: isolinux_menu(SHAPES[name])}, SHAPES[name].label, NEW)
    assert told(kept) == WANTED
    assert {(entry.kernel, entry.initrd) for entry in kept.entries} == {("/isolinux/vmlinuz", "/isolinux/initrd.img")}
    assert [title for title, _ in kept.left_out] == ["Test this media & install CentOS", "Boot from local drive"]


@pytest.mark.parametrize(
    ("menu", "text"),
    [
        (EFI, 'set default="1"\nmenuentry A {\nlinux /k\ninitrd /i\n}\nmenuentry B {\nlinux /k\ninitrd /i\n}\n'),
        (EFI, "set default=b\nmenuentry A {\nlinux /k\ninitrd /i\n}\nmenuentry B --id b {\nlinux /k\ninitrd /i\n}\n"),
        (ISOLINUX, "default b\nlabel A\nkernel /k\nappend initrd=/i\nlabel b\nmenu label B\nkernel /k\ninitrd /i\n"),
        (ISOLINUX, "label A\nkernel /k\ninitrd /i\nlabel b\nmenu label B\nmenu default\nkernel /k\ninitrd /i\n"),
    ],
)
def test_the_default_is_kept(menu: str, text: str) -> None:
    assert [(entry.title, entry.default) for entry in kept_entries({menu: text}, "X", NEW).entries] == [
        ("A", False),
        ("B", True),
    ]


def test_what_the_model_cannot_say_is_left_out_with_the_reason() -> None:
    text = (
        "menuentry A {\nlinux /k 'a=\"b c\"'\ninitrd /i\n}\nmenuentry B {\nlinux /k\ninitrd /i /j\n}\n"
        "menuentry A {\nlinux /k\ninitrd /i\n}\nmenuentry A {\nlinux $k\ninitrd /i\n}\n"
        "menuentry A {\nlinux /k\ninitrd /i\n}\n"
    )
    kept = kept_entries({EFI: text}, "X", NEW)
    assert [entry.name for entry in kept.entries] == ["a", "a-2"]
    assert [reason for _, reason in kept.left_out] == [
        "'a=\"b c\"' is not possible: no quotes, braces, $, ; or line breaks in a boot line",
        "it has several initrds",
        "'$k' is not possible: a path from the top of the ISO: /boot/vmlinuz",
    ]
