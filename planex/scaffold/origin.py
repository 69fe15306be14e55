# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a new package's source comes from, by what a person typed, and what is known of it besides its files."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cmp_to_key
from pathlib import Path, PurePosixPath

from planex.errors import PlanexError
from planex.report import Task
from planex.rpm.librpm import compare_versions
from planex.sources import offered
from planex.sources.debian import ArchivedSource
from planex.sources.fetch import fetch_unknown
from planex.sources.limits import LIMITS, Downloads
from planex.sources.tarballs import content_of, read_tarball, require_tarball
from planex.workspace import Workspace

_CONTROL = "debian/control"


@dataclass(frozen=True)
class Upstreamed:
    """``source``: what stands in the Source0 line; ``tarball``: it, on this machine; ``debian``: files below debian/.

    ``own``: a file that goes beside the spec, where the source is none that can be fetched.
    """

    name: str
    version: str
    source: str
    tarball: Path
    checksum: str = ""
    homepage: str = ""
    debian: Mapping[str, bytes] = field(default_factory=dict)
    own: bool = False

    @property
    def control(self) -> str:
        return self.debian.get(_CONTROL, b"").decode(errors="replace")


@dataclass(frozen=True)
class Finder:
    """Finds out where the newest version of a source is, and gets it."""

    workspace: Workspace
    task: Task
    scratch: Path
    limits: Downloads = LIMITS

    def find(self, name: str, given: str) -> Upstreamed:
        """``given``: a URL, ``debian:NAME``, ``pypi:NAME``, a git repository, a tarball or a folder."""
        kind, _, rest = given.partition(":")
        if Path(given).is_dir():
            return self._folder(name, Path(given))
        if Path(given).is_file():
            return self._url(name, f"file://{Path(given).resolve()}")
        if kind == "debian" and "/" not in rest:
            return self._debian(name, rest)
        if kind == "pypi" and "/" not in rest:
            return self._python(name, rest)
        if kind.startswith("git+") or kind == "git" or given.endswith(".git"):
            return self._git(name, given.removeprefix("git+"))
        if "://" in given or kind in ("debian", "pypi"):
            return self._url(name, given)
        raise PlanexError(f"{given} is neither a file, a folder nor a URL", "see the examples: planex new --help")

    def _url(self, name: str, url: str, version: str | None = None) -> Upstreamed:
        file = PurePosixPath(url).name
        version = version or offered.version_in(file)
        if version is None:
            raise PlanexError(f"the name {file} tells no version", f"give it one: URL#/{name}-1.0.tar.gz")
        checksum, path = fetch_unknown(self.workspace, url, self.task, self.limits)
        try:
            require_tarball(path)
        except PlanexError:
            raise PlanexError(f"{url} is no tarball", "name the file itself, not a page about it") from None
        return Upstreamed(name, version, url, path, checksum.value)

    def _debian(self, name: str, source: str) -> Upstreamed:
        found = newest_archived(offered.archived(self.workspace, source, self.limits))
        main = next(file for file in found.tarballs if version_of_archived(file))
        origin = self._url(name, f"debian:{found.folder}/{main}", version_of_archived(main))
        packed = origin.tarball
        if found.packing:
            _, packed = fetch_unknown(self.workspace, f"debian:{found.folder}/{found.packing}", self.task, self.limits)
        return Upstreamed(
            name, origin.version, origin.source, origin.tarball, origin.checksum, found.homepage, debian_files(packed)
        )

    def _python(self, name: str, project: str) -> Upstreamed:
        files = offered.python_files(self.workspace, project, self.task, self.limits)
        sources = {
            version: file for file in files if file.endswith(".tar.gz") and (version := offered.version_in(file))
        }
        if not sources:
            raise PlanexError(f"{project} has no source archive in pip's index")
        version = newest([each for each in sources if is_final(each)] or list(sources))
        return self._url(name, f"pypi:{project}/{sources[version]}", version)

    def _git(self, name: str, url: str) -> Upstreamed:
        tags = offered.git_tags(url)
        versions = {version: tag for tag in tags if (version := version_of_tag(tag, name))}
        final = [version for version in versions if is_final(version)]
        version = newest(final or list(versions)) if versions else "0"
        commit = tags[versions.get(version, "HEAD")]
        return self._url(name, f"git+{url}?commit={commit}#/{name}-{version}.tar", version)

    def _folder(self, name: str, folder: Path) -> Upstreamed:
        """A folder of this machine becomes a tarball beside the spec."""
        version = "0"
        path = self.scratch / f"{name}-{version}.tar"
        with tarfile.open(path, "w") as archive:
            for file in sorted(folder.rglob("*")):
                if file.is_file() and ".git" not in file.relative_to(folder).parts:
                    archive.add(file, f"{name}-{version}/{file.relative_to(folder)}", filter=_plain)
        return Upstreamed(name, version, path.name, path, own=True)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def newest(versions: list[str]) -> str:
    """By rpm's order."""
    return max(versions, key=cmp_to_key(compare_versions))


def is_final(version: str) -> bool:
    """No release candidate or the like."""
    return re.search(r"(?i)[._~-]?(?:(?:rc|alpha|beta|pre|dev)[._-]?\d*|(?<![a-z])[ab]\d+)$", version) is None


def version_of_tag(tag: str, name: str) -> str | None:
    """``v1.2``, ``name-1.2``, ``release_1_2``, ``1.2``."""
    match = re.fullmatch(
        rf"(?:(?:{re.escape(name)}|release|version|rel|v)[-_./]?)*v?(\d+(?:[._]\d+)*[\w.+-]*)", tag, re.I
    )
    return match[1].replace("_", ".").replace("-", "~") if match else None


def version_of_archived(file: str) -> str | None:
    """The upstream version in ``name_1.2.orig.tar.xz``; None for further tarballs of a source."""
    match = re.fullmatch(r"[^_]+_([^_]+?)(?:\.orig)?\.tar\.\w+", file)
    return match[1] if match and ".orig-" not in file else None


def newest_archived(found: list[ArchivedSource]) -> ArchivedSource:
    usable = {version: each for each in found for file in each.tarballs if (version := version_of_archived(file))}
    if not usable:
        raise PlanexError(f"the archive has no tarball of {found[0].name}")
    return usable[newest(list(usable))]


def debian_files(tarball: Path) -> dict[str, bytes]:
    """What lies in debian/: control and patches."""
    found: dict[str, bytes] = {}
    for entry, archive in read_tarball(tarball):
        path = entry.name.removeprefix("./")
        path = path[path.find("debian/") :] if path.count("debian/") == 1 else path
        if path == _CONTROL or path.startswith("debian/patches/"):
            data = content_of(entry, archive, str(tarball))
            found |= {path: data} if data is not None else {}
    return found
