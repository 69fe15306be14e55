# SPDX-License-Identifier: LGPL-2.1-or-later
"""What signed provenance says of RPMs, for who checks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from planex.content import records
from planex.trust.dsse import IN_TOTO, Envelope, parse_envelope
from planex.trust.gpg import PublicKey
from planex.trust.statement import Statement, parse_statement

SLSA = "https://slsa.dev/provenance/v1"


@dataclass(frozen=True, slots=True)
class Material:
    """Something that a package was made of. ``digest``: algorithm to value."""

    name: str
    digest: Mapping[str, str]
    uri: str = ""
    annotations: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        digests = ", ".join(f"{algorithm}:{value[:16]}" for algorithm, value in self.digest.items())
        title = f": {self.annotations['subject']}" if self.annotations and self.annotations.get("subject") else ""
        return f"{self.name}{title} ({digests})"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Of one package. ``name``: of the file it is in."""

    name: str
    envelope: Envelope
    statement: Statement

    def complaint(self, key: PublicKey) -> str:
        """Why it is not proved to be the key's owner's; empty where it is."""
        return self.envelope.complaint(key)

    def materials(self) -> list[Material]:
        """Raises records.Damaged."""
        definition = self.statement.predicate.get("buildDefinition")
        rows = definition.get("resolvedDependencies") if isinstance(definition, dict) else None
        if rows is not None and not isinstance(rows, list):
            raise records.Damaged("its resolvedDependencies are no list")
        return [records.from_plain(row, Material) for row in rows or ()]


def parse_provenance(name: str, data: bytes) -> Provenance:
    """The provenance in some bytes. Raises records.Damaged."""
    envelope = parse_envelope(data)
    if envelope.payloadType != IN_TOTO:
        raise records.Damaged(f"its payload is of the type {envelope.payloadType}")
    return Provenance(name, envelope, parse_statement(envelope.content, SLSA))


def find_provenance(known: Iterable[Provenance], sha256: str) -> Provenance | None:
    """The one that speaks of an RPM with this digest."""
    return next((each for each in known if each.statement.names(sha256)), None)
