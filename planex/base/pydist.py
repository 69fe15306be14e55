# SPDX-License-Identifier: LGPL-2.1-or-later
"""Provides of the Python distributions in a package, which rpm's generator does not find in Debian's folders. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_METADATA = re.compile(
    r"/usr/lib/python3/dist-packages/([A-Za-z0-9._]+)-(\d[^/-]*)(?:-py[\d.]+)?\.(?:dist|egg)-info(?:/METADATA|/PKG-INFO)?"
)


def distributions(paths: Iterable[str]) -> list[str]:
    """``python3dist(x) = version`` for the metadata among the paths of a package, sorted."""
    found = filter(None, map(_METADATA.fullmatch, paths))
    names = {(re.sub(r"[-_.]+", "-", match[1]).lower(), re.sub(r"(\.0)+$", "", match[2])) for match in found}
    return [f"python3dist({name}) = {version}" for name, version in sorted(names)]
