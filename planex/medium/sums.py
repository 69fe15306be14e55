# SPDX-License-Identifier: LGPL-2.1-or-later
"""SHA256SUMS at the top of a medium: the digest of every file on it, and of the rest of the image. Pure.

``sha256sum -c SHA256SUMS`` reads it on the mounted medium. A remark holds what that does not know: the digest of the
image's bytes that are no file's, which are boot records, volume descriptors, folders and gaps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planex.errors import PlanexError

SUMS = "/SHA256SUMS"
SIGNATURE = "/SHA256SUMS.asc"
"""Its detached signature, which it cannot list; line ends fill up the room that is kept for it."""
ROOM = 8192
"""Bytes of a signature with what fills it up."""
_HEAD = "# Every file of this medium: sha256sum -c SHA256SUMS\n# The rest of the image, for planex iso check:\n"
_REST = re.compile(r"# image (\d{1,18}) ([0-9a-f]{64})")
_LINE = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)")
_BLANK = "0" * 64


@dataclass(frozen=True, slots=True)
class Sums:
    """``files``: path from ``/`` to SHA-256. ``rest``: of the other bytes of the first ``size``; or empty."""

    files: Mapping[str, str]
    rest: str = ""
    size: int = 0

    def text(self) -> str:
        lines = "".join(_line(name, digest) for name, digest in sorted(self.files.items()))
        return f"{_HEAD}# image {self.size:018} {self.rest}\n{lines}"


def blank(names: Iterable[str]) -> str:
    """A text as long as that of these files, for a medium that is still to be written."""
    return Sums(dict.fromkeys(names, _BLANK), _BLANK).text()


def in_its_room(signature: str) -> bytes:
    """A signature as it is on a medium. Signers skip what stands behind an armoured block."""
    data = signature.encode()
    if len(data) > ROOM:
        raise PlanexError(f"the signature has {len(data)} bytes; there is room for {ROOM}")
    return data.ljust(ROOM, b"\n")


def _line(name: str, digest: str) -> str:
    """As GNU's sha256sum writes it: a backslash before the line where the name has one, or a line's end."""
    plain = name.removeprefix("/")
    escaped = plain.replace("\\", "\\\\").replace("\n", "\\n")
    mark = "\\" if escaped != plain else ""
    return f"{mark}{digest}  {escaped}\n"


def _unescaped(name: str) -> str:
    return re.sub(r"\\([\\n])", lambda part: "\n" if part[1] == "n" else "\\", name)


def parse_sums(text: str) -> Sums:
    """Read such a file, or one that sha256sum wrote. PlanexError where it is neither."""
    files: dict[str, str] = {}
    rest, size = "", 0
    for number, line in enumerate(text.removesuffix("\n").split("\n"), 1):
        if found := _REST.fullmatch(line):
            size, rest = int(found[1]), found[2]
        elif match := _LINE.fullmatch(line):
            name = _unescaped(match[3]) if match[1] else match[3]
            files["/" + name.removeprefix("./")] = match[2]
        elif line and not line.startswith("#"):
            raise PlanexError(f"line {number} is no checksum")
    sums = Sums(files, rest, size)
    if rest and sums.text() != text:
        raise PlanexError("it is not as it was written")
    return sums
