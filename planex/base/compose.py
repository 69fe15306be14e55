# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts a base's RPMs into a repository with groups, and proves that it is closed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from planex.base.control import DebPackage
from planex.base.definition import Definition
from planex.base.unpack import pick
from planex.checksums import digest_of
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.rpm.comps import CompsGroup, comps_text
from planex.rpm.repo import copy_rpms, create_repo

RPM_CONFIG = "/usr/lib/rpm"


def write_repo(folder: Path, rpms: Mapping[str, Path], definition: Definition) -> None:
    """A repository of all RPMs with the definition's groups."""
    copy_rpms(folder, {digest_of(rpm, "SHA256"): rpm for rpm in rpms.values()})
    groups = folder.parent / "comps.xml"
    groups.write_text(render_groups(definition))
    create_repo(folder, groups=groups, epoch=definition.epoch)


def render_groups(definition: Definition, only: Sequence[str] | None = None) -> str:
    """comps.xml: each group, its packages mandatory; ``only`` restricts it to groups by name."""
    wanted = ((name, group) for name, group in definition.groups.items() if only is None or name in only)
    return comps_text(CompsGroup(name, group.name, group.description, group.packages) for name, group in wanted)


def write_rpm_config(folder: Path, debs: Sequence[Path], definition: Definition) -> None:
    """The base's /usr/lib/rpm: what specs are parsed with, on a machine whose own rpm may be another."""
    files = {path: data for deb in debs for path, data in pick(deb, [f"{RPM_CONFIG}/*"]).items()}
    for name in definition.made:
        made = definition.contents(name).files
        files |= {path: text.encode() for path, text in made.items() if path.startswith(RPM_CONFIG)}
    if f"{RPM_CONFIG}/macros" not in files:
        raise PlanexError("the base's rpm packages hold no /usr/lib/rpm/macros", "name rpm in a group of the base")
    for path, data in files.items():
        destination = folder / path.removeprefix(f"{RPM_CONFIG}/")
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_bytes(data)


def write_manifest(path: Path, packages: Sequence[DebPackage], rpms: Mapping[str, Path]) -> None:
    """Every package with its .deb's name, version and SHA-256, and the SHA-256 of the RPM made from it."""
    by_name = {package.name: package for package in packages}
    rows = []
    for name, rpm in rpms.items():
        deb = by_name.get(name)
        row: dict[str, str] = {"package": name, "rpm": rpm.name, "rpm_sha256": digest_of(rpm, "SHA256")}
        if deb is not None:
            row |= {"version": deb.version, "deb": deb.filename, "deb_sha256": deb.sha256, "source": deb.source}
        rows.append(row)
    write_atomic(path, json.dumps({"packages": rows}, indent=1, sort_keys=True) + "\n")
