# SPDX-License-Identifier: LGPL-2.1-or-later
"""OpenPGP's ASCII armour (RFC 4880, 6.2), and what kind of signature is in it. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

from planex.errors import PlanexError

SIGNATURE, KEY = "SIGNATURE", "PUBLIC KEY BLOCK"
_BLOCK = (
    r"-----BEGIN PGP {0}-----[ \t]*\r?\n(?:[A-Za-z]+: [^\n]*\n)*[ \t]*\r?\n"
    r"([A-Za-z0-9+/=\s]+?)(?:\n=[A-Za-z0-9+/]{{4}}\s*)?\n-----END PGP {0}-----"
)
_SIGNATURE_PACKET, _KEY_PACKET = 2, 6
RSA, DSA, ECDSA, EDDSA = 1, 17, 19, 22
"""Numbers of algorithms (RFC 4880, 9.1; RFC 9580)."""


class NoArmour(PlanexError):
    """A text is not what it should be; the message says why, without naming it."""


def block(text: str, kind: str) -> str:
    """The one armoured block of a kind in a text, with all around it left out. NoArmour where there is not just one."""
    found = [match[0] for match in re.finditer(_BLOCK.format(kind), text)]
    if len(found) != 1:
        count = "none" if not found else f"{len(found)} of them"
        raise NoArmour(f"it should be an ASCII-armoured {kind.lower()}, and there is {count}")
    return found[0] + "\n"


def dearmour(text: str, kind: str) -> bytes:
    """The bytes in an armoured block."""
    match = re.search(_BLOCK.format(kind), block(text, kind))
    assert match is not None
    try:
        return base64.b64decode("".join(match[1].split()), validate=True)
    except binascii.Error:
        raise NoArmour(f"its armoured {kind.lower()} is damaged") from None


def armoured(packets: bytes, kind: str) -> str:
    """The block of some bytes."""
    return f"-----BEGIN PGP {kind}-----\n\n{base64.encodebytes(packets).decode()}-----END PGP {kind}-----\n"


def algorithm(signature: bytes) -> int:
    """The public-key algorithm of a signature packet of version 4, the only one that rpm 4 reads."""
    body = _body(signature, _SIGNATURE_PACKET)
    if len(body) < 3 or body[0] != 4:
        raise NoArmour("it is no OpenPGP signature of version 4")
    return body[2]


def fingerprint(key: bytes) -> str:
    """Of a public key of version 4 (RFC 4880, 12.2); empty where it is none. No program has to read it for that."""
    body = _body(key, _KEY_PACKET)
    head = b"\x99" + len(body).to_bytes(2, "big") if 0 < len(body) < 1 << 16 and body[0] == 4 else b""
    return hashlib.sha1(head + body, usedforsecurity=False).hexdigest().upper() if head else ""


def _body(data: bytes, kind: int) -> bytes:
    """Of the first packet, if it is of this kind, in either format (RFC 4880, 4.2); else empty."""
    head = data[0] if data else 0
    if head & 0xC0 == 0xC0 and head & 0x3F == kind:
        return _new_format(data[1:])
    if head & 0xC0 == 0x80 and head >> 2 & 0x0F == kind:
        size = (1, 2, 4, 0)[head & 3]
        length = int.from_bytes(data[1 : 1 + size], "big") if size else len(data)
        return data[1 + size : 1 + size + length]
    return b""


def _new_format(data: bytes) -> bytes:
    """What follows a length of one, two or five bytes."""
    first = data[0] if data else 255
    if first < 192:
        return data[1 : 1 + first]
    if first < 224:
        return data[2 : 2 + (first - 192 << 8) + 192 + int.from_bytes(data[1:2], "big")]
    return data[5 : 5 + int.from_bytes(data[1:5], "big")] if first == 255 else b""
