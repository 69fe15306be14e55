# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes comps.xml: the groups of packages that a repository offers to installers and to dnf. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape

_escape = partial(escape, quote=False)


@dataclass(frozen=True, slots=True)
class CompsGroup:
    """A group; all its packages are mandatory."""

    id: str
    name: str
    description: str
    packages: Sequence[str]


def comps_text(groups: Iterable[CompsGroup]) -> str:
    """The file's text, its groups in the order given."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<comps>"]
    for group in groups:
        lines += ["  <group>", f"    <id>{group.id}</id>", f"    <name>{_escape(group.name)}</name>"]
        lines += [f"    <description>{_escape(group.description)}</description>", "    <default>true</default>"]
        lines += ["    <uservisible>true</uservisible>", "    <packagelist>"]
        lines += [f'      <packagereq type="mandatory">{_escape(package)}</packagereq>' for package in group.packages]
        lines += ["    </packagelist>", "  </group>"]
    return "\n".join([*lines, "</comps>", ""])
