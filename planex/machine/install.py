# SPDX-License-Identifier: LGPL-2.1-or-later
"""Installs an ISO on disks of a virtual machine, which then proves itself from those disks alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from planex.disk import naming
from planex.machine.boot import Booted, BootFailed, Cause, boot, hear
from planex.machine.conversation import ENTER, Conversation, Turn
from planex.machine.qemu import Machine

Show = Callable[[str], None]
DONE, FAILED = r"planex-installer: done", r"planex-installer: failed(.|\n)*?(?=\s*The log is [^\n]*\n)"
"""What the installer says at its end."""
BEGUN = r"Partitions on "
"""What it says when the first write is near."""
DISK = 6144
"""MiB of a disk."""
PASSWORD = "planex-proof"
ANSWERS = f"""\
# What "planex boot --scenario install" answers where no file is given.
ignoredisk --only-use=sda
clearpart --all --drives=sda
reqpart
part / --size=2048 --grow
rootpw --plaintext {PASSWORD}
network --bootproto=dhcp --hostname=installed-host
timezone UTC
reboot
"""
TWO_DISKS = ANSWERS.replace("--only-use=sda", "--only-use=sda,sdb").replace(
    "part / --size=2048 --grow",
    "part / --size=2048 --grow --ondisk=sdb\npart /srv/guests --size=512 --grow --ondisk=sda",
)
OTHER_DISK = ANSWERS.replace("=sda", "=sdb")
TYPED = (
    Turn(r"Install on which disk", f"1{ENTER}"),
    Turn(r"Name of the host", f"typed-host{ENTER}"),
    Turn(r"Password of root", f"{PASSWORD}{ENTER}"),
    Turn(r"Once more", f"{PASSWORD}{ENTER}"),
    Turn(r"Public ssh key", ENTER),
    Turn(r"Address with prefix", ENTER),
    Turn(r"Time zone", ENTER),
    Turn(r"Type 'install'", f"install{ENTER}"),
)
"""What a person would type."""


def make_disk(path: Path, mebibytes: int) -> Path:
    """A fresh disk: an image file that takes no more room than what is written to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with naming(path, "write"), path.open("wb") as file:
        file.truncate(mebibytes << 20)
    return path


def put_old_content(disk: Path) -> None:
    """Put on a disk what looks like somebody's file system: the volume descriptor of ISO 9660."""
    with naming(disk, "write"), disk.open("r+b") as file:
        file.seek(16 * 2048)
        file.write(b"\x01CD001\x01\0" + b" " * 32 + b"PRECIOUS".ljust(32))


def write_answers(folder: Path, text: str) -> Path:
    """A folder that a machine can be given as the volume with its answer file."""
    folder.mkdir(parents=True, exist_ok=True)
    with naming(folder / "ks.cfg", "write"):
        (folder / "ks.cfg").write_text(text)
    return folder


def install(
    machine: Machine, turns: Sequence[Turn], serial: Path, timeout: float, show: Show, success: str = DONE
) -> float:
    """Start ``machine`` from its ISO and talk the installer through to its end; the seconds that took."""
    started = time.monotonic()
    talk = Conversation(turns, success, FAILED if success == DONE else "$^")
    end = hear(machine, serial, talk, timeout, show)
    if end.cause is not Cause.REPORT or talk.fatal:
        why = talk.fatal or f"{end.text}; what did not come: {talk.waited_for()}"
        raise BootFailed(f"the installation did not come to its end: {why}", serial)
    return time.monotonic() - started


def from_disk(
    machine: Machine, serial: Path, timeout: float, show: Show, visit: Callable[[], None] | None = None
) -> Booted:
    """Start ``machine`` without its ISO and take its proof; ``visit`` is called while it runs."""
    booted = boot(machine.from_disk(), serial, timeout, show, visit)
    if booted.proof.live or not booted.proof.root:
        raise BootFailed(f"the host does not say that its root is on a disk: '{booted.proof.root}'", serial)
    return booted
