# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small packages for tests of the pure modules."""

from __future__ import annotations

from pathlib import Path

from planex.content.key import Inputs
from planex.content.store import Result
from planex.engine.builtrpms import BuiltRpm
from planex.rpm.capability import Capability
from planex.rpm.index import Index, IndexedPackage
from planex.rpm.spec import Package, Subpackage


def capability(text: str) -> Capability:
    words = text.split() if not text.startswith("(") else [text]
    return Capability(*words)


def subpackage(
    name: str, version: str = "1-1", *, provides: str = "", requires: str = "", files: str = ""
) -> Subpackage:
    own = [Capability(name, "=", version), Capability(f"{name}(x86-64)", "=", version)]
    number, _, release = version.partition("-")
    return Subpackage(
        name,
        number,
        release,
        "x86_64",
        (*own, *(capability(word) for word in provides.split(",") if word)),
        tuple(capability(word) for word in requires.split(",") if word),
        tuple(files.split()),
    )


def package(name: str, needs: str = "", *subpackages: Subpackage) -> Package:
    """``needs``: comma-separated BuildRequires."""
    return Package(
        name=name,
        epoch=None,
        version="1",
        release="1",
        arch="x86_64",
        changelog_time=0,
        build_requires=tuple(capability(word) for word in needs.split(",") if word),
        sources=(),
        subpackages=subpackages or (subpackage(name),),
    )


def result(key: str, rows: dict[str, str], made: str) -> Result:
    """A stored result whose only RPM has the digest ``made``."""
    return Result(Path(key), Inputs(tuple(sorted(rows.items()))), {"x.rpm": made}, {}, 10.0, "sandbox", 0, {})


def indexed(name: str, evr: str = "1-1", *, provides: str = "", requires: str = "", files: str = "") -> IndexedPackage:
    """A package of a base; lists are comma-separated, files by spaces."""
    more = (capability(word) for word in provides.split(",") if word)
    return IndexedPackage(
        name=name,
        evr=evr,
        digest=f"digest of {name} {evr}",
        provides=(Capability(name, "=", evr), *more),
        requires=tuple(capability(word) for word in requires.split(",") if word),
        files=tuple(files.split()),
        location=f"{name}.rpm",
        size=1,
    )


def base(*names: str) -> Index:
    """A base of packages that need nothing."""
    return Index([indexed(name) for name in names])


def made(name: str, digest: str = "", *, provides: str = "", requires: str = "", files: str = "") -> BuiltRpm:
    """An RPM of this workspace."""
    known = indexed(name, provides=provides, requires=requires, files=files)
    return BuiltRpm(name, digest or f"made {name}", known.provides, known.requires, known.files)
