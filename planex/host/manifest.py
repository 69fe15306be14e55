# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manifest beside an ISO: what it is, from which inputs it was made, and every package on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.host.live import Installed

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """``<iso>.manifest.json``. ``size`` is in bytes; ``inputs`` (label to digest) let a later run decide."""

    iso: str
    sha256: str
    size: int
    label: str
    version: str
    target: str
    epoch: int
    inputs: Mapping[str, str]
    packages: tuple[Installed, ...]

    def to_json(self) -> str:
        return records.text(self, FORMAT)


def read_manifest(path: Path) -> Manifest | None:
    """The manifest in a file; None where there is none of this format."""
    return records.load(path, Manifest, FORMAT)


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What changed between the inputs of two ISOs, in words."""
    changed = [f"{label} changed" for label in new if label in old and old[label] != new[label]]
    added = [f"{label} is new" for label in new if label not in old]
    return changed + added + [f"{label} is gone" for label in old if label not in new]
