# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads and writes ISO images. The only user of ``xorriso``; needs no root, no mount and no loop device."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from planex.drafts import temporary_folder
from planex.errors import CommandFailed, PlanexError
from planex.medium.bootrecords import BootRecords, parse_records
from planex.medium.image import BLOCK, Image, Span
from planex.medium.trail import Trail
from planex.regular import open_regular
from planex.run import require, run

_LISTED = re.compile(
    r"^File data lba: *\d+ , *(\d{1,18}) , *(\d{1,18}) , *(\d{1,18}) , '((?:[^']|'\"'\"')*)'$", re.MULTILINE
)
"""First block, blocks, bytes, path. A quote in a path is written as ``'"'"'``."""
_RECORDS = ("-report_el_torito", "plain", "-report_system_area", "plain", "-pvd_info")
_LISTING = ("-find", "/", "-type", "f", "-exec", "report_lba")
_ATTENTIVE = ("-pacifier", "interval=0.1")
"""Between two reports of its progress xorriso does not see that it is done; else they are a second apart."""
_SMALL_BUFFER = ("-fs", "1m")
"""Between its two halves, which sleep while it is full or empty: with its default, 4 MiB, it takes a third longer."""
_PIPE = 1 << 20
"""Bytes: what Linux lets anybody have in a pipe."""
MBR_CODE = ("/usr/lib/ISOLINUX/isohdpfx.bin", "/usr/share/syslinux/isohdpfx.bin")
"""Where Debian and EL keep the boot code that lets an ISO on a USB stick start isolinux."""


def make_iso(tree: Path, output: Path, label: str, epoch: int) -> None:
    """Write a folder as an ISO with the boot layout of an EL installation medium.

    ``tree`` must hold ``isolinux/isolinux.bin`` (BIOS) and ``images/efiboot.img`` (a FAT image, for UEFI); the
    result starts from CD and from USB sticks by either firmware. ``epoch`` (seconds since 1970) becomes every
    time stamp, so that the same tree gives the same bytes. ``output`` is written in place: give a temporary name.
    """
    code = next((Path(name) for name in MBR_CODE if Path(name).is_file()), None)
    if code is None:
        raise PlanexError("isohdpfx.bin of isolinux is not installed; it is needed to make an ISO")
    xorriso(make_commands(tree, output, label, epoch, code), epoch)


def make_commands(tree: Path, output: Path, label: str, epoch: int, mbr_code: Path) -> list[str]:
    """What make_iso asks of xorriso, in the words of its mkisofs emulation."""
    # fmt: off
    return [
        "-as", "mkisofs",
        "-o", str(output),
        "-V", label,
        "-R", "-J", "-joliet-long",
        "-iso-level", "3",
        "-uid", "0", "-gid", "0",
        "--set_all_file_dates", volume_date(epoch),
        "-c", "isolinux/boot.cat",
        "-b", "isolinux/isolinux.bin",
        "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
        "-eltorito-alt-boot",
        "-e", "images/efiboot.img",
        "-no-emul-boot",
        "-isohybrid-mbr", str(mbr_code),
        "-isohybrid-gpt-basdat",
        str(tree),
    ]
    # fmt: on


def volume_date(epoch: int) -> str:
    """A time in the form of ISO 9660 volume descriptors (section 8.4.26.1): YYYYMMDDhhmmss and hundredths, UTC."""
    return time.strftime("%Y%m%d%H%M%S00", time.gmtime(epoch))


def xorriso(commands: Iterable[str | Path], epoch: int | None = None) -> str:
    """Run xorriso without the user's start-up files; return what it printed. Fails on what it calls SORRY or worse."""
    program = require("xorriso", "read and write ISO images")
    argv = [program, "-no_rc", "-return_with", "SORRY", "32", *map(str, commands)]
    return run(argv, env=None if epoch is None else {"SOURCE_DATE_EPOCH": str(epoch)}).stdout


def stream(commands: Sequence[str | Path], epoch: int, output: Path) -> Trail:
    """Let xorriso carry commands out and write the ISO to ``output``, digested on the way. They name no ``-outdev``.

    xorriso writes to a named pipe: what it writes at once is the same medium as a file that it would write to and come
    back to, but begins at block 16, as pressed media do. Its own standard output it takes only without ``-no_rc``.
    """
    with temporary_folder(output.parent) as folder, ThreadPoolExecutor(1) as pool:
        fifo = folder / "iso"
        os.mkfifo(fifo)
        reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(reading, True)
        writing = os.fdopen(os.open(fifo, os.O_WRONLY | os.O_CLOEXEC), "wb")  # until it is closed, there is no end
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE)
        trail = pool.submit(Trail.follow, reading, output)
        with writing:
            xorriso([*_ATTENTIVE, *_SMALL_BUFFER, "-outdev", f"stdio:{fifo}", *commands], epoch)
        return trail.result()


def read_records(iso: Path) -> BootRecords:
    """The boot records and the label of an ISO."""
    return parse_records(_look(iso, _RECORDS))


def look(iso: Path) -> tuple[BootRecords, Image]:
    """The boot records of an ISO, and its files."""
    records, mark, listing = _look(iso, [*_RECORDS, *_LISTING]).partition("\nReport layout:")
    return parse_records(records), parse_listing(mark + listing, iso, iso.stat().st_size)


def report_boot_commands(iso: Path) -> str:
    """The xorriso commands, a line each, that would make the boot records of an ISO."""
    return xorriso([*_open(iso), "-report_system_area", "cmd"])


def open_image(iso: Path) -> Image:
    """An ISO whose files can be read."""
    return parse_listing(_look(iso, _LISTING), iso, iso.stat().st_size)


def _look(iso: Path, commands: Sequence[str]) -> str:
    try:
        return xorriso([*_open(iso), *commands])
    except CommandFailed as error:
        said = re.findall(r"^\w+ ?: (?:FAILURE|FATAL|SORRY) : (.{1,200})", error.tail, re.MULTILINE)
        raise PlanexError(f"{iso} cannot be read: {said[0] if said else error.message}", "it is damaged") from None


def parse_listing(text: str, iso: Path, size: int) -> Image:
    """Read ``-exec report_lba`` lines; a file of more than one extent has a line for each, its size in all of them."""
    files: dict[str, int] = {}
    spans: dict[str, tuple[Span, ...]] = {}
    for match in _LISTED.finditer(text):
        start, blocks, bytes_ = (int(word) for word in match.groups()[:3])
        name = match[4].replace("'\"'\"'", "'")
        files[name] = bytes_
        before = spans.get(name, ())
        left = bytes_ - sum(span.size for span in before)
        spans[name] = (*before, Span(start * BLOCK, min(left, blocks * BLOCK)))
    return Image(iso, size, files, spans)


def _open(iso: Path) -> Sequence[str]:
    require_iso(iso)
    return ["-indev", f"stdio:{iso}"]


def require_iso(path: Path) -> None:
    """Raise PlanexError, at once, unless a regular file has an ISO 9660 volume descriptor.

    That is (ECMA-119 section 8) the identifier CD001 in sector 16.
    """
    with open_regular(path) as file:
        file.seek(16 * 2048 + 1)
        found = file.read(5)
        size = file.seek(0, 2)
    if found != b"CD001":
        what = "it is empty" if not size else "it has no ISO 9660 volume descriptor"
        raise PlanexError(f"{path} is not an ISO image: {what}")
