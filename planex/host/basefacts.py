# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a base ISO has and what is wrong with it: found by reading all of it, and kept by its digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from planex.checksums import digest_of_text
from planex.content import records, shelf
from planex.content.code import code_digest
from planex.host.check import examine
from planex.host.examined import ExaminedIso
from planex.host.finding import Finding, faults
from planex.medium.bootrecords import BootRecords
from planex.medium.image import Image

_FORMAT = 2


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """``digests``: path to SHA-256 of every file; ``faults``: kind and message of each."""

    records: BootRecords
    image: Image
    digests: Mapping[str, str]
    faults: tuple[tuple[str, str], ...]

    def findings(self) -> list[Finding]:
        return [Finding(kind, message) for kind, message in self.faults]


def base_facts(base: Path, digest: str, work: Path) -> BaseFacts:
    """Facts of the base ISO with this digest, kept in ``work``."""
    key = digest_of_text(f"{digest} {code_digest('planex.host', 'planex.medium')}")[:16]
    kept = work / f"base-{key}.json"
    facts = records.load(kept, BaseFacts, _FORMAT)
    if facts is None:
        facts = _look(base)
        records.save(kept, facts, _FORMAT)
        shelf.prune((old for old in work.glob("base-*.json") if old != kept), 0)
    return replace(facts, image=replace(facts.image, path=base))


def _look(base: Path) -> BaseFacts:
    iso = ExaminedIso.open(base)
    whole = iso.files.keys() - set(iso.image.cut())
    iso.prepare((name, "sha256") for name in whole)
    found = faults(examine(iso))
    digests = {name: iso.digest(name) for name in sorted(whole)}
    return BaseFacts(iso.records, iso.image, digests, tuple((finding.kind, finding.message) for finding in found))
