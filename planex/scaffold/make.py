# SPDX-License-Identifier: LGPL-2.1-or-later
"""A new package's files, from its source; and again, from what a build said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath

from planex.checksums import RECORDED, Checksum, checksum_text
from planex.errors import PlanexError
from planex.scaffold.licences import licence_files, licence_of
from planex.scaffold.mend import Mends
from planex.scaffold.needs import Guessed, Stock, needs_of
from planex.scaffold.origin import Upstreamed
from planex.scaffold.spectext import NewSpec
from planex.scaffold.survey import Survey
from planex.scaffold.systems import system_of, unstaged
from planex.schema import dump

UNKNOWN_LICENCE = "LicenseRef-Unknown"
_DOCS = re.compile(r"(README|NEWS|ChangeLog|AUTHORS)(\.(md|rst|txt))?")
_SUMMARY = re.compile(
    r"^(?:Summary: |description\s*=\s*[\"']|Description: |\s*\(synopsis\s+\"?)([^\"'\n]+)", re.MULTILINE
)
_PART = re.compile(r" *(?:\([^()]*\)| [-,:]+ (?:development|shared|static|runtime|header)\b.*)$")
"""What tells of a Debian package that it is a part, often the first that its source names: ``(development files)``."""
_NATIVE = (".c", ".cc", ".cpp", ".pyx", ".rs", ".so")
_LEAVINGS = (
    (re.compile(r"\.la$"), "-name '*.la'"),
    (re.compile(r"/usr/share/info/dir$"), "-path '*/info/dir'"),
    (re.compile(r"/perllocal\.pod$|/\.packlist$"), "\\( -name perllocal.pod -o -name .packlist \\)"),
)


def first_spec(origin: Upstreamed, survey: Survey, stock: Stock, author: str, day: str) -> tuple[NewSpec, Guessed]:
    """The spec as far as the source tells it. PlanexError where its build system is not known."""
    system = system_of(survey)
    if system is None:
        raise PlanexError(
            f"{origin.name}: no build system that is known",
            "known: autotools, cmake, meson, make, pyproject, dune, kernel modules; see docs/packages.md for others",
        )
    needs = needs_of(survey, system.needs, stock, origin.control)
    python = system.name == "pyproject"
    spec = NewSpec(
        name=origin.name,
        version=origin.version,
        summary=_summary(origin, survey),
        licence=licence_of(survey) or UNKNOWN_LICENCE,
        url=origin.homepage,
        source=origin.source,
        folder=survey.top,
        system=system,
        needs=needs.found,
        licences=tuple(licence_files(survey)),
        author=author,
        day=day,
        docs=tuple(sorted(path for path in survey.files if _DOCS.fullmatch(path))),
        noarch=python and not survey.ends(*_NATIVE),
    )
    return spec, needs


def _summary(origin: Upstreamed, survey: Survey) -> str:
    telling = [origin.control, *(text for _, text in survey.named("pyproject.toml", "PKG-INFO", "dune-project"))]
    found = next((match[1] for text in telling if (match := _SUMMARY.search(text))), f"The package {origin.name}")
    plain = _PART.sub("", " ".join(found.replace("%", "%%").split()).rstrip("."))
    return re.sub(r"\{[{%#]", "", plain[:1].upper() + plain[1:])[:75]


def package_files(spec: NewSpec, origin: Upstreamed) -> dict[str, bytes]:
    """Template, package.yaml and checksums, by path in the workspace."""
    own = f"specs/{spec.name}"
    files = {
        f"{own}/{spec.name}.spec.j2": spec.text().encode(),
        f"{own}/package.yaml": dump({"variables": {"version": spec.version, "release": "1"}}).encode(),
    }
    if origin.own:
        files[f"{own}/{origin.source}"] = origin.tarball.read_bytes()
    else:
        name = PurePosixPath(origin.source).name
        files[f"{own}/sources"] = checksum_text({name: Checksum(RECORDED, origin.checksum)}).encode()
    return files


def mended(spec: NewSpec, mends: Mends) -> NewSpec | None:
    """The spec with what a log told put right; None where nothing of it is new."""
    needs = tuple(dict.fromkeys([*spec.needs, *mends.needs]))
    removed = [pattern for path in mends.files for known, pattern in _LEAVINGS if known.search(path)]
    files = [path for path in mends.files if not any(known.search(path) for known, _ in _LEAVINGS)]
    made = replace(
        spec,
        needs=needs,
        removed=tuple(dict.fromkeys([*spec.removed, *removed])),
        files=tuple(path for path in dict.fromkeys([*spec.files, *files]) if path not in mends.absent),
        docs=tuple(path for path in spec.docs if not any(absent.endswith(f"/{path}") for absent in mends.absent)),
        noarch=spec.noarch and not mends.native,
        system=unstaged(spec.system) if mends.astray and spec.system.name == "make" else spec.system,
    )
    return made if made != spec else None
