# SPDX-License-Identifier: LGPL-2.1-or-later
"""BuildRequires that only a build can tell (%generate_buildrequires): learned there, known in later plans.

They are guesses for a plan: a spec that changed may ask for others, which its build then learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.engine.outputs import RefusedOutput, take
from planex.rpm.capability import Capability
from planex.rpm.rpmfile import BadRpm, read_source_requires

_FORMAT = 1
_SUFFIX = ".buildreqs.nosrc.rpm"
_LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Learned:
    """What a package was seen to ask for."""

    requires: tuple[Capability, ...]


def recall(folder: Path, package: str) -> tuple[Capability, ...]:
    """What was learned last."""
    known = records.load(folder / f"{package}.json", Learned, _FORMAT)
    return known.requires if known else ()


def learn(folder: Path, package: str, requires: tuple[Capability, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    records.save(folder / f"{package}.json", Learned(requires), _FORMAT)


def read_generated(folder: Path, within: Path, copy: Path) -> tuple[Capability, ...]:
    """All BuildRequires, generated and other, of the source RPM in which rpmbuild tells them, if it left one.

    ``within``: the folder above that the build could not replace. RefusedOutput where it is not what it should be.
    """
    copy.unlink(missing_ok=True)
    if not take(folder, within, _SUFFIX, copy, _LARGEST):
        return ()
    try:
        with copy.open("rb") as file:
            return read_source_requires(file)
    except BadRpm as error:
        raise RefusedOutput(f"the source RPM with generated BuildRequires: {error.message}") from None
