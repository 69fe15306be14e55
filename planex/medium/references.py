# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which files of an ISO its boot menus name. Reads isolinux and GRUB configurations of any origin; pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from planex.medium.grubscript import parse_grub

_GRUB_FILES = {
    "linux": 1,
    "linux16": 1,
    "linuxefi": 1,
    "xen_hypervisor": 1,
    "multiboot": 1,
    "multiboot2": 1,
    "module": 1,
    "module2": 1,
    "xen_module": 1,
    "chainloader": 1,
    "configfile": 1,
    "source": 1,
    "initrd": 99,
    "initrd16": 99,
    "initrdefi": 99,
}
"""Commands of GRUB that load files: how many of their words are paths."""
MAX_LINE = 4096
"""Characters; isolinux and GRUB read no more of a line, and patterns that look ahead take quadratic time."""
_OTHER_DEVICE = re.compile(r"root=\(?(?!cd)[a-z]")
_LABELS = (
    re.compile(r"(?:CD|ISO)?LABEL=([^\s:]+)"),
    re.compile(r"\bsearch\b[^\n]*?(?:-l|--label)[ =]+(?:'([^']+)'|\"([^\"]+)\"|([^\s'\"]+))"),
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A file that a menu names: the menu's path, the line (from 1), and the file's path on the ISO."""

    menu: str
    line: int
    path: str

    def __str__(self) -> str:
        return f"{self.menu}:{self.line}: {self.path}"


@dataclass(frozen=True, slots=True)
class LabelUse:
    """A volume label that a menu looks for, unescaped."""

    menu: str
    line: int
    label: str


def is_menu(path: str) -> bool:
    """Whether a file on an ISO is a boot menu, by its name and folder."""
    pure = PurePosixPath(path)
    if pure.name.lower() in ("isolinux.cfg", "syslinux.cfg", "grub.cfg", "extlinux.conf"):
        return True
    return pure.suffix.lower() == ".cfg" and pure.parent.name.lower() in ("isolinux", "syslinux")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers from 1, as far as a boot loader reads them."""
    return ((number, line[:MAX_LINE]) for number, line in enumerate(text.splitlines(), 1))


def references(menu: str, text: str) -> list[Reference]:
    """Files that the menu at path ``menu`` of the ISO loads from the ISO."""
    if PurePosixPath(menu).name.lower() == "grub.cfg":
        return [Reference(menu, line, path) for line, path in _grub(text)]
    folder = posixpath.dirname(menu)
    return [
        Reference(menu, number, posixpath.normpath(posixpath.join(folder, word)))
        for number, line in _lines(text)
        for word in _isolinux(line.strip())
    ]


def label_uses(menu: str, text: str) -> list[LabelUse]:
    """Volume labels that a menu looks for, in kernel arguments (udev's ``\\x20`` undone) and in GRUB's search."""
    return [
        LabelUse(menu, number, unescape(next(filter(None, match.groups()))))
        for number, line in _lines(text)
        if not line.lstrip().startswith("#")
        for pattern in _LABELS
        for match in pattern.finditer(line)
    ]


def escape(label: str) -> str:
    """A label as udev spells it in /dev/disk/by-label and so in kernel arguments."""
    return re.sub(r"[^A-Za-z0-9#+\-.:=@_]", lambda match: f"\\x{ord(match.group()):02x}", label)


def unescape(label: str) -> str:
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match.group(1), 16)), label)


def _isolinux(line: str) -> Iterator[str]:
    """Paths of one line: loaders and kernels, initrd= of kernels, and the modules of mboot.c32."""
    command, *words = line.split() or [""]
    command = command.lower()
    if command == "append":
        yield from _append(words)
    elif command == "menu" and len(words) > 1 and words[0].lower() in ("background", "include"):
        yield words[1]
    elif words and command in ("kernel", "linux", "ui", "com32", "include", "config", "display", "boot", "font"):
        yield words[0]
    elif words and command == "initrd":
        yield from words[0].split(",")


def _append(words: Sequence[str]) -> Iterator[str]:
    if "---" in words:
        modules = " ".join(words).split("---")
        yield from (module.split()[0] for module in modules if module.split())
        return
    for word in words:
        if word.startswith("initrd="):
            yield from word.removeprefix("initrd=").split(",")


def _grub(text: str) -> Iterator[tuple[int, str]]:
    """Line and path of the files that a script loads, but for those that another device than the ISO is to have."""
    script = parse_grub(text)
    for commands in (script.commands, *(entry.commands for entry in script.entries)):
        elsewhere = False
        for command in commands:
            if command.words[0] == "search":
                elsewhere = False
            elif command.words[0] == "set" and command.words[1:2] and _OTHER_DEVICE.match(command.words[1]):
                elsewhere = True
            elif not elsewhere:
                yield from ((command.line, path) for path in _grub_paths(command.words))


def _grub_paths(words: Sequence[str]) -> Iterator[str]:
    """Paths of one command; those with variables in them, but for ``($root)``, cannot be known and are left out."""
    limit = _GRUB_FILES.get(words[0], 0)
    for word in [word for word in words[1:] if not word.startswith("--")][:limit]:
        path = re.sub(r"^\(\$\{?root\}?\)", "", word)
        if "$" not in path and (path.startswith("/") or not re.match(r"\(|newc:|[\d,+]*\+", path)):
            yield path
