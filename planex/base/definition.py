# SPDX-License-Identifier: LGPL-2.1-or-later
"""``repos/<base>.yaml``: what an embedded base consists of. All knowledge about single packages stands there."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from planex.fields import Name, Names, Version, Words
from planex.schema import Model

OWN_FILES = Path(__file__).parents[1] / "data" / "base"
Mode = Annotated[str, Field(pattern=r"^[0-7]{4}$")]
Owned = Annotated[str, Field(pattern=r"^[0-7]{4}( [a-z_][a-z0-9_-]*:[a-z_][a-z0-9_-]*)?$")]


def _inside(path: str) -> str:
    if any(part in (".", "..") for part in path.split("/")):
        raise ValueError(f"'{path}' is not possible: write the path without '.' and '..'")
    return path


AbsolutePath = Annotated[str, Field(pattern=r"^/[^\s]*[^\s/]$"), AfterValidator(_inside)]


def _is_ours(name: str) -> str:
    if name not in (known := sorted(path.name for path in OWN_FILES.iterdir() if path.is_file())):
        raise ValueError(f"'{name}' is no file of planex (there are: {', '.join(known)})")
    return name


OwnFile = Annotated[str, AfterValidator(_is_ours)]
Label = Annotated[str, Field(pattern=r"^[A-Z0-9_.-]{1,32}$")]


def _mapping(value: object) -> object:
    return {} if value is None else value


class Contents(Model):
    """What is put into a package, or taken out of it, beside what its .deb holds."""

    drop: Words = ()
    """Paths (shell patterns, absolute, after the /usr merge) left out."""
    links: dict[AbsolutePath, str] = Field(default_factory=dict)
    """Symbolic links: path and what it points at. These stand for Debian's alternatives."""
    files: dict[AbsolutePath, str] = Field(default_factory=dict)
    """Text files: path and content."""
    own_files: dict[AbsolutePath, OwnFile] = Field(default_factory=dict)
    """Text files that planex brings: path and name below ``planex/data/base``."""
    copies: dict[AbsolutePath, AbsolutePath] = Field(default_factory=dict)
    """Files copied from another path of the same package."""
    folders: dict[AbsolutePath, Mode] = Field(default_factory=dict)
    """Folders and their mode."""
    modes: dict[AbsolutePath, Owned] = Field(default_factory=dict)
    """Modes, and owners where not root (``0640 root:shadow``), that differ from 0644 (``files``) or from the .deb."""
    provides: Words = ()
    """Names, without version or as ``name = version``; names alone get the package's version."""
    requires: Words = ()
    """Added to what the .deb depends on."""
    drop_requires: Words = ()
    """Taken out of what the .deb depends on."""
    spec: str = ""
    """Scriptlets and triggers, put into the spec as they are."""


class Made(Contents):
    """A package that comes from no .deb."""

    summary: str
    version: Version = "12"


class Group(Model):
    """Packages for one purpose: a group in comps.xml and, where ``meta`` names it, a package that requires them all."""

    name: str
    description: str
    packages: Names = Field(min_length=1)
    meta: Name | None = None
    medium: bool = False
    """The packages, with all they need, are also on the base ISO."""


class Medium(Model):
    """The base ISO."""

    label: Label
    title: str
    release: Version
    date: datetime.date
    """Time stamp of what comes from no .deb, and of the base ISO."""
    kernel: Name
    """Debian package (also a meta package) of the kernel that the medium boots; not in the repository."""
    loaders: Names
    """Debian packages that hold the boot loaders' files."""
    shell: Name = "busybox-static"
    """Debian package with the static busybox of the initrd."""


class Definition(Model):
    """The whole of ``repos/<base>.yaml``."""

    suite: Name
    """Release of Debian, by its code name."""
    groups: dict[Name, Group] = Field(min_length=1)
    medium: Medium
    made: dict[Name, Made] = Field(default_factory=dict)
    packages: Annotated[dict[Name, Contents], BeforeValidator(_mapping)] = Field(default_factory=dict)
    aliases: dict[Name, Words] = Field(default_factory=dict)
    """Debian package: the names that an EL distribution has for it."""
    drop_requires: Words = ()
    """Names that packages depend on for Debian's own installation machinery only."""
    drop: Words = ()
    """As Contents.drop, for every package."""
    keep: Words = ()
    """Exceptions from ``drop``."""

    @model_validator(mode="after")
    def _made_everywhere(self) -> Definition:
        taken = [name for name in self.made if name in self.packages]
        if taken:
            raise ValueError(f"{', '.join(taken)}: both under 'made' and under 'packages'")
        return self

    @property
    def epoch(self) -> int:
        """The medium's date in seconds since 1970, UTC."""
        return int(datetime.datetime.combine(self.medium.date, datetime.time(), datetime.UTC).timestamp())

    @property
    def roots(self) -> tuple[str, ...]:
        """Debian packages that the groups name, sorted."""
        names = {name for group in self.groups.values() for name in group.packages}
        return tuple(sorted(names - self.made.keys()))

    def metas(self) -> Iterator[tuple[str, Group]]:
        """Meta packages and their groups."""
        return ((group.meta, group) for group in self.groups.values() if group.meta)

    def contents(self, package: str) -> Contents:
        """With what planex brings among the files."""
        found = self.packages.get(package) or self.made.get(package) or Contents()
        own = {path: (OWN_FILES / name).read_text() for path, name in found.own_files.items()}
        return found.model_copy(update={"files": {**found.files, **own}}) if own else found
