# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scenarios of ``planex boot``: on a fresh disk, by typing, on two, over old content, cut off, with a guest."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from planex.checksums import digest_of
from planex.cli.bootupgrade import rollback, upgrade
from planex.cli.context import Context
from planex.cli.installtrial import ASK, AUTO, InstallTrial
from planex.drafts import temporary_folder
from planex.host.definition import Live, load_definition
from planex.machine.boot import Booted, BootFailed, hear
from planex.machine.conversation import Conversation
from planex.machine.cuts import cut_installation, look
from planex.machine.guest import LISTED, guest_turns
from planex.machine.install import (
    ANSWERS,
    DISK,
    OTHER_DISK,
    TWO_DISKS,
    TYPED,
    Show,
    from_disk,
    install,
    make_disk,
    put_old_content,
)
from planex.machine.login import log_in, make_login
from planex.machine.qemu import Machine
from planex.units import clock, many

FULL_DISK = 64
"""MiB of a disk that is to stay as it is."""


def _fresh(trial: InstallTrial) -> Booted:
    """Where the answers are planex's own, the installed host is also logged in to, over its network and by key."""
    login = make_login(trial.folder / "login") if trial.answers == ANSWERS else None
    if login is None:
        return trial.installed(trial.with_answers(trial.answers), trial.turns(AUTO))

    def visit() -> None:
        said = log_in(login, "hostname && xl list").split("\n")
        trial.reporter.success(f"logged in by ssh and key; its name is {said[0]}, and it says: {said[2].split()[0]}")

    return trial.installed(trial.with_login(login), trial.turns(AUTO), visit)


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


def _other_disk(trial: InstallTrial) -> Booted:
    """The second disk is named, so the first, which is full of something, stays as it is to the last byte."""
    full = make_disk(trial.folder / "full.img", FULL_DISK)
    with full.open("r+b") as file:
        file.write(random.randbytes(FULL_DISK << 20))
    digest = digest_of(full, "sha256")
    named = trial.machine.disks
    machine = replace(trial.with_answers(OTHER_DISK), disks=(full, *named))
    log = trial.log_of("install")
    seconds = install(machine, trial.turns(AUTO), log, trial.timeout, trial.show)
    trial.reporter.success(f"installed on the second disk in {clock(seconds)}; console: {log}")
    booted = from_disk(replace(machine, disks=named), trial.log, trial.timeout, trial.show)
    if digest_of(full, "sha256") != digest:
        raise BootFailed("the first disk, which nobody named, was written to", log)
    trial.reporter.success(f"the first disk is what it was: SHA-256 {digest}")
    return booted


def _guest(trial: InstallTrial) -> Booted:
    """On the live host: a paravirtual guest, its shell, its network."""
    live = trial.definition.live or Live(packages=("none",))
    default = next(entry.name for entry in trial.definition.entries if entry.default)
    turns = [*trial.turns(default), *guest_turns(live.kernel, live.initrd)]
    machine, started = replace(trial.machine, disks=()), time.monotonic()
    talk = Conversation(turns, LISTED, r"(?m)^libxl: error: .*|^failed to .*|command not found.*")
    end = hear(machine, trial.log, talk, trial.timeout, trial.show)
    proof = talk.listener.proof()
    if proof is None or not talk.finished():
        why = talk.fatal or f"{end.text}; what did not come: {talk.waited_for()}"
        raise BootFailed(f"the guest gave no proof: {why}", trial.log)
    trial.reporter.success(f"its shell works, the host answers its ping, and the host says: {talk.said.strip()}")
    return Booted(machine, proof, time.monotonic() - started, trial.log)


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
    """Cut the power at random moments, look at what the disk says after each, and install on it again."""
    machine, moments = trial.with_answers(trial.answers), [random.random() for _ in range(trial.cuts)]
    cuts = cut_installation(machine, trial.turns(AUTO), moments, trial.log_of("cut"), trial.timeout, trial.show)
    if late := trial.cuts - len(cuts):
        trial.reporter.info(f"{many(late, 'power cut')} would have come after the installation")
    for number, cut in enumerate(cuts, 1):
        said = look(machine, cut, trial.log_of(f"aftercut{number}"), trial.timeout, trial.show)
        trial.reporter.success(f"power cut {number} of {len(cuts)}, {cut.when}: '{said}'")
    return _fresh(replace(trial, machine=replace(trial.machine, disks=(cuts[-1].disk,))))


SCENARIOS: dict[str, Callable[[InstallTrial], Booted]] = {
    "install": _fresh,
    "install-typed": _typed,
    "install-two-disks": _two_disks,
    "install-other-disk": _other_disk,
    "install-old-content": _old_content,
    "install-cut-off": _cut_off,
    "upgrade": upgrade,
    "rollback": rollback,
    "guest": _guest,
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
    upgrade_to: Path | None = None,
) -> Booted:
    """Go through a scenario, and take the proof of the installed host. ``upgrade_to``: a repository for ``upgrade``."""
    definition = load_definition(context.workspace, context.target_name)
    text = answers.read_text() if answers else ANSWERS
    serial.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(serial.parent, "install") as folder:
        machine = replace(machine, disks=(make_disk(folder / "disk.img", DISK),))
        trial = InstallTrial(
            machine, definition, folder, serial, timeout, show, context.reporter, text, cuts, upgrade_to
        )
        return SCENARIOS[scenario](trial)
