# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all scenarios of ``planex boot`` that install have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from planex.errors import PlanexError
from planex.host.definition import IsoDefinition
from planex.machine.boot import Booted
from planex.machine.conversation import Turn, choose_entry
from planex.machine.install import ANSWERS, Show, from_disk, install, write_answers
from planex.machine.login import Login
from planex.machine.qemu import Machine
from planex.report import Reporter
from planex.units import clock

AUTO, ASK = "unattended-serial", "install-serial"
"""Entries of iso.yaml."""


@dataclass(frozen=True, slots=True)
class InstallTrial:
    """A machine to install on, and what is needed to go through a scenario. ``log``: console of the last start;
    ``upgrade_to``: a repository."""

    machine: Machine
    definition: IsoDefinition
    folder: Path
    log: Path
    timeout: float
    show: Show
    reporter: Reporter
    answers: str = ANSWERS
    cuts: int = 0
    upgrade_to: Path | None = None

    def log_of(self, step: str) -> Path:
        return self.log.with_name(f"{self.log.stem}-{step}{self.log.suffix}")

    def turns(self, entry: str) -> list[Turn]:
        return [entry_turn(self.definition, entry)]

    def with_answers(self, text: str) -> Machine:
        return replace(self.machine, answers=write_answers(self.folder / "answers", text))

    def with_login(self, login: Login) -> Machine:
        """The machine that, once it is installed, can be logged in to."""
        machine = self.with_answers(f'{self.answers}sshkey --username=root "{login.public}"\n')
        return replace(machine, ssh_port=login.port)

    def installed(self, machine: Machine, turns: list[Turn], visit: Callable[[], None] | None = None) -> Booted:
        """Install, tell how long that took, and start from the disks."""
        first = self.log_of("install")
        seconds = install(machine, turns, first, self.timeout, self.show)
        self.reporter.success(f"installed in {clock(seconds)}; console: {first}")
        return from_disk(machine, self.log, self.timeout, self.show, visit)


def entry_turn(definition: IsoDefinition, name: str) -> Turn:
    """How the entry ``name`` of the ISO's menu is chosen."""
    names = [entry.name for entry in definition.entries]
    if name not in names:
        raise PlanexError(f"iso/iso.yaml has no entry '{name}'", "add it; docs/install.md shows what it starts")
    default = next(number for number, entry in enumerate(definition.entries) if entry.default)
    return choose_entry([entry.title for entry in definition.entries], default, names.index(name))
