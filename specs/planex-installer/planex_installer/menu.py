# SPDX-License-Identifier: LGPL-2.1-or-later
"""The boot menu of an installed host: GRUB's, the same for BIOS and UEFI, made from what lies in /boot."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MENU = "boot/grub/grub.cfg"
SETTINGS = "etc/planex/bootmenu.json"
XEN_ARGS = "dom0_mem=512M+5%,max:512M+5% com1=115200,8n1 console=com1,vga"
SERIAL_ARGS, SCREEN_ARGS = "console=tty0 console=hvc0", "console=hvc0 console=tty0"
BARE_SERIAL_ARGS, BARE_SCREEN_ARGS = "console=tty0 console=ttyS0,115200", "console=ttyS0,115200 console=tty0"
UNFINISHED = (
    "The installation on this disk was not finished: there is no system on it yet.",
    "Start the machine from the installation medium again, and install anew.",
)
_HEAD = """\
# Written by planex-bootmenu from {settings} and what is in /boot; it is written anew.
if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi
set timeout=5
set default=0
"""


@dataclass(frozen=True)
class BootSettings:
    """What a menu needs to know besides what is in /boot."""

    title: str
    filesystem: str
    """UUID of the file system that holds /boot."""
    partition: str
    """Partition UUID of the root: a kernel finds that by itself, without an initial RAM disk."""
    serial: bool
    xen_args: str = XEN_ARGS
    extra_args: str = ""


def ordered(names: Sequence[str]) -> list[str]:
    """File names, the newest version first."""

    def key(name: str) -> list[tuple[bool, int, str]]:
        return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.findall(r"\d+|\D+", name)]

    return sorted(names, key=key, reverse=True)


def render_menu(settings: BootSettings, hypervisors: Sequence[str], kernels: Sequence[str]) -> str:
    """grub.cfg: the newest hypervisor and kernel first, without Xen next, then what was there before."""
    xens, linuxes = ordered(hypervisors), ordered(kernels)
    entries = [_entry(settings, xens[0], linuxes[0])] if xens and linuxes else []
    entries += [_entry(settings, "", linuxes[0])] if linuxes else []
    pairs = [(xen, linux) for xen in xens for linux in linuxes]
    entries += [_entry(settings, xen, linux) for xen, linux in pairs[1:]]
    entries += [_entry(settings, "", linux) for linux in linuxes[1:]]
    return "\n".join([_HEAD.format(settings=f"/{SETTINGS}"), *entries])


def _entry(settings: BootSettings, xen: str, linux: str) -> str:
    version = linux.removeprefix("vmlinuz-")
    root = f"root=PARTUUID={settings.partition} rootwait ro"
    if xen:
        title = f"{settings.title}, with Xen {xen.removeprefix('xen-').removesuffix('.gz')} and Linux {version}"
        consoles = SERIAL_ARGS if settings.serial else SCREEN_ARGS
        arguments = f"{root} {consoles} {settings.extra_args}".strip()
        lines = [f"multiboot2 /boot/{xen} {settings.xen_args}", f"module2 /boot/{linux} {arguments}"]
    else:
        title = f"{settings.title}, without Xen, Linux {version}"
        consoles = BARE_SERIAL_ARGS if settings.serial else BARE_SCREEN_ARGS
        lines = [f"linux /boot/{linux} {root} {consoles} {settings.extra_args}".strip()]
    body = "\n".join(f"  {line}" for line in (f"search --no-floppy --fs-uuid --set=root {settings.filesystem}", *lines))
    return f'menuentry "{title}" {{\n{body}\n}}\n'


def unfinished_menu() -> str:
    """What GRUB shows until an installation is done. It starts nothing."""
    serial = "\n".join(_HEAD.splitlines()[1:5])
    lines = "\n".join(f'  echo "{line}"' for line in UNFINISHED)
    return f'{serial}\nset timeout=0\nmenuentry "Not installed" {{\n{lines}\n  sleep 60\n  reboot\n}}\n'


def forwarding_menu(filesystem: str) -> str:
    """The menu in the ESP: goes on with that of the root."""
    return f"search --no-floppy --fs-uuid --set=root {filesystem}\nset prefix=($root)/boot/grub\nconfigfile /{MENU}\n"


def write_menu(root: Path) -> Path:
    """Write the menu of the system in ``root`` anew; it is the old one or the new one at any moment."""
    settings = BootSettings(**json.loads((root / SETTINGS).read_text()))
    folder = root / "boot"
    hypervisors = [path.name for path in folder.glob("xen-*.gz") if not path.is_symlink()]
    kernels = [path.name for path in folder.glob("vmlinuz-*") if not path.is_symlink()]
    if not kernels:
        raise OSError(f"no kernel in {folder}")
    replace_file(root / MENU, render_menu(settings, hypervisors, kernels))
    return root / MENU


def save_settings(root: Path, settings: BootSettings) -> None:
    (root / SETTINGS).parent.mkdir(parents=True, exist_ok=True)
    replace_file(root / SETTINGS, json.dumps(asdict(settings), indent=2) + "\n")


def replace_file(path: Path, text: str) -> None:
    """Replace a file so that a power cut leaves the old one or the new one."""
    draft = path.with_name(f"{path.name}.new")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def main() -> int:
    """``planex-bootmenu [ROOT]``: write the menu anew."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "/")
    try:
        print(write_menu(root))
    except (OSError, ValueError, TypeError) as error:
        print(f"planex-bootmenu: {error}", file=sys.stderr)
        return 1
    return 0
