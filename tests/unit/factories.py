# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small packages for tests of the pure modules."""

from __future__ import annotations

from pathlib import Path

from planex.content.key import Inputs
from planex.content.store import Result
from planex.rpm.spec import Capability, Package, Subpackage


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
    return Result(Path(key), Inputs(tuple(sorted(rows.items()))), {"x.rpm": made}, {}, 10.0, "sandbox")
