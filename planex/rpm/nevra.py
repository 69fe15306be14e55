# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of packages as rpm writes them: name-[epoch:]version-release.arch, and files that are called so."""

from __future__ import annotations

import re
from typing import NamedTuple

from planex.errors import ConfigError

_NEVRA = re.compile(r"(.+)-(?:(\d+):)?([^-]+-[^-]+)\.([^.]+)")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_SOURCE = re.compile(r"(.+)-[^-]+-[^-]+\.(?:no)?src\.rpm")


class Nevra(NamedTuple):
    """``epoch``: empty where none is written; ``version``: with the release. What is no nevra is all name."""

    name: str
    epoch: str = ""
    version: str = ""
    arch: str = ""


def parse_nevra(text: str) -> Nevra:
    """Of rpm's ``%{nevra}``, or of an RPM's file name."""
    match = _NEVRA.fullmatch(text.removesuffix(".rpm"))
    return Nevra(match[1], match[2] or "", match[3], match[4]) if match else Nevra(text)


def require_name(text: str) -> str:
    """``text``, if a package and its folders can be called so."""
    if not _NAME.fullmatch(text):
        raise ConfigError(f"'{text}' cannot be the name of a package", "letters, digits and . _ + - only")
    return text


def package_of(source: str) -> str:
    """The package whose source RPM has this file name; empty where it is none."""
    match = _SOURCE.fullmatch(source)
    return match[1] if match else ""
