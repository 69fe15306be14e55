# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nearest known word to one that is not known, and names by which distributions call the same package. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_GENERATED = {"pkgconfig": "devel", "cmake": "devel", "perl": "perl", "python3dist": "python"}
_CALL = re.compile(r"(\w+)\((.+?)\)")
_SHAPES = (
    ("devel", re.compile(r"(.+?)-(?:devel|dev|static)")),
    ("perl", re.compile(r"perl-(.+)|lib(.+)-perl")),
    ("python", re.compile(r"python3?-(.+)")),
)
_HOST = re.compile(r"^\w+://(?:www\.)?")
_VERSION = re.compile(r"-?\d[\d.]*[a-z]?$")


def did_you_mean(word: str, known: Sequence[str], cutoff: float = 0.6) -> str:
    """`` (did you mean 'x'?)`` for the closest known word, or nothing."""
    import difflib  # a mistake may take a moment longer

    close = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f" (did you mean '{close[0]}'?)" if close else ""


def is_generated(name: str) -> bool:
    """Whether this names what is in a package, as ``pkgconfig(x)`` and paths do, and not a package."""
    return "(" in name or name.startswith("/")


def same_thing(wanted: str, known: Iterable[str]) -> list[str]:
    """Of known packages those that are ``wanted`` by the custom of another distribution, sorted.

    ``zlib-devel`` is ``zlib1g-dev``, ``perl-URI`` is ``liburi-perl``. A version at the end of a known name may be what
    they differ by, if nothing else is the same.
    """
    kind, stem = shape(wanted)
    alike = [(name, found) for name in known for of, found in [shape(name)] if of == kind]
    exact = [name for name, found in alike if plain(found) == plain(stem)]
    return sorted(exact or (name for name, found in alike if plain(_VERSION.sub("", found)) == plain(stem)))


def shape(name: str) -> tuple[str, str]:
    """What kind of package a name is for (``devel``, ``perl``, ``python`` or nothing), and of what."""
    if call := _CALL.fullmatch(name):
        return _GENERATED.get(call[1], call[1]), call[2].replace("::", "-")
    for kind, pattern in _SHAPES:
        if match := pattern.fullmatch(name):
            return kind, match[match.lastindex or 0]
    return "", name.rpartition("/")[2] if name.startswith("/") else name


def project_of(homepage: str) -> str:
    """What a home page calls what it is about, as it is compared; empty for a host alone."""
    path = _HOST.sub("", homepage).rstrip("/").removesuffix(".git").removesuffix(".html")
    return plain(path.rpartition("/")[2])


def plain(name: str) -> str:
    """A name as it is compared: small letters and digits, without ``lib``."""
    return re.sub(r"[^a-z0-9+]", "", name.lower().removeprefix("lib"))
