# SPDX-License-Identifier: LGPL-2.1-or-later
"""The virtual machine's argv, and the dialogue with a QEMU that is a shell script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.host.definition import load_definition
from planex.machine import boot as boot_module
from planex.machine.boot import Allowance, BootFailed, Cause, End, boot, hint, too_small
from planex.machine.qemu import Machine, Ovmf, choose_accel, qemu_argv
from planex.processes import processor_time
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.unit.test_boot_proof import CONSOLE
from tests.unit.test_mock import SLOW, wait_for
from tests.unit.test_run import alive

FakeTool = Callable[[str, str], Path]
ISO = Path("/x/a,b.iso")
OVMF = Ovmf(Path("/fw/code.fd"), Path("/fw/vars.fd"))
WITH_VMX = "processor : 0\nflags\t\t: fpu vmx sse\n"


@pytest.mark.parametrize(
    ("cause", "words"), [(Cause.KVM, "--accel tcg"), (Cause.TIME, "--timeout"), (Cause.OFF, "look on")]
)
def test_what_ended_the_wait_decides_what_to_try(cause: Cause, words: str) -> None:
    assert words in hint(Machine(ISO), End(cause, "KVM internal error, no report within"))


def test_a_machine_with_too_little_memory_is_told_why() -> None:
    end = End(Cause.REPORT, "Xen panicked")
    assert too_small(Machine(ISO, memory=1024)) == ""
    assert "--memory" not in hint(Machine(ISO, memory=1024), end)
    assert hint(Machine(ISO, memory=768), end) == (
        "the machine has 768 MiB of memory, a live host needs 1024; give it more: planex boot --memory 1024"
    )


def test_dom0_of_this_workspace_grows_with_the_machine() -> None:
    for entry in load_definition(Workspace(ROOT)).entries:
        assert ("dom0_mem=512M+5%,max:512M+5%" in entry.xen_args) == bool(entry.hypervisor)


@pytest.mark.parametrize(
    ("requested", "cpuinfo", "opens", "expected"),
    [
        ("auto", WITH_VMX, True, "kvm"),
        ("auto", WITH_VMX.replace("vmx", "svm"), True, "kvm"),
        ("auto", WITH_VMX, False, "tcg"),
        ("auto", WITH_VMX.replace("vmx", "novmxhere"), True, "tcg"),
        ("auto", "bugs: vmx\n", True, "tcg"),
        ("kvm", "", False, "kvm"),
        ("tcg", WITH_VMX, True, "tcg"),
    ],
)
def test_kvm_only_where_it_can_work(requested: str, cpuinfo: str, opens: bool, expected: str) -> None:
    assert choose_accel(requested, cpuinfo, opens) == expected


def test_bios_machine() -> None:
    words = qemu_argv("qemu", Machine(ISO), None)
    text = " ".join(words)
    assert "-machine pc,accel=tcg" in text
    assert "-nic none" in text
    assert "-no-reboot" in words
    assert words[-1] == "if=ide,format=raw,media=cdrom,readonly=on,file=/x/a,,b.iso"
    assert "pflash" not in text


def test_uefi_machine_has_firmware_and_writes_only_variables() -> None:
    text = " ".join(qemu_argv("qemu", Machine(ISO, "uefi", memory=3000, accel="kvm"), OVMF))
    assert "-machine q35,accel=kvm -cpu host" in text
    assert "-m 3000" in text
    assert "if=pflash,format=raw,unit=0,readonly=on,file=/fw/code.fd" in text
    assert "if=pflash,format=raw,unit=1,file=/fw/vars.fd" in text


def test_disk_is_never_written_to() -> None:
    assert qemu_argv("qemu", Machine(ISO, medium="disk"), None)[-1].startswith(
        "if=ide,format=raw,media=disk,snapshot=on,"
    )


def machine(tmp_path: Path) -> Machine:
    (tmp_path / "host.iso").write_bytes(b"")
    return Machine(tmp_path / "host.iso")


def test_boot_ends_with_the_proof_and_stops_the_machine(tmp_path: Path, fake_tool: FakeTool) -> None:
    (tmp_path / "console").write_text(CONSOLE)
    fake_tool("qemu-system-x86_64", f"#!/bin/sh\ncat {tmp_path}/console\nexec sleep 100\n")
    shown: list[str] = []
    booted = boot(machine(tmp_path), tmp_path / "logs" / "serial.log", 30, shown.append)
    assert booted.proof.xen == "4.20.3"
    assert booted.seconds < 20
    assert "".join(shown) == CONSOLE
    assert booted.serial.read_text() == CONSOLE.replace("\r\n", "\n")


def test_machine_that_goes_off_is_a_failure(tmp_path: Path, fake_tool: FakeTool) -> None:
    fake_tool("qemu-system-x86_64", "#!/bin/sh\necho '(XEN) Xen version 4.20.3 (x)'\necho broken >&2\nexit 3\n")
    with pytest.raises(BootFailed) as caught:
        boot(machine(tmp_path), tmp_path / "serial.log", 30)
    assert "the machine went off (QEMU ended with status 3): broken" in caught.value.message
    assert "Xen started, its dom0 kernel did not; missing: the host's report" in caught.value.message
    assert caught.value.tail == "(XEN) Xen version 4.20.3 (x)"
    assert caught.value.log == tmp_path / "serial.log"


def test_broken_kvm_is_noticed_at_once(tmp_path: Path, fake_tool: FakeTool) -> None:
    fake_tool("qemu-system-x86_64", "#!/bin/sh\necho 'KVM internal error. Suberror: 1' >&2\nexec sleep 100\n")
    with pytest.raises(BootFailed, match="KVM internal error") as caught:
        boot(machine(tmp_path), tmp_path / "serial.log", 60)
    assert caught.value.hint == "KVM does not work on this machine; use emulation: planex boot --accel tcg"


def test_silence_is_a_failure(tmp_path: Path, fake_tool: FakeTool) -> None:
    fake_tool("qemu-system-x86_64", "#!/bin/sh\nexec sleep 100\n")
    with pytest.raises(BootFailed, match="no report within 1 s\nneither Xen nor a kernel started"):
        boot(machine(tmp_path), tmp_path / "serial.log", 1)


@pytest.mark.parametrize(
    ("ran", "waited", "over"), [(5, 95, False), (0, 0, True), (12, 95, True), (5, 500, False), (5, 50, True)]
)
def test_time_that_others_had_is_not_the_machines(
    monkeypatch: pytest.MonkeyPatch, ran: float, waited: float, over: bool
) -> None:
    monkeypatch.setattr(boot_module, "processor_time", lambda pid: (ran, waited))
    assert Allowance(1, 10, time.monotonic() - 100).over() == over
    assert not Allowance(1, 10).over()


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not say who waited")
def test_who_ran_and_who_waited_is_read_from_the_kernel() -> None:
    ran, waited = processor_time(os.getpid())
    assert ran > 0 <= waited
    assert processor_time(1 << 30) == (0, 0)


def test_panic_ends_the_wait(tmp_path: Path, fake_tool: FakeTool) -> None:
    fake_tool("qemu-system-x86_64", "#!/bin/sh\necho 'Kernel panic - not syncing: x'\nexec sleep 100\n")
    with pytest.raises(BootFailed, match="the kernel panicked: Kernel panic - not syncing: x"):
        boot(machine(tmp_path), tmp_path / "serial.log", 60)


def test_a_host_is_visited_while_it_runs_and_only_with_a_proof(tmp_path: Path, fake_tool: FakeTool) -> None:
    (tmp_path / "console").write_text(CONSOLE)
    fake_tool("qemu-system-x86_64", f"#!/bin/sh\ncat {tmp_path}/console\nexec sleep 100\n")
    visits: list[str] = []
    boot(machine(tmp_path), tmp_path / "serial.log", 30, visit=lambda: visits.append("here"))
    assert visits == ["here"]
    (tmp_path / "console").write_text(CONSOLE.replace("xen_version", "nothing"))
    with pytest.raises(BootFailed, match="missing: the output of 'xl info'"):
        boot(machine(tmp_path), tmp_path / "serial.log", 30, visit=lambda: visits.append("again"))
    assert visits == ["here"]


PLANEX = """
import signal, sys
from pathlib import Path
from planex.machine.boot import boot
from planex.machine.qemu import Machine
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
boot(Machine(Path(sys.argv[1])), Path(sys.argv[2]), 60)
"""


def test_no_machine_outlives_a_planex_that_is_killed(tmp_path: Path, fake_tool: FakeTool) -> None:
    fake_tool("qemu-system-x86_64", SLOW.format(here=tmp_path))
    argv = [sys.executable, "-c", PLANEX, str(machine(tmp_path).iso), str(tmp_path / "serial.log")]
    with subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": str(ROOT)}) as planex:
        pid = int(wait_for(tmp_path / "pid"))
        planex.send_signal(signal.SIGKILL)
    try:
        assert wait_for(tmp_path / "ended") == "hup\n"
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_system_without_terminals_is_an_error_in_words(
    tmp_path: Path, fake_tool: FakeTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> tuple[int, int]:
        raise OSError(2, "No such file or directory")

    fake_tool("qemu-system-x86_64", "#!/bin/sh\n")
    monkeypatch.setattr(os, "openpty", none)
    with pytest.raises(PlanexError, match="no terminal can be opened: No such file or directory"):
        boot(machine(tmp_path), tmp_path / "serial.log", 1)
