# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of packages as rpm writes them: name-[epoch:]version-release.arch, and files that are called so."""

from __future__ import annotations

import re
from typing import NamedTuple

_NEVRA = re.compile(r"(.+)-(?:(\d+):)?([^-]+-[^-]+)\.([^.]+)")
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


def package_of(source: str) -> str:
    """The package whose source RPM has this file name; empty where it is none."""
    match = _SOURCE.fullmatch(source)
    return match[1] if match else ""
