# SPDX-License-Identifier: LGPL-2.1-or-later
"""Provides that rpm makes of the files of a package while it is built, guessed from what its spec says. Pure.

The rules are those of the generators in rpm's fileattrs (pkgconfig, cmake, pythondist, perl) and the names that the
distributions' packaging guidelines give such packages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Key = tuple[str, str]
"""A kind of generated Provides, and what stands for one of them: a name or pattern of a file, or a module's path."""

_WANTED = re.compile(r"(pkgconfig|cmake|perl|rubygem|npm|python3(?:\.\d+)?dist)\(([^()\[\]]+)(?:\[[^]]*\])?\)")
_PACKAGE = {"python": "python3-{}", "perl": "perl-{}", "rubygem": "rubygem-{}", "npm": "nodejs-{}"}
_FILE = re.compile(r"/(pkgconfig|cmake|site-packages|vendor_perl)/(.+)")
_BEHIND_NAME = re.compile(r"-[\d*?\[].*|\.(?:dist|egg)-info.*|\.pyi?$|\*.*")


def key_of(wanted: str) -> Key | None:
    """What a requirement asks for, if it is of a kind that is generated."""
    if not (match := _WANTED.fullmatch(wanted)):
        return None
    kind, name = match.groups()
    if kind.startswith("python"):
        return "python", _normal(name)
    texts = {"pkgconfig": f"{name}.pc", "cmake": name.lower(), "perl": f"{name.replace('::', '/')}.pm"}
    return kind, texts.get(kind, name)


def packages_of(key: Key) -> Iterator[str]:
    """Names that a package has, by custom, if it provides this."""
    kind, text = key
    if kind in _PACKAGE:
        yield _PACKAGE[kind].format(text.removesuffix(".pm").replace("/", "-") if kind == "perl" else text)


def from_file(path: str) -> Key | None:
    """What a path or pattern of a %files section promises; the text may be a pattern itself."""
    if not (match := _FILE.search(path.rstrip("/"))):
        return None
    folder, rest = match.groups()
    if folder == "site-packages":
        return "python", _normal(_BEHIND_NAME.sub("", rest.partition("/")[0]))
    if folder == "vendor_perl":
        return "perl", rest
    return (folder, rest.rpartition("/")[2]) if folder == "pkgconfig" else (folder, rest.partition("/")[0].lower())


def _normal(name: str) -> str:
    """The name of a Python distribution as PEP 503 compares them."""
    return re.sub(r"[-_.]+", "-", name).lower()
