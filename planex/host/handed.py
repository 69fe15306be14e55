# SPDX-License-Identifier: LGPL-2.1-or-later
"""What starts a live host with packages that are newer than its ISO, without a new ISO.

The ISO stays the medium. Hypervisor, kernel and initrd come out of it or out of the packages; to the initrd a second
archive is added with the files of the packages, which /init lays over the root image. No scriptlet of theirs is run.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from planex.cage.command import Cage, caged
from planex.disk import write
from planex.errors import PlanexError
from planex.host.manifest import Manifest
from planex.medium.cpio import CpioEntry, archive, file, link
from planex.medium.entry import BootEntry
from planex.medium.image import Image
from planex.rpm.nevra import parse_nevra
from planex.run import run

CHANGED = "changed"
"""Folder of the initrd with the files of packages, as /init knows it."""
_COMMAND = "planex-try"
# It is run without a login: what waits for a terminal may give up on a slow machine.
_UNIT = f"""\
[Unit]
Description=What planex try was asked to run
After=multi-user.target planex-boot-report.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'exec >/dev/console 2>&1 </dev/null; echo %s; HOME=/root /bin/sh /{_COMMAND}; echo %s $?'
"""
_WANTED = "etc/systemd/system/multi-user.target.wants"
_LARGEST = 1 << 28
"""Bytes of a hypervisor that is not compressed any more."""
_UNPACK = """
set -e
mkdir -p /files/changed && cd /files/changed
for rpm in /rpms/*; do rpm2cpio "$rpm" | cpio --extract --make-directories --unconditional --quiet; done
"""
_PACK = "cd /files && find changed | LC_ALL=C sort | cpio --create --format=newc --quiet"
_FIND = 'for found in /files/changed/boot/%s; do [ -L "$found" ] || [ ! -f "$found" ] || cat "$found"; done'
_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class HandedFiles:
    """Files for QEMU to put in a machine's memory."""

    hypervisor: Path
    """Not compressed."""
    kernel: Path
    initrd: Path


def on_host(rpms: Iterable[Path], manifest: Manifest) -> list[Path]:
    """Those of packages that the live host has, by name."""
    names = {parse_nevra(package.nevra).name for package in manifest.packages}
    return [rpm for rpm in rpms if parse_nevra(rpm.name).name in names]


def hand_over(
    image: Image, entry: BootEntry, rpms: Iterable[Path], init: Path, command: Iterable[CpioEntry], folder: Path
) -> HandedFiles:
    """Make the files for an entry of the ISO's menu in an empty ``folder``; ``command``: see there."""
    if f"/{CHANGED}" not in (text := init.read_text(errors="replace")):
        raise PlanexError(
            f"{init} does not know what to do with /{CHANGED}", "see iso/initrd/init of planex's workspace"
        )
    files = folder / "files"
    files.mkdir()
    shown = {f"/rpms/{rpm.name}": rpm for rpm in rpms}
    if shown:
        run(caged(_cage(shown, files), ["sh", "-c", _UNPACK]), program="rpm2cpio")
    assert entry.hypervisor is not None
    made = HandedFiles(folder / "xen", folder / "vmlinuz", folder / "initrd.img")
    write(made.hypervisor, _unpacked(_found(files, "xen-*.gz") or image.read(entry.hypervisor)))
    write(made.kernel, _found(files, "vmlinuz-*") or image.read(entry.kernel))
    own = [file("init", text.encode("utf-8", "surrogateescape"), 0o755)]
    own += command
    with made.initrd.open("wb") as output:
        output.write(_padded(image.read(entry.initrd)))
        output.flush()  # what is written next is not by this process
        if shown:
            run(caged(_cage({}, files), ["sh", "-c", _PACK]), output=output, program="cpio")
        output.seek(0, 2)
        output.write(archive(own))
    return made


def command(lines: str, begin: str, end: str) -> list[CpioEntry]:
    """Entries of an initrd that have a host run lines of shell once it is up, between the words for begin and end."""
    unit = f"{CHANGED}/etc/systemd/system/{_COMMAND}.service"
    return [
        file(f"{CHANGED}/{_COMMAND}", f"{lines}\n".encode("utf-8", "surrogateescape"), 0o755),
        file(unit, (_UNIT % (begin, end)).encode()),
        link(f"{CHANGED}/{_WANTED}/{_COMMAND}.service", f"/etc/systemd/system/{_COMMAND}.service"),
    ]


def _cage(readable: Mapping[str, Path], files: Path) -> Cage:
    """Files of packages belong to root there, and their links may lead anywhere."""
    return Cage(readable=readable, writable={"/files": files}, env=_ENVIRONMENT, superuser=True)


def _found(files: Path, pattern: str) -> bytes:
    """The one file of this name in the packages' /boot; nothing where there is none."""
    with (files.parent / "found").open("w+b") as output:
        run(caged(_cage({}, files), ["sh", "-c", _FIND % pattern]), output=output, program="cat")
        output.seek(0)
        return output.read()


def _unpacked(data: bytes) -> bytes:
    """QEMU's loader takes no compressed hypervisor."""
    unpacker = zlib.decompressobj(wbits=31)
    plain = b""
    with suppress(zlib.error):
        plain = unpacker.decompress(data, _LARGEST)
    if unpacker.unconsumed_tail or not plain.startswith(b"\x7fELF"):
        raise PlanexError("the hypervisor is no compressed ELF file")
    return plain


def _padded(data: bytes) -> bytes:
    """Archives that follow one another begin at a multiple of four (Linux, buffer-format.rst)."""
    return data + b"\0" * (-len(data) % 4)
