# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a verifier says of an ISO: SLSA's verification summary, version 1, signed by the verifier's own key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import planex
from planex.checksums import digest_of_text
from planex.content import records
from planex.errors import PlanexError
from planex.host.checked import Checked, Standing
from planex.host.manifest import Manifest
from planex.trust.dsse import IN_TOTO, Envelope, parse_envelope
from planex.trust.gpg import PublicKey
from planex.trust.statement import Statement, Subject, parse_statement

VSA = "https://slsa.dev/verification_summary/v1"
SIGNED, REBUILT = "PLANEX_SIGNED", "PLANEX_REBUILT"
"""What was verified besides SLSA's own levels, which planex does not judge."""
_PASSED, _FAILED = "PASSED", "FAILED"
_POLICY = "urn:planex:policy:iso-verify:1"


@dataclass(frozen=True, slots=True)
class Summary:
    """As its signer wrote it. ``name``: of the file it is in."""

    name: str
    data: bytes
    envelope: Envelope
    subject: tuple[Subject, ...]
    passed: bool
    levels: tuple[str, ...]

    def signer(self, keys: Sequence[PublicKey]) -> PublicKey:
        """Whose of these it is; PlanexError where that is not proved."""
        faults = {key.fingerprint: self.envelope.complaint(key) for key in keys}
        found = next((key for key in keys if not faults[key.fingerprint]), None)
        if found is None:
            named = {each.keyid for each in self.envelope.signatures}
            why = next((fault for name, fault in faults.items() if name in named), "")
            message = (
                f"{self.name} is signed by none of the verifiers" if not why else f"{self.name} proves nothing: {why}"
            )
            raise PlanexError(message, "name the public key: --verifier FILE")
        return found

    def speaks_of(self, sha256: str) -> bool:
        return any(each.digest.get("sha256") == sha256 for each in self.subject)


def summary_statement(
    manifest: Manifest, checked: Sequence[Checked], verifier: PublicKey, now: datetime, *, rebuilt: bool
) -> bytes:
    """The statement, to be signed. ``manifest``: with the ISO's digest; ``rebuilt``: the ISO was built again."""
    passed = not any(each.standing is Standing.WRONG for each in checked)
    levels = ["SLSA_BUILD_LEVEL_UNEVALUATED", SIGNED, *([REBUILT] if rebuilt else [])]
    manifest_digest = digest_of_text(manifest.on_iso().to_json())
    predicate: Mapping[str, Any] = {
        "verifier": {"id": f"urn:planex:verifier:{verifier.fingerprint}", "version": {"planex": planex.__version__}},
        "timeVerified": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "resourceUri": f"urn:planex:iso:{manifest.iso}",
        "policy": {"uri": _POLICY},
        "inputAttestations": [{"uri": "manifest.json", "digest": {"sha256": manifest_digest}}],
        "verificationResult": _PASSED if passed else _FAILED,
        "verifiedLevels": levels if passed else [],
        "slsaVersion": "1.0",
    }
    return Statement((Subject(manifest.iso, {"sha256": manifest.sha256}),), VSA, predicate).to_json()


def parse_summary(name: str, data: bytes) -> Summary:
    """The summary in some bytes. Raises records.Damaged."""
    envelope = parse_envelope(data)
    if envelope.payloadType != IN_TOTO:
        raise records.Damaged(f"its payload is of the type {envelope.payloadType}")
    statement = parse_statement(envelope.content, VSA)
    result, levels = (statement.predicate.get(field) for field in ("verificationResult", "verifiedLevels"))
    if result not in (_PASSED, _FAILED) or not isinstance(levels, list):
        raise records.Damaged("it lacks a result or levels")
    return Summary(name, data, envelope, statement.subject, result == _PASSED, tuple(map(str, levels)))
