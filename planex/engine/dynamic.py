# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a buildroot has that only a build can tell, as by %generate_buildrequires: learned there, known in later plans.

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


def recall(folder: Path) -> dict[str, tuple[Capability, ...]]:
    """Package to what was learned of it last."""
    known = {path.stem: records.load(path, Learned, _FORMAT) for path in folder.glob("*.json")}
    return {package: learned.requires for package, learned in known.items() if learned}


def learn(folder: Path, package: str, requires: tuple[Capability, ...]) -> None:
    kept = folder / f"{package}.json"
    if requires:
        folder.mkdir(parents=True, exist_ok=True)
        records.save(kept, Learned(requires), _FORMAT)
    else:
        kept.unlink(missing_ok=True)


def installed(log: Path) -> frozenset[str]:
    """Names of the packages in a builder's list of what it installed, if it left one."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(line.split()[0].rsplit("-", 2)[0] for line in lines if line.strip())


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
