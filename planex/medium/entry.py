# SPDX-License-Identifier: LGPL-2.1-or-later
"""An entry of a boot menu, checked so that isolinux and GRUB read the same out of it."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from planex.fields import Name
from planex.schema import Model


def matching(pattern: str, rule: str) -> AfterValidator:
    """A check of a text by a pattern, whose error says the rule in words."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"'{text}' is not possible: {rule}")
        return text

    return AfterValidator(check)


ISO_PATH = r"(/[A-Za-z0-9_+-][A-Za-z0-9_.+-]*)+"
IsoPath = Annotated[str, matching(ISO_PATH, "a path from the top of the ISO: /boot/vmlinuz")]
"""A path on the ISO: from its top, with nothing in it that a boot loader would have to quote."""
Arguments = Annotated[str, matching(r"[^\n\"'\\{};$]*", "no quotes, braces, $, ; or line breaks in a boot line")]
"""Words of a boot line. Quotes and separators are refused, for isolinux and GRUB read them differently."""
Title = Annotated[str, matching(r"[^\n\"'\\{};$^]+", "no quotes, braces, $, ^, ; or line breaks in a title")]

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
