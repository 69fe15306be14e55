# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checksums of files and texts; dist-git checksum files: lines ``SHA512 (name) = hex`` (or SHA256), as fedpkg has."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.drafts import write_atomic
from planex.errors import ENOUGH, ConfigError, Problem
from planex.regular import open_regular, read_regular

_LINE = re.compile(r"^(SHA512|SHA256) \((.+)\) = ([0-9a-f]+)$")
_LENGTH = {"SHA512": 128, "SHA256": 64}
_MAX_BYTES = 1 << 22
RECORDED = "SHA512"


@dataclass(frozen=True, slots=True)
class Checksum:
    """``algorithm``: SHA512 or SHA256; ``value``: lower-case hexadecimal."""

    algorithm: str
    value: str

    def matches(self, path: Path) -> bool:
        return digest_of(path, self.algorithm) == self.value


def digest_of(path: Path, algorithm: str = RECORDED) -> str:
    """Checksum of a regular file's bytes in hexadecimal."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, algorithm.lower()).hexdigest()


def digest_of_text(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hexadecimal; names of files that are not UTF-8 count with their own bytes."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def read_checksums(path: Path) -> dict[str, Checksum]:
    """File name to checksum. A missing file is an empty one; every malformed line is reported."""
    if not os.path.lexists(path):
        return {}
    checksums: dict[str, Checksum] = {}
    problems: list[Problem] = []
    text = read_regular(path, _MAX_BYTES).decode(errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        if len(problems) >= ENOUGH:
            break
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.match(line.strip())
        if match is None or len(match.group(3)) != _LENGTH[match.group(1)]:
            problems.append(Problem(path, number, f"not a checksum line `SHA512 (file) = hex`: {line.strip()[:60]}"))
        elif match.group(2) in checksums:
            problems.append(Problem(path, number, f"{match.group(2)} is listed twice"))
        else:
            checksums[match.group(2)] = Checksum(match.group(1), match.group(3))
    if problems:
        raise ConfigError(problems)
    return checksums


def checksum_text(checksums: Mapping[str, Checksum]) -> str:
    """The text of a checksum file, sorted by name."""
    return "".join(f"{item.algorithm} ({name}) = {item.value}\n" for name, item in sorted(checksums.items()))


def write_checksums(path: Path, checksums: Mapping[str, Checksum]) -> None:
    write_atomic(path, checksum_text(checksums))
