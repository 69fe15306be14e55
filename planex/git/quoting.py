# SPDX-License-Identifier: LGPL-2.1-or-later
"""Paths as git quotes them: in double quotes with C's escapes (git-config(1), core.quotePath)."""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def unquote(text: bytes) -> str:
    """A path that git put in quotes, with its escapes undone."""
    inner = text.strip()[1:-1]

    def plain(match: re.Match[bytes]) -> bytes:
        code = match[1]
        return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPES.get(code, code)

    return _ESCAPE.sub(plain, inner).decode("utf-8", "surrogateescape")
