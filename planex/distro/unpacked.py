# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether sources unpack to the folder that a spec's %setup enters, which else shows only in the middle of a build."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from planex.errors import ConfigError, PlanexError, Problem
from planex.rpm.spec import Package, Unpacked
from planex.sources.tarballs import top_folders

_SETUP = re.compile(r"^[ \t]*(%(?:auto)?setup\b.*)$", re.M)
_FOLDER_OPTION = re.compile(r"\s+-n\s*(?:\"[^\"]*\"|'[^']*'|\S+)|\s+-c(?=\s|$)")
_SHOWN = 5


def require_folders(package: Package, spec: Path, files: Mapping[str, Path]) -> None:
    """Raise ConfigError where what is unpacked has not the folder that is entered. ``files``: of all sources."""
    for unpacked in package.unpacks:
        wanted = unpacked.folder.split("/")[0]
        tops = _tops(unpacked, wanted, files)
        if tops is not None and wanted not in (*tops, "."):
            raise _wrong(unpacked, tops, spec)


def _tops(unpacked: Unpacked, wanted: str, files: Mapping[str, Path]) -> list[str] | None:
    """Top folders of the tarballs that one %setup unpacks; None where one is no tarball that can be read here."""
    found: list[str] = []
    for name in unpacked.tarballs:
        try:
            found += top_folders(files[name], wanted)
        except (KeyError, PlanexError):
            return None
    return found


def _wrong(unpacked: Unpacked, tops: list[str], spec: Path) -> ConfigError:
    names = " and ".join(unpacked.tarballs)
    text = spec.read_text(errors="replace")
    lines = list(_SETUP.finditer(text))
    option = f"-n {tops[0]}" if len(tops) == 1 else "-c"
    setup = _FOLDER_OPTION.sub("", lines[0][1]).rstrip() if len(lines) == 1 else "%setup"
    folders = ", ".join(tops[:_SHOWN]) + (", ..." if len(tops) > _SHOWN else "")
    into = folders if len(tops) == 1 else f"several folders ({folders})" if tops else "files without a folder"
    problem = f"{names} unpacks to {into}, but %prep enters {unpacked.folder}"
    line = text.count("\n", 0, lines[0].start(1)) + 1 if len(lines) == 1 else 0
    return ConfigError([Problem(spec, line, problem)], f"write in the template: {setup} {option}")
