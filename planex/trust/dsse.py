# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signed documents: DSSE envelopes (secure-systems-lab/dsse, envelope.md and protocol.md, version 1).

What is signed is the payload with its type, in a form that has one meaning (``pae``). The signature is OpenPGP's, by
the same signers as everything else here; ``keyid`` is the fingerprint.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from planex.content import records
from planex.trust.armour import SIGNATURE, armoured, dearmour
from planex.trust.gpg import PublicKey, complaint_of_packets
from planex.trust.signer import Signer

IN_TOTO = "application/vnd.in-toto+json"
"""The type of in-toto statements."""


@dataclass(frozen=True, slots=True)
class EnvelopeSignature:
    """``sig``: OpenPGP packets in base 64."""

    sig: str
    keyid: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """As DSSE names it; ``payload`` is in base 64."""

    payload: str
    payloadType: str
    signatures: tuple[EnvelopeSignature, ...]

    @property
    def content(self) -> bytes:
        return base64.b64decode(self.payload)

    @property
    def signed(self) -> bytes:
        """The bytes that signatures are of."""
        return pae(self.payloadType, self.content)

    def armoured_signatures(self) -> Sequence[str]:
        """Each as a signer prints it."""
        return [armoured(base64.b64decode(each.sig), SIGNATURE) for each in self.signatures]

    def complaint(self, key: PublicKey) -> str:
        """Why no signature of it is the key's; empty where one is."""
        if not self.signatures:
            return "it is not signed"
        faults = [complaint_of_packets(key, base64.b64decode(each.sig), self.signed) for each in self.signatures]
        return "" if "" in faults else faults[0]


def pae(kind: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: type and payload, each with its length."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def envelope_text(signer: Signer, payload: bytes, kind: str = IN_TOTO) -> str:
    """A payload in an envelope that a signer signed."""
    signature = dearmour(signer.sign(pae(kind, payload)), SIGNATURE)
    row = {"keyid": signer.key.fingerprint, "sig": _base64(signature)}
    return json.dumps({"payload": _base64(payload), "payloadType": kind, "signatures": [row]}, indent=1) + "\n"


def parse_envelope(data: bytes) -> Envelope:
    """The envelope in some bytes. Raises records.Damaged."""
    try:
        found = records.from_plain(json.loads(data), Envelope)
        for text in (found.payload, *(each.sig for each in found.signatures)):
            base64.b64decode(text, validate=True)
    except (ValueError, RecursionError, binascii.Error):
        raise records.Damaged("it is no DSSE envelope") from None
    return found


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
