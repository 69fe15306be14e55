# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signatures in RPM files: what is signed, put in, taken out again. Plain Python, as ``rpmfile`` and for its reasons:
``rpmsign`` would let librpm read what strangers built in the one process that has the key at hand.

Format: rpm's docs/format_v4. The signature is of the main header, which has the digest of the payload; it stands in the
signature header under a tag that depends on its algorithm. Nothing else of the file changes but room kept for it.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from planex.rpm.rpmfile import ENTRY, HEADER_MAGIC, LEAD_SIZE, RpmHeader, check_lead, read_header, take

DSA_TAG, RSA_TAG = 267, 268
"""Of a signature by RSA, and by anything else that rpm knows: DSA and EdDSA."""
_OLD = (1002, 1005, 1006)
"""Signatures of header and payload together, as rpm 4.13 and older made."""
_RESERVED = 1008
_REGION, _BINARY = 62, 7
_ALIGNMENT = {3: 2, 4: 4, 5: 8}


@dataclass(frozen=True, slots=True)
class SignedPart:
    """``header``: the bytes that a signature is of; ``signature``: OpenPGP packets, None where it has none."""

    header: bytes
    signature: bytes | None


def signed_part(file: BinaryIO, *, binary: bool = True) -> SignedPart:
    """Read as far as the payload of an RPM. Raises BadRpm."""
    _, signature, header = _open(file, binary)
    found = signature.raw()
    row = found.get(RSA_TAG) or found.get(DSA_TAG)
    return SignedPart(header, row[2] if row else None)


def put_signature(source: BinaryIO, target: BinaryIO, tag: int, signature: bytes) -> None:
    """Write an RPM with a signature in the place of those that it has. Raises BadRpm."""
    lead, old, header = _open(source, True)
    rows = {number: row for number, row in old.raw().items() if number not in (DSA_TAG, RSA_TAG, _RESERVED, *_OLD)}
    made = _header(rows | {tag: (_BINARY, len(signature), signature)})
    for piece in (lead, made, bytes(-len(made) % 8), header):
        target.write(piece)
    shutil.copyfileobj(source, target, 1 << 20)


def _open(file: BinaryIO, binary: bool) -> tuple[bytes, RpmHeader, bytes]:
    """Lead, signature header, and the bytes of the main header."""
    lead = take(file, LEAD_SIZE, "lead")
    check_lead(lead, binary=binary)
    signature, size = read_header(file)
    take(file, -size % 8, "padding")
    header = bytearray()
    read_header(file, header)
    return lead, signature, bytes(header)


def _header(rows: Mapping[int, tuple[int, int, bytes]]) -> bytes:
    """A header of these values (tag to type, count, bytes), all of it in one region, as rpm writes it."""
    index, data = b"", b""
    for tag, (kind, count, value) in sorted(rows.items()):
        data += bytes(-len(data) % _ALIGNMENT.get(kind, 1))
        index += ENTRY.pack(tag, kind, len(data), count)
        data += value
    entries = len(rows) + 1
    index = ENTRY.pack(_REGION, _BINARY, len(data), ENTRY.size) + index
    data += ENTRY.pack(_REGION, _BINARY, -entries * ENTRY.size, ENTRY.size)
    return HEADER_MAGIC + struct.pack(">II", entries, len(data)) + index + data
