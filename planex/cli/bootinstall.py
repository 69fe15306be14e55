# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scenarios of ``planex boot`` that install: on a fresh disk, by typing, on two, over old content, cut off."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from planex.cli.context import Context
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.host.definition import IsoDefinition, load_definition
from planex.machine.boot import Booted
from planex.machine.conversation import Turn, choose_entry
from planex.machine.install import (
    ANSWERS,
    DISK,
    TWO_DISKS,
    TYPED,
    Show,
    cut_and_look,
    from_disk,
    install,
    make_disk,
    put_old_content,
    write_answers,
)
from planex.machine.login import log_in, make_login
from planex.machine.qemu import Machine
from planex.report import Reporter
from planex.units import clock

AUTO, ASK = "unattended-serial", "install-serial"
"""Entries of iso.yaml."""
LONGEST_CUT = 30.0
"""Seconds after the first write in which the power is cut."""


@dataclass(frozen=True, slots=True)
class InstallTrial:
    """A machine to install on, and what is needed to go through a scenario. ``log``: console of the last start."""

    machine: Machine
    definition: IsoDefinition
    folder: Path
    log: Path
    timeout: float
    show: Show
    reporter: Reporter
    answers: str = ANSWERS
    cuts: int = 0

    def log_of(self, step: str) -> Path:
        return self.log.with_name(f"{self.log.stem}-{step}{self.log.suffix}")

    def turns(self, entry: str) -> list[Turn]:
        return [entry_turn(self.definition, entry)]

    def with_answers(self, text: str) -> Machine:
        return replace(self.machine, answers=write_answers(self.folder / "answers", text))

    def installed(self, machine: Machine, turns: list[Turn], visit: Callable[[], None] | None = None) -> Booted:
        """Install, tell how long that took, and start from the disks."""
        first = self.log_of("install")
        seconds = install(machine, turns, first, self.timeout, self.show)
        self.reporter.success(f"installed in {clock(seconds)}; console: {first}")
        return from_disk(machine, self.log, self.timeout, self.show, visit)


def _fresh(trial: InstallTrial) -> Booted:
    """Where the answers are planex's own, the installed host is also logged in to, over its network and by key."""
    login = make_login(trial.folder / "login") if trial.answers == ANSWERS else None
    if login is None:
        return trial.installed(trial.with_answers(trial.answers), trial.turns(AUTO))
    machine = trial.with_answers(f'{trial.answers}sshkey --username=root "{login.public}"\n')
    machine = replace(machine, ssh_port=login.port)

    def visit() -> None:
        said = log_in(login, "hostname && xl list").split("\n")
        trial.reporter.success(f"logged in by ssh and key; its name is {said[0]}, and it says: {said[2].split()[0]}")

    return trial.installed(machine, trial.turns(AUTO), visit)


def _typed(trial: InstallTrial) -> Booted:
    return trial.installed(trial.machine, [*trial.turns(ASK), *TYPED])


def _two_disks(trial: InstallTrial) -> Booted:
    """The root goes on the second disk, so that is the one which the machine starts from afterwards."""
    disks = (*trial.machine.disks, make_disk(trial.folder / "second.img", DISK))
    trial = replace(trial, machine=replace(trial.machine, disks=disks))
    machine = trial.with_answers(TWO_DISKS)
    first = trial.log_of("install")
    seconds = install(machine, trial.turns(AUTO), first, trial.timeout, trial.show)
    trial.reporter.success(f"installed in {clock(seconds)}; console: {first}")
    return from_disk(replace(machine, disks=disks[::-1]), trial.log, trial.timeout, trial.show)


def _old_content(trial: InstallTrial) -> Booted:
    """Refused as long as nobody says that the old content may be lost."""
    put_old_content(trial.machine.disks[0])
    careful = "".join(line for line in trial.answers.splitlines(True) if not line.startswith("clearpart"))
    refusal = r"/dev/sda is not empty \([^\n]*"
    machine, log = trial.with_answers(careful), trial.log_of("refused")
    install(machine, trial.turns(AUTO), log, trial.timeout, trial.show, success=refusal)
    trial.reporter.success(f"old content without clearpart: refused; console: {log}")
    return _fresh(trial)


def _cut_off(trial: InstallTrial) -> Booted:
    """Cut the power at random moments, look at what the disk says, and install on it again."""
    machine = trial.with_answers(trial.answers)
    for number in range(1, trial.cuts + 1):
        seconds = random.uniform(0, LONGEST_CUT)
        logs = (trial.log_of(f"cut{number}"), trial.log_of(f"aftercut{number}"))
        said = cut_and_look(machine, trial.turns(AUTO), seconds, logs, trial.timeout, trial.show)
        trial.reporter.success(f"power cut {number} of {trial.cuts}, {seconds:.1f} s after the first write: '{said}'")
    return _fresh(trial)


SCENARIOS: dict[str, Callable[[InstallTrial], Booted]] = {
    "install": _fresh,
    "install-typed": _typed,
    "install-two-disks": _two_disks,
    "install-old-content": _old_content,
    "install-cut-off": _cut_off,
}


def install_on_disk(
    context: Context,
    machine: Machine,
    scenario: str,
    answers: Path | None,
    cuts: int,
    serial: Path,
    timeout: float,
    show: Show = lambda text: None,
) -> Booted:
    """Go through a scenario, and take the proof of the installed host."""
    definition = load_definition(context.workspace, context.target_name)
    text = answers.read_text() if answers else ANSWERS
    serial.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(serial.parent, "install") as folder:
        machine = replace(machine, disks=(make_disk(folder / "disk.img", DISK),))
        trial = InstallTrial(machine, definition, folder, serial, timeout, show, context.reporter, text, cuts)
        return SCENARIOS[scenario](trial)


def entry_turn(definition: IsoDefinition, name: str) -> Turn:
    """How the entry ``name`` of the ISO's menu is chosen."""
    names = [entry.name for entry in definition.entries]
    if name not in names:
        raise PlanexError(f"iso/iso.yaml has no entry '{name}'", "add it; docs/install.md shows what it starts")
    default = next(number for number, entry in enumerate(definition.entries) if entry.default)
    return choose_entry([entry.title for entry in definition.entries], default, names.index(name))
