# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starting from a network what an ISO starts: GRUB's images for PXE, and its menu told where files are there.

All paths of such a menu begin at ``$prefix``, the folder of the server that GRUB came from: the set works in any. The
live root is fetched by the initrd, by HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.errors import MissingTool
from planex.medium.efi import mkimage
from planex.medium.entry import LIVE_IMAGE
from planex.medium.grubscript import GrubEntry, parse_grub
from planex.run import run

GRUB = Path("/usr/lib/grub")
_MODULES = (
    *("normal", "test", "regexp", "echo", "cat", "tftp", "http", "serial", "terminal", "all_video", "gzio"),
    *("linux", "multiboot2", "configfile", "search", "sleep", "reboot", "halt"),
)
_LOADED = re.compile(r"(?P<command>\s*(?:linux|initrd|multiboot2?|module2?) +(?:--\S+ +)*)(?=/)", re.MULTILINE)
"""What stands before the path of a file that a line loads."""
_ROOT = re.compile(r"root=live:(?:CD)?LABEL=\S+")
_WORDS = re.compile(r" rd\.live\.(dir|squashimg)=(\S+)")
_SEARCH = re.compile(r"^search [^\n]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Firmware:
    """GRUB's image for one: its file in the set, GRUB's names of platform and format, what it reaches cards with."""

    file: str
    platform: str
    form: str
    cards: str


FIRMWARES = {
    "bios": Firmware("bios.0", "i386-pc", "i386-pc-pxe", "pxe"),
    "uefi": Firmware("uefi.efi", "x86_64-efi", "x86_64-efi", "efinet"),
}


@dataclass(frozen=True, slots=True)
class NetworkMenu:
    """``text``: for GRUB; ``image``: path of the live root; ``left_out``: titles of entries with another root."""

    text: str
    image: str
    left_out: tuple[str, ...]


def make_loaders(folder: Path) -> None:
    """Write GRUB's image for each firmware: all that the menu needs is inside, which is the first thing it reads."""
    for firmware in FIRMWARES.values():
        modules = GRUB / firmware.platform
        if not (modules / "multiboot2.mod").is_file():
            raise MissingTool(
                f"no GRUB modules in {modules}; they are needed to start from a network",
                "run `planex doctor` to see how to get it",
            )
        run(loader_argv(mkimage(), modules, firmware, folder / firmware.file))


def loader_argv(program: str, modules: Path, firmware: Firmware, output: Path) -> list[str]:
    """grub-mkimage without a prefix: GRUB takes the folder of the server that it was loaded from."""
    # fmt: off
    return [
        program,
        "--format", firmware.form,
        "--directory", str(modules),
        "--prefix", "",
        "--output", str(output),
        firmware.cards, *_MODULES,
    ]
    # fmt: on


def network_menu(text: str, digests: Mapping[str, str], url: str, arguments: str = "") -> NetworkMenu:
    """The menu of an ISO for GRUB on a network. ``url``: of the set by HTTP; empty: where GRUB came from.

    ``digests``: path to SHA-256 of what may be a live root; ``arguments``: more for the kernels, in which ``$live`` is
    the URL.
    """
    kept, left_out = _live_entries(text)
    words = dict(_WORDS.findall(kept))
    image = LIVE_IMAGE
    if words:
        image = "/" + "/".join((words.get("dir", "LiveOS").strip("/"), words.get("squashimg", "squashfs.img")))
    root = f"root=live:$live{image} rd.live.sha256={digests.get(image, '')}{arguments and ' ' + arguments}"
    kept = _ROOT.sub(root, _WORDS.sub("", _SEARCH.sub("", kept)))
    return NetworkMenu(_where(url) + _LOADED.sub(r"\g<command>$prefix", kept), image, left_out)


def _where(url: str) -> str:
    """Commands that set ``live`` to the URL of the set, without a slash at its end."""
    if url:
        return f"set live={url.rstrip('/')}\n"
    return (
        "regexp --set=1:folder '^\\([^)]*\\)/*(.*)$' \"$prefix\"\n"
        "set live=http://$net_default_server\n"
        'if [ -n "$folder" ]; then set live=$live/$folder; fi\n'
    )


def _live_entries(text: str) -> tuple[str, tuple[str, ...]]:
    """The menu without the entries that look for another root than the live image, and their titles."""
    entries, lines = parse_grub(text).entries, text.splitlines(keepends=True)
    ends = [*(entry.line - 1 for entry in entries[1:]), len(lines)]
    other = [(entry, end) for entry, end in zip(entries, ends, strict=True) if not _is_live(entry)] if entries else []
    gone = {number for entry, end in other for number in range(entry.line - 1, end)}
    kept = "".join(line for number, line in enumerate(lines) if number not in gone)
    return kept, tuple(entry.title for entry, _ in other)


def _is_live(entry: GrubEntry) -> bool:
    return any(_ROOT.fullmatch(word) for command in entry.commands for word in command.words)
