# SPDX-License-Identifier: LGPL-2.1-or-later
"""RPMs added to the repository on a finished ISO: its metadata, manifest and .treeinfo written anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from planex.checksums import digest_of
from planex.content import records
from planex.disk import write
from planex.errors import PlanexError
from planex.host.check_contents import MediumRepositories
from planex.host.closure import REPOMD, top_of
from planex.host.examined import ExaminedIso
from planex.host.manifest import ON_ISO, Manifest, ShippedRpm, read_on_iso
from planex.regular import open_regular
from planex.rpm import repo
from planex.rpm.rpmfile import BadRpm, read_rpm

_TREEINFO = "/.treeinfo"


@dataclass(frozen=True, slots=True)
class Additions:
    """``packages``: name-version-release.arch of what was added; ``files``: path on the ISO to contents; ``gone``:
    metadata whose place they take, and its signature."""

    repository: str = ""
    packages: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    gone: tuple[str, ...] = ()


def add_rpms(path: Path, rpms: Sequence[Path], folder: Path) -> Additions:
    """What RPMs change on the ISO at ``path``. Raises PlanexError where one is none, or is there already."""
    iso = ExaminedIso.open(path)
    manifest, top = _repository(iso)
    listed = MediumRepositories(iso)
    if listed.faults:
        raise PlanexError(f"{path}: {listed.faults[0].message}", "planex iso check")
    work = folder / "repository"
    work.mkdir(mode=0o755)
    there = {name for name in listed.rpms if name.startswith(f"{top}/")}
    for name in there:
        _write(work / name.removeprefix(f"{top}/"), iso.image.read(name))
    new = [_take(rpm, work) for rpm in rpms]
    repo.create_repo(work, groups=_groups(iso, listed, top, folder), epoch=manifest.epoch)
    rows = {row.location: row for row in repo.read_rpms(work)}
    _refuse_doubles([row.nevra for row in rows.values()], [f.nevra for n, f in listed.rpms.items() if n not in there])
    files = {f"{top}/{name}": (work / name).read_bytes() for name in new}
    files |= {f"{top}/repodata/{made.name}": made.read_bytes() for made in (work / "repodata").iterdir()}
    files |= _described(iso, f"{top}{REPOMD}", digest_of(work / REPOMD.lstrip("/"), "SHA256"))
    shipped = tuple(_shipped(top, rows[name]) for name in new)
    files[ON_ISO] = replace(manifest, key="", rpms=manifest.rpms + shipped).to_json().encode("utf-8", "surrogateescape")
    gone = tuple(sorted(_old_metadata(iso, top) - files.keys()))
    return Additions(top, tuple(row.nevra for row in shipped), files, gone)


def _repository(iso: ExaminedIso) -> tuple[Manifest, str]:
    """The manifest of an ISO, and the folder of the repository of which it lists the RPMs."""
    try:
        manifest = read_on_iso(iso.image)
        top = top_of(manifest.rpms[0].path, iso) if manifest.rpms else None
    except records.Damaged as error:
        raise PlanexError(f"{iso.image.path}: {ON_ISO}: {error.message}", "take an ISO of `planex iso build`") from None
    if top is None:
        raise PlanexError(f"{iso.image.path}: {ON_ISO} names no repository", "take an ISO of `planex iso build`")
    return manifest, top


def _take(path: Path, work: Path) -> str:
    """Copy an RPM into a repository, under the name that it says it has."""
    try:
        with open_regular(path) as file:
            name = read_rpm(file).file_name
    except BadRpm as error:
        raise PlanexError(f"{path}: {error.message}", "--add-rpm takes binary RPMs") from None
    if (work / name).exists():
        raise PlanexError(f"{path}: the ISO has {name} already", "give what you built another release")
    _write(work / name, path.read_bytes())
    return name


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, data)
    path.chmod(0o644)


def _groups(iso: ExaminedIso, listed: MediumRepositories, top: str, folder: Path) -> Path | None:
    inside = f"{top}/repodata/"
    found = next((name for name in listed.metadata if name.startswith(inside) and name.endswith("comps.xml")), None)
    if found is None:
        return None
    write(folder / "comps.xml", iso.image.read(found))
    return folder / "comps.xml"


def _refuse_doubles(here: Sequence[str], elsewhere: Sequence[str]) -> None:
    """Two RPMs of one name, version and architecture: which is installed would be left to chance."""
    twice = [name for name, count in Counter(here).items() if count > 1] or sorted({*here} & {*elsewhere})
    if twice:
        raise PlanexError(f"the ISO would have {twice[0]} twice", "give what you built another release")


def _described(iso: ExaminedIso, repomd: str, digest: str) -> dict[str, bytes]:
    """.treeinfo with the digest of the new metadata, where it has one of the old."""
    text, old = iso.small.get(_TREEINFO, ""), iso.digest(repomd)
    return {_TREEINFO: text.replace(old, digest).encode()} if old in text else {}


def _old_metadata(iso: ExaminedIso, top: str) -> set[str]:
    return {name for name in iso.files if name.startswith(f"{top}/repodata/")}


def _shipped(top: str, row: repo.RepositoryRpm) -> ShippedRpm:
    return ShippedRpm(row.nevra, f"{top}/{row.location}", row.sha256, row.sha256, row.source, row.licence)
