# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the RPMs of a result really provide and require, kept beside them: reading every header takes much longer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from planex.content.store import Result
from planex.errors import PlanexError
from planex.rpm.capability import Capability
from planex.rpm.rpmfile import read_rpm
from planex.workspace import write_atomic

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


def built_rpms(result: Result) -> tuple[BuiltRpm, ...]:
    """The RPMs of a whole result. Raises PlanexError for one that is none."""
    record = result.folder / _RECORD
    if (found := _recall(record, result)) is not None:
        return found
    found = tuple(_read(result.folder / name, digest) for name, digest in sorted(result.rpms.items()))
    with suppress(OSError, PlanexError):  # where nothing can be written, the headers are read each time
        write_atomic(record, json.dumps([_FORMAT, [astuple(made) for made in found]]))
    return found


def _read(path: Path, digest: str) -> BuiltRpm:
    try:
        with path.open("rb") as file:
            rpm = read_rpm(file)
    except PlanexError as error:
        raise PlanexError(
            f"the stored {path.name}: {error.message}", "look at all of them: planex store verify"
        ) from None
    files = tuple(entry.path for entry in rpm.entries if not entry.is_folder)
    return BuiltRpm(rpm.name, digest, rpm.provides, rpm.requires, files)


def _recall(record: Path, result: Result) -> tuple[BuiltRpm, ...] | None:
    try:
        version, rows = json.loads(record.read_text())
        found = tuple(_from_row(row) for row in rows) if version == _FORMAT else ()
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return found if sorted(made.digest for made in found) == sorted(result.rpms.values()) else None


def _from_row(row: Sequence[Any]) -> BuiltRpm:
    name, digest, provides, requires, files = row
    offers, needs = (tuple(Capability(*each) for each in rows) for rows in (provides, requires))
    return BuiltRpm(name, digest, offers, needs, tuple(files))
