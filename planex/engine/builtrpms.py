# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the RPMs of a result really provide and require, kept beside them: reading every header takes much longer."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.content.store import Result
from planex.errors import PlanexError
from planex.rpm.capability import Capability
from planex.rpm.repo import DamagedFile

_RECORD = "made.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class BuiltRpm:
    """An RPM that a package made. ``digest``: its SHA-256; ``files``: paths, those of folders left out."""

    name: str
    digest: str
    provides: tuple[Capability, ...]
    requires: tuple[Capability, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BuiltRpms:
    """The RPMs of one result."""

    rpms: tuple[BuiltRpm, ...]


def built_rpms(result: Result) -> tuple[BuiltRpm, ...]:
    """The RPMs of a whole result. Raises DamagedFile for one that cannot be read."""
    kept = result.folder / _RECORD
    known = records.load(kept, BuiltRpms, _FORMAT)
    if known and sorted(rpm.digest for rpm in known.rpms) == sorted(result.rpms.values()):
        return known.rpms
    found = tuple(_read(result.folder / name, digest) for name, digest in sorted(result.rpms.items()))
    with suppress(OSError, PlanexError):  # where nothing can be written, the headers are read each time
        records.save(kept, BuiltRpms(found), _FORMAT)
    return found


def _read(path: Path, digest: str) -> BuiltRpm:
    from planex.rpm.rpmfile import read_rpm  # once for each result

    try:
        with path.open("rb") as file:
            rpm = read_rpm(file)
    except (PlanexError, OSError):
        raise DamagedFile(path) from None
    files = tuple(entry.path for entry in rpm.entries if not entry.is_folder)
    return BuiltRpm(rpm.name, digest, rpm.provides, rpm.requires, files)
