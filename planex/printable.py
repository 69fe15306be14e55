# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes any text fit to show: nothing that moves a cursor, no password of a URL, no more than a person reads."""

from __future__ import annotations

import re
from collections.abc import Sequence

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 controls but for tab and newline: escapes, bells, carriage returns
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of writing round
    "\u2028\u2029\ufeff"  # line ends that few expect, and the byte order mark
    "\ud800-\udfff]"  # no characters: bytes of a file's name that are not UTF-8
)
_PASSWORD = re.compile(
    r"(://[^\s/@:]*:"
    r"|https?://(?=[^\s/@:]+@))"  # a token that stands where a user's name would
    r"[^\s/]*@",  # up to the last @: one may be part of the password
    re.IGNORECASE,
)
HIDDEN = "***@"
"""In place of a password or token."""
MAX_LINES = 60
MAX_LINE = 1000
"""Characters."""


def printable(text: str) -> str:
    r"""``text`` with controls as ``\x1b``, ``\u202e``; bytes that were not UTF-8 as ``\xff``. Tab and newline stay."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:  # Python's surrogateescape
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def without_passwords(text: str) -> str:
    """``text`` with ``***`` for the password or token in each URL."""
    return _PASSWORD.sub(rf"\1{HIDDEN}", text)


def shortened(text: str, lines: int = MAX_LINES, characters: int = MAX_LINE) -> str:
    """At most so many lines of at most so many characters each, and how much was left out."""
    every = text.split("\n")
    kept = [short(line, characters) for line in every[:lines]]
    return "\n".join(kept + ([f"... and {len(every) - lines} more lines"] if len(every) > lines else []))


def short(line: str, characters: int = MAX_LINE) -> str:
    """At most so many characters of a line, and how many were left out: the reason often stands at its end."""
    left_out = len(line) - characters
    if left_out <= 0:
        return line
    end = characters // 4
    return f"{line[: characters - end]}... ({left_out} characters left out) ...{line[len(line) - end :]}"


def few(reasons: Sequence[str]) -> str:
    """The first three reasons, and how many more there are."""
    return "; ".join(reasons[:3]) + (f"; {len(reasons) - 3} more" if len(reasons) > 3 else "")
