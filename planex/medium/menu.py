# SPDX-License-Identifier: LGPL-2.1-or-later
"""The boot menu: one model, rendered for isolinux (BIOS) and for GRUB (UEFI). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planex.medium.entry import LIVE_IMAGE, BootEntry

SERIAL_SPEED = 115200
"""Bits per second of the first serial port, on which both menus are shown as well."""

_ROOM = 4096


@dataclass(frozen=True, slots=True)
class Menu:
    """What both renderings need."""

    title: str
    label: str
    timeout: int
    """Seconds until the default entry starts."""
    entries: tuple[BootEntry, ...]
    origin: str = "planex"
    """What wrote it, or what it was written from; for the comment at its top."""
    image: str = LIVE_IMAGE
    """Where the live root is on the medium."""
    linux: str = "linux"
    """GRUB's command for a kernel."""

    @property
    def header(self) -> str:
        return f"# Written by {self.origin}."

    @property
    def default(self) -> BootEntry:
        return next(entry for entry in self.entries if entry.default)


def kernel_arguments(entry: BootEntry, label: str, image: str = LIVE_IMAGE) -> str:
    """An entry's kernel arguments, with those that name the live root (in dracut's words, dmsquash-live)."""
    root = f"root=live:CDLABEL={label} rd.live.image" if entry.live else ""
    if entry.live and image != LIVE_IMAGE:
        folder, _, name = image.strip("/").rpartition("/")
        root += f" rd.live.dir=/{folder} rd.live.squashimg={name}"
    return " ".join(f"{root} {entry.kernel_args}".split())


def roomy(text: str) -> str:
    """A text with blank lines at its end, so that it is still of the same length when a little of it is another."""
    return text + "\n" * (-len(text.encode("utf-8", "surrogateescape")) % _ROOM)


def render_isolinux(menu: Menu) -> str:
    """isolinux.cfg, beside which menu.c32 is."""
    head = [menu.header, f"serial 0 {SERIAL_SPEED}", f"default {menu.default.name}"]
    head += ["ui menu.c32", f"menu title {menu.title}", f"timeout {menu.timeout * 10}"]
    return "\n".join([*head, *(_isolinux_entry(entry, menu) for entry in menu.entries)]) + "\n"


def _isolinux_entry(entry: BootEntry, menu: Menu) -> str:
    arguments = kernel_arguments(entry, menu.label, menu.image)
    lines = ["", f"label {entry.name}", f"  menu label {entry.title}"]
    lines += ["  menu default"] if entry.default else []
    if entry.hypervisor:
        modules = (f"{entry.hypervisor} {entry.xen_args}", f"{entry.kernel} {arguments}", entry.initrd)
        lines += ["  kernel mboot.c32", f"  append {' --- '.join(module.strip() for module in modules)}"]
    else:
        lines += [f"  kernel {entry.kernel}", f"  append initrd={entry.initrd} {arguments}".rstrip()]
    return "\n".join(lines)


def render_grub(menu: Menu) -> str:
    """grub.cfg for GRUB 2. Xen is loaded by multiboot2, the only protocol by which it can start on UEFI.

    It looks for the medium itself: where that is a disk, GRUB may have been started from a partition of it.
    """
    head = [
        menu.header,
        f"if serial --unit=0 --speed={SERIAL_SPEED}; then",
        "  terminal_input console serial",
        "  terminal_output console serial",
        "fi",
        f"search --no-floppy --set=root --label {menu.label}",
        "insmod gzio",
        "insmod all_video",
        f"set timeout={menu.timeout}",
        f"set default={menu.default.name}",
    ]
    return "\n".join([*head, *(_grub_entry(entry, menu) for entry in menu.entries)]) + "\n"


def _grub_entry(entry: BootEntry, menu: Menu) -> str:
    arguments = kernel_arguments(entry, menu.label, menu.image)
    return "\n".join(
        [
            "",
            f'menuentry "{entry.title}" --id {entry.name} {{',
            *(f"  {line}".rstrip() for line in _grub_commands(entry, arguments, menu.linux)),
            "}",
        ]
    )


def _grub_commands(entry: BootEntry, arguments: str, linux: str) -> Sequence[str]:
    if entry.hypervisor:
        return [
            f"multiboot2 {entry.hypervisor} {entry.xen_args}",
            f"module2 {entry.kernel} {arguments}",
            f"module2 --nounzip {entry.initrd}",
        ]
    return [f"{linux} {entry.kernel} {arguments}", f"{linux.replace('linux', 'initrd')} {entry.initrd}"]
