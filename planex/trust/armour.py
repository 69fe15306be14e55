# SPDX-License-Identifier: LGPL-2.1-or-later
"""OpenPGP's ASCII armour (RFC 4880, 6.2), and what kind of signature is in it. Pure."""

from __future__ import annotations

import base64
import binascii
import re

from planex.errors import PlanexError

SIGNATURE, KEY = "SIGNATURE", "PUBLIC KEY BLOCK"
_BLOCK = (
    r"-----BEGIN PGP {0}-----[ \t]*\r?\n(?:[A-Za-z]+: [^\n]*\n)*[ \t]*\r?\n"
    r"([A-Za-z0-9+/=\s]+?)(?:\n=[A-Za-z0-9+/]{{4}}\s*)?\n-----END PGP {0}-----"
)
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


def algorithm(signature: bytes) -> int:
    """The public-key algorithm of a signature packet of version 4, the only one that rpm 4 reads."""
    body = _body(signature)
    if len(body) < 3 or body[0] != 4:
        raise NoArmour("it is no OpenPGP signature of version 4")
    return body[2]


def _body(packet: bytes) -> bytes:
    """Of a packet with tag 2 (signature), of either format (RFC 4880, 4.2)."""
    head = packet[0] if packet else 0
    if head & 0xC0 == 0xC0 and head & 0x3F == 2:
        length = packet[1] if len(packet) > 1 else 255
        return packet[2:] if length < 192 else packet[3:] if length < 224 else packet[6:]
    if head & 0xC0 == 0x80 and head >> 2 & 0x0F == 2:
        return packet[1 + (1, 2, 4, 0)[head & 3] :]
    return b""
