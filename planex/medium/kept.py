# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boot entries that a medium has already, read out of its menus into the one model. Pure.

GRUB's menu is read where there is one, else isolinux': media have the same entries in both.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pydantic import ValidationError

from planex.medium.entry import BootEntry
from planex.medium.grubscript import Command, Script, parse_grub
from planex.medium.isolinuxfaults import Label, parse_isolinux
from planex.medium.metadata import replace_label

_LINUX, _INITRD = ("linux", "linuxefi", "linux16"), ("initrd", "initrdefi", "initrd16")
_MEDIA_CHECK = "rd.live.check"
_NO_CHECK = "it checks the medium by a checksum that only its maker can put there; SHA256SUMS is on it instead"


@dataclass(frozen=True, slots=True)
class Kept:
    """``entries``: of the medium, at most one of them the default; ``left_out``: titles of others, each with why."""

    entries: tuple[BootEntry, ...]
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Found:
    title: str
    kernel: str
    words: tuple[str, ...]
    initrds: tuple[str, ...]
    default: bool


def kept_entries(menus: Mapping[str, str], label: str, new_label: str) -> Kept:
    """What the menus of a medium start, told to look for ``new_label``. ``menus``: path to text."""
    found: list[_Found] = []
    for path in sorted(menus, key=_order):
        text = replace_label(menus[path], label, new_label)
        found = list(
            _grub(text) if PurePosixPath(path).name == "grub.cfg" else _isolinux(text, posixpath.dirname(path))
        )
        if any(each.kernel for each in found):
            break
    return _judged(found)


def _order(path: str) -> tuple[bool, str]:
    return (not path.endswith("/grub.cfg"), path)


def _judged(found: Sequence[_Found]) -> Kept:
    entries: list[BootEntry] = []
    left_out: list[tuple[str, str]] = []
    for each in found:
        if reason := _unfit(each):
            left_out.append((each.title, reason))
            continue
        try:
            entries.append(_entry(each, {entry.name for entry in entries}))
        except ValidationError as error:
            left_out.append((each.title, str(error.errors()[0]["msg"]).removeprefix("Value error, ")))
    return Kept(tuple(entries), tuple(left_out))


def _unfit(found: _Found) -> str:
    if not found.kernel or not found.initrds:
        return "it starts no kernel of the medium with an initrd"
    if len(found.initrds) > 1:
        return "it has several initrds"
    return _NO_CHECK if _MEDIA_CHECK in found.words else ""


def _entry(found: _Found, taken: set[str]) -> BootEntry:
    slug = re.sub(r"[^a-z0-9]+", "-", found.title.lower()).strip("-") or "entry"
    name = next(name for name in (slug, *(f"{slug}-{number}" for number in range(2, 1000))) if name not in taken)
    return BootEntry(
        name=name,
        title=found.title,
        kernel=found.kernel,
        kernel_args=" ".join(found.words),
        initrd=found.initrds[0],
        live=False,
        default=found.default,
    )


def _grub(text: str) -> Iterator[_Found]:
    script = parse_grub(text)
    default = _grub_default(script)
    for number, entry in enumerate(script.entries):
        for each in entry.children or [entry]:
            chosen = not entry.submenu and default in (str(number), entry.name, entry.title)
            kernel, *words = _words(each.commands, _LINUX) or [""]
            yield _Found(each.title, kernel, tuple(words), tuple(_words(each.commands, _INITRD)), chosen)


def _grub_default(script: Script) -> str:
    words = [command.words[1] for command in script.commands if command.words[0] == "set" and len(command.words) > 1]
    values = [word.removeprefix("default=") for word in words if word.startswith("default=")]
    return next((value for value in values if "$" not in value), "0")


def _words(commands: Sequence[Command], names: Sequence[str]) -> list[str]:
    found = next((command.words[1:] for command in commands if command.words[0] in names), ())
    return [word for word in found if not word.startswith("--")]


def _isolinux(text: str, folder: str) -> Iterator[_Found]:
    head, labels = parse_isolinux(text)
    chosen = next((label.name for label in labels if ("default", "") in _menu(label)), "")
    chosen = chosen or next((rest for _, rest in head.values("default")), "")
    for label in labels:
        if not label.values("menu", "kernel", "linux", "append", "localboot"):
            continue
        title = next((rest for word, rest in _menu(label) if word == "label"), label.name).replace("^", "")
        words = [word for _, rest in label.values("append") for word in rest.split()]
        initrds = [word.removeprefix("initrd=") for word in words if word.startswith("initrd=")]
        initrds += [rest for _, rest in label.values("initrd")]
        kernel = next((rest.split()[0] for _, rest in label.values("kernel", "linux") if rest), "")
        yield _Found(
            title,
            _from(folder, kernel),
            tuple(word for word in words if not word.startswith("initrd=")),
            tuple(_from(folder, path) for each in initrds for path in each.split(",")),
            label.name == chosen,
        )


def _menu(label: Label) -> list[tuple[str, str]]:
    """The ``menu`` lines of an entry: their first word, and the rest."""
    rows = [rest.partition(" ") for _, rest in label.values("menu")]
    return [(word.lower(), rest.strip()) for word, _, rest in rows]


def _from(folder: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(folder, path)) if path else ""
