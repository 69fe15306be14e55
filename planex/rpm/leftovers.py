# SPDX-License-Identifier: LGPL-2.1-or-later
"""Macros of a spec that nothing defines: rpm leaves them as they are, and the shell trips over them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r"%%|%\{([A-Za-z_]\w*)(?:[:\s][^{}]*)?\}|^\s*%([A-Za-z_]\w{2,})(?=[\s(]|$)")
_COMMENT = re.compile(r"^\s*#.*|\s#\s.*")
_FORMATS = re.compile(r"--(?:qf|queryformat|write-out|format|pretty)\b|(?:^|\s)-w\s")
"""What takes formats with names in braces: rpm, curl and their like."""
_WORDS = re.compile(
    r"package|description|prep|generate_buildrequires|conf|build|install|check|clean|files|sourcelist|patchlist"
    r"|(?:pre|post)(?:un|trans|untrans)?|verifyscript|sepolicy|(?:(?:trans)?file)?trigger(?:in|prein|un|postun)"
    r"|define|global|undefine|include|load|dnl|if|ifn?arch|ifn?os|elif|elifarch|elifos|else|endif|setup|patch\d*"
    r"|attr|dir|doc|docdir|license|config|ghost|verify|defattr|defverify|lang|exclude|caps|artifact|missingok|readme"
    r"|pubkey|dev"
)
"""What stands behind ``%`` at the beginning of a line and is no macro."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A macro that stayed as it is. ``line``: of the rendered spec, from 1."""

    line: int
    macro: str


def leftovers(text: str, parsed: str, defined: Callable[[str], bool]) -> Iterator[Leftover]:
    """Each unknown macro once. ``text``: the spec; ``parsed``: what rpm made of it."""
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("%changelog"):
            return
        for macro, name in _macros(line):
            stayed = macro in parsed and name not in seen and not _WORDS.fullmatch(name)
            if stayed and not defined(name):
                seen.add(name)
                yield Leftover(number, macro)


def _macros(line: str) -> Iterator[tuple[str, str]]:
    """As written, without what is around it, and by name."""
    if _FORMATS.search(line):
        return
    for match in _TOKEN.finditer(_COMMENT.sub("", line)):
        if name := match[1] or match[2]:
            yield match[0].strip(), name
