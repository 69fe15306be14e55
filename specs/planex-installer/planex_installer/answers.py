# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an installation is to be: the answers, wherever they came from."""

from __future__ import annotations

from dataclasses import dataclass, field

PLACE_ROOT, PLACE_SWAP = "/", "swap"


@dataclass(frozen=True)
class Partition:
    """A partition that is asked for. ``size`` and ``at_most`` are MiB, 0 being no limit; ``line``: of the file."""

    mount: str
    size: int
    grow: bool = False
    at_most: int = 0
    kind: str = "ext4"
    """ext4, swap, vfat (of the EFI system partition alone) or biosboot."""
    disk: str = ""
    """As it was named; empty where the only disk is meant."""
    line: int = 0


@dataclass(frozen=True)
class Password:
    """A password, or its hash; without text the account is locked."""

    text: str = ""
    hashed: bool = False


@dataclass(frozen=True)
class Account:
    """A user who is to be."""

    name: str
    password: Password = Password()
    groups: tuple[str, ...] = ()
    home: str = ""
    shell: str = ""
    gecos: str = ""
    uid: int | None = None
    line: int = 0


@dataclass(frozen=True)
class NetworkCard:
    """How a network card comes up; ``device`` empty: every card. ``address`` (with /prefix) empty: by DHCP."""

    device: str = ""
    address: str = ""
    gateway: str = ""
    nameservers: tuple[str, ...] = ()
    mtu: int = 0
    on: bool = True
    ipv6: bool = True
    line: int = 0


@dataclass(frozen=True)
class ShellScript:
    """A %pre or %post section."""

    text: str
    interpreter: str = "/bin/sh"
    in_target: bool = True
    must_succeed: bool = False
    log: str = ""
    line: int = 0


@dataclass(frozen=True)
class Answers:
    """All of it. ``origin`` says where the answers came from."""

    origin: str = "the answers"
    disks: tuple[str, ...] = ()
    """Disks that may be used at all."""
    clear: tuple[str, ...] | None = None
    """Disks whose content may be lost; empty: all that may be used; None: no disk's."""
    partitions: tuple[Partition, ...] = ()
    root_password: Password = Password()
    keys: tuple[tuple[str, str], ...] = ()
    """(user, public key) for ssh."""
    accounts: tuple[Account, ...] = ()
    hostname: str = ""
    network: tuple[NetworkCard, ...] = ()
    timezone: str = ""
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    before: tuple[ShellScript, ...] = ()
    after: tuple[ShellScript, ...] = ()
    end: str = "wait"
    """What the machine does when all is done: reboot, poweroff or wait (for a person)."""
    lines: dict[str, int] = field(default_factory=dict, compare=False)
    """Line of the command that gave a value, by the command's name."""

    def where(self, line: int) -> str:
        """A place in the answers, to put before a message."""
        return f"{self.origin}:{line}: " if line else f"{self.origin}: "
