# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which lines of a source tell something: most files are full of braces, comments and ``return 0``. Pure."""

from __future__ import annotations

import re

_SPACE = b" \t\r\f\v"
_SAYS_SOMETHING = re.compile(rb"\w")
_COMMENT = re.compile(rb"//|/\*|\*(?:\s|/|$)|#\s|;|--\s|rem\s|dnl\s")
_WEAK = re.compile(
    rb"[})]*(?:else|do|try|pass|fi|done|then|esac|break|continue|return|default:|#else|#endif|nop|ret)?[{;:(]*"
    rb"|return-?\(?\w{0,8}\)?;?|goto\w+;|(?:if|while)\(!?\w+\)\{?|(?:int|char|bool|long|unsigned|void\*)\w{1,8}(?:=0)?;"
    rb"|.{1,3}"
)
"""Squeezed lines that are in every file many times."""


def squeeze(data: bytes) -> bytes:
    """Without white space, but for line ends."""
    return data.translate(None, _SPACE)


def is_code(line: bytes) -> bool:
    """Neither blank, nor a comment, nor punctuation only."""
    return bool(_SAYS_SOMETHING.search(line)) and not _COMMENT.match(line.lstrip())


def is_weak(line: bytes) -> bool:
    """In every file many times."""
    return bool(_WEAK.fullmatch(squeeze(line).rstrip(b"\n")))
