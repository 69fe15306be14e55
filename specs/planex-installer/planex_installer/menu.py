# SPDX-License-Identifier: LGPL-2.1-or-later
"""The boot menu of an installed host: GRUB's, the same for BIOS and UEFI, made from what lies in /boot."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MENU = "boot/grub/grub.cfg"
KEPT = "boot/kept"
"""The pair of hypervisor and kernel that came up last, under names that no upgrade of packages takes away."""
ENVIRONMENT = "boot/grub/grubenv"
_ENVIRONMENT_SIZE = 1024
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
"""
_CHOICE = """\
# The newest pair, unless that was tried once and did not come up: then the one that came up last.
load_env
set default="{newest}"
if [ -n "$good" ]; then
  if [ "$good" != "{newest}" ]; then
    if [ "$tried" = "{newest}" ]; then
      set default="$good"
    else
      set tried="{newest}"
      save_env tried
    fi
  fi
fi
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


def pair_name(xen: str, linux: str) -> str:
    """How a pair is called in the menu, in GRUB's environment, and on the command line of the kernel in it."""
    return f"{xen}+{linux}"


def render_menu(
    settings: BootSettings, hypervisors: Sequence[str], kernels: Sequence[str], kept: Collection[str] = ()
) -> str:
    """grub.cfg: the newest hypervisor and kernel first, without Xen next, then what was there before.

    ``kept``: those of the files that are in KEPT alone.
    """
    xens, linuxes = ordered(hypervisors), ordered(kernels)
    entries = [_entry(settings, xens[0], linuxes[0])] if xens and linuxes else []
    entries += [_entry(settings, "", linuxes[0])] if linuxes else []
    pairs = [(xen, linux) for xen in xens for linux in linuxes]
    entries += [_entry(settings, xen, linux) for xen, linux in pairs[1:]]
    entries += [_entry(settings, "", linux) for linux in linuxes[1:]]
    choice = _CHOICE.format(newest=pair_name(xens[0], linuxes[0])) if xens and linuxes else "set default=0\n"
    text = "\n".join([_HEAD.format(settings=f"/{SETTINGS}") + choice, *entries])
    for name in kept:
        text = text.replace(f" /boot/{name} ", f" /{KEPT}/{name} ")
    return text


def _entry(settings: BootSettings, xen: str, linux: str) -> str:
    version = linux.removeprefix("vmlinuz-")
    root = f"root=PARTUUID={settings.partition} rootwait ro"
    if xen:
        title = f"{settings.title}, with Xen {xen.removeprefix('xen-').removesuffix('.gz')} and Linux {version}"
        consoles = SERIAL_ARGS if settings.serial else SCREEN_ARGS
        # A dom0 that panics restarts the machine, as Xen does by itself.
        arguments = f"{root} {consoles} panic=15 planex.pair={pair_name(xen, linux)} {settings.extra_args}".strip()
        lines = [f"multiboot2 /boot/{xen} {settings.xen_args}", f"module2 /boot/{linux} {arguments}"]
    else:
        title = f"{settings.title}, without Xen, Linux {version}"
        consoles = BARE_SERIAL_ARGS if settings.serial else BARE_SCREEN_ARGS
        lines = [f"linux /boot/{linux} {root} {consoles} {settings.extra_args}".strip()]
    body = "\n".join(f"  {line}" for line in (f"search --no-floppy --fs-uuid --set=root {settings.filesystem}", *lines))
    name = pair_name(xen, linux) if xen else linux
    return f'menuentry "{title}" --id "{name}" {{\n{body}\n}}\n'


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
    own, kept = _bootable(folder), _bootable(root / KEPT)
    files = own | kept
    kernels = [name for name in files if name.startswith("vmlinuz-")]
    if not kernels:
        raise OSError(f"no kernel in {folder}")
    if not (root / ENVIRONMENT).exists():
        write_environment(root, {})
    replace_file(root / MENU, render_menu(settings, sorted(files - set(kernels)), sorted(kernels), kept - own))
    return root / MENU


def _bootable(folder: Path) -> set[str]:
    found = [*folder.glob("xen-*.gz"), *folder.glob("vmlinuz-*")]
    return {path.name for path in found if not path.is_symlink()}


def read_environment(root: Path) -> dict[str, str]:
    """What GRUB remembers from start to start."""
    file = root / ENVIRONMENT
    lines = file.read_text("ascii", "replace").splitlines() if file.exists() else []
    return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals and name[0] != "#"}


def write_environment(root: Path, values: Mapping[str, str]) -> None:
    """Write over what GRUB remembers, in one block and in its place: GRUB itself writes nowhere else."""
    text = "# GRUB Environment Block\n" + "".join(f"{name}={value}\n" for name, value in values.items())
    block = text.encode("ascii").ljust(_ENVIRONMENT_SIZE, b"#")
    if len(block) > _ENVIRONMENT_SIZE:
        raise ValueError(f"{ENVIRONMENT} has no room for {len(block)} bytes")
    file = root / ENVIRONMENT
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(handle, block, 0)
        os.fsync(handle)
    finally:
        os.close(handle)


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
