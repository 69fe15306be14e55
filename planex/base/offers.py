# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Debian archive has under another name for what no package provides. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from planex.nearest import is_generated, plain, project_of, same_thing, shape

_ENOUGH = 4
"""Names that make no hint any more."""
_OTHER_LANGUAGES = ("-ocaml-dev", "-guile-dev", "-d-dev")
_FIELD = re.compile(r"^(Package|Source|Homepage): *([^\s(]+)", re.M)


@dataclass(frozen=True, slots=True)
class Offered:
    """A package of the archive. ``projects``: by what names its source and its home page call what it is made of."""

    name: str
    projects: frozenset[str] = frozenset()


def parse_offers(text: str) -> Iterator[Offered]:
    """The packages of Packages files. They are many, so only what is asked is read."""
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        if name == "Package" and fields:
            yield _offered(fields)
            fields = {}
        fields[name] = value
    if fields:
        yield _offered(fields)


def _offered(fields: dict[str, str]) -> Offered:
    names = (plain(fields.get("Source", fields["Package"])), project_of(fields.get("Homepage", "")))
    return Offered(fields["Package"], frozenset(filter(None, names)))


def advice(wanted: str, archive: Iterable[Offered], base: Collection[str], definition: str) -> str:
    """Goes on with "nothing provides ``wanted``"; empty where nothing is surely the same.

    ``base``: names of the base's packages; ``definition``: the file that they are named in.
    """
    found = _same(wanted, list(archive))
    here = [name for name in found if name in base]
    if here and is_generated(wanted):  # the base has the package, and this is not in it
        return ""
    chosen = here or found
    lacking = chosen and not is_generated(wanted) and wanted not in chosen
    alias = f"`{chosen[0] if len(chosen) == 1 else 'NAME'}: [{wanted}]` under aliases" if lacking else ""
    if here:
        return f"; the base has {' and '.join(here)}: ask for that, or write {alias} in {definition}"
    how = f"add it to a group of {definition}{alias and f', and {alias}'}, then `planex base build`"
    return f"; Debian has {' or '.join(found)}, which this base leaves out: {how}" if found else ""


def _same(wanted: str, archive: list[Offered]) -> list[str]:
    """By name; of development packages also by what they are made of, as long as it is clear which."""
    found = same_thing(wanted, (offer.name for offer in archive))
    kind, stem = shape(wanted)
    if not found and kind == "devel":
        found = sorted({each.name for each in archive if plain(stem) in each.projects and _is_for_c(each.name)})
    return found if len(found) <= _ENOUGH else []


def _is_for_c(name: str) -> bool:
    return shape(name)[0] == "devel" and not name.startswith("libghc-") and not name.endswith(_OTHER_LANGUAGES)
