# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which patches a patch needs, as it uses a name that only they bring."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cached_property

from planex.git.pipes import Objects
from planex.git.repository import Repository
from planex.git.trees import Entry
from planex.patchqueue.carry.names import Names, among, defined, names_of
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
        self._known: dict[int, Names] = {}

    def missing(self, stand: Stand) -> dict[str, str]:
        """Name to the patch that is out and that alone brings it, for the names that the next patch uses."""
        wanted = self._names(stand.position).used
        out, others = list[int](), list[int]()
        for number, verdict in enumerate(stand.verdicts):
            (out if verdict.status in NOT_IN else others).append(number)
        found = {name: stand.verdicts[number].patch for number in out for name in self._brought(number) & wanted}
        if not found:
            return {}
        left = found.keys() - set[str]().union(*(self._brought(number) for number in others))
        for number in out:
            left -= _in_files(self._brought(number) & left, stand, self._links[number].patch.diff.paths)
        left -= _in_files(left, stand, stand.link.patch.diff.paths)
        if left:
            left -= self._upstream
        return {name: found[name] for name in sorted(left)}

    def gone(self, stand: Stand) -> list[str]:
        """Names that the next patch uses, that the old version defines and that the new one has nowhere."""
        if self._gone is None:
            self._gone = self._find_gone(stand)
        return sorted(self._names(stand.position).used & self._gone)

    def _find_gone(self, stand: Stand) -> set[str]:
        """Names of the queue's own files; a tree is searched for few names only, as each costs a look at every line."""
        wanted: dict[str, set[str]] = {}
        for number in range(stand.position, len(self._links)):
            for path in self._links[number].changes if self._links[number].applies else ():
                wanted.setdefault(path, set()).update(self._names(number).used)
        names = set[str]().union(*(self._gone_from_file(path, used, stand) for path, used in wanted.items()))
        if names:
            names -= set[str]().union(*map(self._brought, range(len(self._links))))
        return names - set(self._grep(names, self._tree, "-o"))

    def _gone_from_file(self, path: str, used: set[str], stand: Stand) -> set[str]:
        """Of the names that patches of a file use, those that it defined before the queue and has no more."""
        file, old = stand.files.get(path), self._before.get(path)
        if old is None or file is None or file.blob_id == old[1]:
            return set()
        data = self._objects.content(old[1]) or b""
        had = among(used, data)
        lost = had - among(had, file.data)
        return lost & defined(line for line in data.split(b"\n") if among(lost, line)) if lost else lost

    def _grep(self, names: Collection[str], tree: str, *options: str) -> list[str]:
        """Lines of a tree that have one of the names; with ``-o`` the names alone."""
        if not names:
            return []
        pattern = "|".join(_SPECIAL.sub(r"\\\g<0>", name) for name in sorted(names))  # many patterns take git too long
        command = ["grep", "-h", *options, "-w", "-I", "-E", "-f", "-", tree]
        _, out, _ = self._repository.attempt(*command, stdin=f"{pattern}\n".encode())
        return out.splitlines()

    def _names(self, number: int) -> Names:
        if number not in self._known:
            self._known[number] = names_of(self._links[number].patch.diff)
        return self._known[number]

    def _brought(self, number: int) -> frozenset[str]:
        return self._names(number).brought if self._links[number].applies else frozenset()

    @cached_property
    def _before(self) -> dict[str, Entry | None]:
        """The queue's files as they were before its first patch."""
        found: dict[str, Entry | None] = {}
        for link in self._links:
            for path, (old, _) in link.changes.items():
                found.setdefault(path, old)
        return found

    @cached_property
    def _upstream(self) -> frozenset[str]:
        """Those names that one patch brings and another uses and that the new version has anywhere."""
        every = range(len(self._links))
        names = set[str]().union(*map(self._brought, every))
        names &= set[str]().union(*(self._names(number).used for number in every))
        return frozenset(self._grep(names, self._tree, "-o"))


def _in_files(names: Collection[str], stand: Stand, paths: Iterable[str]) -> set[str]:
    """Names that stand in files of the new tree."""
    if not names:
        return set()
    pattern = re.compile(rb"\b(?:%s)\b" % b"|".join(re.escape(name.encode()) for name in names))
    files = [file.data for path in paths if (file := stand.files.get(path))]
    return {match.decode() for data in files for match in pattern.findall(data)}
