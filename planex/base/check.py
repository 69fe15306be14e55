# SPDX-License-Identifier: LGPL-2.1-or-later
"""Proves that a base's packages can all be installed: nothing is missing, no two want different files at one path."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from planex.content import shelf
from planex.errors import PlanexError
from planex.rpm import dnf
from planex.rpm.dnf import Repositories
from planex.run import run

_COLUMNS = ("FILENAMES", "FILEMODES:octal", "FILEUSERNAME", "FILEGROUPNAME", "FILEDIGESTS", "FILELINKTOS")
_QUERY = "[%{=NAME}|" + "|".join(f"%{{{column}}}" for column in _COLUMNS) + "\\n]"


def check_closed(repo: Path, work: Path) -> None:
    """Prove that the repository needs nothing from outside it. Raises PlanexError naming what is missing."""
    work.mkdir(parents=True, exist_ok=True)
    repositories = Repositories("[main]\nreposdir=/dev/null\n", work / "cache", {"planex-base": repo})
    try:
        dnf.repoclosure(repositories, work)
    except PlanexError as error:
        hint = "name what is missing in a group of the base's definition, or list it under drop_requires"
        raise PlanexError(error.message, hint) from error
    finally:
        shelf.remove(work / "cache")


def check_conflicts(rpms: Iterable[Path]) -> None:
    """Prove that RPMs agree on every path that more than one of them has."""
    listing = run(["rpm", "-qp", "--nosignature", "--nodigest", "--queryformat", _QUERY, *rpms]).stdout
    found = conflicts(listing)
    if found:
        raise PlanexError(
            "packages of the base conflict:\n" + "\n".join(found[:20]),
            "take the path out of one of them: 'drop' under 'packages' of the base's definition",
        )


def conflicts(listing: str) -> list[str]:
    """Paths whose owners differ in mode, owner, content or destination, as rpm would refuse them.

    ``listing``: lines ``package|path|mode|user|group|digest|link``.
    """
    first: dict[str, tuple[str, str]] = {}
    found = set()
    for line in listing.splitlines():
        package, path, rest = line.split("|", 2)
        other, known = first.setdefault(path, (package, rest))
        if known != rest:
            found.add(f"{path}: {other}, {package}")
    return sorted(found)
