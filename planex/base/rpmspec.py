# SPDX-License-Identifier: LGPL-2.1-or-later
"""Renders the spec of a repackaged .deb, of a package made here and of a meta package. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planex.base.control import DebPackage, Evr
from planex.base.definition import Definition, Made
from planex.base.unpack import PackagePath
from planex.errors import PlanexError

FILESYSTEM = "filesystem"
"""The package that owns the links /bin, /lib, ... and that all packages with files need."""
_ISA = "(x86-64)"
_GLOB = re.compile(r"[*?\[\]{}\\\s\"\x00-\x1f\x7f]")
_PATTERN = re.compile(r"[*?{\"\x00-\x1f\x7f]|\[.*\]", re.S)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Preamble:
    """What a spec says of a package, apart from its files."""

    name: str
    evr: Evr
    architecture: str
    summary: str
    homepage: str = ""
    source: str = ""
    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    extra: str = ""


def deb_header(package: DebPackage, requires: Sequence[str], definition: Definition) -> Preamble:
    """Header of a repackaged .deb: Debian's names, EL's aliases, exact names only."""
    contents = definition.contents(package.name)
    own = [f"{name} = {to_provide(version)}" if version else name for name, version in package.provides.items()]
    aliases = definition.aliases.get(package.name, ())
    base = (FILESYSTEM, *contents.requires)
    return Preamble(
        package.name,
        package.evr,
        package.rpm_architecture,
        package.summary,
        package.homepage,
        package.source,
        tuple(sorted({*requires, *base} - {package.name})),
        tuple(sorted({*own, *_aliases((*aliases, *contents.provides), package)})),
        contents.spec,
    )


def to_provide(version: str) -> str:
    """A version of a Debian Provides field as an RPM dependency may state it."""
    epoch, _, rest = version.rpartition(":")
    return f"{epoch}:{rest.replace('-', '.')}" if epoch else rest.replace("-", ".")


def _aliases(names: Iterable[str], package: DebPackage) -> list[str]:
    """Each alias with the package's version, and once more with the ISA suffix that ``%{?_isa}`` in specs asks for."""
    lines = []
    for name in names:
        plain = re.fullmatch(r"[\w.+-]+", name) is not None
        lines.append(f"{name} = {package.evr.plain}" if plain else name)
        if plain and package.rpm_architecture != "noarch":
            lines.append(f"{name}{_ISA} = {package.evr.plain}")
    return lines


def made_header(name: str, made: Made) -> Preamble:
    """Header of a package that comes from no .deb."""
    return Preamble(
        name,
        Evr("", made.version, "1"),
        "noarch",
        made.summary,
        requires=made.requires,
        provides=tuple(sorted(made.provides)),
        extra=made.spec,
    )


def meta_header(name: str, summary: str, version: str, requires: Iterable[str]) -> Preamble:
    """Header of a package without files that requires others."""
    return Preamble(name, Evr("", version, "1"), "noarch", summary, requires=tuple(sorted(requires)))


def render(header: Preamble, entries: Iterable[PackagePath], moved: Iterable[str] = ()) -> str:
    """The whole spec. ``moved``: what is provided besides: paths before the /usr merge, which RPM's file
    lists lack, and Python distributions."""
    lines = [
        f"Name: {escape(header.name)}",
        *([f"Epoch: {escape(header.evr.epoch)}"] if header.evr.epoch else []),
        f"Version: {escape(header.evr.version)}",
        f"Release: {escape(header.evr.release)}",
        f"Summary: {escape(header.summary or header.name)}",
        "License: see /usr/share/doc",
        "Vendor: Debian",
        *([f"URL: {escape(header.homepage)}"] if header.homepage else []),
        *(["BuildArch: noarch"] if header.architecture == "noarch" else []),
        "AutoReq: no",
        *(f"Requires: {escape(name)}" for name in header.requires),
        *(f"Provides: {escape(name)}" for name in sorted({*header.provides, *moved})),
        "",
        "%description",
        escape(header.summary or header.name).lstrip("% "),  # rpm expands a line first: "%%build" would begin a section
        *([f"Repackaged from Debian's {escape(header.source)}."] if header.source else []),
        "",
        *([header.extra.rstrip(), ""] if header.extra else []),
        "%files",
        *(file_line(entry) for entry in entries),
        "",
    ]
    return "\n".join(lines)


def escape(text: str) -> str:
    """Text without macros, on one line."""
    if _CONTROL.search(text):
        raise PlanexError(f"{text[:200]!r} cannot stand in a spec: it has control characters")
    return text.replace("%", "%%")


def file_line(entry: PackagePath) -> str:
    """A line of ``%files`` with explicit owner and mode, so that who builds the package does not matter."""
    for owner in (entry.user, entry.group):
        if not _OWNER.fullmatch(owner):
            raise PlanexError(f"{entry.path!r} belongs to {owner!r}, which names no user or group")
    mode = "-" if entry.kind == "link" else f"{entry.mode:04o}"
    kind = {"folder": "%dir ", "file": "%config(noreplace) " if entry.config else "", "link": ""}[entry.kind]
    return f'%attr({mode}, {entry.user}, {entry.group}) {kind}"{_literal(entry.path)}"'


def _literal(path: str) -> str:
    """A path in a file list, where rpm takes what looks like a pattern as one and no escape always works."""
    return escape(_GLOB.sub("?", path) if _PATTERN.search(path) else path)
