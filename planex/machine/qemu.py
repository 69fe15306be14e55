# SPDX-License-Identifier: LGPL-2.1-or-later
"""The virtual machine that an ISO is started in: which QEMU, accelerator and firmware, and its argv."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from planex.errors import MissingTool
from planex.run import find

Accel = Literal["kvm", "tcg"]
FirmwareName = Literal["bios", "uefi"]
MediumName = Literal["cd", "disk", "usb", "nvme", "pxe"]

PROGRAMS = ("qemu-system-x86_64", "qemu-kvm", "/usr/libexec/qemu-kvm")
OVMF_PAIRS = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
)
"""Code and variable store of OVMF, without Secure Boot: on Debian (4 MiB, then older 2 MiB), EL and Fedora, Arch."""


WEB = "10.0.2.9"
"""Where the guest's network has a web server, at port 80."""
_DEVICES = {
    "cd": "ide-cd",
    "disk": "virtio-blk-pci",
    "usb": "usb-storage,removable=on",
    "nvme": "nvme,serial=planex",
}
"""What the ISO is put in beside disks."""


BIOS_PORT = (0x3F8).to_bytes(2, "little")
"""The first serial port, as SeaBIOS wants it told. UEFI is on it by itself."""


@dataclass(frozen=True, slots=True)
class Ovmf:
    """UEFI firmware: its code, used as it is, and its variables, of which each machine needs a copy to write to."""

    code: Path
    variables: Path


@dataclass(frozen=True, slots=True)
class Netboot:
    """What a machine finds on its network: ``folder`` by TFTP, with the file for its firmware; and HTTP at WEB."""

    folder: Path
    files: Mapping[FirmwareName, str]
    port: int
    """Of this machine's loopback: the server that answers at WEB."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What QEMU itself puts in a PC's memory, as a loader would: Xen (not compressed), dom0's kernel, its initrd."""

    hypervisor: Path
    xen_args: str
    kernel: Path
    kernel_args: str
    initrd: Path


@dataclass(frozen=True, slots=True)
class Machine:
    """A PC with one serial port, and the ISO as its only medium unless it has disks."""

    iso: Path | None
    firmware: FirmwareName = "bios"
    medium: MediumName = "cd"
    """What the ISO is in, or was written to: ``disk`` is one at the PC's own IDE or SATA, ``usb`` a stick."""
    memory: int = 2048
    """MiB."""
    accel: Accel = "tcg"
    disks: tuple[Path, ...] = ()
    """Images of disks, raw or called ``.qcow2``; the ISO, if there is one, is started before them."""
    keeps: bool = True
    """Disks keep what is written to them."""
    answers: Path | None = None
    """A folder that the machine sees as a volume labelled OEMDRV, where installers look for their answers."""
    monitor: Path | None = None
    """Where QEMU's own protocol is spoken: a pair of pipes, this path with ``.in`` and with ``.out``."""
    netboot: Netboot | None = None
    """With the medium ``pxe``, what stands for the ISO."""
    bios_port: Path | None = None
    """File with the number of the serial port that the BIOS shows on what it shows on the screen, see BIOS_PORT."""
    ssh_port: int = 0
    """Port of this machine's loopback that leads to the guest's port 22; 0: nothing does."""
    handed: Handed | None = None
    """Started at once, without a look at any medium's loader."""

    @property
    def inserted(self) -> Path | None:
        """The ISO, where the machine has it on a medium of its own."""
        return None if self.medium == "pxe" else self.iso

    def from_disk(self) -> Machine:
        """It with nothing but its disks to start from."""
        return replace(self, iso=None, netboot=None, answers=None)


def choose_accel(requested: str, cpuinfo: str, kvm_opens: bool) -> Accel:
    """KVM only where the processor has the means (vmx or svm) and /dev/kvm opens, else emulation.

    The device alone proves nothing: there are machines where it opens and guests then die.
    """
    if requested in ("kvm", "tcg"):
        return "kvm" if requested == "kvm" else "tcg"
    able = re.search(r"^flags\s*:.*\b(vmx|svm)\b", cpuinfo, re.MULTILINE)
    return "kvm" if able and kvm_opens else "tcg"


def accel_here(requested: str = "auto") -> Accel:
    """choose_accel for this machine."""
    return choose_accel(requested, Path("/proc/cpuinfo").read_text(), os.access("/dev/kvm", os.R_OK | os.W_OK))


def find_program() -> str:
    """This machine's QEMU for x86_64."""
    found = next((path for name in PROGRAMS if (path := find(name))), None)
    if found is None:
        raise MissingTool(
            "QEMU (qemu-system-x86_64) is not installed; it is needed to start an ISO",
            "run `planex doctor` to see how to get it",
        )
    return found


def find_ovmf() -> Ovmf:
    """This machine's UEFI firmware for virtual machines."""
    for code, variables in OVMF_PAIRS:
        if Path(code).is_file() and Path(variables).is_file():
            return Ovmf(Path(code), Path(variables))
    raise MissingTool(
        "OVMF is not installed; it is needed to start an ISO by UEFI",
        "run `planex doctor` to see how to get it, or try `--firmware bios`",
    )


def prepare_firmware(firmware: FirmwareName, folder: Path) -> Ovmf | None:
    """Firmware files for one machine, with a copy of the variables in ``folder``; None for the built-in BIOS."""
    if firmware == "bios":
        return None
    ovmf = find_ovmf()
    variables = folder / "variables.fd"
    shutil.copyfile(ovmf.variables, variables)
    return Ovmf(ovmf.code, variables)


def qemu_argv(program: str, machine: Machine, ovmf: Ovmf | None) -> list[str]:
    """QEMU with the serial port on its standard output. It ends when the guest resets, so that no panic loops."""
    # fmt: off
    argv = [
        program,
        "-nodefaults", "-no-user-config", "-no-reboot",
        # the ISO may be anybody's: should it break out of the machine, it can start no program and gain no right
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        "-machine", f"{'q35' if ovmf else 'pc'},accel={machine.accel}",
        "-cpu", "host" if machine.accel == "kvm" else "qemu64",
        "-smp", "1",
        "-m", str(machine.memory),
        *_nic(machine),
        "-vga", "std", "-display", "none",
        "-monitor", "none",
        "-serial", "stdio",
    ]
    # fmt: on
    if ovmf:
        argv += ["-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={_quoted(ovmf.code)}"]
        argv += ["-drive", f"if=pflash,format=raw,unit=1,file={_quoted(ovmf.variables)}"]
    if machine.monitor:
        argv += ["-chardev", f"pipe,id=monitor,path={_quoted(machine.monitor)}", "-mon", "chardev=monitor,mode=control"]
    if machine.bios_port:
        argv += ["-fw_cfg", f"name=etc/sercon-port,file={_quoted(machine.bios_port)}"]
    argv += _handed(machine.handed) if machine.handed else []
    plain = machine.medium in ("cd", "disk") and not machine.disks
    return [*argv, *(_only_medium(machine) if plain else _drives(machine))]


def _nic(machine: Machine) -> list[str]:
    """A card whose network has in it what is named here and nothing else, or none."""
    options = [f"hostfwd=tcp:127.0.0.1:{machine.ssh_port}-:22"] if machine.ssh_port else []
    if net := machine.netboot:
        options += [f"tftp={_quoted(net.folder)}", f"bootfile={net.files[machine.firmware]}"]
        options += [f"guestfwd=tcp:{WEB}:80-tcp:127.0.0.1:{net.port}"]
    if not options:
        return ["-nic", "none"]
    card = "e1000,netdev=net" + (",bootindex=0" if machine.netboot else "")
    return ["-netdev", f"user,id=net,restrict=on,{','.join(options)}", "-device", card]


def _handed(handed: Handed) -> list[str]:
    """By the Multiboot specification: the first module is dom0's kernel, with its arguments, the second its initrd."""
    modules = f"{_quoted(handed.kernel)} {_quoted(handed.kernel_args)},{_quoted(handed.initrd)}"
    return ["-kernel", str(handed.hypervisor), "-append", handed.xen_args, "-initrd", modules]


def _only_medium(machine: Machine) -> list[str]:
    assert machine.iso is not None
    media = "media=cdrom,readonly=on" if machine.medium == "cd" else "media=disk,snapshot=on"
    return ["-drive", f"if=ide,format=raw,{media},file={_quoted(machine.iso)}"]


def _drives(machine: Machine) -> list[str]:
    """The ISO first, then the disks. A firmware asks devices in the order of their bootindex."""
    drives: list[tuple[str, str]] = []
    if machine.inserted:
        way = "readonly=on" if machine.medium == "cd" else "snapshot=on"
        drives.append((_DEVICES[machine.medium], f"format=raw,{way},file={_quoted(machine.inserted)}"))
    drives += [("ide-hd", _disk(disk, machine.keeps)) for disk in machine.disks]
    argv = ["-device", "qemu-xhci"] if machine.inserted and machine.medium == "usb" else []
    for number, (device, drive) in enumerate(drives):
        argv += ["-drive", f"if=none,id=drive{number},{drive}"]
        place = _ide_place(number, machine.firmware) if device.startswith("ide-") else ""
        argv += ["-device", f"{device},drive=drive{number}{place},bootindex={number + bool(machine.netboot)}"]
    if machine.answers:
        volume = f"driver=vvfat,dir={_quoted(machine.answers)},label=OEMDRV,read-only=on"
        argv += ["-drive", f"if=none,id=answers,{volume}", "-device", "virtio-blk-pci,drive=answers"]
    return argv


def _disk(disk: Path, keeps: bool) -> str:
    way = "cache=unsafe" if keeps else "snapshot=on"
    return f"format={'qcow2' if disk.suffix == '.qcow2' else 'raw'},{way},file={_quoted(disk)}"


def _ide_place(number: int, firmware: FirmwareName) -> str:
    """The PC's two buses have two places each, those of the Q35's one."""
    return f",bus=ide.{number}" if firmware == "uefi" else f",bus=ide.{number // 2},unit={number % 2}"


def _quoted(path: Path | str) -> str:
    """A path inside an option that has several parts, where a comma is doubled."""
    return str(path).replace(",", ",,")
