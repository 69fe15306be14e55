# SPDX-License-Identifier: LGPL-2.1-or-later
"""iso.yaml: what the host ISO holds and how it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from planex.errors import ConfigError, Problem
from planex.fields import Name, Names, as_tuple
from planex.medium.entry import LIVE_IMAGE, Arguments, BootEntry, IsoPath, Title, matching
from planex.medium.menu import Menu
from planex.schema import Model, load
from planex.workspace import Workspace

Label = Annotated[str, matching(r"[A-Z0-9_.-]{1,32}", "a label has 1 to 32 of A-Z 0-9 _ . -")]
"""Volume label. Other characters are spelt differently by each reader (udev, GRUB, dracut), longer ones are cut."""


HYPERVISOR, KERNEL = "/boot/xen.gz", "/boot/vmlinuz"


class Live(Model):
    """The live host: a compressed root that becomes / with a writable layer in memory above it."""

    packages: Annotated[Names, Field(min_length=1)]
    """Installed with all that they need from the base and from what was built."""
    image: IsoPath = LIVE_IMAGE
    hypervisor: IsoPath = HYPERVISOR
    kernel: IsoPath = KERNEL
    initrd: IsoPath = "/boot/initrd.img"
    compression: Annotated[int, Field(ge=1, le=22)] = 15
    """Level of zstd."""


class Installer(Model):
    """Entries of the base ISO's own installer that stay in the menu, behind those of ``entries``."""

    start: Literal["bare", "xen", "both"] = "bare"
    """Bare: as in the base. Under Xen: with a kernel that can be dom0, in the place of the base's."""
    packages: Names = ()
    """What brings hypervisor and kernel for that where there is no live host to take them from."""
    xen_args: Arguments = ""
    kernel_args: Arguments = ""
    """Added to those of the base."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.start == "bare" and (self.xen_args or self.packages):
            raise ValueError("xen_args and packages are for Xen: write 'start: xen', or 'start: both'")
        return self


class ExtraFile(Model):
    """A file or folder of iso/ that goes on the ISO."""

    source: Annotated[str, matching(r"[^/\0][^\0]*", "a path below iso/")]
    path: IsoPath
    replace: bool = False
    """It may take the place of files of the base ISO."""


class PackageGroup(Model):
    """A group of packages of the repository, as installers offer it."""

    id: Name
    name: Title
    description: str = ""
    packages: Annotated[Names, Field(min_length=1)]


class IsoDefinition(Model):
    """The whole of iso.yaml, or of a target's own."""

    label: Label
    name: Name
    """Of the file: <name>-<version>.iso."""
    title: Title
    """Heading of the menu."""
    timeout: Annotated[int, Field(ge=1, le=600)] = 5
    """Seconds until the default entry starts."""
    repository: IsoPath = "/planex"
    """Where the repository of what was built goes."""
    comps: Name | None = None
    """File in iso/ with the package groups of that repository."""
    groups: Annotated[tuple[PackageGroup, ...], BeforeValidator(as_tuple)] = ()
    """The same, written here."""
    files: Annotated[tuple[ExtraFile, ...], BeforeValidator(as_tuple)] = ()
    kickstart: Name | None = None
    """File in iso/ with answers for the base's installer; a template where its name ends in .j2."""
    live: Live | None = None
    installer: Installer | None = None
    entries: Annotated[tuple[BootEntry, ...], BeforeValidator(as_tuple)] = ()

    @property
    def boot_files(self) -> tuple[str, str]:
        """Where hypervisor and dom0's kernel are on the ISO."""
        return (self.live.hypervisor, self.live.kernel) if self.live else (HYPERVISOR, KERNEL)

    @property
    def boot_packages(self) -> tuple[str, ...]:
        """What brings hypervisor and kernel where no live host does."""
        return self.installer.packages if self.installer and not self.live else ()

    @property
    def kickstart_path(self) -> str:
        """Where the kickstart is on the ISO."""
        return f"/{(self.kickstart or '').removesuffix('.j2')}"

    @model_validator(mode="after")
    def _check(self) -> Self:
        _refuse_twice("entries", [entry.name for entry in self.entries])
        defaults = [entry.name for entry in self.entries if entry.default]
        if len(defaults) != 1 and (self.entries or not self.installer):
            raise ValueError(f"exactly one entry must have 'default: true', not {len(defaults)}")
        if self.installer and self.installer.start != "bare" and not (self.live or self.installer.packages):
            raise ValueError("installer: without a live host, 'packages' says what brings hypervisor and kernel")
        if self.comps and self.groups:
            raise ValueError("both 'comps' and 'groups' say which groups there are: write one of them")
        _refuse_twice("groups", [group.id for group in self.groups])
        live = [entry.name for entry in self.entries if entry.live]
        if live and self.live is None:
            raise ValueError(f"there is no 'live' host that the entries could start: {', '.join(live)}")
        return self


def _refuse_twice(what: str, names: list[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{what} with the same name: {', '.join(twice)}")


def definition_path(workspace: Workspace, target: str) -> Path:
    """``iso/<target>.yaml`` where there is one, else iso/iso.yaml."""
    own = workspace.iso / f"{target}.yaml"
    return own if own.is_file() else workspace.iso / "iso.yaml"


def load_definition(workspace: Workspace, target: str = "") -> IsoDefinition:
    """Read and check what describes the host ISO of a target."""
    path = definition_path(workspace, target)
    if not path.is_file():
        raise ConfigError(
            [Problem(path, 0, "file not found")], "this workspace makes no host ISO; docs/iso.md says how"
        )
    return load(path, IsoDefinition)


def menu_of(definition: IsoDefinition, *, signed: bool) -> Menu:
    """The menu that iso.yaml describes. Where nobody vouches for the medium the default entry says so: GRUB shows no
    heading."""
    origin = "planex from iso/iso.yaml; change it there"
    entries = tuple(
        entry if signed or not entry.default else entry.model_copy(update={"title": f"{entry.title} (unsigned)"})
        for entry in definition.entries
    )
    image = definition.live.image if definition.live else LIVE_IMAGE
    return Menu(definition.title, definition.label, definition.timeout, entries, origin, image)
