# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which patches a patch needs, as it uses a name that only they bring."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cached_property

from planex.git.repository import Repository
from planex.patchqueue.carry.names import brought, used
from planex.patchqueue.carry.stand import Stand
from planex.patchqueue.carry.verdict import NOT_IN
from planex.patchqueue.commits.commits import Link


class Needs:
    """Looks for names of a queue in a new version. It is asked about patches in their order."""

    def __init__(self, repository: Repository, links: tuple[Link, ...], tree: str) -> None:
        self._repository = repository
        self._links = links
        self._tree = tree

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
        words = ["grep", "-h", "-o", "-w", "-I", "-F", "-f", "-", self._tree]
        _, out, _ = self._repository.attempt(*words, stdin="".join(f"{name}\n" for name in sorted(names)).encode())
        return frozenset(out.split())


def _in_files(names: Collection[str], stand: Stand, paths: Iterable[str]) -> set[str]:
    """Names that stand in files of the new tree."""
    if not names:
        return set()
    pattern = re.compile(rb"\b(?:%s)\b" % b"|".join(re.escape(name.encode()) for name in names))
    files = [file.data for path in paths if (file := stand.files.get(path))]
    return {match.decode() for data in files for match in pattern.findall(data)}
