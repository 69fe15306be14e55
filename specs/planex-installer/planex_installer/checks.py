# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must be right before the first write to a disk."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from pathlib import Path

from planex_installer.answers import Account, Answers
from planex_installer.errors import Refused
from planex_installer.layout import MKFS, Layout
from planex_installer.program import Program

PROGRAMS = ("systemd-repart", "grub-install", "grub-mkimage", "lsblk", "blkid", "cp", "chroot", "mount", "umount")
PLATFORMS = ("i386-pc", "x86_64-efi")
GRUB = Path("/usr/lib/grub")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}", re.ASCII)
_HOST = re.compile(
    r"(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_CARD = re.compile(r"[A-Za-z0-9_.-]{1,15}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", re.ASCII)
_KEY = re.compile(r"((ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+) [A-Za-z0-9+/]{16,}=*( .*)?", re.ASCII)
_HASH = re.compile(r"\$[0-9a-z]+\$[^:\s]+")
_UNIT_FOLDERS = ("usr/lib/systemd/system", "etc/systemd/system")
_PATH = re.compile(r"(/[A-Za-z0-9_.-]+)+", re.ASCII)
_UNIT = re.compile(r"[A-Za-z0-9@:_.\\-]+", re.ASCII)
_PACKAGE = re.compile(r"@?[A-Za-z0-9][A-Za-z0-9_.+:^~-]*", re.ASCII)


def check_answers(answers: Answers, source: Path) -> None:
    """Raise Refused with all that is wrong with names, passwords, keys and the network. ``source``: the root's copy."""
    problems = [*_accounts(answers), *_there(answers, source), *_network(answers), *_names(answers, source)]
    if problems:
        raise Refused(problems)


def _accounts(answers: Answers) -> list[str]:
    problems = [problem for account in answers.accounts for problem in _account(answers, account)]
    problems += [*_passwords(answers), *_keys(answers)]
    passwords = (answers.root_password, *(account.password for account in answers.accounts))
    if not (answers.keys or any(password.text for password in passwords)):
        problems.append(f"{answers.where(0)}nobody could log in: give rootpw, sshkey, or a user with a password")
    return problems


def _account(answers: Answers, account: Account) -> list[str]:
    where = f"{answers.where(account.line)}user"
    names = ["root", *(each.name for each in answers.accounts)]
    problems = [] if _USER.fullmatch(account.name) else [f"{where}: '{account.name}' is no user name"]
    problems += [f"{where}: {account.name} is there already"] if names.count(account.name) > 1 else []
    paths = [text for text in (account.home, account.shell) if text]
    problems += [f"{where}: '{text}' is no path" for text in paths if not _PATH.fullmatch(text)]
    problems += [f"{where}: '{group}' is no group" for group in account.groups if not _USER.fullmatch(group)]
    return problems + ([f"{where}: --gecos has no ':' or line break"] if re.search(r"[:\n]", account.gecos) else [])


def _there(answers: Answers, source: Path) -> list[str]:
    """Users that are there already, groups, shells and units that will not be."""
    users, groups = (_first_fields(source / "etc" / name) for name in ("passwd", "group"))
    problems = []
    for account in answers.accounts:
        where = f"{answers.where(account.line)}user"
        problems += [f"{where}: {account.name} is a user of the system"] if account.name in users else []
        problems += [f"{where}: there is no group '{group}'" for group in account.groups if group not in groups]
        if account.shell and not (source / account.shell.lstrip("/")).is_file():
            problems.append(f"{where}: there is no {account.shell}")
    if answers.packages:
        return problems  # units and more may come with these
    where = f"{answers.where(answers.lines.get('services', 0))}services"
    named = (*answers.enable, *answers.disable)
    return problems + [f"{where}: there is no unit '{name}'" for name in named if not _unit_there(name, source)]


def _first_fields(file: Path) -> set[str]:
    return {line.partition(":")[0] for line in file.read_text().splitlines()} if file.is_file() else set()


def _unit_there(name: str, source: Path) -> bool:
    full = name if "." in name else f"{name}.service"
    names = {full, re.sub(r"@[^.]*", "@", full)}
    return any((source / folder / each).exists() for each in names for folder in _UNIT_FOLDERS)


def check_packages(answers: Answers, program: Program) -> None:
    """Raise Refused where dnf cannot do what is asked: the live host has the same packages as the target will."""
    words = ["dnf", "--assumeno", "--noplugins", "--setopt=install_weak_deps=False"]
    for verb, names in (("install", answers.packages), ("remove", answers.unwanted)):
        said = program.run([*words, verb, *names], check=False, both=True) if names else ""
        errors = [line for line in said.splitlines() if line.startswith(("Error", "No match", " Problem"))]
        if errors and "Operation aborted" not in said:
            raise Refused([f"{answers.where(0)}%packages: {' '.join(' '.join(errors).split())}"])


def _passwords(answers: Answers) -> list[str]:
    problems = []
    root = answers.lines.get("rootpw", 0)
    secrets = [(root, "rootpw", answers.root_password)]
    secrets += [(each.line, f"user {each.name}", each.password) for each in answers.accounts]
    for line, what, password in secrets:
        if password.hashed and not _HASH.fullmatch(password.text):
            problems.append(f"{answers.where(line)}{what}: that is no hash of a password")
        if not password.hashed and re.search(r"[:\r\n]", password.text):
            problems.append(f"{answers.where(line)}{what}: a password has no ':' and no line break")
    return problems


def _keys(answers: Answers) -> list[str]:
    names = ["root", *(account.name for account in answers.accounts)]
    where = f"{answers.where(answers.lines.get('sshkey', 0))}sshkey"
    problems = [f"{where}: there will be no user '{user}'" for user, _ in answers.keys if user not in names]
    keys = (key for _, key in answers.keys)
    return problems + [f"{where}: no public key: '{key[:40]}'" for key in keys if not _KEY.fullmatch(key.strip())]


def _network(answers: Answers) -> list[str]:
    problems = []
    for card in answers.network:
        where = f"{answers.where(card.line)}network"
        if card.device and not _CARD.fullmatch(card.device):
            problems.append(f"{where}: '{card.device}' is no name of a network card")
        addresses = [text for text in (card.gateway, *card.nameservers) if text]
        problems += [f"{where}: '{text}' is no IP address" for text in addresses if not _is_address(text)]
        if card.mtu and not 68 <= card.mtu <= 65535:
            problems.append(f"{where}: an MTU is 68 to 65535, not {card.mtu}")
        if card.address and card.gateway and _is_address(card.gateway):
            net = ipaddress.ip_interface(card.address).network
            if ipaddress.ip_address(card.gateway) not in net:
                problems.append(f"{where}: the gateway {card.gateway} is not in {net}")
    names = [card.device for card in answers.network]
    problems += [
        f"{answers.where(0)}network: {name or 'every card'} twice" for name in set(names) if names.count(name) > 1
    ]
    return problems


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _names(answers: Answers, source: Path) -> list[str]:
    problems = []
    if answers.hostname and not _HOST.fullmatch(answers.hostname):
        problems.append(f"{answers.where(answers.lines.get('network', 0))}'{answers.hostname}' is no host name")
    zones = source / "usr/share/zoneinfo"
    zone = answers.timezone
    if zone and (not re.fullmatch(r"[A-Za-z0-9_+/-]+", zone) or not (zones / zone).is_file()):
        problems.append(
            f"{answers.where(answers.lines.get('timezone', 0))}timezone: no '{zone}' in /usr/share/zoneinfo"
        )
    where = answers.where(answers.lines.get("services", 0))
    problems += [
        f"{where}services: '{name}' is no unit"
        for name in (*answers.enable, *answers.disable)
        if not _UNIT.fullmatch(name)
    ]
    bad = [name for name in (*answers.packages, *answers.unwanted) if not _PACKAGE.fullmatch(name)]
    return [*problems, *(f"{answers.where(0)}%packages: '{name}' is no package" for name in bad)]


def check_programs(layout: Layout, answers: Answers, program: Program, grub: Path = GRUB) -> None:
    """Raise Refused where a program or a part of GRUB is missing: systemd-repart wipes a disk before it looks."""
    kinds = {part.kind for plan in layout.disks for part in plan.partitions}
    wanted: Sequence[str] = (*PROGRAMS, *(MKFS[kind] for kind in sorted(kinds) if MKFS[kind]))
    wanted = (*wanted, "dnf") if answers.packages or answers.unwanted else wanted
    problems = [f"the program {name} is not on this live host" for name in wanted if not program.has(name)]
    problems += [f"GRUB's part {name} is not on this live host" for name in PLATFORMS if not (grub / name).is_dir()]
    if problems:
        raise Refused(problems)
