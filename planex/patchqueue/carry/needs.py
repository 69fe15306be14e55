# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which patches a patch needs, as it uses a name that only they bring."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cached_property

from planex.git.pipes import Objects
from planex.git.repository import Repository
from planex.patchqueue.carry.names import among, brought, defined, used
from planex.patchqueue.carry.stand import Stand
from planex.patchqueue.carry.verdict import NOT_IN
from planex.patchqueue.commits.commits import Link

_SPECIAL = re.compile(r"[.+]")


class Needs:
    """Looks for names of a queue in a new version. It is asked about patches in their order."""

    def __init__(self, repository: Repository, objects: Objects, links: tuple[Link, ...], tree: str) -> None:
        self._repository = repository
        self._objects = objects
        self._links = links
        self._tree = tree
        self._gone: set[str] | None = None

    def missing(self, stand: Stand) -> dict[str, str]:
        """Name to the patch that is out and that alone brings it, for the names that the next patch uses."""
        wanted = self._used[stand.position]
        found: dict[str, str] = {}
        there: set[str] = set()
        for number, verdict in enumerate(stand.verdicts):
            names = self._brought[number] & wanted
            if names and verdict.status in NOT_IN:
                found |= dict.fromkeys(names, verdict.patch)
                there |= _in_files(names, stand, self._links[number].patch.diff.paths)
            else:
                there |= names
        left = found.keys() - there
        left -= _in_files(left, stand, stand.link.patch.diff.paths)
        if left:
            left -= self._upstream
        return {name: found[name] for name in sorted(left)}

    def gone(self, stand: Stand) -> list[str]:
        """Names that the next patch uses, that the old version defines and that the new one has nowhere."""
        if self._gone is None:
            self._gone = self._find_gone(stand)
        return sorted(self._used[stand.position] & self._gone)

    def _find_gone(self, stand: Stand) -> set[str]:
        """Names of the queue's own files; a tree is searched for few names only, as each costs a look at every line."""
        here = (self._gone_from_files(number, stand) for number, link in enumerate(self._links) if link.applies)
        names = set[str]().union(*here) - set[str]().union(*self._brought)
        if not names:
            return names
        return names - set(self._grep(names, self._tree, "-o"))

    def _gone_from_files(self, number: int, stand: Stand) -> set[str]:
        """Of the names that a patch uses, those that its files defined and have no more."""
        left = set[str]()
        for path, (old, _) in self._links[number].changes.items():
            file = stand.files.get(path)
            if old is None or file is None or file.blob_id == old[1]:
                continue
            data = self._objects.content(old[1]) or b""
            had = among(self._used[number], data)
            if lost := had - among(had, file.data):
                left |= lost & defined(line for line in data.split(b"\n") if among(lost, line))
        return left

    def _grep(self, names: Collection[str], tree: str, *options: str) -> list[str]:
        """Lines of a tree that have one of the names; with ``-o`` the names alone."""
        if not names:
            return []
        pattern = "|".join(_SPECIAL.sub(r"\\\g<0>", name) for name in sorted(names))  # many patterns take git too long
        command = ["grep", "-h", *options, "-w", "-I", "-E", "-f", "-", tree]
        _, out, _ = self._repository.attempt(*command, stdin=f"{pattern}\n".encode())
        return out.splitlines()

    @cached_property
    def _brought(self) -> list[frozenset[str]]:
        return [brought(link.patch.diff) if link.applies else frozenset() for link in self._links]

    @cached_property
    def _used(self) -> list[frozenset[str]]:
        return [used(link.patch.diff) for link in self._links]

    @cached_property
    def _upstream(self) -> frozenset[str]:
        """Those names that one patch brings and another uses and that the new version has anywhere."""
        names = frozenset().union(*self._brought) & frozenset().union(*self._used)
        return frozenset(self._grep(names, self._tree, "-o"))


def _in_files(names: Collection[str], stand: Stand, paths: Iterable[str]) -> set[str]:
    """Names that stand in files of the new tree."""
    if not names:
        return set()
    pattern = re.compile(rb"\b(?:%s)\b" % b"|".join(re.escape(name.encode()) for name in names))
    files = [file.data for path in paths if (file := stand.files.get(path))]
    return {match.decode() for data in files for match in pattern.findall(data)}
