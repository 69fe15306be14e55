# SPDX-License-Identifier: LGPL-2.1-or-later
"""iso.yaml: what the host ISO holds and how it starts."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from planex.config import Name, Names
from planex.errors import ConfigError, Problem
from planex.schema import Model, load
from planex.workspace import Workspace


def _matching(pattern: str, rule: str) -> AfterValidator:
    """A check of a text by a pattern, whose error says the rule in words."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"'{text}' is not possible: {rule}")
        return text

    return AfterValidator(check)


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


IsoPath = Annotated[
    str, _matching(r"(/[A-Za-z0-9_+-][A-Za-z0-9_.+-]*)+", "a path from the top of the ISO: /boot/vmlinuz")
]
"""A path on the ISO: from its top, with nothing in it that a boot loader would have to quote."""
Arguments = Annotated[str, _matching(r"[^\n\"'\\{};$]*", "no quotes, braces, $, ; or line breaks in a boot line")]
"""Words of a boot line. Quotes and separators are refused, for isolinux and GRUB read them differently."""
Title = Annotated[str, _matching(r"[^\n\"'\\{};$^]+", "no quotes, braces, $, ^, ; or line breaks in a title")]
Label = Annotated[str, _matching(r"[A-Z0-9_.-]{1,32}", "a label has 1 to 32 of A-Z 0-9 _ . -")]
"""Volume label. Other characters are spelt differently by each reader (udev, GRUB, dracut), longer ones are cut."""

LIVE_IMAGE = "/LiveOS/squashfs.img"
"""Where dracut, and the initrd here, look for the live root by themselves."""


class BootEntry(Model):
    """One entry of the boot menu, whatever the loader.

    With ``hypervisor`` the loader starts Xen, which starts ``kernel`` as dom0; without, it starts ``kernel``.
    """

    name: Name
    """Short and stable: isolinux' LABEL and GRUB's --id."""
    title: Title
    hypervisor: IsoPath | None = None
    xen_args: Arguments = ""
    kernel: IsoPath
    kernel_args: Arguments = ""
    """For dom0, or for the kernel alone where there is no hypervisor."""
    initrd: IsoPath
    live: bool = True
    """The root is the live image on this medium: where to find it is added to the kernel's arguments."""
    default: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.xen_args and self.hypervisor is None:
            raise ValueError(f"entry '{self.name}' has xen_args but no hypervisor")
        if "---" in f"{self.xen_args} {self.kernel_args}".split():
            raise ValueError(f"entry '{self.name}': '---' separates modules in isolinux and is no argument")
        return self


class Live(Model):
    """The live host: a compressed root that becomes / with a writable layer in memory above it."""

    packages: Annotated[Names, Field(min_length=1)]
    """Installed with all that they need from the base and from what was built."""
    image: IsoPath = LIVE_IMAGE
    hypervisor: IsoPath = "/boot/xen.gz"
    kernel: IsoPath = "/boot/vmlinuz"
    initrd: IsoPath = "/boot/initrd.img"
    compression: Annotated[int, Field(ge=1, le=22)] = 15
    """Level of zstd."""


class IsoDefinition(Model):
    """The whole of iso.yaml."""

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
    live: Live
    entries: Annotated[tuple[BootEntry, ...], BeforeValidator(_tuple), Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [entry.name for entry in self.entries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"entries with the same name: {', '.join(twice)}")
        defaults = [entry.name for entry in self.entries if entry.default]
        if len(defaults) != 1:
            raise ValueError(f"exactly one entry must have 'default: true', not {len(defaults)}")
        return self


def load_definition(workspace: Workspace) -> IsoDefinition:
    """Read and check iso/iso.yaml."""
    path = workspace.iso / "iso.yaml"
    if not path.is_file():
        raise ConfigError(
            [Problem(path, 0, "file not found")], "this workspace makes no host ISO; docs/iso.md says how"
        )
    return load(path, IsoDefinition)
