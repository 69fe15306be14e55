# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boot menus in the three shapes of EL media: 7 (labels with blanks), 9 (linuxefi, isolinux) and 10 (GRUB alone)."""

from __future__ import annotations

from dataclasses import dataclass

SPACED = "CentOS 7 x86_64"
LINES = {
    "install": ("Install CentOS", "quiet"),
    "check": ("Test this media & install CentOS", "rd.live.check quiet"),
    "graphics": ("Install CentOS in basic graphics mode", "nomodeset quiet"),
    "rescue": ("Rescue a CentOS system", "inst.rescue quiet"),
}


@dataclass(frozen=True)
class Shape:
    """``linux`` and ``initrd``: GRUB's commands; ``escaped``: the label in kernel arguments."""

    label: str
    escaped: str
    linux: str
    initrd: str
    isolinux: bool
    appended: bool


SHAPES = {
    "el7": Shape(SPACED, "CentOS\\x207\\x20x86_64", "linuxefi", "initrdefi", True, False),
    "el9": Shape(
        "CentOS-Stream-9-BaseOS-x86_64", "CentOS-Stream-9-BaseOS-x86_64", "linuxefi", "initrdefi", True, False
    ),
    "el10": Shape("CentOS-Stream-10-BaseOS-x86_64", "CentOS-Stream-10-BaseOS-x86_64", "linux", "initrd", False, True),
}


def grub_menu(shape: Shape) -> str:
    """EFI/BOOT/grub.cfg, and boot/grub2/grub.cfg where there is no isolinux."""
    head = f"""\
set default="1"

function load_video {{
  insmod all_video
}}

load_video
set gfxpayload=keep
set timeout=60
search --no-floppy --set=root -l '{shape.label}'

"""
    first = "".join(_grub_entry(shape, name) for name in ("install", "check"))
    inner = "".join(_grub_entry(shape, name) for name in ("graphics", "rescue"))
    last = "menuentry 'UEFI Firmware Settings' --id 'uefi-firmware' {\n\tfwsetup\n}\n"
    return f"{head}{first}submenu 'Troubleshooting -->' {{\n{inner}}}\n{last}"


def _grub_entry(shape: Shape, name: str) -> str:
    title, words = LINES[name]
    return (
        f"menuentry '{title}' --class fedora --class os {{\n"
        f"\t{shape.linux} /images/pxeboot/vmlinuz inst.stage2=hd:LABEL={shape.escaped} {words}\n"
        f"\t{shape.initrd} /images/pxeboot/initrd.img\n}}\n"
    )


def isolinux_menu(shape: Shape) -> str:
    """isolinux/isolinux.cfg."""
    first = "".join(_isolinux_entry(shape, name) for name in ("install", "check"))
    inner = "".join(_isolinux_entry(shape, name) for name in ("graphics", "rescue"))
    return f"""\
default vesamenu.c32
timeout 600
menu title CentOS
{first}menu separator
menu begin ^Troubleshooting
  menu title Troubleshooting
{inner}label local
  menu label Boot from ^local drive
  localboot 0xffff
menu end
"""


def _isolinux_entry(shape: Shape, name: str) -> str:
    title, words = LINES[name]
    default = "  menu default\n" if name == "check" else ""
    return (
        f"label {name}\n  menu label ^{title}\n{default}  kernel vmlinuz\n"
        f"  append initrd=initrd.img inst.stage2=hd:LABEL={shape.escaped} {words}\n\n"
    )
