# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a network starts instead of an ISO: a folder for TFTP and HTTP servers, made from the ISO and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.checksums import digest_of
from planex.content import shelf
from planex.disk import naming, write
from planex.errors import PlanexError
from planex.host.customise import KICKSTART
from planex.medium.image import Image
from planex.medium.netboot import FIRMWARES, NetworkMenu, make_loaders, network_menu
from planex.medium.references import references
from planex.medium.sums import SIGNATURE, SUMS, parse_sums
from planex.medium.xorriso import open_image

MENU = "/EFI/BOOT/grub.cfg"
_IPXE = f"""\
#!ipxe
# GRUB starts Xen by BIOS and UEFI; it finds its menu beside itself.
iseq ${{platform}} efi && chain {FIRMWARES["uefi"].file} || chain {FIRMWARES["bios"].file}
"""
_README = """\
{name}: to be started from a network

Have this folder on a TFTP server and on an HTTP server, under the same path below the top of each. DHCP names the TFTP
server (next-server, option 66) and the file (option 67):

    machines with BIOS       {bios}
    machines with UEFI       {uefi}
    machines with iPXE       boot.ipxe

GRUB takes its menu, Xen, kernel and initrd from where it was loaded. The initrd takes the live root by HTTP from
{url}{image}
and refuses one that is not the one of this set. Addresses come by DHCP; a machine needs room in its memory for the root
({size} MiB) besides. A menu for one machine is called grub.cfg-01-52-54-00-12-34-56, by its card.

For trying, as root and in this folder, on a network that has a DHCP server:

    dnsmasq --no-daemon --port=0 --enable-tftp --tftp-root=$PWD --dhcp-range=192.0.2.0,proxy \\
        --pxe-service=x86PC,GRUB,{bios} --pxe-service=X86-64_EFI,GRUB,{uefi}
    python3 -m http.server 80

SHA256SUMS has all files of this folder: sha256sum -c SHA256SUMS. Nothing here is signed. What lies in folders is the
same, byte for byte, as on {name}.
"""


@dataclass(frozen=True, slots=True)
class PxeSet:
    """A set that was made. ``left_out``: titles of entries that only the ISO itself can start."""

    folder: Path
    left_out: tuple[str, ...]
    was_signed: bool


def make_pxe_set(iso: Path, folder: Path, url: str) -> PxeSet:
    """Write the set of an ISO. ``url``: of the set by HTTP; empty: the TFTP server, by the same path."""
    if folder.exists():
        raise PlanexError(f"{folder} exists", "name a folder that is still to be made")
    image = open_image(iso)
    menu = _menu(image, url)
    with shelf.draft(folder) as drafts:
        draft = drafts / "set"
        draft.mkdir(mode=0o755)
        make_loaders(draft)  # first: it says at once what is not installed
        for path in _files(image, menu):
            _copy(image, path, draft / path.lstrip("/"))
        write(draft / "grub.cfg", menu.text.encode())
        write(draft / "boot.ipxe", _IPXE.encode())
        write(draft / "README.txt", _readme(image, menu, url).encode())
        write(draft / SUMS.lstrip("/"), _sums(draft, image).encode())
        shelf.publish(draft, folder)
    return PxeSet(folder, menu.left_out, SIGNATURE in image.files)


def _menu(image: Image, url: str) -> NetworkMenu:
    if MENU not in image.files:
        raise PlanexError(f"{image.path} has no {MENU}", "a set is made from an ISO of `planex iso build`")
    digests = _digests(image)
    arguments = f"inst.ks=$live{KICKSTART}" if KICKSTART in image.files else ""
    menu = network_menu(image.read(MENU).decode("utf-8", "replace"), digests, url, arguments)
    if not references(MENU, menu.text.replace("$prefix", "")):
        raise PlanexError(f"no entry of {image.path} starts a live host", "only that can come from a network")
    if menu.image not in digests:
        raise PlanexError(f"{image.path}: its SHA256SUMS does not list {menu.image}", "make it with `planex iso build`")
    return menu


def _digests(image: Image) -> Mapping[str, str]:
    return parse_sums(image.read(SUMS).decode("utf-8", "surrogateescape")).files if SUMS in image.files else {}


def _files(image: Image, menu: NetworkMenu) -> list[str]:
    """What the menu starts, from the top of the ISO."""
    loaded = {each.path for each in references(MENU, menu.text.replace("$prefix", ""))}
    wanted = {*loaded, menu.image, *({KICKSTART} & image.files.keys())}
    if missing := sorted(wanted - image.files.keys()):
        raise PlanexError(f"{image.path}: its menu names {missing[0]}, which is not there", "planex iso check")
    return sorted(wanted)


def _copy(image: Image, path: str, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with naming(file, "write"), image.open(path) as reading, file.open("wb") as writing:
        shutil.copyfileobj(reading, writing, 1 << 20)


def _readme(image: Image, menu: NetworkMenu, url: str) -> str:
    return _README.format(
        name=image.path.name,
        bios=FIRMWARES["bios"].file,
        uefi=FIRMWARES["uefi"].file,
        url=url.rstrip("/") or "http://TFTP-SERVER/PATH-OF-THIS-FOLDER",
        image=menu.image,
        size=-(-image.files[menu.image] >> 20),
    )


def _sums(folder: Path, image: Image) -> str:
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    found = {name: digest_of(folder / name, "SHA256") for name in files}
    if wrong := [name for name, value in _digests(image).items() if found.get(name[1:], value) != value]:
        raise PlanexError(f"{image.path}: {wrong[0]} is not what its SHA256SUMS says", "it is damaged: copy it again")
    return "".join(f"{digest}  {name}\n" for name, digest in found.items())
