# SPDX-License-Identifier: LGPL-2.1-or-later
"""RPM repositories: metadata, what they provide, and a target's composed one. The only user of createrepo_c."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import createrepo_c

from planex.errors import PlanexError
from planex.run import run
from planex.workspace import switch_link, temporary_folder, write_atomic


@dataclass(frozen=True, slots=True)
class Index:
    """What a repository offers: names of packages and capabilities, and the paths that its primary metadata lists."""

    capabilities: frozenset[str]
    files: frozenset[str]

    def offers(self, name: str) -> bool:
        return name in self.capabilities or name in self.files


def create_repo(folder: Path, *, groups: Path | None = None, epoch: int = 0) -> None:
    """Write ``repodata`` for the RPMs in ``folder``; same RPMs, same bytes. ``epoch``: seconds since 1970."""
    for rpm in folder.rglob("*.rpm"):
        # The metadata holds each file's time; content decides, not when it was built or copied.
        with contextlib.suppress(PermissionError):
            os.utime(rpm, (epoch, epoch))
    words = ["createrepo_c", "--quiet", "--no-database", "--workers", "2", "--checksum", "sha256"]
    words += ["--revision", str(epoch), "--set-timestamp-to-revision"]
    words += ["--groupfile", str(groups)] if groups else []
    run([*words, folder], env={"SOURCE_DATE_EPOCH": str(epoch)})


def digest(folder: Path) -> str:
    """SHA-256 of a repository's repomd.xml, which holds the checksums of all the rest."""
    try:
        return hashlib.sha256((folder / "repodata" / "repomd.xml").read_bytes()).hexdigest()
    except FileNotFoundError:
        raise PlanexError(f"no repository in {folder}", "make it: planex base build, or planex build") from None


def read_index(folder: Path) -> Index:
    """What the repository in ``folder`` provides, from its primary metadata."""
    capabilities: set[str] = set()
    files: set[str] = set()
    for package in createrepo_c.RepositoryReader.from_path(str(folder)).iter_packages():
        capabilities.add(package.name)
        capabilities.update(provide[0] for provide in package.provides)
        files.update(_path(file) for file in package.files if file[0] != "dir")
    return Index(frozenset(capabilities), frozenset(files))


def read_digests(folder: Path) -> dict[str, str]:
    """Name-[epoch:]version-release.arch, as rpm's ``%{nevra}``, to the SHA-256 of every RPM of a repository."""
    packages = createrepo_c.RepositoryReader.from_path(str(folder)).iter_packages()
    return {package.nevra().replace("-0:", "-", 1): package.pkgId for package in packages}


def read_locations(folder: Path) -> dict[str, int]:
    """Path below ``folder`` to size in bytes of every RPM that the metadata lists, whether it is there or not."""
    try:
        packages = list(createrepo_c.RepositoryReader.from_path(str(folder)).iter_packages())
    except (createrepo_c.CreaterepoCError, OSError) as error:
        reason = str(error).replace(f"{folder}/", "").strip().splitlines()[0]
        raise PlanexError(f"its metadata cannot be read: {reason}") from None
    return {package.location_href: package.size_package for package in packages}


def _path(file: tuple[str, ...]) -> str:
    return f"{file[1].rstrip('/')}/{file[2]}"


def link_rpms(folder: Path, rpms: Iterable[Path]) -> None:
    """Hard links (or copies, across file systems) of RPMs in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for rpm in rpms:
        destination = folder / rpm.name
        destination.unlink(missing_ok=True)
        try:
            os.link(rpm, destination)
        except OSError:
            write_atomic(destination, rpm.read_bytes())


def compose(link: Path, rpms: Mapping[str, Path], *, epoch: int, groups: Path | None = None) -> bool:
    """Make the repository that ``link`` points to hold exactly ``rpms`` (SHA-256 -> file).

    The new repository is made beside the old and appears by one rename of the link; True if anything changed.
    """
    parts = [*sorted(rpms), str(epoch), groups.read_text() if groups else ""]
    name = f"repo-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}"
    final = link.parent / name
    if link.is_symlink() and str(link.readlink()) == name and (final / "repodata" / "repomd.xml").exists():
        return False
    if not final.exists():
        with temporary_folder(link.parent, ".repo.") as folder:
            link_rpms(folder, rpms.values())
            create_repo(folder, groups=groups, epoch=epoch)
            folder.rename(final)
    switch_link(link, final)
    _prune(link.parent, keep=name)
    return True


def _prune(folder: Path, keep: str) -> None:
    """Keep the current repository and the two before it, so that a reader of the old one can finish."""
    old = sorted((path for path in folder.glob("repo-*") if path.name != keep), key=lambda path: path.stat().st_mtime)
    for path in old[:-2]:
        for file in sorted(path.rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
        path.rmdir()
