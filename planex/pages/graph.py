# SPDX-License-Identifier: LGPL-2.1-or-later
"""A graph of packages as text, as JSON and for Graphviz. Pure: edges in, text out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from planex.engine.links import Edge

Edges = Mapping[str, Sequence[Edge]]
"""Package, in an order in which they can be built, to what it needs."""


def as_text(edges: Edges, notes: Mapping[str, Sequence[str]]) -> str:
    """A package a paragraph: what it needs and why, then ``notes`` on it."""
    lines = []
    for package, needs in edges.items():
        lines.append(package)
        width = max((len(edge.needs) for edge in needs), default=0)
        lines += [f"  needs {edge.needs:{width}}  {edge.because}" for edge in needs]
        lines += [f"  {line}" for note in notes.get(package, ()) for line in note.splitlines()]
    return "\n".join(lines)


def as_json(edges: Edges, notes: Mapping[str, Sequence[str]]) -> str:
    """``[{"package": ..., "needs": [{"package": ..., "because": ...}], "notes": [...]}]`` in build order."""
    rows = [
        {
            "package": package,
            "needs": [{"package": edge.needs, "because": edge.because} for edge in needs],
            "notes": list(notes.get(package, ())),
        }
        for package, needs in edges.items()
    ]
    return json.dumps(rows, indent=2)


def as_dot(edges: Edges) -> str:
    """A digraph for dot(1); arrows go from a package to what it needs."""
    lines = [f"  {json.dumps(package)};" for package in edges]
    for needs in edges.values():
        for edge in needs:
            label = json.dumps(edge.because)
            lines.append(f"  {json.dumps(edge.package)} -> {json.dumps(edge.needs)} [tooltip={label}];")
    return "\n".join(["digraph packages {", "  rankdir=LR; node [shape=box];", *lines, "}"])


def as_path(path: Sequence[Edge]) -> str:
    """One step a line."""
    return "\n".join(f"{edge.package} needs {edge.needs} ({edge.because})" for edge in path)
