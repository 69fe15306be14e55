# SPDX-License-Identifier: LGPL-2.1-or-later
"""The spec template of a new package, as a value and as text. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from planex.scaffold.filelist import files_sections, wants_devel
from planex.scaffold.systems import System

_WIDTH = 80


@dataclass(frozen=True, slots=True)
class NewSpec:
    """``source``: the URL of its Source0; ``files``: what its build installs, none before it was built.

    ``removed``: patterns of what is deleted after %install. ``folder``: what the source unpacks to.
    """

    name: str
    version: str
    summary: str
    licence: str
    url: str
    source: str
    folder: str
    system: System
    needs: tuple[str, ...]
    licences: tuple[str, ...]
    author: str
    day: str
    docs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    noarch: bool = False

    def text(self) -> str:
        """The template."""
        main, devel = files_sections(self.files, devel=wants_devel(self.files))
        blocks = [self._head(), self._devel_head() if devel else "", self._prep(), self._files(main)]
        blocks += ["%files devel\n" + "\n".join(devel) + "\n"] if devel else []
        changelog = f"%changelog\n* {self.day} {self.author} - {self.version}-1\n- First package.\n"
        return "\n".join([*filter(None, blocks), changelog])

    def _head(self) -> str:
        rows = [
            ("Name", self.name),
            ("Version", "{{ version }}"),
            ("Release", "{{ release }}%{?dist}"),
            ("Summary", self.summary),
            ("License", self.licence),
            ("URL", self.url),
            ("Source0", self.source.replace(self.version, "%{version}")),
        ]
        rows = [(key, value) for key, value in rows if value]
        lines = [f"{key + ':':16}{value}" for key, value in rows]
        lines += ["{{ patch_lines }}", *(f"{'BuildRequires:':16}{need}" for need in self.needs)]
        lines += [f"{'BuildArch:':16}noarch"] if self.noarch else []
        return "\n".join(lines) + f"\n\n%description\n{self.summary}.\n"

    def _devel_head(self) -> str:
        same = "Requires:       %{name}%{?_isa} = %{version}-%{release}"
        head = f"%package devel\nSummary:        Files to develop with {self.name}\n{same}"
        return f"{head}\n\n%description devel\nHeaders and libraries of {self.name}.\n"

    def _prep(self) -> str:
        folder = (
            ""
            if self.folder == f"{self.name}-{self.version}"
            else f" -n {self.folder.replace(self.version, '%{version}')}"
        )
        removed = "".join(f"\nfind %{{buildroot}} {pattern} -delete" for pattern in self.removed)
        return (
            f"%prep\n%autosetup -p1{folder}\n\n{self.system.head}%build\n{self.system.build}\n\n"
            f"%install\n{self.system.install}{removed}\n"
        )

    def _files(self, main: list[str]) -> str:
        listed = " -f %{pyproject_files}" if self.system.name == "pyproject" else ""
        lines = [f"%license {path}" for path in self.licences] + [f"%doc {path}" for path in self.docs] + main
        return f"%files{listed}\n" + "".join(f"{line}\n" for line in lines)
