# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which version of a program is here."""

from __future__ import annotations

import re

from planex.errors import PlanexError
from planex.run import run

_VERSION = re.compile(r"\d+(?:\.\d+)+(?:[-\w.+~]*)?")
_OPTION = {"xorriso": "-version", "mksquashfs": "-version", "bzip2": "--help", "apt-get": "-v"}


def version_of(name: str, path: str) -> str:
    """What the program at a path says its version is; the path where it does not."""
    try:
        done = run([path, _OPTION.get(name, "--version")], check=False, timeout=10)
    except PlanexError:
        return path
    match = _VERSION.search(done.stdout + done.stderr)
    return match.group(0) if match else path
