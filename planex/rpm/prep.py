# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the script that rpm makes of %prep. Pure."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Step:
    """Since the script was last in the build folder: which folders it took away, and what it unpacked."""

    removed: set[str] = field(default_factory=set)
    tarballs: list[str] = field(default_factory=list)


def unpacks(script: str) -> list[dict[str, object]]:
    """Each folder that %setup enters as the top folder of what it unpacked just before, with these tarballs.

    Not those that it makes itself (``-c``), nor any that may be there already (``-D``).
    """
    found: list[dict[str, object]] = []
    step = _Step()
    for words in _commands(script):
        match words:
            case ["cd", folder] if folder.startswith("/"):
                step = _Step()
            case ["cd", folder]:
                if step.tarballs and folder in step.removed:
                    found.append({"folder": folder, "tarballs": step.tarballs})
                step = _Step()
            case ["rm", "-rf", folder]:
                step.removed.add(folder)
            case [program, *_, tarball] if program.endswith("/rpmuncompress"):
                step.tarballs.append(posixpath.basename(tarball))
            case [program, *_, folder] if program.endswith("mkdir"):
                step.removed.discard(folder)
    return found


def _commands(script: str) -> Iterable[list[str]]:
    for line in script.splitlines():
        try:
            yield shlex.split(line)
        except ValueError:
            continue
