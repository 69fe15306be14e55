# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian control data: stanzas, dependencies and versions (deb-control(5), deb-version(7)). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_NEEDED = ("Package", "Version", "Architecture", "Filename", "SHA256", "Size")
_SIZE = re.compile(r"[0-9]{1,18}")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]{0,99}")
_VERSION = re.compile(r"(?:[0-9]{1,9}:)?[0-9A-Za-z.+~-]{1,99}")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_PLACE = re.compile(r"(?!/)(?!(?:.*/)?\.\.(?:/|$))[!-~]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")
_RELATION = re.compile(r"^\s*([a-z0-9][a-z0-9+.-]*)(?::\w+)?\s*(?:\(\s*=\s*([^)\s]+)\s*\))?", re.A)


@dataclass(frozen=True, slots=True)
class Evr:
    """An RPM version. ``epoch`` is empty where there is none."""

    epoch: str
    version: str
    release: str

    @property
    def plain(self) -> str:
        """``version-release``: EL's names carry no Debian epoch."""
        return f"{self.version}-{self.release}"


@dataclass(frozen=True, slots=True)
class DebPackage:
    """One binary package of the archive.

    ``depends`` holds a tuple of alternatives for each clause of Pre-Depends and Depends; ``provides`` maps virtual
    names to a version or None.
    """

    name: str
    version: str
    architecture: str
    filename: str
    sha256: str
    size: int
    summary: str = ""
    homepage: str = ""
    source: str = ""
    depends: tuple[tuple[str, ...], ...] = ()
    provides: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def evr(self) -> Evr:
        return to_evr(self.version)

    @property
    def rpm_architecture(self) -> str:
        return "noarch" if self.architecture == "all" else "x86_64"

    @property
    def file(self) -> str:
        """Name of the .deb as apt-get saves it."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"


def to_evr(version: str) -> Evr:
    """``[epoch:]upstream[-revision]`` as an RPM version, which knows no ``-``; a native package gets release 1."""
    epoch, _, rest = version.rpartition(":")
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, "1"
    return Evr("" if epoch == "0" else epoch, upstream.replace("-", "."), revision)


def strange(package: DebPackage) -> str | None:
    """The first field that Debian's grammar does not allow, and what it holds. Names become paths, and all specs."""
    rows = (
        ("name", _NAME, [package.name]),
        ("version", _VERSION, [package.version]),
        ("architecture", _ARCHITECTURE, [package.architecture]),
        ("filename", _PLACE, [package.filename]),
        ("sha256", _SHA256, [package.sha256]),
        ("summary", _LINE, [package.summary]),
        ("homepage", _LINE, [package.homepage]),
        ("source", _NAME, [package.source or package.name]),
        ("depends", _NAME, [name for clause in package.depends for name in clause]),
        ("provides", _NAME, package.provides),
        ("provides", _VERSION, filter(None, package.provides.values())),
    )
    wrong = (
        f"{field} {text[:80]!r}" for field, grammar, texts in rows for text in texts if not grammar.fullmatch(text)
    )
    return next(wrong, None)


def parse_stanzas(text: str) -> tuple[DebPackage, ...]:
    """Packages of a Packages file or ``apt-cache show``, sorted by name, each once; others' stanzas are left out."""
    packages: dict[str, DebPackage] = {}
    for stanza in text.split("\n\n"):
        fields = parse_fields(stanza)
        if all(fields.get(name) for name in _NEEDED) and _SIZE.fullmatch(fields["Size"]):
            packages.setdefault(fields["Package"], _package(fields))
    return tuple(packages[name] for name in sorted(packages))


def parse_fields(stanza: str) -> dict[str, str]:
    """The fields of one stanza; continuation lines are joined with newlines."""
    fields: dict[str, list[str]] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1] in (" ", "\t"):
            fields.setdefault(name, [""]).append(line.strip())
        elif ":" in line:
            name, _, value = line.partition(":")
            fields[name] = [value.strip()]
    return {name: "\n".join(lines) for name, lines in fields.items()}


def _package(fields: Mapping[str, str]) -> DebPackage:
    return DebPackage(
        name=fields["Package"],
        version=fields["Version"],
        architecture=fields["Architecture"],
        filename=fields["Filename"],
        sha256=fields["SHA256"],
        size=int(fields["Size"]),
        summary=fields.get("Description", "").partition("\n")[0],
        homepage=fields.get("Homepage", ""),
        source=fields.get("Source", fields["Package"]).partition(" ")[0],
        depends=(*_clauses(fields.get("Pre-Depends", "")), *_clauses(fields.get("Depends", ""))),
        provides={name: version for clause in _relations(fields.get("Provides", "")) for name, version in clause},
    )


def _clauses(text: str) -> Iterator[tuple[str, ...]]:
    return (tuple(name for name, _ in clause) for clause in _relations(text))


def _relations(text: str) -> Iterator[list[tuple[str, str | None]]]:
    """Clauses of a relation field, each a list of (name, version of an exact relation)."""
    for clause in text.replace("\n", " ").split(","):
        matches = [_RELATION.match(part) for part in clause.split("|")]
        found = [(match[1], match[2]) for match in matches if match]
        if found:
            yield found
