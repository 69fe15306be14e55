# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is wrong with a grub.cfg by itself: what cannot be read or started, defaults of nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from planex.medium.grubscript import Command, GrubEntry, Script, parse_grub

KERNELS = frozenset({"linux", "linux16", "linuxefi"})
HYPERVISORS = frozenset({"multiboot", "multiboot2", "xen_hypervisor"})
MODULES = frozenset({"module", "module2", "xen_module"})
INITRDS = frozenset({"initrd", "initrd16", "initrdefi"})
LIVE = re.compile(r"^root=live:(?:CD)?LABEL=")
_GOES_ON = frozenset({*KERNELS, *HYPERVISORS, "configfile", "source", ".", "chainloader", "normal", "ntldr", "blscfg"})

Fault = tuple[int, str]
"""Line (from 1; 0 for the whole) and what is wrong there."""
Has = Callable[[str], bool]
"""Whether a path is a file of the medium."""


def grub_faults(text: str, has: Has) -> list[Fault]:
    """Every fault of a menu, in the order of its lines."""
    script = parse_grub(text)
    found = [*script.faults, *_default_faults(script)]
    for entry in script.entries:
        found += _entry_faults(entry, has)
    if not script.entries and not any(command.words[0] in _GOES_ON for command in script.commands):
        found.append((0, "it has no entry"))
    return sorted(found)


def _entry_faults(entry: GrubEntry, has: Has) -> Iterator[Fault]:
    if entry.submenu:
        return
    if not entry.commands:
        yield entry.line, f"the entry '{entry.title}' does nothing"
    kinds = [command.words[0] for command in entry.commands]
    modules = [command for command in entry.commands if command.words[0] in MODULES]
    started = [command for command in entry.commands if command.words[0] in HYPERVISORS | KERNELS]
    if modules and not HYPERVISORS & set(kinds):
        yield entry.line, f"the entry '{entry.title}' has modules, but nothing that they are for"
    if INITRDS & set(kinds) and not started:
        yield entry.line, f"the entry '{entry.title}' has an initrd, but no kernel"
    for command in started:
        yield from _start_faults(command, modules)
    yield from _live_faults(entry, modules, has)
    yield from (fault for command in entry.commands for fault in _swallowed(command, has))


def _start_faults(command: Command, modules: Sequence[Command]) -> Iterator[Fault]:
    paths = _words(command)
    if not paths:
        yield command.line, f"{command.words[0]} names no file"
    elif command.words[0] in HYPERVISORS and "xen" in paths[0].lower() and not _is_kernel(modules[:1]):
        yield command.line, f"{paths[0]} is started without a kernel for dom0"


def _words(command: Command) -> list[str]:
    return [word for word in command.words[1:] if not word.startswith("--")]


def _is_kernel(first: Sequence[Command]) -> bool:
    """Whether the first module of Xen, if there is one, can be dom0's kernel."""
    return any(not re.search(r"initrd|initramfs", "".join(_words(command)[:1])) for command in first)


def _live_faults(entry: GrubEntry, modules: Sequence[Command], has: Has) -> Iterator[Fault]:
    live = [command for command in entry.commands if any(LIVE.match(word) for word in command.words)]
    loaded = len(modules) > 1 or any(command.words[0] in INITRDS for command in entry.commands)
    if live and not loaded:
        yield live[0].line, "a live root is started without an initrd"


def _swallowed(command: Command, has: Has) -> Iterator[Fault]:
    """A path among the arguments that is a file of the medium should have been a command of its own."""
    if command.words[0] in KERNELS | HYPERVISORS | MODULES:
        yield from ((command.line, text) for text in swallowed(_words(command)[1:], has))


def swallowed(arguments: Sequence[str], has: Has) -> Iterator[str]:
    """Sentences about files of the medium among the arguments of another: what parted the two is lost."""
    for word in arguments:
        if word.startswith("/") and has(word):
            yield f"{word} is given as an argument, not loaded: what parted it from the words before is lost"


def _default_faults(script: Script) -> Iterator[Fault]:
    elsewhere = any(command.words[0] in ("source", "configfile", ".", "blscfg") for command in script.commands)
    settings = [command for command in script.commands if _default(command) is not None and not command.conditional]
    if elsewhere or not settings or not script.entries:
        return
    name = _default(settings[-1]) or ""
    first = name.split(">", 1)[0]
    known = {text for entry in script.entries for text in (entry.title, entry.name) if text}
    counted = first.isascii() and first.isdigit() and int(first[:9]) < len(script.entries)
    if not ("$" in name or counted or first in {*known, "saved", ""}):
        yield settings[-1].line, f"the default '{name}' is no entry"


def _default(command: Command) -> str | None:
    words = command.words[1:] if command.words[0] == "set" else command.words
    return next((word.removeprefix("default=") for word in words[:1] if word.startswith("default=")), None)
