# SPDX-License-Identifier: LGPL-2.1-or-later
"""Arguments added to the kernels of a boot menu that exists, line by line: nothing else of it changes. Pure."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_LINUX = re.compile(r"\s*(linux|linuxefi|linux16)\s")
_MODULE = re.compile(r"\s*(module|module2)\s")
_APPEND = re.compile(r"\s*append\s", re.IGNORECASE)
_SEPARATOR = " --- "


def with_arguments(path: str, text: str, arguments: str) -> str:
    """The menu with ``arguments`` behind those of every kernel; under Xen that is the first module after it."""
    change = _grub if PurePosixPath(path).name == "grub.cfg" else _isolinux
    return "".join(change(text.splitlines(keepends=True), f" {arguments}"))


def _grub(lines: list[str], more: str) -> list[str]:
    changed, modules = [], 0
    for line in lines:
        modules = modules + 1 if _MODULE.match(line) else 0
        changed.append(_ended(line, more) if _LINUX.match(line) or modules == 1 else line)
    return changed


def _isolinux(lines: list[str], more: str) -> list[str]:
    return [_appended(line, more) if _APPEND.match(line) else line for line in lines]


def _appended(line: str, more: str) -> str:
    """mboot.c32 takes modules parted by ``---``: the hypervisor, its kernel, the initrd."""
    parts = line.rstrip("\n").split(_SEPARATOR)
    if len(parts) == 1:
        return _ended(line, more)
    return _SEPARATOR.join([parts[0], parts[1].rstrip() + more, *parts[2:]]) + line[len(line.rstrip("\n")) :]


def _ended(line: str, more: str) -> str:
    kept = line.rstrip()
    return kept + more + line[len(line.rstrip("\r\n")) :]
