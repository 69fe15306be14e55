# SPDX-License-Identifier: LGPL-2.1-or-later
"""isolinux on the ISO: which of its modules have to be added so that it can start Xen, and from where."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from planex.errors import MissingTool

FOLDERS = ("/usr/lib/ISOLINUX", "/usr/lib/syslinux/modules/bios", "/usr/share/syslinux")
"""Where Debian (two folders) and EL (one) keep isolinux.bin and its modules."""
NEEDED = ("ldlinux.c32", "libcom32.c32", "libutil.c32", "mboot.c32", "menu.c32")
"""mboot.c32 starts Xen and needs libcom32, menu.c32 draws the menu and needs libutil."""
REQUIRES = {
    "mboot.c32": ("ldlinux.c32", "libcom32.c32"),
    "menu.c32": ("ldlinux.c32", "libcom32.c32", "libutil.c32"),
    "vesamenu.c32": ("ldlinux.c32", "libcom32.c32", "libutil.c32"),
}
"""What the modules of isolinux 5 and later load besides themselves."""
LOADER = "isolinux.bin"


def isolinux_version(loader: bytes) -> str:
    """Version and date that isolinux.bin shows when it starts (``6.04 20200816``), or nothing."""
    found = re.search(rb"ISOLINUX (\d+\.\d+(?: \w+)?)", loader)
    return found.group(1).decode() if found else ""


def modules_to_add(base: str, here: str, present: Collection[str]) -> tuple[str, ...]:
    """Names to copy to the ISO's isolinux folder.

    Modules must be of the same build as isolinux.bin. So: those that are missing, if this machine's isolinux is
    of the base's version; else the loader and every module, old ones included.
    """
    if base == here:
        return tuple(name for name in NEEDED if name not in present)
    old = {name for name in present if name.endswith(".c32")}
    return (LOADER, *sorted({*NEEDED, *old}))


def find_here(name: str) -> Path:
    """A file of this machine's isolinux."""
    for folder in FOLDERS:
        path = Path(folder) / name
        if path.is_file():
            return path
    raise MissingTool(
        f"{name} of isolinux (syslinux) is not installed; it is needed to start Xen by BIOS",
        "run `planex doctor` to see how to get it",
    )
