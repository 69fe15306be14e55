# SPDX-License-Identifier: LGPL-2.1-or-later
"""Versions of the programs that make an ISO, for its manifest; a program is asked again where its file is another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.run import find
from planex.toolversion import version_of

TOOLS = ("rpmbuild", "dnf", "createrepo_c", "mksquashfs", "xorriso", "grub-mkimage", "gpg")
_FORMAT = 1
_KEPT = "tools.json"


@dataclass(frozen=True, slots=True)
class Program:
    """``file``: path, inode, size, and times of change in ns since 1970 of what is run; ``version``: what it said."""

    file: tuple[str, int, int, int, int]
    version: str


@dataclass(frozen=True, slots=True)
class Programs:
    """Name to program."""

    programs: Mapping[str, Program]


def tools_used(work: Path) -> dict[str, str]:
    """Version of each of TOOLS that is here; what they said is kept in ``work``."""
    record = records.load(work / _KEPT, Programs, _FORMAT)
    known = record.programs if record else {}
    found = {name: _program(name, path, known.get(name)) for name in TOOLS if (path := find(name))}
    if found != known:
        records.save(work / _KEPT, Programs(found), _FORMAT)
    return {name: program.version for name, program in found.items()}


def _program(name: str, path: str, known: Program | None) -> Program:
    real = Path(path).resolve()
    status = real.stat()
    # the time of the last change of anything, which nobody can set: a package that is installed anew has another
    file = (str(real), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return known if known and known.file == file else Program(file, version_of(name, path))
