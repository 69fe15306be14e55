# SPDX-License-Identifier: LGPL-2.1-or-later
"""Proof that files are what they were: cheap by size, time and inode, full by SHA-256.

A stamp that does not fit any more (a tree that was copied to another disk) proves nothing bad: then the digest decides.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from planex.checksums import digest_of
from planex.content import records


def is_inside(name: str) -> bool:
    """Whether ``name`` is a relative path that stays below its folder."""
    return bool(name) and not name.startswith("/") and ".." not in name.split("/")


def _inside(name: str) -> str:
    if not is_inside(name):
        raise ValueError("leads elsewhere")
    return name


Inside = Annotated[str, AfterValidator(_inside)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Number = Annotated[int, Field(strict=True)]


@dataclass(frozen=True, slots=True)
class Stamp:
    """A regular file: SHA-256 of its bytes, size in bytes, time of its last change in ns since 1970, inode."""

    sha256: Sha256
    size: _Number
    mtime_ns: _Number
    inode: _Number


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is not what it was. ``what``: ``is missing``, ``is damaged`` or ``was added``."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name} {self.what}"


def take(folder: Path, names: Iterable[str]) -> dict[str, Stamp]:
    """Stamps of files below ``folder``."""
    return {name: stamp(folder / name, digest_of(folder / name, "SHA256")) for name in names}


def files_below(folder: Path) -> list[str]:
    """Relative path of all below ``folder`` that is no folder, sorted; links to folders are not entered."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    return sorted(str(path.relative_to(folder)) for path in found)


def unproven(folder: Path, stamps: Mapping[str, Stamp]) -> list[str]:
    """Names whose size, time or inode are not as stamped; a missing file among them. Reads no file."""
    return [name for name, stamp in stamps.items() if not _fits(folder / name, stamp)]


def prove(folder: Path, digests: Mapping[str, str]) -> dict[str, Stamp] | Fault:
    """Read files whole: stamps of all of them, or the first that has not its SHA-256."""
    found: dict[str, Stamp] = {}
    for name, digest in digests.items():
        path = folder / name
        if not os.path.lexists(path):
            return Fault(name, "is missing")
        if path.is_symlink() or not path.is_file():
            return Fault(name, "is damaged")
        found |= take(folder, [name])
        if found[name].sha256 != digest:
            return Fault(name, "is damaged")
    return found


def added(folder: Path, stamps: Mapping[str, Stamp]) -> Fault | None:
    """A file below ``folder`` that no stamp is of."""
    return next((Fault(name, "was added") for name in files_below(folder) if name not in stamps), None)


def to_rows(stamps: Mapping[str, Stamp]) -> dict[str, dict[str, str | int]]:
    """Stamps as JSON keeps them."""
    return {name: asdict(stamp) for name, stamp in sorted(stamps.items())}


def from_rows(rows: object) -> dict[str, Stamp]:
    """What ``to_rows`` gave. Raises Damaged for anything else."""
    return records.from_plain(rows, dict[Inside, Stamp])


def stamp(path: Path, digest: str) -> Stamp:
    """Of a file whose SHA-256 is known."""
    found = path.stat(follow_symlinks=False)
    return Stamp(digest, found.st_size, found.st_mtime_ns, found.st_ino)


def _fits(path: Path, stamp: Stamp) -> bool:
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return False
    same = (found.st_size, found.st_mtime_ns, found.st_ino) == (stamp.size, stamp.mtime_ns, stamp.inode)
    return stat.S_ISREG(found.st_mode) and same
