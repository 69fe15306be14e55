# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes any text safe to show: what could move the cursor, recolour or forge a terminal's output is shown escaped."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 controls but for tab and newline: escapes, bells, carriage returns
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of writing round
    "\u2028\u2029\ufeff"  # line ends that few expect, and the byte order mark
    "\ud800-\udfff]"  # no characters: bytes of a file's name that are not UTF-8
)


def printable(text: str) -> str:
    r"""``text`` with controls as ``\x1b``, ``\u202e``; bytes that were not UTF-8 as ``\xff``. Tab and newline stay."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:  # Python's surrogateescape
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
