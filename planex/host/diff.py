# SPDX-License-Identifier: LGPL-2.1-or-later
"""How two ISOs differ: packages, sources and patches by their manifests, menus, files, sizes. Works on any two ISOs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.errors import PlanexError
from planex.host.configs import ConfigDiff, config_diffs
from planex.host.examined import SMALL, as_text
from planex.host.manifest import ON_ISO, Manifest, read_on_iso
from planex.host.news import PackageNews, PatchChange, package_news, patch_changes
from planex.medium.image import Image
from planex.medium.references import is_menu
from planex.medium.sums import SIGNATURE, SUMS
from planex.medium.xorriso import open_image, read_records
from planex.rpm.nevra import parse_nevra
from planex.trust.repository import PROVENANCE

_SAME_BY_NATURE = {SUMS, SIGNATURE, ON_ISO}
"""Files that differ wherever anything else does."""

_OF_REPOSITORIES = re.compile(rf"/repodata/|/{PROVENANCE}/|\.rpm$")


@dataclass(frozen=True, slots=True)
class IsoChange:
    """Something that is on one ISO or on both. ``old`` and ``new``: version, checksum or size; None where it is not."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class MenuChange:
    """A boot menu, and the lines of a unified diff."""

    path: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IsoDiff:
    """All that differs. ``facts``: label, size in bytes, version, key, commit."""

    facts: tuple[IsoChange, ...] = ()
    packages: tuple[IsoChange, ...] = ()
    """Of the live host and of the repository, by name and architecture; of one version but other bytes as well."""
    sources: tuple[IsoChange, ...] = ()
    changelogs: tuple[PackageNews, ...] = ()
    """Entries that only the newer has, of packages of both."""
    patches: tuple[PatchChange, ...] = ()
    configs: tuple[ConfigDiff, ...] = ()
    """Of kernels and hypervisors."""
    menus: tuple[MenuChange, ...] = ()
    files: tuple[IsoChange, ...] = ()
    """Path, with sizes in bytes; metadata and RPMs of repositories are left to ``packages``."""

    @property
    def same(self) -> bool:
        return self == IsoDiff()


@dataclass(frozen=True, slots=True)
class _Side:
    image: Image
    label: str
    manifest: Manifest | None


def diff_isos(old: Path, new: Path) -> IsoDiff:
    """How ``new`` differs from ``old``. PlanexError where one is no ISO."""
    sides = _side(old), _side(new)
    changed = _changed_files(sides[0].image, sides[1].image)
    return IsoDiff(
        facts=_changes(*(_facts(side) for side in sides)),
        packages=_changes(*(_packages(side.manifest) for side in sides)),
        sources=_changes(*(_sources(side.manifest) for side in sides)),
        changelogs=_changelogs(*sides),
        patches=patch_changes(*(side.manifest.patches if side.manifest else () for side in sides)),
        configs=_configs(*sides),
        menus=tuple(_menu(name, sides[0].image, sides[1].image) for name in changed if is_menu(name)),
        files=tuple(IsoChange(name, *(_size(side.image, name) for side in sides)) for name in changed),
    )


def _side(path: Path) -> _Side:
    image = open_image(path)
    if image.cut():
        raise PlanexError(f"{path} is cut off", "copy it again")
    manifest: Manifest | None
    try:
        manifest = read_on_iso(image)
    except records.Damaged:
        manifest = None
    return _Side(image, read_records(path).label, manifest)


def _size(image: Image, name: str) -> str | None:
    return str(image.files[name]) if name in image.files else None


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[IsoChange, ...]:
    """What is in one only, or is another in both."""
    found = (IsoChange(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys()))
    return tuple(change for change in found if change.old != change.new)


def _facts(side: _Side) -> dict[str, str]:
    found = {"label": side.label, "size": str(side.image.size)}
    if side.manifest:
        manifest, made = side.manifest, side.manifest.made_from
        found |= {
            "version": manifest.version,
            "key": manifest.key,
            "commit": f"{made.commit}{' with changes' if made.changed else ''}",
            **made.base,
        }
        found |= {f"tool {name}": version for name, version in made.tools.items()}
    return {name: value for name, value in found.items() if value}


def _packages(manifest: Manifest | None) -> dict[str, str]:
    if manifest is None:
        return {}
    digests = {package.nevra: package.sha256 for package in manifest.packages}
    digests |= {rpm.nevra: rpm.unsigned for rpm in manifest.rpms}  # who signed is no change of a package
    found: dict[str, list[str]] = {}
    for nevra, digest in sorted(digests.items()):
        name, epoch, version, arch = parse_nevra(nevra)
        evr = f"{epoch}:{version}" if epoch else version
        found.setdefault(f"{name}.{arch}", []).append(f"{evr} {digest[:12]}".strip())
    return {name: ", ".join(versions) for name, versions in found.items()}


def _sources(manifest: Manifest | None) -> dict[str, str]:
    rows = manifest.sources if manifest else ()
    return {f"{row.package}/{row.name}": row.checksum[:19] for row in rows}


def _changelogs(old: _Side, new: _Side) -> tuple[PackageNews, ...]:
    if old.manifest is None or new.manifest is None:
        return ()
    return tuple(package_news((old.image, old.manifest), (new.image, new.manifest)))


def _configs(old: _Side, new: _Side) -> tuple[ConfigDiff, ...]:
    if old.manifest is None or new.manifest is None:
        return ()
    return tuple(config_diffs((old.image, old.manifest), (new.image, new.manifest)))


def _changed_files(old: Image, new: Image) -> list[str]:
    """Paths of files that are on one only, or have other bytes; sums are not asked, for they may lie."""
    both = sorted(old.files.keys() & new.files.keys())
    resized = {name for name in both if old.files[name] != new.files[name]}
    with ThreadPoolExecutor(4) as pool:
        differ = pool.map(lambda name: name in resized or old.digest(name) != new.digest(name), both)
        found = {name for name, other in zip(both, differ, strict=True) if other}
    found |= old.files.keys() ^ new.files.keys()
    return sorted(name for name in found - _SAME_BY_NATURE if not _OF_REPOSITORIES.search(name))


def _text(image: Image, name: str) -> str:
    """A menu, as far as loaders would read it as one; empty where it is not there."""
    text = as_text(image.read(name)) if image.files.get(name, SMALL + 1) <= SMALL else ""
    return (text or "").rstrip("\n")  # planex fills menus up with blank lines


def _menu(name: str, old: Image, new: Image) -> MenuChange:
    before, after = (_text(image, name) for image in (old, new))
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    return MenuChange(name, tuple(lines)[2:])  # without the names of files
