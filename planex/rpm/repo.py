# SPDX-License-Identifier: LGPL-2.1-or-later
"""RPM repositories: metadata, what they provide, and a target's composed one. The only user of createrepo_c."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planex.cage.command import Cage, caged
from planex.checksums import digest_of, digest_of_text
from planex.content import records, shelf, stamps
from planex.content.copies import PUBLISHED, copy_file, link_or_copy
from planex.content.stamps import Fault, Stamp
from planex.drafts import switch_link, temporary_folder, write_atomic
from planex.errors import PlanexError
from planex.regular import read_text
from planex.rpm.capability import Capability
from planex.rpm.index import Index, IndexedPackage, from_rows, to_rows
from planex.run import run

if TYPE_CHECKING:
    import createrepo_c

_INDEX_FORMAT = 1


class DamagedFile(PlanexError):
    """A file that was to be published has not the SHA-256 that it should have."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is damaged", "planex build makes it again")
        self.path = path


def create_repo(folder: Path, *, groups: Path | None = None, epoch: int = 0) -> None:
    """Write ``repodata`` for the RPMs in ``folder``; same RPMs, same bytes. ``epoch``: seconds since 1970."""
    rpms = sorted(folder.rglob("*.rpm"))
    for rpm in rpms:
        if rpm.is_symlink():
            raise PlanexError(f"{rpm} is a symbolic link; a repository holds files")
        # The metadata holds each file's time; content decides, not when it was built or copied.
        os.utime(rpm, (epoch, epoch), follow_symlinks=False)
    words = ["createrepo_c", "--quiet", "--no-database", "--workers", "2", "--checksum", "sha256"]
    words += ["--revision", str(epoch), "--set-timestamp-to-revision", "--outputdir", "/output"]
    words += ["--groupfile", "/output/comps.xml"] if groups else []
    for place in {folder, *(rpm.parent for rpm in rpms)}:
        place.chmod(0o755)  # who serves it, and the cage, is another user
    with temporary_folder(folder, "repodata") as made:
        if groups:
            copy_file(groups, made / "comps.xml", mode=0o644)
        run(caged(_cage(folder, made, epoch), [*words, "/repo"]), program="createrepo_c")
        shelf.remove(folder / "repodata")
        (folder / "repodata").mkdir()
        (folder / "repodata").chmod(0o755)
        for path in sorted((made / "repodata").iterdir()):
            copy_file(path, folder / "repodata" / path.name, mode=0o644)
    if (listed := len(read_locations(folder))) != len(rpms):
        raise PlanexError(
            f"{folder}: its metadata lists {listed} of {len(rpms)} packages", "look at their modes: ls -l"
        )


def _cage(folder: Path, made: Path, epoch: int) -> Cage:
    """createrepo_c reads what strangers built; as the cage's root it makes files that planex can delete."""
    return Cage(
        readable={"/repo": folder},
        writable={"/output": made},
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": str(epoch)},
        superuser=True,
    )


def digest(folder: Path) -> str:
    """SHA-256 of a repository's repomd.xml, which holds the checksums of all the rest."""
    try:
        return hashlib.sha256((folder / "repodata" / "repomd.xml").read_bytes()).hexdigest()
    except FileNotFoundError:
        raise PlanexError(f"no repository in {folder}", "make it: planex base build, or planex build") from None


def read_index(folder: Path, cache: Path | None = None) -> Index:
    """What the repository in ``folder`` provides, from its metadata. PlanexError where that cannot be read.

    ``cache``: a folder that keeps what was read, by the metadata's digest: reading that again is much faster.
    """
    return _read_index(folder, digest(folder), cache)


@lru_cache(maxsize=4)
def _read_index(folder: Path, metadata: str, cache: Path | None) -> Index:
    kept = cache / f"{metadata}.json" if cache else None
    if kept and (packages := _recall(kept)) is not None:
        return Index(packages)
    packages = tuple(_indexed(package) for package in _packages(folder))
    if kept:
        write_atomic(kept, json.dumps([_INDEX_FORMAT, to_rows(packages)]))
    return Index(packages)


def _recall(kept: Path) -> Sequence[IndexedPackage] | None:
    try:
        version, rows = json.loads(kept.read_text())
        return from_rows(rows) if version == _INDEX_FORMAT else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _indexed(package: createrepo_c.Package) -> IndexedPackage:
    return IndexedPackage(
        name=package.name,
        evr=_evr(package.epoch, package.version, package.release),
        digest=package.pkgId,
        provides=_capabilities(package.provides),
        requires=_capabilities(package.requires),
        files=tuple(_path(file) for file in package.files if file[0] != "dir"),
        location=package.location_href,
        size=package.size_package,
    )


_OPERATORS = {"EQ": "=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}


def _capabilities(rows: Iterable[tuple[Any, ...]]) -> tuple[Capability, ...]:
    """Of metadata's ``(name, flags, epoch, version, release, pre)``; what rpm itself must be able to do is left out."""
    return tuple(
        Capability(row[0], _OPERATORS.get(row[1] or "", ""), _evr(*row[2:5]))
        for row in rows
        if not row[0].startswith("rpmlib(")
    )


def _evr(epoch: str | None, version: str | None, release: str | None) -> str:
    text = f"{version}-{release}" if release else version or ""
    return text if epoch in (None, "0") or not text else f"{epoch}:{text}"


def _packages(folder: Path) -> list[createrepo_c.Package]:
    import createrepo_c  # an index is mostly read from its cache

    try:
        return list(createrepo_c.RepositoryReader.from_path(str(folder)).iter_packages())
    except (createrepo_c.CreaterepoCError, OSError) as error:
        reason = str(error).replace(f"{folder}/", "").strip().splitlines()[0]
        raise PlanexError(f"its metadata cannot be read: {reason}") from None


def _nevra(package: createrepo_c.Package) -> str:
    """As rpm's ``%{nevra}``: no epoch for 0."""
    text: str = package.nevra()
    return text.replace("-0:", "-", 1)


def read_digests(folder: Path) -> dict[str, str]:
    """Name-[epoch:]version-release.arch to the SHA-256 of every RPM of a repository."""
    return {_nevra(package): package.pkgId for package in _packages(folder)}


@dataclass(frozen=True, slots=True)
class RepositoryRpm:
    """An RPM of a repository. ``location``: its path there; ``sha256``: of the file; ``source``: its source RPM."""

    nevra: str
    name: str
    evr: str
    location: str
    size: int
    sha256: str
    source: str
    licence: str


def read_rpms(folder: Path) -> list[RepositoryRpm]:
    """What a repository says of its RPMs, by name."""
    found = (
        RepositoryRpm(
            _nevra(package),
            package.name,
            _evr(package.epoch, package.version, package.release),
            package.location_href,
            package.size_package,
            package.pkgId,
            package.rpm_sourcerpm or "",
            package.rpm_license or "",
        )
        for package in _packages(folder)
    )
    return sorted(found, key=lambda rpm: rpm.nevra)


def read_locations(folder: Path) -> dict[str, int]:
    """Path below ``folder`` to size in bytes of every RPM that the metadata lists, whether it is there or not."""
    return {package.location_href: package.size_package for package in _packages(folder)}


@dataclass(frozen=True, slots=True)
class ListedFile:
    """What metadata say of a file: size in bytes (None if they do not) and digest, as ``hashlib`` names algorithms."""

    size: int | None
    algorithm: str
    digest: str
    nevra: str = ""
    """Of an RPM."""


def read_listed(folder: Path) -> dict[str, ListedFile]:
    """Path below ``folder`` to what the metadata say of every RPM."""
    return {
        package.location_href: ListedFile(
            package.size_package,
            _ALGORITHMS.get(package.checksum_type, package.checksum_type),
            package.pkgId,
            _nevra(package),
        )
        for package in _packages(folder)
    }


def read_repomd(folder: Path) -> dict[str, ListedFile]:
    """Path below ``folder`` to what repomd.xml says of every file of metadata."""
    import createrepo_c

    try:
        records = createrepo_c.Repomd(str(folder / "repodata" / "repomd.xml")).records
    except (createrepo_c.CreaterepoCError, OSError) as error:
        raise PlanexError(f"its metadata cannot be read: {str(error).strip().splitlines()[0]}") from None
    return {
        record.location_href: ListedFile(
            record.size if record.size > 0 else None,
            _ALGORITHMS.get(record.checksum_type, record.checksum_type),
            record.checksum or "",
        )
        for record in records
        if record.location_href
    }


_ALGORITHMS = {"sha": "sha1"}
"""Names of metadata that ``hashlib`` has otherwise."""


def lost(folder: Path, cache: Path | None = None) -> str | None:
    """What a repository has lost since its metadata were written, in words; no RPM is read for that."""
    try:
        locations = read_index(folder, cache).locations
    except PlanexError as error:
        return error.message
    for name, size in locations.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} is damaged"
    return None


def _path(file: tuple[str, ...]) -> str:
    return f"{file[1].rstrip('/')}/{file[2]}"


def link_rpms(folder: Path, rpms: Iterable[Path]) -> None:
    """Hard links (or copies, across file systems) of RPMs in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for rpm in rpms:
        destination = folder / rpm.name
        destination.unlink(missing_ok=True)
        link_or_copy(rpm, destination)


def copy_rpms(folder: Path, rpms: Mapping[str, Path]) -> None:
    """Copies of RPMs (SHA-256 -> file) in ``folder``, each proved by reading the copy. Raises DamagedFile."""
    folder.mkdir(parents=True, exist_ok=True)
    for digest, rpm in rpms.items():
        copy_file(rpm, folder / rpm.name)
        if digest_of(folder / rpm.name, "SHA256") != digest:
            raise DamagedFile(rpm)


@dataclass(frozen=True, slots=True)
class Seal:
    """What is put into a repository once its metadata are written: a signature, say. ``name`` tells one from others."""

    name: str
    put: Callable[[Path], None]


def compose(
    link: Path, rpms: Mapping[str, Path], *, epoch: int, groups: Path | None = None, seal: Seal | None = None
) -> bool:
    """Make the repository that ``link`` points to hold exactly ``rpms`` (SHA-256 -> file).

    The new repository is made beside the old and appears by one rename of the link; True if anything changed.
    Raises DamagedFile where an RPM is not what it should be.
    """
    parts = [*sorted(rpms), str(epoch), read_text(groups) if groups else "", *([seal.name] if seal else [])]
    name = f"repo-{digest_of_text(' '.join(parts))[:16]}"
    there = next((path for path in sorted(link.parent.glob(f"{name}*")) if fault(path) is None), None)
    if there is not None and link.is_symlink() and str(link.readlink()) == there.name:
        return False
    final = there or _make(_free(link.parent / name), rpms, epoch, groups, seal)
    switch_link(link, final)
    _prune(link.parent, keep=final.name)
    return True


def _free(path: Path) -> Path:
    """A name that nothing has: a damaged repository stays in its place until the link points at a whole one."""
    names = (path, *(path.with_name(f"{path.name}.{number}") for number in range(2, 100)))
    return next(name for name in names if not name.exists())


def _make(final: Path, rpms: Mapping[str, Path], epoch: int, groups: Path | None, seal: Seal | None) -> Path:
    with shelf.draft(final) as folder:
        copy_rpms(folder, rpms)
        create_repo(folder, groups=groups, epoch=epoch)
        if seal:
            seal.put(folder)
        names = stamps.files_below(folder)
        for name in names:
            (folder / name).chmod(PUBLISHED)
        _write_record(final, stamps.take(folder, names))
        shelf.publish(folder, final, durable=True)
    return final


def _record(folder: Path) -> Path:
    """Where the stamps of a composed repository's files are: beside it, so that it holds nothing of planex's."""
    return folder.with_name(f".{folder.name}.json")


def _write_record(folder: Path, known: Mapping[str, Stamp]) -> None:
    write_atomic(_record(folder), json.dumps(stamps.to_rows(known), indent=1) + "\n", durable=True)


def fault(folder: Path) -> Fault | None:
    """The first file of a composed repository that is gone, was added or is not what was published.

    Files that look as they did are believed; the others are read.
    """
    try:
        known = stamps.from_rows(json.loads(_record(folder).read_text()))
    except (OSError, ValueError, RecursionError, records.Damaged):
        return Fault("the record of its files", "is missing" if not _record(folder).exists() else "is damaged")
    if new := stamps.added(folder, known):
        return new
    found = stamps.prove(folder, {name: known[name].sha256 for name in stamps.unproven(folder, known)})
    if isinstance(found, Fault):
        return found
    if found:
        with suppress(OSError):  # it was moved; where that cannot be noted, it is read whole each time
            _write_record(folder, known | found)
    return None


def _prune(folder: Path, keep: str) -> None:
    """Keep the current repository and the two before it, so that a reader of the old one can finish."""
    old = (path for path in folder.glob("repo-*") if path.name != keep)
    shelf.prune(old, 2, age=lambda path: (fault(path) is None, path.stat().st_mtime))
    for record in folder.glob(".repo-*.json"):
        if not (folder / record.stem[1:]).exists():
            record.unlink()
