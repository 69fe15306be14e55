# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manifest of an ISO: what it is, and every package, source and patch that went into it.

It lies beside the ISO and on it. The one on the ISO cannot say what the ISO's own digest and size are, nor does it have
the inputs by which a later run on this machine decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from planex.content import records
from planex.distro.origins import UsedPatch, UsedSource
from planex.host.live import Installed
from planex.medium.image import Image

FORMAT = 2
ON_ISO = "/manifest.json"


@dataclass(frozen=True, slots=True)
class ShippedRpm:
    """An RPM of the repository on the ISO. ``unsigned``: SHA-256 as it was built; ``source``: its source RPM."""

    nevra: str
    path: str
    """On the ISO."""
    sha256: str
    unsigned: str
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """``commit`` of the workspace, empty outside of git; ``changed``: with changes that are in none. ``base``: label
    to SHA-256; ``tools``: program to version."""

    commit: str
    changed: bool
    base: Mapping[str, str]
    tools: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """``<iso>.manifest.json``. ``size`` is in bytes; ``inputs`` (label to digest) let a later run decide."""

    iso: str
    sha256: str
    size: int
    label: str
    name: str
    version: str
    vendor: str
    target: str
    epoch: int
    key: str
    """Fingerprint of the key that signed; empty where nothing is signed."""
    made_from: MadeFrom
    inputs: Mapping[str, str]
    packages: tuple[Installed, ...]
    """Of the live host."""
    rpms: tuple[ShippedRpm, ...]
    sources: tuple[UsedSource, ...]
    patches: tuple[UsedPatch, ...]

    def to_json(self) -> str:
        return records.text(self, FORMAT)

    def on_iso(self) -> Manifest:
        """As the ISO itself has it."""
        return replace(self, sha256="", size=0, inputs={})


def read_manifest(path: Path) -> Manifest | None:
    """The manifest in a file; None where there is none of this format."""
    return records.load(path, Manifest, FORMAT)


def parse_manifest(data: bytes) -> Manifest:
    """The manifest in some bytes. Raises records.Damaged."""
    return records.parse(data, Manifest, FORMAT)


def read_on_iso(image: Image) -> Manifest:
    """The manifest on an ISO. Raises records.Damaged where there is none that can be read."""
    if ON_ISO not in image.files:
        raise records.Damaged("it is not on the ISO")
    if image.files[ON_ISO] > records.LIMIT:
        raise records.Damaged("it is too large")
    return parse_manifest(image.read(ON_ISO))


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What changed between the inputs of two ISOs, in words."""
    changed = [f"{label} changed" for label in new if label in old and old[label] != new[label]]
    added = [f"{label} is new" for label in new if label not in old]
    return changed + added + [f"{label} is gone" for label in old if label not in new]
