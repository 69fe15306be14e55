# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a diff changes, told apart from where: to compare a patch with upstream's commits. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

ALIKE = 0.8
"""Of the lines that a patch adds, and of those that it removes, the share that upstream must have."""
_TELLING = re.compile(rb"\w")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class DiffContent:
    """``name`` is that of the whole diff, whatever its line numbers, blob ids and white space."""

    name: str
    files: tuple[str, ...]
    lines: dict[str, str]
    """Added and removed lines: hash, which begins with the sign, to text. Blank lines and lone braces are left out."""


def content_of_diff(lines: Iterable[bytes]) -> DiffContent:
    """What a git diff changes."""
    digest = hashlib.sha256()
    changed: dict[str, str] = {}
    files: dict[str, None] = {}
    for line in lines:
        if line.startswith((b"index ", b"@@ -")):
            continue
        squeezed = b"".join(line.split())
        if squeezed:
            digest.update(squeezed + b"\n")
        if line.startswith((b"+++ b/", b"--- a/")):
            files[line[6:].decode("utf-8", "surrogateescape")] = None
        elif line[:1] in (b"+", b"-") and not line.startswith((b"+++ ", b"--- ")) and _TELLING.search(squeezed):
            hashed = hashlib.blake2b(squeezed, digest_size=8).hexdigest()
            changed[line[:1].decode() + hashed] = line.decode("utf-8", "replace").strip()
    return DiffContent(digest.hexdigest(), tuple(files), changed)


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a patch upstream has: ``had`` of ``all`` lines; ``lost`` are the others."""

    had: int
    all: int
    lost: tuple[str, ...]
    enough: bool

    def __str__(self) -> str:
        return f"{self.had} of its {self.all} changed lines"

    @property
    def loss(self) -> str:
        """The first lines that upstream lacks, for people."""
        more = f" and {len(self.lost) - _SHOWN} more" if len(self.lost) > _SHOWN else ""
        return ", ".join(f"'{line[:60]}'" for line in self.lost[:_SHOWN]) + more


def share(own: DiffContent, *others: Collection[str]) -> Share:
    """How much of a patch is in the lines of upstream's commits. Lines added and removed have to be there alike."""
    lost = {key: text for key, text in own.lines.items() if not any(key in other for other in others)}
    enough = bool(own.lines)
    for sign in "+-":
        there = [key for key in own.lines if key[0] == sign]
        enough = enough and sum(key not in lost for key in there) >= ALIKE * len(there)
    return Share(len(own.lines) - len(lost), len(own.lines), tuple(lost.values()), enough)
