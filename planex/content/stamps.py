# SPDX-License-Identifier: LGPL-2.1-or-later
"""Proof that files are what they were: cheap by size, time and inode, full by SHA-256.

A stamp that does not fit any more (a tree that was copied to another disk) proves nothing bad: then the digest decides.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from planex.checksums import digest_of

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Stamp:
    """A regular file: SHA-256 of its bytes, size in bytes, time of its last change in ns since 1970, inode."""

    sha256: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A file that is not what it was. ``what``: ``is missing``, ``is damaged`` or ``was added``."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name} {self.what}"


def take(folder: Path, names: Iterable[str]) -> dict[str, Stamp]:
    """Stamps of files below ``folder``."""
    return {name: _stamp(folder / name, digest_of(folder / name, "SHA256")) for name in names}


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
    """What ``to_rows`` gave. Raises ValueError for anything else."""
    if not isinstance(rows, dict):
        raise ValueError("no table of files")
    stamps = {}
    for name, row in rows.items():
        if not isinstance(row, dict) or not is_inside(name):
            raise ValueError(f"no stamp of a file: {name!r}")
        stamps[name] = Stamp(sha256_text(row.get("sha256")), *(_number(row.get(key)) for key in _NUMBERS))
    return stamps


_NUMBERS = ("size", "mtime_ns", "inode")


def is_inside(name: object) -> bool:
    """Whether ``name`` is a relative path that stays below its folder."""
    return isinstance(name, str) and bool(name) and not name.startswith("/") and ".." not in name.split("/")


def sha256_text(value: object) -> str:
    """``value`` if it is a SHA-256 in hexadecimal; ValueError otherwise."""
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError(f"no SHA-256: {value!r}")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"no number: {value!r}")
    return value


def _stamp(path: Path, digest: str) -> Stamp:
    found = path.stat(follow_symlinks=False)
    return Stamp(digest, found.st_size, found.st_mtime_ns, found.st_ino)


def _fits(path: Path, stamp: Stamp) -> bool:
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return False
    same = (found.st_size, found.st_mtime_ns, found.st_ino) == (stamp.size, stamp.mtime_ns, stamp.inode)
    return stat.S_ISREG(found.st_mode) and same
