# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whose ids a cage uses: a range that owns nothing outside, so that what escapes a cage is nobody.

An ordinary user has a range in /etc/subuid and /etc/subgid (subuid(5)). Root has one as a rule not; it takes one
that systemd leaves to local use (https://systemd.io/UIDS-GIDS: 0x70000000 to 0x7FFDFFFF belong to nobody), or, where
a container maps fewer ids, the last ones that it has.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WANTED = 65536
LEAST = 2000
"""Ids that packages need at least: system users below 1000, and the builder."""
NO_IDS = "this user has no range of subordinate ids, which cages need"
GIVE_IDS = "give it one: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
_UNCLAIMED = 0x70000000


@dataclass(frozen=True, slots=True)
class IdRange:
    """Ids ``first`` to ``first + count - 1`` of this machine."""

    first: int
    count: int

    def __str__(self) -> str:
        return f"{self.first}:{self.count}"


@dataclass(frozen=True, slots=True)
class Ids:
    """The ranges that a cage's users and groups are taken from."""

    users: IdRange
    groups: IdRange


def is_root() -> bool:
    return os.geteuid() == 0


@cache
def own_ids() -> Ids | None:
    """The ranges of whoever runs planex; None if there are none."""
    users, groups = (_own_range(name) for name in ("uid", "gid"))
    return Ids(users, groups) if users and groups else None


def _own_range(kind: str) -> IdRange | None:
    given = given_range(_text(f"/etc/sub{kind}"), _names())
    if given or not is_root():
        return given
    return unclaimed_range(_text(f"/proc/self/{kind}_map"), _text(f"/etc/sub{kind}"))


def _names() -> tuple[str, ...]:
    uid = os.geteuid()
    try:
        return (pwd.getpwuid(uid).pw_name, str(uid))
    except KeyError:
        return (str(uid),)


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def given_range(text: str, names: tuple[str, ...]) -> IdRange | None:
    """The widest range that a subuid(5) file's lines ``name:first:count`` give to one of ``names``."""
    rows = [line.split(":") for line in text.splitlines()]
    ranges = [
        IdRange(int(row[1]), int(row[2]))
        for row in rows
        if len(row) == 3 and row[0] in names and row[1].isdigit() and row[2].isdigit()
    ]
    widest = max(ranges, key=lambda ids: ids.count, default=IdRange(0, 0))
    return IdRange(widest.first, min(widest.count, WANTED)) if widest.count >= LEAST else None


def unclaimed_range(id_map: str, given: str) -> IdRange | None:
    """A range that this user namespace has (``/proc/self/uid_map``) and that ``given``, subuid(5), gives to nobody."""
    have = [(int(first), int(first) + int(count)) for first, _, count in map(str.split, id_map.splitlines())]
    taken = [
        (int(row[1]), int(row[1]) + int(row[2]))
        for row in (line.split(":") for line in given.splitlines())
        if len(row) == 3 and row[1].isdigit() and row[2].isdigit()
    ]
    last = max((end for _, end in have), default=0)
    # In a container of 65,536 ids the last two thousand but the very last, which is nobody's.
    for first, count in ((_UNCLAIMED, WANTED), (last - WANTED, WANTED), (last - LEAST - 2, LEAST)):
        free = first > 1000 and all(first + count <= low or first >= high for low, high in taken)
        if free and any(low <= first and first + count <= high for low, high in have):
            return IdRange(first, count)
    return None
