# SPDX-License-Identifier: LGPL-2.1-or-later
"""What shared stores have of a package, and what its RPMs are said to provide and require: enough for a plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from planex.engine import builtrpms
from planex.engine.builtrpms import BuiltRpm, claimed
from planex.sharing.depot import BadEntry
from planex.sharing.depots import Depots, Held
from planex.sharing.place import Unreachable


@dataclass(frozen=True, slots=True)
class Offering:
    """A result that a store has, and what it says of its RPMs."""

    held: Held
    made: tuple[BuiltRpm, ...]


def find(depots: Depots, package: str, key: str) -> Offering | None:
    """What the first store has of a key whose word can be taken."""
    while held := depots.find(key, package):
        try:
            return Offering(held, _claims(held))
        except (BadEntry, Unreachable) as error:
            depots.reject(held, error)
    return None


def _claims(held: Held) -> tuple[BuiltRpm, ...]:
    file = held.result.beside.get(builtrpms.RECORD)
    digests = [rpm.sha256 for rpm in held.result.rpms.values()]
    with TemporaryDirectory(prefix="planex.") as name:
        path = Path(name) / builtrpms.RECORD
        if file:
            held.depot.get(file, path)
        made = claimed(path, digests)
    if made is None:
        raise BadEntry(f"{record_name(held)} does not say what its RPMs provide and require")
    return made


def record_name(held: Held) -> str:
    """Where the record is, for messages."""
    return f"{held.depot.name}/ac/{held.result.key}"
