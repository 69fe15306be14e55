# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the RPMs of a result really provide and require, kept beside them: reading every header takes much longer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.content.store import Result
from planex.errors import PlanexError
from planex.rpm.capability import Capability
from planex.rpm.repo import DamagedFile

RECORD = "made.json"
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
    kept = result.folder / RECORD
    known = claimed(kept, result.rpms.values())
    if known is not None:
        return known
    found = read_built(result.folder, result.rpms)
    with suppress(OSError, PlanexError):  # where nothing can be written, the headers are read each time
        records.save(kept, BuiltRpms(found), _FORMAT)
    return found


def read_built(folder: Path, digests: Mapping[str, str]) -> tuple[BuiltRpm, ...]:
    """What the RPMs in a folder, by name with their SHA-256, say of themselves. Raises DamagedFile."""
    return tuple(_read(folder / name, digest) for name, digest in sorted(digests.items()))


def claimed(path: Path, digests: Collection[str]) -> tuple[BuiltRpm, ...] | None:
    """What a file says of RPMs with these SHA-256; None where it does not speak of just them."""
    known = records.load(path, BuiltRpms, _FORMAT)
    return known.rpms if known and sorted(rpm.digest for rpm in known.rpms) == sorted(digests) else None


def _read(path: Path, digest: str) -> BuiltRpm:
    from planex.rpm.rpmfile import read_rpm  # once for each result

    try:
        with path.open("rb") as file:
            rpm = read_rpm(file)
    except (PlanexError, OSError):
        raise DamagedFile(path) from None
    files = tuple(entry.path for entry in rpm.entries if not entry.is_folder)
    return BuiltRpm(rpm.name, digest, rpm.provides, rpm.requires, files)
