# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the log of a failed build says is lacking, and what of a spec would mend it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from planex.scaffold.needs import Stock

_HEADER = re.compile(r"fatal error: ([\w./+-]+\.h(?:pp|h)?|[\w./+-]+): No such file or directory")
_MODULES = (
    re.compile(
        r"Package '?([\w.+-]+)'?, required by|No package '([\w.+-]+)' found|Package ([\w.+-]+) was not found in the pkg"
    ),
    re.compile(
        r"Dependency \"([\w.+-]+)\" not found|Dependency '([\w.+-]+)' is required|Dependency ([\w.+-]+) found: NO"
    ),
    re.compile(r"Could NOT find (?:PkgConfig::)?([\w.+-]+)|provided by \"([\w.+-]+)\""),
)
_PROGRAM = (
    re.compile(r"(?:^|[\s:])([\w.+-]+): (?:command )?not found$", re.MULTILINE),
    re.compile(r"make(?:\[\d+\])?: ([\w.+-]+): No such file or directory"),
    re.compile(r"Program '?([\w.+-]+)'? (?:found: NO|not found)|Can't exec \"([\w.+-]+)\""),
    re.compile(r"configure: error: .*?\b([\w.+-]+)(?: is)? (?:not found|required|missing)"),
    re.compile(r"env: .?([\w.+-]+).?: No such file"),
)
_LIBRARY = re.compile(r"cannot find -l([\w.+-]+)")
_PYTHON = re.compile(r"No module named '?([\w.]+)'?")
_MACRO = re.compile(
    r"undefined macro: '?(\w+)|(AX_\w+).*(?:not found|undefined)|error: possibly undefined macro: (\w+)"
)
_M4 = (
    ("AX_", "autoconf-archive"),
    ("AM_GNU_GETTEXT", "gettext"),
    ("AM_ICONV", "gettext"),
    ("LT_", "libtool"),
    ("AC_PROG_LIBTOOL", "libtool"),
    ("PKG_", "pkg-config"),
    ("AM_PATH_GLIB", "libglib2.0-dev"),
)
_ASTRAY = re.compile(r"^(?:\S*/)?(?:install|cp|mkdir|ln|mv): .*'/(?:usr|etc|bin)[/'].*", re.MULTILINE)
_UNPACKAGED = re.compile(r"Installed \(but unpackaged\) file\(s\) found:\n((?:[ \t]+/.*\n?)+)")
_ABSENT = re.compile(r"(?:File|Directory) not found: (?:/\S*?/BUILDROOT/[^/]+)?(/\S+)")


@dataclass(frozen=True, slots=True)
class Mends:
    """``needs``: BuildRequires to add; ``files``: paths that no %files names; ``lacking``: what nothing here has."""

    needs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    native: bool = False
    """It has code of an architecture, and the spec says that it has none."""
    astray: bool = False
    """Its install writes to this machine's folders, and not below DESTDIR."""


def mends_of(log: str, stock: Stock) -> Mends:
    """What to change so that the next build goes further."""
    needs: dict[str, None] = {}
    lacking: dict[str, None] = {}
    for wanted, found in _wanted(log, stock):
        if found:
            needs[found] = None
        else:
            lacking[wanted] = None
    files = [line.strip() for block in _UNPACKAGED.findall(log) for line in block.splitlines()]
    absent = tuple(dict.fromkeys(_ABSENT.findall(log)))
    native, astray = "Arch dependent binaries" in log, _ASTRAY.search(log) is not None
    return Mends(tuple(needs), tuple(dict.fromkeys(files)), absent, tuple(lacking), native, astray)


def _wanted(log: str, stock: Stock) -> Iterator[tuple[str, str | None]]:
    """What the log says is not there, and the package or capability that has it."""
    for name in _HEADER.findall(log):
        yield name, stock.header(name)
    for name in _groups(log, *_MODULES):
        yield (
            f"pkgconfig({name})",
            stock.module(name) or stock.module(name.lower()) or stock.header(f"{name.lower()}.h"),
        )
    for name in _groups(log, *_PROGRAM):
        yield name, stock.program(name)
    for name in _LIBRARY.findall(log):
        yield f"lib{name}.so", stock.owner(f"/usr/lib/x86_64-linux-gnu/lib{name}.so", f"/usr/lib64/lib{name}.so")
    for name in _PYTHON.findall(log):
        top = name.split(".")[0]
        yield f"python3dist({top})", f"python3dist({top})" if stock.offers(f"python3dist({top})") else None
    for name in _groups(log, _MACRO):
        package = next((package for start, package in _M4 if name.startswith(start)), None)
        yield name, package if package and stock.offers(package) else None


def _groups(log: str, *patterns: re.Pattern[str]) -> Iterator[str]:
    for pattern in patterns:
        for match in pattern.finditer(log):
            yield from (group for group in match.groups() if group)
