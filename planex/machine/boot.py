# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts an ISO in a virtual machine and waits for the positive proof that it is a working Xen host."""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import IO, Protocol

from planex.disk import naming
from planex.drafts import temporary_folder
from planex.errors import LoggedError
from planex.machine import qemu
from planex.machine.proof import Listener, Proof, readable
from planex.processes import processor_time
from planex.run import Process, spawn, tail

KVM_DIED = "KVM internal error"
MEMORY = 1024
"""MiB that a machine needs for Xen, dom0 and the live host's writable layer."""
TICK = 0.5
"""Seconds between looks at the clock."""
CHUNK = 65536


class BootFailed(LoggedError):
    """The ISO gave no proof. ``log`` is the file with all that the machine said, ``tail`` its end."""

    def __init__(self, message: str, serial: Path, hint: str | None = None) -> None:
        end = tail(readable(serial.read_text(errors="replace"))) if serial.exists() else ""
        super().__init__(message, hint, end, serial)


class Cause(Enum):
    """Why the wait for a host's report ended."""

    REPORT = "report"
    """It is over, or the host cannot go on."""
    TIME = "time"
    KVM = "kvm"
    """This machine's KVM failed."""
    OFF = "off"


@dataclass(frozen=True, slots=True)
class End:
    """What ended the wait, as a value and in words."""

    cause: Cause
    text: str


class Ear(Protocol):
    """Who listens to a machine's console."""

    @property
    def fatal(self) -> str:
        """What ended all hope; empty while there is hope."""

    def feed(self, text: str) -> str | None:
        """Hear the next characters of the console; returns what to type, if anything."""

    def finished(self) -> bool:
        """Whether all that is wanted was heard."""


@dataclass(frozen=True, slots=True)
class Booted:
    """A boot that was proved."""

    machine: qemu.Machine
    proof: Proof
    seconds: float
    """From power-on to the end of the report."""
    serial: Path


def boot(
    machine: qemu.Machine,
    serial: Path,
    timeout: float,
    show: Callable[[str], None] = lambda text: None,
    visit: Callable[[], None] | None = None,
) -> Booted:
    """Start ``machine`` and return its proof; the machine is off afterwards. ``visit`` is called before, if it is up.

    All that comes by the serial port goes to the file ``serial`` and, as it comes, to ``show``. ``timeout`` is in
    seconds. Raises BootFailed where the machine ends, panics or says nothing that proves it in that time.
    """
    listener, started = Listener(), time.monotonic()
    end = hear(machine, serial, _Visited(listener, visit) if visit else listener, timeout, show)
    proof = listener.proof()
    if proof is None:
        raise BootFailed(explain(listener, end), serial, hint(machine, end))
    return Booted(machine, proof, time.monotonic() - started, serial)


@dataclass
class _Visited:
    """Listens to a host's report, and has it visited at the end of that, while the machine runs."""

    listener: Listener
    visit: Callable[[], None] | None

    @property
    def fatal(self) -> str:
        return self.listener.fatal

    def feed(self, text: str) -> None:
        self.listener.feed(text)

    def finished(self) -> bool:
        if self.visit and self.listener.proof():
            self.visit()
            self.visit = None
        return self.listener.finished()


def hear(
    machine: qemu.Machine, serial: Path, ear: Ear, timeout: float, show: Callable[[str], None] = lambda text: None
) -> End:
    """Start ``machine``, let ``ear`` listen and type until it has heard enough, and turn the machine off."""
    program = qemu.find_program()
    serial.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(serial.parent, "boot") as folder, serial.open("wb", buffering=0) as log:
        argv = qemu.qemu_argv(program, machine, qemu.prepare_firmware(machine.firmware, folder))
        with spawn(argv, stdin=True, leash=True) as process:
            return _listen(process, log, ear, Allowance(process.pid, timeout), show)


def explain(listener: Listener, end: End) -> str:
    """Why there is no proof: what ended the wait, how far the host came, what is missing."""
    why = listener.fatal or listener.contradiction() or end.text
    missing = f"; missing: {', '.join(listener.missing())}" if listener.missing() else ""
    return f"no proof of a working Xen host: {why}\n{listener.progress()}{missing}"


def hint(machine: qemu.Machine, end: End) -> str:
    """What to try next."""
    if end.cause is Cause.KVM:
        return "KVM does not work on this machine; use emulation: planex boot --accel tcg"
    if machine.memory < MEMORY:
        return f"{too_small(machine)}; give it more: planex boot --memory {MEMORY}"
    if end.cause is Cause.TIME:
        return f"give it more time (--timeout), or look on: planex boot --firmware {machine.firmware} --show"
    return f"look on while it starts: planex boot --firmware {machine.firmware} --show"


def too_small(machine: qemu.Machine) -> str:
    """Why a host may not come up for want of memory, or nothing."""
    needs = f"the machine has {machine.memory} MiB of memory, a live host needs {MEMORY}"
    return needs if machine.memory < MEMORY else ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How long a machine may take. Time in which other programs had the processor is not the machine's."""

    pid: int
    seconds: float
    started: float = field(default_factory=time.monotonic)

    def used(self) -> float:
        """The machine's seconds: since its start but for those that it waited, and never fewer than it ran."""
        ran, waited = processor_time(self.pid)
        return max(ran, time.monotonic() - self.started - waited)

    def over(self) -> bool:
        """Whether it has taken that long."""
        return time.monotonic() - self.started >= self.seconds and self.used() >= self.seconds


def _listen(
    process: Process[bytes], log: IO[bytes], ear: Ear, allowance: Allowance, show: Callable[[str], None]
) -> End:
    """Feed the console to who listens until they are satisfied or there is no hope; return what ended it."""
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    errors = b""
    for name, data in _output(process, allowance):
        if name == "time":
            return End(Cause.TIME, f"no report within {allowance.seconds:.0f} s")
        if name == "stderr":
            errors += data
            if KVM_DIED.encode() in errors:
                return End(Cause.KVM, f"QEMU said '{KVM_DIED}'")
            continue
        with naming(Path(log.name), "write"):
            log.write(data)
            log.flush()
        text = decode(data)
        show(text)
        _type(process, ear.feed(text))
        if ear.finished() or ear.fatal:
            return End(Cause.REPORT, "the report ended")
    said = errors.decode(errors="replace").strip()
    text = f"the machine went off (QEMU ended with status {process.wait()})" + (f": {said}" if said else "")
    return End(Cause.OFF, text)


def _type(process: Process[bytes], text: str | None) -> None:
    if text and process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # the machine went off
            process.stdin.write(text.encode())
            process.stdin.flush()


def _output(process: Process[bytes], allowance: Allowance) -> Iterator[tuple[str, bytes]]:
    """Pieces of QEMU's two outputs, until both are closed; ``time`` once allowance is over."""
    with closing(selectors.DefaultSelector()) as selector:
        for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
            assert stream is not None
            selector.register(stream, selectors.EVENT_READ, name)
        while selector.get_map():
            if allowance.over():
                yield "time", b""
            ready = selector.select(TICK)
            if not ready:
                yield "stdout", b""  # who listens may have waited long enough
            for key, _ in ready:
                data = os.read(key.fd, CHUNK)
                if data:
                    yield key.data, data
                else:
                    selector.unregister(key.fileobj)
