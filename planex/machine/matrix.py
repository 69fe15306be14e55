# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many boots of one ISO, several at once: each is a cell with a proof of its own, and none that fails stops another."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from planex.disk import naming
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.machine.boot import BootFailed, explain, hear, hint
from planex.machine.conversation import Conversation, Turn
from planex.machine.install import ANSWERS, BEGUN, DISK, FAILED, make_disk, write_answers
from planex.machine.monitor import make_pipes
from planex.machine.proof import Proof
from planex.machine.qemu import FirmwareName, Machine, MediumName
from planex.machine.screen import Onlooker
from planex.run import check_stopped
from planex.workers import workers

REPORT_END = r"planex-boot-report: end(?=\s)"
"""The whole line: a console may be read in the middle of it."""
_NEVER = r"$^"
_OVERHEAD = 300
"""MiB that QEMU itself needs beside the memory of its machine."""
_SHELL = Turn(r"Control-D to continue\): ?$", "\r", again=5)
_RESCUED = Turn(r"[#$] $", "echo planex-rescue-$((6*7)) on $(uname -r)\r")


@dataclass(frozen=True, slots=True)
class Cell:
    """One boot. ``what`` is an entry of the menu, or a scenario."""

    firmware: FirmwareName
    medium: MediumName
    what: str

    @property
    def name(self) -> str:
        """How it is called in tables, in names of files, and where it is chosen."""
        return f"{self.firmware}-{self.medium}-{self.what}"


@dataclass(frozen=True, slots=True)
class Sign:
    """How the host shows that an entry came to its end."""

    heard: str
    """What must be on the console, as a regular expression."""
    turns: tuple[Turn, ...] = ()
    """What is typed before that, once the entry was chosen."""
    xen: bool = False
    """The whole proof of a Xen host is taken."""
    disk: bool = False
    """The machine has an empty disk, and answers for the installer."""


@dataclass(frozen=True, slots=True)
class CellResult:
    """What became of a cell. ``said``: what proved it, in the host's words; ``fault``: why there is no proof."""

    cell: Cell
    seconds: float
    log: Path
    said: str = ""
    fault: str = ""
    tail: str = ""
    picture: Path | None = None


def sign_of(hypervisor: bool, kernel_args: str) -> Sign:
    """The sign of an entry of the menu, by what it starts."""
    words = kernel_args.split()
    consoles = [word.partition("=")[2] for word in words if word.startswith("console=")]
    serial = bool(consoles) and not consoles[-1].startswith("tty0")
    if hypervisor:
        return Sign(REPORT_END, xen=True)
    if any(word.startswith("planex.install=") for word in words) and not serial:
        return Sign(r"planex-installer: (asks|works) on tty0", disk=True)
    if "planex.install=ask" in words:
        return Sign(r"Install on which disk", disk=True)
    if "planex.install=auto" in words:
        return Sign(BEGUN + r"[^\n]+", disk=True)
    if "systemd.unit=rescue.target" in words:
        return Sign(r"planex-rescue-42 on \S+(?=\s)", (_SHELL, _RESCUED))
    return Sign(r"planex-boot-report: kernel (\S+)(.|\n)*planex-boot-report: xen none(.|\n)*" + REPORT_END)


def chosen(cells: Iterable[Cell], patterns: Sequence[str]) -> list[Cell]:
    """Those cells that any of the patterns fits, all where there is none. A pattern that fits no cell is an error."""
    found = list(cells)
    idle = [pattern for pattern in patterns if not any(fnmatchcase(cell.name, pattern) for cell in found)]
    if idle:
        raise PlanexError(
            f"no cell is called '{idle[0]}'", f"cells are called {found[0].name}, {found[-1].name}; * fits all"
        )
    return [cell for cell in found if not patterns or any(fnmatchcase(cell.name, pattern) for pattern in patterns)]


def at_once(memory: int, cores: int, free: int) -> int:
    """How many machines of so many MiB may run at a time: one a core, and no more than memory has room for."""
    return max(1, min(cores, free // (memory + _OVERHEAD)))


def at_once_here(memory: int) -> int:
    """at_once for this machine."""
    found = re.search(r"^MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return at_once(memory, os.cpu_count() or 1, int(found[1]) >> 10 if found else 0)


def boot_entry(machine: Machine, choose: Turn, sign: Sign, log: Path, timeout: float) -> str:
    """Choose an entry of the menu, of which a picture is taken beside ``log``, and hear its sign; what was said."""
    talk = Conversation((choose, *sign.turns), sign.heard, FAILED if sign.disk else _NEVER)
    log.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(log.parent, "cell") as folder:
        machine = replace(machine, monitor=make_pipes(folder / "monitor"))
        if sign.disk:
            disk = make_disk(folder / "disk.img", DISK)
            machine = replace(machine, disks=(disk,), answers=write_answers(folder / "answers", ANSWERS))
        end = hear(machine, log, Onlooker(talk, folder / "monitor", picture_beside(log)), timeout)
    if sign.xen:
        proof = talk.listener.proof()
        if proof is None or not talk.finished():
            raise BootFailed(explain(talk.listener, end), log, hint(machine, end))
        return in_short(proof)
    if not talk.finished() or talk.fatal:
        why = talk.fatal or f"{end.text}; what did not come: {talk.waited_for()}"
        raise BootFailed(f"the entry did not come to its end: {why}", log)
    return " ".join(talk.said.split("\n")[0].split())


def picture_beside(log: Path) -> Path:
    """Where the picture of the menu is that a cell with this log saw."""
    return log.with_suffix(".png")


def in_short(proof: Proof) -> str:
    """A proof in a line."""
    return f"Xen {proof.xen}, Linux {proof.kernel}, root {proof.root or '?'}, Domain-0"


Trial = Callable[[Path], str]
"""Goes through a cell, with the file for its console; what the host said. Raises PlanexError without a proof."""


def run_cells(
    trials: Mapping[Cell, Trial], folder: Path, jobs: int, tell: Callable[[CellResult], None]
) -> list[CellResult]:
    """All cells, ``jobs`` at once, each told as it ends; the results are in the order of ``trials``.

    The last are begun first: those are the scenarios, and long ones at the end would run alone.
    """
    results: dict[Cell, CellResult] = {}
    with workers(jobs) as pool:
        begun = [pool.submit(_result, cell, trial, folder) for cell, trial in reversed([*trials.items()])]
        for future in as_completed(begun):
            result = future.result()
            results[result.cell] = result
            tell(result)
    return [results[cell] for cell in trials]


def _result(cell: Cell, trial: Trial, folder: Path) -> CellResult:
    check_stopped()
    started, log = time.monotonic(), folder / f"{cell.name}.log"
    for old in (log, picture_beside(log)):
        with naming(old, "delete"):
            old.unlink(missing_ok=True)
    said, fault, tail = "", "", ""
    try:
        said = trial(log)
    except PlanexError as error:
        fault, tail = error.message, getattr(error, "tail", "")
        log = getattr(error, "log", None) or log
    picture = picture_beside(folder / f"{cell.name}.log")
    return CellResult(cell, time.monotonic() - started, log, said, fault, tail, picture if picture.exists() else None)
