# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is an RPM what its makers signed, and of what was it made? Its signature, its provenance, the manifest of an ISO."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from planex.checksums import digest_of
from planex.content import records
from planex.errors import PlanexError
from planex.host.checked import Checked, good, signed, unknown, wrong
from planex.host.manifest import Manifest
from planex.regular import NotRegular, open_regular, read_regular
from planex.rpm.rpmfile import BadRpm, read_rpm
from planex.rpm.signature import signed_part
from planex.trust.gpg import PublicKey
from planex.trust.provenance import Material, Provenance, find_provenance, parse_provenance
from planex.trust.repository import PROVENANCE, header_complaint

_LARGEST = 16 << 20
"""Bytes of a provenance."""


@dataclass(frozen=True, slots=True)
class RpmProof:
    """``materials``: what its provenance says that it was made of."""

    checked: Sequence[Checked]
    materials: Sequence[Material] = field(default=())


def prove_rpm(path: Path, key: PublicKey | None, given: Path | None, manifest: Manifest | None) -> RpmProof:
    """All that was checked of an RPM. ``given``: its provenance, where that is not beside it."""
    try:
        with open_regular(path) as file:
            read_rpm(file)
        with open_regular(path) as file:
            part = signed_part(file)
    except BadRpm as error:
        return RpmProof([wrong("RPM", error.message)])
    sha256 = digest_of(path, "SHA256")
    checked = [good("RPM", f"header and payload have their digests; SHA-256 {sha256}")]
    checked.append(signed("signature", key, lambda key: header_complaint(key, part)))
    if manifest:
        checked.append(_listed(path.name, sha256, manifest))
    found = find_provenance(_known(path, given), sha256)
    if found is None:
        text = f"none in {given or path.parent / PROVENANCE} speaks of it"
        return RpmProof([*checked, wrong("provenance", text) if given else unknown("provenance", text)])
    return RpmProof([*checked, signed("provenance", key, found.complaint)], found.materials())


def _listed(name: str, sha256: str, manifest: Manifest) -> Checked:
    """Whether the manifest of an ISO has these bytes, as they were built or as they were signed."""
    own = [rpm for rpm in manifest.rpms if PurePosixPath(rpm.path).name == name]
    if any(sha256 in (rpm.sha256, rpm.unsigned) for rpm in own):
        return good("manifest", f"it is on {manifest.iso}")
    return wrong("manifest", f"{manifest.iso} has {'another ' if own else 'no '}{name}")


def _known(path: Path, given: Path | None) -> Iterator[Provenance]:
    """The provenance that was given, or all that lies beside an RPM; what cannot be read there speaks of nothing."""
    for file in [given] if given else sorted((path.parent / PROVENANCE).glob("*.json")):
        try:
            yield parse_provenance(file.name, read_regular(file, _LARGEST))
        except (NotRegular, records.Damaged) as error:
            if given:
                raise PlanexError(f"{given} is no provenance: {error.message}", "planex build writes it") from None
