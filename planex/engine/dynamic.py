# SPDX-License-Identifier: LGPL-2.1-or-later
"""What builds told of their buildroots (``planex.engine.observed``), by %generate_buildrequires: kept for later plans.

They are guesses for a plan: a spec that changed may ask for others, which its build then learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.rpm.capability import Capability

_FORMAT = 1


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
