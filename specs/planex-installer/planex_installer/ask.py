# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks for the answers, line by line, so that it works on a serial line as well as on a screen."""

from __future__ import annotations

import getpass
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from planex_installer.answers import Answers, NetworkCard, Password
from planex_installer.checks import check_answers
from planex_installer.disks import Disk
from planex_installer.errors import InstallError, Refused
from planex_installer.layout import Layout, describe


class Quit(Exception):
    """Whoever was asked does not want to install."""


@dataclass(frozen=True)
class Console:
    """A person at a terminal."""

    say: Callable[[str], None]
    read: Callable[[str], str] = input
    read_secret: Callable[[str], str] = getpass.getpass

    def ask(self, question: str, default: str = "") -> str:
        """A line; ``default`` where it is empty. "quit" ends the installation."""
        shown = f"{question} [{default}]: " if default else f"{question}: "
        text = self._line(lambda: self.read(shown)).strip()
        if text == "quit":
            raise Quit
        return text or default

    def ask_until(self, question: str, default: str, wrong: Callable[[str], str]) -> str:
        """Ask until ``wrong`` has nothing to say against the answer."""
        while True:
            text = self.ask(question, default)
            complaint = wrong(text)
            if not complaint:
                return text
            self.say(f"  {complaint}")

    def secret(self) -> str:
        """A password, typed twice; empty for none."""
        while True:
            first = self._line(lambda: self.read_secret("Password of root (empty: none, root comes in by key): "))
            if not first or first == self._line(lambda: self.read_secret("Once more: ")):
                return first
            self.say("  The two are not the same.")

    def _line(self, read: Callable[[], str]) -> str:
        try:
            return read()
        except EOFError:
            raise Quit from None


def ask_answers(console: Console, disks: Sequence[Disk], source: Path) -> Answers:
    """All answers of a person. Nothing is written meanwhile."""
    console.say("Answer the questions; what stands in [ ] holds if you only press Enter, 'quit' ends.\n")
    disk = _ask_disk(console, disks)
    while True:
        answers = _ask_rest(console, Answers(disks=(disk.path,), clear=(disk.path,)), source)
        try:
            check_answers(answers, source)
            return answers
        except Refused as error:
            console.say("\n".join(f"  {problem}" for problem in error.problems))


def _ask_disk(console: Console, disks: Sequence[Disk]) -> Disk:
    able = [disk for disk in disks if not disk.why_not]
    if not able:
        raise InstallError("there is no disk that a system could be installed on")
    for number, disk in enumerate(able, 1):
        console.say(f"  {number}  {disk.text()}")
        for content in disk.contents:
            console.say(f"       {content.text()}")
        if not disk.contents:
            console.say("       is empty")
    numbers = [str(number) for number in range(1, len(able) + 1)]
    wrong = f"one of: {', '.join(numbers)}"
    return able[int(console.ask_until("Install on which disk", "", lambda text: "" if text in numbers else wrong)) - 1]


def _ask_rest(console: Console, answers: Answers, source: Path) -> Answers:
    hostname = console.ask("Name of the host", (source / "etc/hostname").read_text().strip())
    password = Password(console.secret())
    key = console.ask("Public ssh key for root (empty: none)")
    keys = (("root", key),) if key else ()
    network = (_ask_network(console),)
    timezone = console.ask("Time zone", "UTC")
    return replace(
        answers, hostname=hostname, root_password=password, keys=keys, network=network, timezone=timezone, end="reboot"
    )


def _ask_network(console: Console) -> NetworkCard:
    text = console.ask_until("Address with prefix (10.0.0.2/24), or dhcp", "dhcp", _wrong_address)
    if text == "dhcp":
        return NetworkCard()
    gateway = console.ask("Gateway (empty: none)")
    nameservers = console.ask("Name servers (empty: none)").replace(",", " ").split()
    return NetworkCard("", text, gateway, tuple(nameservers))


def _wrong_address(text: str) -> str:
    if text == "dhcp":
        return ""
    try:
        ipaddress.ip_interface(text)
    except ValueError as error:
        return str(error)
    return "" if "/" in text else "the prefix is missing: 10.0.0.2/24"


def confirm(console: Console, layout: Layout) -> None:
    """Show what will become of which disk, and go on only where that is wanted."""
    console.say("\nThis will be done:\n")
    for line in describe(layout):
        console.say(f"  {line}")
    console.say("")
    if console.ask("Type 'install' to begin; anything else ends") != "install":
        raise Quit
