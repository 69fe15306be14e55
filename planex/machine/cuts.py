# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cuts the power of an installation at many moments, and looks at what the disk says afterwards.

One installation serves for all: at each moment QEMU begins a new layer of the disk, so that the one below stays what a
power cut would have left; at the last the machine really goes off. All that the host had written is on the disk then:
this is a drive that keeps what it took, and says nothing of drives that lie about that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from planex.disk import naming
from planex.drafts import temporary_folder
from planex.machine.boot import BootFailed, Cause, hear
from planex.machine.conversation import Conversation, Turn
from planex.machine.install import BEGUN, DONE, FAILED, Show
from planex.machine.monitor import ask, make_pipes
from planex.machine.proof import without_escapes
from planex.machine.qemu import BIOS_PORT, Machine

UNFINISHED = "The installation on this disk was not finished"
WHOLE = "planex-boot-report: end"
NOTHING = ("No bootable device", "No bootable option", "Start PXE over", "Boot Failed", "UEFI Interactive Shell")
"""What a firmware says that finds nothing to start."""
LOST = ("grub rescue>", "grub>")
"""What a loader says that does not find its menu."""
STEPS = (BEGUN, "Boot loader, which", "The system", "Identity, users", "Boot menu", "Done", DONE)
"""How the lines begin that the installer says at its steps."""
SPEAKS = STEPS.index("The system")
"""From this step on the disk has to say something itself."""
SPAN = 0.8
"""About the time from the first write to the end, as a part of that from power-on to the first write."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The power went: so many ``seconds`` after the first write, in which of STEPS, and ``disk`` is what it left."""

    disk: Path
    seconds: float
    step: int

    @property
    def when(self) -> str:
        """The moment, in words."""
        return f"{self.seconds:.1f} s after the first write, in '{re.sub(',.*| on $', '', STEPS[self.step])}'"


@dataclass
class PowerCuts:
    """Listens to an installation and calls ``keep`` at ``moments`` (parts of SPAN, ascending) but the last.

    ``keep`` returns the disk as it is. At the last moment, or at the end of the installation, it has heard enough.
    """

    talk: Conversation
    keep: Callable[[], Path]
    moments: Sequence[float]
    made: list[Cut] = field(default_factory=list)
    step: int = -1
    seconds: float = 0.0
    """Since the first write."""
    _started: float = field(default_factory=time.monotonic)
    _begun: float = 0.0
    _heard: str = ""

    @property
    def fatal(self) -> str:
        return self.talk.fatal

    def feed(self, text: str) -> str | None:
        answer = self.talk.feed(text)
        self._heard = (self._heard + without_escapes(text))[-4096:]
        while self.step + 1 < len(STEPS) and any(words in self._heard for words in STEPS[self.step + 1 :]):
            self.step += 1
        if self.step >= 0:
            self._begun = self._begun or time.monotonic()
            self.seconds = time.monotonic() - self._begun
            if self._due() and len(self.made) < len(self.moments) - 1:
                self.made.append(Cut(self.keep(), self.seconds, self.step))
        return answer

    def _due(self) -> bool:
        span = SPAN * (self._begun - self._started)
        return self.seconds >= self.moments[len(self.made)] * span

    def finished(self) -> bool:
        last = len(self.made) == len(self.moments) - 1
        return self.talk.finished() or (self.step >= 0 and last and self._due())


@dataclass
class AfterCut:
    """Listens to what a disk says whose installation was cut off."""

    fatal: str = ""
    said: str = ""
    _heard: str = ""

    def feed(self, text: str) -> None:
        self._heard += without_escapes(text)
        found = [words for words in (UNFINISHED, WHOLE, *LOST, *NOTHING) if words in self._heard]
        twice = "".join(
            letter * 2 for letter in UNFINISHED
        )  # from the boot code, and from the BIOS that shows the screen
        self.said = UNFINISHED if twice in self._heard else found[0] if found else ""

    def finished(self) -> bool:
        return bool(self.said)


@dataclass
class Layers:
    """A disk of a running machine, whose states are kept one below the other."""

    monitor: Path
    drive: str
    top: Path
    count: int = 0

    def keep(self) -> Path:
        """The disk as it is now; what is written from now on goes to another file."""
        self.count += 1
        above = self.top.with_name(f"layer{self.count}.qcow2")
        where = {"device": self.drive, "snapshot-file": str(above), "format": "qcow2"}
        ask(self.monitor, "blockdev-snapshot-sync", where)
        kept, self.top = self.top, above
        return kept


def cut_installation(
    machine: Machine, turns: Sequence[Turn], moments: Sequence[float], log: Path, timeout: float, show: Show
) -> list[Cut]:
    """Install on the first disk of ``machine``, and cut the power at ``moments``; the disk of the last keeps going."""
    disk = machine.disks[0].absolute()
    with temporary_folder(disk.parent, "monitor") as folder:
        monitor = make_pipes(folder / "monitor")
        layers = Layers(monitor, "drive1", disk)
        ear = PowerCuts(Conversation(turns, DONE, FAILED), layers.keep, sorted(moments))
        end = hear(replace(machine, monitor=monitor), log, ear, timeout, show)
    if end.cause is not Cause.REPORT or ear.fatal:
        raise BootFailed(f"the installation did not come to its cuts: {ear.fatal or end.text}", log)
    return [*ear.made, Cut(layers.top, ear.seconds, ear.step)]


def look(machine: Machine, cut: Cut, log: Path, timeout: float, show: Show) -> str:
    """What the disk says when a machine is started from it; nothing of that is kept."""
    ear, port = AfterCut(), cut.disk.with_name("bios-port")
    with naming(port, "write"):
        port.write_bytes(BIOS_PORT)
    off = replace(machine.from_disk(), disks=(cut.disk,), keeps=False, bios_port=port)
    hear(off, log, ear, timeout, show)
    if why := complaint(cut.step, ear.said):
        raise BootFailed(f"cut off {cut.when}, the disk {why}", log)
    return ear.said


def complaint(step: int, said: str) -> str:
    """What is wrong with a disk that says this after a cut in this step, or nothing."""
    if not said or said in LOST:
        return f"neither starts nor says why: '{said}'"
    if said in NOTHING and step >= SPEAKS:
        return f"does not say that its installation was not finished: '{said}'"
    return ""
