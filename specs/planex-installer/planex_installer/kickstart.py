# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads an answer file: a subset of kickstart. All else is refused with its line, never passed over."""

from __future__ import annotations

import ipaddress
import re
import warnings
from collections.abc import Iterable
from typing import Any

from pykickstart.constants import CLEARPART_TYPE_ALL, KS_REBOOT, KS_SCRIPT_PRE, KS_SHUTDOWN
from pykickstart.errors import KickstartError
from pykickstart.handlers.rhel10 import RHEL10Handler
from pykickstart.parser import KickstartParser
from pykickstart.sections import PackageSection, PostScriptSection, PreScriptSection

from planex_installer.answers import Account, Answers, NetworkCard, Partition, Password, ShellScript
from planex_installer.errors import Refused

_PART = {"--size", "--grow", "--maxsize", "--fstype", "--ondisk", "--ondrive"}
_SCRIPT = {"--interpreter", "--erroronfail", "--log", "--logfile"}
_PASSWORD = {"--iscrypted", "--plaintext", "--lock"}
KNOWN: dict[str, set[str]] = {
    "ignoredisk": {"--only-use"},
    "clearpart": {"--all", "--none", "--drives", "--initlabel"},
    "part": _PART,
    "partition": _PART,
    "reqpart": set(),
    "rootpw": _PASSWORD,
    "sshkey": {"--username"},
    "user": {"--name", "--groups", "--homedir", "--shell", "--gecos", "--uid", "--password", *_PASSWORD},
    "network": {
        *("--bootproto", "--device", "--ip", "--netmask", "--gateway", "--nameserver"),
        *("--hostname", "--mtu", "--onboot", "--activate", "--noipv6"),
    },
    "timezone": {"--utc", "--isUtc"},
    "services": {"--enabled", "--disabled"},
    "reboot": set(),
    "poweroff": set(),
    "shutdown": set(),
    "halt": set(),
    "%packages": set(),
    "%pre": _SCRIPT,
    "%post": {*_SCRIPT, "--nochroot"},
}
"""The subset: command or section, and the options that it may have."""
_DEVICES = {"", "link", "any"}
"""How kickstart says that no card in particular is meant."""


class _Handler(RHEL10Handler):  # type: ignore[misc]
    commandMap = {name: command for name, command in RHEL10Handler.commandMap.items() if name in KNOWN}  # noqa: RUF012


class _Parser(KickstartParser):  # type: ignore[misc]
    """Knows the subset, and on which line each command stood."""

    def __init__(self, handler: _Handler) -> None:
        super().__init__(handler)
        self.lines: dict[str, int] = {}
        self.cards: list[int] = []

    def setupSections(self) -> None:
        self._sections: dict[str, Any] = {}
        for section in (PreScriptSection, PostScriptSection, PackageSection):
            self.registerSection(section(self.handler, dataObj=self.scriptClass))

    @property
    def scriptClass(self) -> type:
        from pykickstart.parser import Script

        return Script  # type: ignore[no-any-return]

    def handleCommand(self, lineno: int, args: list[str]) -> Any:
        name = args[0]
        require_known(name, args[1:], lineno)
        self.lines.setdefault(name, lineno)
        if name == "network":
            self.cards.append(lineno)
        return super().handleCommand(lineno, args)


class _Line(Exception):
    """Something wrong in a line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def require_known(name: str, words: Iterable[str], line: int) -> None:
    """Raise for a command, or an option of one, that is not in the subset."""
    if name not in KNOWN:
        raise _Line(line, f"'{name}' is not known here; known: {', '.join(KNOWN)}")
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("--") and option not in KNOWN[name]:
            known = f"it has {', '.join(sorted(KNOWN[name]))}" if KNOWN[name] else "it has none"
            raise _Line(line, f"'{name}' has no option {option} here; {known}")


def read_kickstart(text: str, origin: str) -> Answers:
    """The answers of a file. Raises Refused with the line of what is not understood."""
    parser = _Parser(_Handler())
    try:
        _look_at_sections(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parser.readKickstartFromString(text)
        return _answers(parser, origin)
    except _Line as error:
        raise Refused([f"{origin}:{error.line}: {error}"]) from None
    except KickstartError as error:
        raise Refused([f"{origin}:{error.lineno or 0}: {' '.join(str(error.message).split())}"]) from None
    except ValueError as error:  # shlex, of a quotation that does not end
        raise Refused([f"{origin}:{_line_of(text, parser)}: {error}"]) from None


def _line_of(text: str, parser: Any) -> int:
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if line == parser._line.rstrip("\n")), 0)


def _look_at_sections(text: str) -> None:
    """Refuse sections and inclusions that the parser would follow or pass over."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or not words[0].startswith("%") or (inside and words[0] != "%end"):
            continue
        if words[0] == "%end":
            inside = False
            continue
        require_known(words[0], words[1:], number)
        inside = True


def _answers(parser: _Parser, origin: str) -> Answers:
    handler = parser.handler
    scripts = [(script.type, _script(script)) for script in handler.scripts]
    return Answers(
        origin=origin,
        disks=_disks(handler),
        clear=_clear(handler),
        partitions=tuple(_partition(each) for each in handler.partition.partitions),
        root_password=_password(handler.rootpw),
        keys=tuple((each.username or "root", each.key) for each in handler.sshkey.sshUserList),
        accounts=tuple(_account(each) for each in handler.user.userList),
        hostname=next((each.hostname for each in reversed(handler.network.network) if each.hostname), ""),
        network=_cards(handler.network.network, parser.cards),
        timezone=handler.timezone.timezone or "",
        enable=tuple(handler.services.enabled),
        disable=tuple(handler.services.disabled),
        packages=_packages(handler.packages),
        unwanted=tuple(sorted(handler.packages.excludedList)),
        before=tuple(script for kind, script in scripts if kind == KS_SCRIPT_PRE),
        after=tuple(script for kind, script in scripts if kind != KS_SCRIPT_PRE),
        end={KS_REBOOT: "reboot", KS_SHUTDOWN: "poweroff"}.get(handler.reboot.action, "wait"),
        lines=parser.lines,
    )


def _disks(handler: Any) -> tuple[str, ...]:
    cleared = handler.clearpart.drives if handler.clearpart.type == CLEARPART_TYPE_ALL else []
    placed = [part.disk for part in handler.partition.partitions if part.disk]
    return tuple(dict.fromkeys(handler.ignoredisk.onlyuse or [*cleared, *placed]))


def _clear(handler: Any) -> tuple[str, ...] | None:
    if handler.clearpart.type != CLEARPART_TYPE_ALL:
        return None
    return tuple(handler.clearpart.drives)


def _partition(part: Any) -> Partition:
    kind = part.fstype or {"swap": "swap", "biosboot": "biosboot", "/boot/efi": "vfat"}.get(part.mountpoint, "ext4")
    kind = "vfat" if kind == "efi" else kind
    size = part.size or 0
    return Partition(part.mountpoint, size, part.grow, part.maxSizeMB or 0, kind, part.disk, part.lineno)


def _password(data: Any) -> Password:
    return Password() if data.lock or not data.password else Password(data.password, bool(data.isCrypted))


def _account(data: Any) -> Account:
    groups = tuple(re.split(r"[,\s]+", ",".join(data.groups))) if data.groups else ()
    return Account(
        data.name, _password(data), groups, data.homedir, data.shell, data.gecos, data.uid, getattr(data, "lineno", 0)
    )


def _cards(cards: list[Any], lines: list[int]) -> tuple[NetworkCard, ...]:
    """Lines that give no more than a host name say nothing of a card."""
    pairs = zip(cards, lines or [0] * len(cards), strict=False)
    return tuple(_card(card, line) for card, line in pairs if not _only_hostname(card))


def _only_hostname(card: Any) -> bool:
    return bool(card.hostname) and not (card.device or card.ip or card.nameserver)


def _card(card: Any, line: int) -> NetworkCard:
    device = "" if card.device in _DEVICES else card.device
    if card.bootProto not in ("dhcp", "static"):
        raise _Line(line, f"network: --bootproto={card.bootProto} is not known here; known: dhcp, static")
    nameservers = tuple(filter(None, (card.nameserver or "").split(",")))
    address = _address(card, line) if card.bootProto == "static" else ""
    try:
        mtu = int(card.mtu or 0)
    except ValueError:
        raise _Line(line, f"network: --mtu={card.mtu} is no number") from None
    return NetworkCard(device, address, card.gateway or "", nameservers, mtu, bool(card.onboot), not card.noipv6, line)


def _address(card: Any, line: int) -> str:
    if not card.ip or not card.netmask:
        raise _Line(line, "network: --bootproto=static needs --ip and --netmask")
    try:
        return str(ipaddress.IPv4Interface(f"{card.ip}/{card.netmask}"))
    except ValueError as error:
        raise _Line(line, f"network: {error}") from None


def _packages(packages: Any) -> tuple[str, ...]:
    if packages.excludedGroupList:
        raise _Line(0, "%packages: a group cannot be left out; name the packages")
    return (*packages.packageList, *(f"@{group.name}" for group in packages.groupList))


def _script(script: Any) -> ShellScript:
    return ShellScript(
        script.script,
        script.interp,
        bool(script.inChroot),
        bool(script.errorOnFail),
        script.logfile or "",
        script.lineno or 0,
    )
