# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenario ``install``: an ISO puts a host on fresh disks, and the host proves itself from those disks alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from planex.disk import naming
from planex.machine.boot import Booted, BootFailed, Cause, boot, hear
from planex.machine.conversation import Conversation, Turn
from planex.machine.qemu import Machine

DONE, FAILED = r"planex-installer: done", r"planex-installer: failed[^\n]*(\n[^\n]+)*"
"""What the installer says at its end."""
ANSWERS = """\
# What "planex boot --scenario install" answers where no file is given.
ignoredisk --only-use=sda
clearpart --all --drives=sda
reqpart
part / --size=2048 --grow
rootpw --plaintext planex-proof
network --bootproto=dhcp --hostname=installed-host
timezone UTC
reboot
"""


@dataclass(frozen=True, slots=True)
class InstalledHost:
    """A host that was installed and proved itself afterwards."""

    seconds: float
    """From power-on of the medium to the end of the installation."""
    booted: Booted


def make_disk(path: Path, mebibytes: int) -> Path:
    """A fresh disk: an image file that takes no more room than what is written to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with naming(path, "write"), path.open("wb") as file:
        file.truncate(mebibytes << 20)
    return path


def write_answers(folder: Path, text: str) -> Path:
    """A folder that a machine can be given as the volume with its answer file."""
    folder.mkdir(parents=True, exist_ok=True)
    with naming(folder / "ks.cfg", "write"):
        (folder / "ks.cfg").write_text(text)
    return folder


def install(
    machine: Machine,
    turns: Sequence[Turn],
    serial: Path,
    timeout: float,
    show: Callable[[str], None] = lambda text: None,
) -> float:
    """Start ``machine`` from its ISO and talk the installer through to its end; the seconds that took."""
    started = time.monotonic()
    talk = Conversation(turns, DONE, FAILED)
    end = hear(machine, serial, talk, timeout, show)
    if end.cause is not Cause.REPORT or talk.fatal:
        why = talk.fatal or f"{end.text}; what did not come: {talk.waited_for()}"
        raise BootFailed(f"the installation did not come to its end: {why}", serial)
    return time.monotonic() - started


def install_and_boot(
    machine: Machine,
    turns: Sequence[Turn],
    logs: tuple[Path, Path],
    timeout: float,
    show: Callable[[str], None] = lambda text: None,
) -> InstalledHost:
    """Install, then start the machine again without the ISO and take its proof; ``logs``: of both consoles."""
    seconds = install(machine, turns, logs[0], timeout, show)
    return InstalledHost(seconds, boot(replace(machine, iso=None, answers=None), logs[1], timeout, show))
