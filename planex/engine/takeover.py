# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a package may not take from the base unless its package.yaml says so (``replaces``). Pure.

A base package's name is its own: no other package may be called so, provide it (``bash``, ``bash(x86-64)``) or
obsolete it, nor have its files. All other capabilities may be provided twice, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planex.errors import ConfigError
from planex.rpm.index import Index
from planex.rpm.spec import Package

if TYPE_CHECKING:
    from planex.rpm.rpmfile import Rpm

_ISA = re.compile(r"\([a-z0-9_]+-(?:32|64)\)$")
_SONAME = re.compile(r"^[^()/\s]+\.so(\.[^()/\s]+)*(\(|$)")
_MERGED = re.compile(r"^/(?:usr/)?(bin|sbin|lib|lib64)/")


@dataclass(frozen=True, slots=True)
class Claims:
    """What one RPM claims: names of capabilities and packages, and paths of files."""

    rpm: str
    name: str
    provides: Collection[str]
    obsoletes: Collection[str] = ()
    files: Collection[str] = ()


def claims_of(rpm: Rpm) -> Claims:
    """The claims of a built RPM. Folders may belong to many."""
    files = [entry.path for entry in rpm.entries if not entry.is_folder]
    return Claims(rpm.file_name, rpm.name, [each.name for each in rpm.provides], rpm.obsoletes, files)


@dataclass(frozen=True, slots=True)
class Taken:
    """Something of the base that an RPM takes: in words, and the base packages that it belongs to."""

    text: str
    owners: tuple[str, ...]

    def __str__(self) -> str:
        return self.text


def taken(claims: Claims, base: Index, replaces: Collection[str]) -> list[Taken]:
    """What the claims take from base packages that are not in ``replaces``."""
    return list(dict.fromkeys(Taken(f"{claims.rpm} {text}", owners) for text, owners in _taken(claims, base, replaces)))


def hint(found: Iterable[Taken]) -> str:
    """How to mend or to allow it."""
    owners = sorted({owner for item in found for owner in item.owners})
    return f"rename it, or if that is meant, put into its package.yaml: replaces: [{', '.join(owners)}]"


def _taken(claims: Claims, base: Index, replaces: Collection[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    if claims.name in base.names and claims.name not in replaces:
        yield "has the name of a package of the base", (claims.name,)
    for verb, names in (("provides", claims.provides), ("obsoletes", claims.obsoletes)):
        for name in names:
            own = _ISA.sub("", name)
            if own in base.names and own not in replaces and own != claims.name:
                yield f"{verb} {name}, the name of a package of the base", (own,)
            elif own.startswith("/"):
                yield from _file(own, base, replaces, verb)
    for path in claims.files:
        yield from _file(path, base, replaces, "has")


def _file(path: str, base: Index, replaces: Collection[str], verb: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    owners = {owner for name in _spellings(path) for owner in base.owners.get(name, ())} - set(replaces)
    if owners:
        yield f"{verb} {path}, a file of the base's {', '.join(sorted(owners))}", tuple(sorted(owners))


def _spellings(path: str) -> Iterable[str]:
    """/bin/x and /usr/bin/x are one file where /bin is a link to /usr/bin."""
    match = _MERGED.match(path)
    if match is None:
        return (path,)
    rest = f"{match.group(1)}/{path[match.end() :]}"
    return (f"/{rest}", f"/usr/{rest}")


def shared_libraries(claims: Claims, base: Index, replaces: Collection[str]) -> list[str]:
    """Libraries that the base has as well, in words, each once: which one a program gets is chance."""
    found: dict[str, set[str]] = {}
    for name in claims.provides:
        others = base.providers.get(name, frozenset()) - set(replaces)
        if others and (match := _SONAME.match(name)):
            found.setdefault(name[: match.start(2)], set()).update(others)
    return [f"{claims.rpm} has {library}, {_also(', '.join(sorted(found[library])))}" for library in found]


def _also(owners: str) -> str:
    return f"which the base's {owners} has as well: if that is meant, put into its package.yaml: replaces: [{owners}]"


def refuse_takeovers(
    packages: Mapping[str, Package], base: Index | None, replaces: Mapping[str, Collection[str]]
) -> None:
    """Raise ConfigError with all that specs say they would take from the base. ``replaces``: by package."""
    if base is None:
        return
    found = [
        (name, item)
        for name, package in packages.items()
        for sub in package.subpackages
        for item in taken(Claims(sub.name, sub.name, [item.name for item in sub.provides]), base, replaces[name])
    ]
    if found:
        raise ConfigError("\n".join(f"specs/{name}: {item}" for name, item in found), hint(item for _, item in found))
