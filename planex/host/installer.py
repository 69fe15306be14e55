# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole menu of a host ISO: what iso.yaml says, and the entries of the base's installer that it keeps. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planex.errors import PlanexError
from planex.host.definition import Installer, IsoDefinition
from planex.medium.entry import BootEntry
from planex.medium.kept import kept_entries

_NO_ANSWERS = ("inst.rescue", "rescue")
"""Words of entries that install nothing."""


@dataclass(frozen=True, slots=True)
class WholeMenu:
    """``definition``: with all entries; ``left_out``: titles of entries of the base that are not kept, and why."""

    definition: IsoDefinition
    kept: frozenset[str] = frozenset()
    """Names of the entries that come from the base."""
    left_out: tuple[tuple[str, str], ...] = ()


def whole_menu(definition: IsoDefinition, menus: Mapping[str, str], label: str) -> WholeMenu:
    """``menus``: of the base, path to text; ``label``: the base's. PlanexError where nothing would be in the menu."""
    installer = definition.installer
    if installer is None:
        return WholeMenu(definition)
    found = kept_entries(menus, label, definition.label)
    if not found.entries:
        reasons = "; ".join(f"{title}: {why}" for title, why in found.left_out) or "it has no menu that can be read"
        raise PlanexError(
            f"the base ISO has no entry that could be kept ({reasons})", "take 'installer' out of iso.yaml"
        )
    taken = {entry.name for entry in definition.entries}
    kept = [made for entry in found.entries for made in _variants(entry, definition, installer, taken)]
    entries = _with_default([*definition.entries, *kept])
    names = frozenset(entry.name for entry in kept)
    return WholeMenu(definition.model_copy(update={"entries": entries}), names, found.left_out)


def _with_default(entries: list[BootEntry]) -> tuple[BootEntry, ...]:
    """The first entry that says so is the default, else the first of all."""
    chosen = next((entry for entry in entries if entry.default), entries[0])
    return tuple(entry.model_copy(update={"default": entry is chosen}) for entry in entries)


def _variants(
    entry: BootEntry, definition: IsoDefinition, installer: Installer, taken: set[str]
) -> Iterator[BootEntry]:
    answers = f"inst.ks=hd:LABEL={definition.label}:{definition.kickstart_path}" if definition.kickstart else ""
    words = entry.kernel_args.split()
    added = "" if any(word in _NO_ANSWERS for word in words) else answers
    arguments = " ".join(f"{entry.kernel_args} {added} {installer.kernel_args}".split())
    name = f"base-{entry.name}" if entry.name in taken else entry.name
    bare = entry.model_copy(update={"name": name, "kernel_args": arguments})
    if installer.start != "bare":
        hypervisor, kernel = definition.boot_files
        changes = {"hypervisor": hypervisor, "xen_args": installer.xen_args, "kernel": kernel}
        yield bare.model_copy(update={"name": f"{name}-xen", "title": f"{entry.title}, under Xen", **changes})
    if installer.start != "xen":
        yield bare
