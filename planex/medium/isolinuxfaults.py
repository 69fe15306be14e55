# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is wrong with an isolinux.cfg by itself: entries that cannot start, defaults of nothing. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from planex.medium.grubfaults import LIVE, Fault, Has, swallowed

_STARTERS = frozenset({"kernel", "linux", "com32", "boot", "bss", "pxe", "fdimage", "config", "localboot"})
_MENU_ACTIONS = frozenset({"quit", "exit", "goto", "separator", "disabled", "begin", "end"})
MAX_LINE = 4096


@dataclass(slots=True)
class Label:
    """An entry: the line that it begins at, its name, and its lines as (line, command, rest)."""

    line: int
    name: str
    lines: list[tuple[int, str, str]] = field(default_factory=list)

    def values(self, *commands: str) -> list[tuple[int, str]]:
        return [(line, rest) for line, command, rest in self.lines if command in commands]


def parse_isolinux(text: str) -> tuple[Label, list[Label]]:
    """What stands before the first entry (as an entry without a name), and the entries."""
    head, labels = Label(0, ""), list[Label]()
    for number, line in enumerate(text.splitlines(), 1):
        command, _, rest = line[:MAX_LINE].strip().replace("\t", " ").partition(" ")
        if command.lower() == "label":
            labels.append(Label(number, rest.strip()))
        elif command and not command.startswith("#"):
            (labels[-1] if labels else head).lines.append((number, command.lower(), rest.strip()))
    return head, labels


def isolinux_faults(text: str, folder: str, has: Has, others: Sequence[str] = ()) -> list[Fault]:
    """Every fault of a menu in a folder of the medium; ``others``: names of the entries in the menus beside it."""
    head, labels = parse_isolinux(text)
    everything = [head, *labels]
    found = [fault for label in labels for fault in _label_faults(label, folder, has)]
    names = {label.name.lower() for label in labels} | {name.lower() for name in others}
    for label in everything:
        for line, name in label.values("default", "ontimeout"):
            word = (name.split() or [""])[0]
            if word.lower() not in names and not has(posixpath.join(folder, word)):
                found.append((line, f"the default '{word}' is no entry"))
    goes_on = head.values("include", "config", "kernel", "default") or _includes(head)
    if not labels and not goes_on:
        found.append((0, "it has no entry"))
    return sorted(found)


def _includes(head: Label) -> list[str]:
    return [rest for _, rest in head.values("menu") if rest.lower().startswith("include")]


def _label_faults(label: Label, folder: str, has: Has) -> Iterator[Fault]:
    starters = label.values(*_STARTERS)
    actions = {word for _, rest in label.values("menu") for word in rest.lower().split()[:1]}
    if not starters and not actions & _MENU_ACTIONS and not has(posixpath.join(folder, label.name)):
        yield label.line, f"the entry '{label.name}' names no kernel"
    if any(not rest for _, rest in starters):
        yield label.line, f"the entry '{label.name}' names no kernel"
    appended = label.values("append")
    words = [word for _, rest in appended for word in rest.split()]
    line = appended[0][0] if appended else label.line
    modules = _modules(words)
    if any(posixpath.basename(rest).startswith("mboot.c32") for _, rest in starters):
        yield from ((line, text) for text in _mboot_faults(modules, words))
    loaded = len(modules) > 2 or label.values("initrd") or any(word.startswith("initrd=") for word in words)
    if any(LIVE.match(word) for word in words) and not loaded:
        yield line, "a live root is started without an initrd"
    for module in modules:
        yield from ((line, text) for text in swallowed(module[1:], has))


def _modules(words: Sequence[str]) -> list[list[str]]:
    """The words of ``append``, parted as mboot.c32 does."""
    modules: list[list[str]] = [[]]
    for word in words:
        if word == "---":
            modules.append([])
        else:
            modules[-1].append(word)
    return modules


def _mboot_faults(modules: Sequence[Sequence[str]], words: Sequence[str]) -> Iterator[str]:
    if not words:
        yield "mboot.c32 is given nothing to start"
    elif not all(modules):
        yield "'---' parts nothing"
    elif len(modules) < 2 and "xen" in words[0].lower():
        yield f"{words[0]} is started without a kernel for dom0: '---' parts the two"
