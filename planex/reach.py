# SPDX-License-Identifier: LGPL-2.1-or-later
"""What can be reached in a graph, circles and all, as bit masks: they join fast and take little room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence


class Reach:
    """Node to mask of all nodes that can be reached from it, itself included. Nodes are small numbers.

    A mask is worked out when it is first asked for, together with all below it (Tarjan's strongly connected
    components, without recursion): time and calls of ``successors`` are linear in nodes and edges.
    """

    def __init__(self, successors: Callable[[int], Sequence[int]]) -> None:
        self._successors = successors
        self._masks: dict[int, int] = {}

    def __getitem__(self, node: int) -> int:
        if node not in self._masks:
            self._explore(node)
        return self._masks[node]

    def of(self, nodes: Sequence[int]) -> int:
        """What can be reached from any of these nodes."""
        mask = 0
        for node in nodes:
            mask |= self[node]
        return mask

    def _explore(self, root: int) -> None:
        walk = _Walk()
        walk.enter(root, self._successors(root))
        while walk.path:
            node = walk.path[-1]
            following = next(walk.waiting[node], None)
            if following is None:
                self._leave(node, walk)
            elif following not in self._masks:
                if following not in walk.low:
                    walk.enter(following, self._successors(following))
                else:
                    walk.low[node] = min(walk.low[node], walk.number[following])

    def _leave(self, node: int, walk: _Walk) -> None:
        walk.path.pop()
        if walk.path:
            above = walk.path[-1]
            walk.low[above] = min(walk.low[above], walk.low[node])
        if walk.low[node] == walk.number[node]:
            members = walk.component(node)
            mask = 0
            for member in members:
                mask |= 1 << member
                for following in walk.edges[member]:
                    mask |= self._masks.get(following, 0)  # 0: of this very component
            self._masks.update(dict.fromkeys(members, mask))


class _Walk:
    """Tarjan's book-keeping."""

    def __init__(self) -> None:
        self.path: list[int] = []
        self.number: dict[int, int] = {}
        self.low: dict[int, int] = {}
        self.edges: dict[int, Sequence[int]] = {}
        self.waiting: dict[int, Iterator[int]] = {}
        self._open: list[int] = []

    def enter(self, node: int, edges: Sequence[int]) -> None:
        self.number[node] = self.low[node] = len(self.number)
        self.edges[node], self.waiting[node] = edges, iter(edges)
        self.path.append(node)
        self._open.append(node)

    def component(self, first: int) -> list[int]:
        """The nodes of the component that was entered at ``first``."""
        members = [self._open.pop()]
        while members[-1] != first:
            members.append(self._open.pop())
        return members


def bits(mask: int) -> Iterator[int]:
    """The nodes of a mask, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
