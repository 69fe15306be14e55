# SPDX-License-Identifier: LGPL-2.1-or-later
"""Parses specs with librpm. The only user of the rpm bindings.

librpm's macros are global to a process and come from the host unless it is told otherwise, and a spec may run programs
(``%(...)``) and Lua while it is parsed. So specs are parsed in a caged child (``python -m planex.rpm.librpm``, asked
by ``planex.rpm.spec``), each in a process of its own. ``RPM_CONFIGDIR`` in its environment chooses the target's macros.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

import rpm

from planex.cage.answer import serve
from planex.rpm.leftovers import leftovers
from planex.rpm.prep import unpacks

_MOST_SAID = 1 << 20
_NO_FILES = {"%dir", "%exclude"}
_GENERATES = re.compile(r"^\s*%generate_buildrequires\s*$", re.MULTILINE)
_FILES = re.compile(r"%files(\s|$)")


class Question(TypedDict):
    """``macros``: name (with or without ``%``) to body; ``spec``: path of a rendered spec; ``sources``: its folder."""

    macros: dict[str, str]
    spec: str
    sources: str


def compare_versions(first: str, second: str) -> int:
    """-1, 0 or 1: order of two ``[epoch:]version[-release]`` texts; a missing release equals any."""
    one, two = _evr(first), _evr(second)
    if not one[2] or not two[2]:
        one, two = (*one[:2], ""), (*two[:2], "")
    return int(rpm.labelCompare(one, two))


def _evr(text: str) -> tuple[str, str, str]:
    epoch, colon, rest = text.rpartition(":")
    version, _, release = rest.partition("-")
    return (epoch if colon else "0", version, release)


def parse(name: str, question: Question) -> dict[str, Any]:
    """A spec's facts, as the fields of ``planex.rpm.spec.Package``, or ``{"errors": text}`` with what librpm said."""
    path = question["spec"]
    rpm.reloadConfig()
    for macro, body in question["macros"].items():
        rpm.addMacro(macro.lstrip("%"), body)
    rpm.addMacro("_sourcedir", question["sources"])
    with tempfile.TemporaryFile() as errors:
        os.dup2(errors.fileno(), 2)
        try:
            spec = rpm.spec(path, rpm.RPMSPEC_ANYARCH | rpm.RPMSPEC_FORCE)
        except (ValueError, rpm.error):
            spec = None
        errors.seek(0)
        said = errors.read(_MOST_SAID).decode(errors="replace")
    if spec is None:
        return {"errors": said or "cannot be parsed"}
    return _facts(spec, Path(path).read_text(errors="replace"))


def _facts(spec: Any, text: str) -> dict[str, Any]:
    header = spec.sourceHeader
    return {
        "name": header["name"],
        "epoch": header["epoch"],
        "version": header["version"],
        "release": header["release"],
        "arch": header["arch"],
        "exclusive_archs": list(header["exclusivearch"]),
        "excluded_archs": list(header["excludearch"]),
        "changelog_time": next(iter(header["changelogtime"]), 0),
        "build_requires": _capabilities(header, "require"),
        "build_conflicts": _capabilities(header, "conflict"),
        "generates": _GENERATES.search(text) is not None,  # spec.parsed leaves out this line, too
        "sources": [_source(*source) for source in reversed(spec.sources)],
        "leftovers": [asdict(each) for each in leftovers(text, spec.parsed, _is_defined)],
        "unpacks": unpacks(spec.prep or ""),
        "subpackages": [_subpackage(package) for package in _built(spec, text)],
    }


def _is_defined(macro: str) -> bool:
    return bool(rpm.expandMacro(f"%{{?{macro}:1}}"))


def _source(url: str, number: int, flags: int) -> dict[str, Any]:
    return {"number": number, "url": url, "kind": "patch" if flags & 2 else "source"}


def _built(spec: Any, text: str) -> list[Any]:
    """Packages with a %files section, empty or not: those that rpmbuild makes.

    The bindings give an empty section as none, and leave the first %files line out of ``spec.parsed``, mostly that of
    the main package; so that one is looked for in the spec's own ``text``.
    """
    main = spec.sourceHeader["name"]
    named = {_files_of(line, main) for line in spec.parsed.splitlines() if _FILES.match(line)}
    if any(_FILES.match(line) and _files_of(line, main) == main for line in text.splitlines()):
        named.add(main)
    return [
        package
        for package in spec.packages
        if package.fileList is not None or package.fileFile is not None or package.header["name"] in named
    ]


def _files_of(line: str, main: str) -> str:
    """The package that a %files line is for."""
    words = line.split()[1:]
    while "-f" in words:
        at = words.index("-f")
        del words[at : at + 2]
    if "-n" in words[:-1]:
        return words[words.index("-n") + 1]
    return f"{main}-{words[0]}" if words else main


def _subpackage(package: Any) -> dict[str, Any]:
    header = package.header
    return {
        "name": header["name"],
        "version": header["version"],
        "release": header["release"],
        "arch": header["arch"],
        "provides": _capabilities(header, "provide"),
        "requires": _capabilities(header, "require"),
        "files": _paths(package.fileList or ""),
    }


def _capabilities(header: Any, kind: str) -> list[dict[str, str]]:
    rows = zip(header[f"{kind}name"], header[f"{kind}flags"], header[f"{kind}version"], strict=True)
    found = sorted((name, _operator(flags), version) for name, flags, version in rows if not name.startswith("rpmlib("))
    return [dict(zip(("name", "operator", "version"), row, strict=True)) for row in found]


def _operator(flags: int) -> str:
    pairs = ((rpm.RPMSENSE_LESS, "<"), (rpm.RPMSENSE_GREATER, ">"), (rpm.RPMSENSE_EQUAL, "="))
    return "".join(sign for bit, sign in pairs if flags & bit)


def _paths(file_list: str) -> list[str]:
    """Paths and patterns of a %files section; directives such as ``%attr(...)`` are dropped.

    So are bare folders (``%dir``), which hold nothing, and what is left out (``%exclude``).
    """
    lines = (line.split() for line in file_list.splitlines())
    return sorted({word for words in lines if not _NO_FILES & set(words) for word in words if word.startswith("/")})


if __name__ == "__main__":
    serve(parse)
