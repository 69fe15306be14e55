# SPDX-License-Identifier: LGPL-2.1-or-later
"""What makes a copied root a system of its own: identity, users, network, services. Works below ``root`` alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from planex_installer.answers import Account, Answers, NetworkCard
from planex_installer.program import Program

SERVICES = ("systemd-networkd.service", "systemd-resolved.service", "ssh.service", "planex-boot-good.service")
"""What an installed host starts besides what the live one does."""
_ISSUE = "\\S\nKernel \\r on \\m (\\l)\n\n"
"""The greeting; the live host's speaks of a root without a password."""
_SSHD = (
    "# Written at installation: people come in by key.\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
)


_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")


def configure(root: Path, answers: Answers, program: Program) -> None:
    """Make the system in ``root`` what the answers ask for, apart from its disks."""
    _identity(root, answers, program)
    _users(root, answers, program)
    write_network(root, answers)
    _timezone(root, answers)
    _services(root, answers, program)


def _identity(root: Path, answers: Answers, program: Program) -> None:
    if answers.hostname:
        (root / "etc/hostname").write_text(f"{answers.hostname}\n")
    (root / "etc/issue").write_text(_ISSUE)
    (root / "var/log/journal").mkdir(parents=True, exist_ok=True)
    (root / "etc/machine-id").unlink(missing_ok=True)
    program.run(["systemd-machine-id-setup", f"--root={root}"])
    program.run(["systemd-sysusers", f"--root={root}"])
    program.run(["ssh-keygen", "-A", "-f", str(root)])


def _users(root: Path, answers: Answers, program: Program) -> None:
    for account in answers.accounts:
        program.run(["chroot", str(root), "useradd", *_useradd(account)])
    passwords = {"root": answers.root_password, **{each.name: each.password for each in answers.accounts}}
    for name, password in passwords.items():
        if not password.text:
            program.run(["chroot", str(root), "usermod", "--lock", name])
            _lock(root / "etc/shadow", name)
            continue
        kind = ["--encrypted"] if password.hashed else ["--crypt-method", "SHA512"]
        program.run(["chroot", str(root), "chpasswd", *kind], f"{name}:{password.text}\n")
    for name in dict.fromkeys(user for user, _ in answers.keys):
        _authorize(root, name, [key for user, key in answers.keys if user == name], program)


def _lock(shadow: Path, name: str) -> None:
    """An account without any password: what was empty may not come back by unlocking it."""
    mode = shadow.stat().st_mode
    shadow.write_text(re.sub(rf"(?m)^{re.escape(name)}:[^:]*:", f"{name}:!*:", shadow.read_text()))
    shadow.chmod(mode)


def _useradd(account: Account) -> list[str]:
    words = ["--create-home", "--shell", account.shell or "/bin/bash"]
    words += ["--groups", ",".join(account.groups)] if account.groups else []
    words += ["--home-dir", account.home] if account.home else []
    words += ["--comment", account.gecos] if account.gecos else []
    words += ["--uid", str(account.uid)] if account.uid is not None else []
    return [*words, account.name]


def _authorize(root: Path, name: str, keys: list[str], program: Program) -> None:
    line = next(line for line in (root / "etc/passwd").read_text().splitlines() if line.startswith(f"{name}:"))
    fields = line.split(":")
    folder = root / fields[5].lstrip("/") / ".ssh"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "authorized_keys"
    file.write_text("".join(f"{key.strip()}\n" for key in keys))
    file.chmod(0o600)
    program.run(["chown", "-R", f"{fields[2]}:{fields[3]}", str(folder)])


def write_network(root: Path, answers: Answers) -> None:
    """Files of systemd-networkd, of sshd, and the resolver's link."""
    folder = root / "etc/systemd/network"
    folder.mkdir(parents=True, exist_ok=True)
    for number, card in enumerate(answers.network or (NetworkCard(),)):
        (folder / f"{10 + number}-{card.device.replace(':', '') or 'all'}.network").write_text(network_file(card))
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    resolver.symlink_to("../run/systemd/resolve/resolv.conf")
    folder = root / "etc/ssh/sshd_config.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "10-planex-installer.conf").write_text(_SSHD)


def network_file(card: NetworkCard) -> str:
    """A .network file. Bridges and guests' cards are no business of a line that means every card."""
    by = "MACAddress" if _MAC.fullmatch(card.device) else "Name"
    match = f"{by}={card.device}" if card.device else "Type=ether\nName=!vif* !xenbr* !veth*"
    lines = ["[Match]", match, "", "[Network]"]
    lines += [f"Address={card.address}"] if card.address else ["DHCP=yes" if card.ipv6 else "DHCP=ipv4"]
    lines += [f"Gateway={card.gateway}"] if card.gateway else []
    lines += [f"DNS={server}" for server in card.nameservers]
    lines += [] if card.ipv6 else ["LinkLocalAddressing=no", "IPv6AcceptRA=no"]
    link = [f"MTUBytes={card.mtu}"] if card.mtu else []
    link += [] if card.on else ["ActivationPolicy=manual"]
    return "\n".join([*lines, *(["", "[Link]", *link] if link else [])]) + "\n"


def _timezone(root: Path, answers: Answers) -> None:
    link = root / "etc/localtime"
    link.unlink(missing_ok=True)
    link.symlink_to(f"../usr/share/zoneinfo/{answers.timezone or 'UTC'}")


def _services(root: Path, answers: Answers, program: Program) -> None:
    there = [name for name in SERVICES if (root / "usr/lib/systemd/system" / name).exists()]
    enable = [*(name for name in there if name not in answers.disable), *answers.enable]
    if enable:
        program.run(["systemctl", f"--root={root}", "enable", *dict.fromkeys(enable)])
    if answers.disable:
        program.run(["systemctl", f"--root={root}", "disable", *answers.disable])


def fstab(mounts: Mapping[str, tuple[str, str]], swaps: list[str]) -> str:
    """fstab; ``mounts``: mount point to (UUID, file system type), ``swaps``: UUIDs."""
    lines = ["# file system  mount point  type  options  dump  pass"]
    for place, (uuid, kind) in sorted(mounts.items()):
        options = (
            "defaults,errors=remount-ro" if place == "/" else "umask=0077,nofail" if kind == "vfat" else "defaults"
        )
        lines.append(f"UUID={uuid}  {place}  {kind}  {options}  0  {1 if place == '/' else 2}")
    lines += [f"UUID={uuid}  none  swap  defaults  0  0" for uuid in swaps]
    return "\n".join(lines) + "\n"
