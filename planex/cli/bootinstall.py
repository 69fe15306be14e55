# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex boot --scenario install``: the ISO installs itself on a fresh disk, which then proves itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from planex.cli.context import Context
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.host.definition import IsoDefinition, load_definition
from planex.machine.boot import Booted
from planex.machine.conversation import Turn, choose_entry
from planex.machine.install import ANSWERS, install_and_boot, make_disk, write_answers
from planex.machine.qemu import Machine
from planex.units import clock

DISK = 6144
"""MiB of the disk."""
ENTRY = "unattended-serial"


def install_on_disk(
    context: Context,
    machine: Machine,
    answers: Path | None,
    serial: Path,
    timeout: float,
    show: Callable[[str], None] = lambda text: None,
) -> Booted:
    """Install by the answers, which may be given, and take the proof of the installed host."""
    turn = entry_turn(load_definition(context.workspace), ENTRY)
    first = serial.with_name(f"{serial.stem}-install{serial.suffix}")
    text = answers.read_text() if answers else ANSWERS
    serial.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(serial.parent, "install") as folder:
        disk = make_disk(folder / "disk.img", DISK)
        machine = replace(machine, disks=(disk,), answers=write_answers(folder / "answers", text))
        host = install_and_boot(machine, [turn], (first, serial), timeout, show)
    context.reporter.success(f"installed in {clock(host.seconds)}; console: {first}")
    return host.booted


def entry_turn(definition: IsoDefinition, name: str) -> Turn:
    """How the entry ``name`` of the ISO's menu is chosen."""
    names = [entry.name for entry in definition.entries]
    if name not in names:
        raise PlanexError(f"iso/iso.yaml has no entry '{name}'", "add it; docs/install.md shows what it starts")
    default = next(number for number, entry in enumerate(definition.entries) if entry.default)
    return choose_entry([entry.title for entry in definition.entries], default, names.index(name))
