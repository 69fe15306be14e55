# SPDX-License-Identifier: LGPL-2.1-or-later
"""Does an ISO say the truth about what is on it? SHA256SUMS, .treeinfo, .discinfo and its repositories."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from planex.errors import PlanexError
from planex.host.examined import ExaminedIso
from planex.host.finding import Finding
from planex.medium import metadata
from planex.medium.image import Image
from planex.medium.sums import SIGNATURE, SUMS, Sums, parse_sums
from planex.rpm.listing import read_listings
from planex.rpm.repo import ListedFile
from planex.units import size_text

CHECKSUMS, TREEINFO, REPOSITORY, IMAGE = "checksums", "treeinfo", "repository", "image"
_REPOMD = "/repodata/repomd.xml"
_UNLISTED = ("repomd.xml", "repomd.xml.asc", "repomd.xml.key", "productid", "TRANS.TBL")
"""What repomd.xml does not list of a folder with metadata."""
_INSTALLER = ("/images/pxeboot/vmlinuz", "/images/install.img", "/images/stage2.img")
"""What only an installation medium has, which says what it is in .treeinfo and .discinfo."""
_MAX_METADATA = 1 << 30

Wanted = Iterator[tuple[str, str]]
"""Files and algorithms of digests that a check will ask for."""


def check_size(image: Image) -> Iterator[Finding]:
    """The image is as long as its volume descriptor says."""
    if image.size < image.volume:
        yield Finding(IMAGE, f"it is cut off: {size_text(image.size)} of {size_text(image.volume)} are there")


def check_places(image: Image) -> Iterator[Finding]:
    """All files lie on the image."""
    if cut := image.cut():
        yield Finding(IMAGE, f"{len(cut)} files lie past its end, the first is {min(cut)}")


def read_sums(iso: ExaminedIso) -> Sums | Finding | None:
    """SHA256SUMS, None where there is none, or what is wrong with it."""
    if not iso.has(SUMS):
        return None
    try:
        return parse_sums(iso.image.read(SUMS).decode("utf-8", "surrogateescape"))
    except PlanexError as error:
        return Finding(CHECKSUMS, f"{SUMS} is damaged: {error.message}")


def sums_wanted(iso: ExaminedIso, sums: Sums) -> Wanted:
    return ((name, "sha256") for name in sums.files if iso.has(name))


def check_sums(iso: ExaminedIso, sums: Sums | Finding | None) -> Iterator[Finding]:
    """Every file has the digest that SHA256SUMS gives, no other is there, and the rest of the image is as written."""
    if isinstance(sums, Finding):
        yield sums
    elif sums is None:
        if metadata.promises_sums(iso.small.get("/.treeinfo", "")):
            yield Finding(CHECKSUMS, f"{SUMS} is not there, though .treeinfo names it")
    else:
        yield from _files_of_sums(iso, sums)
        if sums.rest and iso.image.size < sums.size:
            yield Finding(IMAGE, f"it is cut off: {sums.size - iso.image.size} bytes are gone from its end")
        elif sums.rest:
            names = [name for name in {*sums.files, SUMS, SIGNATURE} if iso.has(name)]
            if iso.image.digest_without(names, sums.size) != sums.rest:
                yield Finding(CHECKSUMS, "boot records, folders or gaps of the image are not as they were written")


def _files_of_sums(iso: ExaminedIso, sums: Sums) -> Iterator[Finding]:
    for name, digest in sums.files.items():
        if not iso.has(name):
            yield Finding(CHECKSUMS, f"{name} is listed in {SUMS}, but not there")
        elif iso.digest(name) != digest:
            yield Finding(CHECKSUMS, f"{name} does not have the checksum that {SUMS} gives")
    if sums.rest:
        strays = sorted(iso.files.keys() - sums.files.keys() - {SUMS, SIGNATURE})
        yield from (Finding(CHECKSUMS, f"{name} is not listed in {SUMS}") for name in strays)


def treeinfo_checksums(iso: ExaminedIso) -> dict[str, tuple[str, str]]:
    """Path to algorithm and digest, of those that can be checked. PlanexError where .treeinfo cannot be read."""
    if not iso.has("/.treeinfo"):
        return {}
    text = iso.image.read("/.treeinfo").decode("utf-8", "replace")
    rows = ((f"/{name}", value.partition(":")) for name, value in metadata.checksums(text).items())
    return {path: (row[0], row[2]) for path, row in rows}


def check_treeinfo(iso: ExaminedIso) -> Iterator[Finding]:
    """Checksums in .treeinfo are those of the files; an installation medium has it, and .discinfo."""
    files = (".treeinfo", ".discinfo")
    missing = [name for name in files if not iso.has(f"/{name}")]
    installer = next((name for name in _INSTALLER if iso.has(name)), "")
    if missing and (installer or len(missing) < len(files)):
        because = f"/{next(name for name in files if name not in missing)}" if len(missing) < len(files) else installer
        yield from (Finding(TREEINFO, f"/{name} is not there, though {because} is") for name in missing)
    try:
        known = treeinfo_checksums(iso)
    except PlanexError as error:
        yield Finding(TREEINFO, error.message)
        return
    for path, (algorithm, digest) in known.items():
        if not iso.has(path):
            yield Finding(TREEINFO, f"{path} is listed in .treeinfo, but not there")
        elif _is_known(algorithm) and iso.digest(path, algorithm) != digest:
            yield Finding(TREEINFO, f"{path} does not have the checksum that .treeinfo gives")


def treeinfo_wanted(iso: ExaminedIso) -> Wanted:
    try:
        known = treeinfo_checksums(iso)
    except PlanexError:
        return
    yield from ((path, row[0]) for path, row in known.items() if iso.has(path) and _is_known(row[0]))


def _is_known(algorithm: str) -> bool:
    return algorithm in {"md5", "sha1", "sha224", "sha256", "sha384", "sha512"} <= hashlib.algorithms_available


def copy_metadata(iso: ExaminedIso, top: str, folder: Path) -> None:
    """Copy the metadata of the repository at ``top`` into a new folder; none that are larger than is possible.

    They can be read by everybody there: the cage of who reads them is another user.
    """
    inside = f"{top}/repodata/"
    names = [name for name in iso.files if name.startswith(inside) and "/" not in name[len(inside) :]]
    (folder / "repodata").mkdir(parents=True)
    if sum(iso.files[name] for name in names) <= min(2 * iso.image.size, _MAX_METADATA):
        for name in names:
            (folder / "repodata" / PurePosixPath(name).name).write_bytes(iso.image.read(name))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


class MediumRepositories:
    """The repositories on an ISO: what each lists, by its top (``""`` for that of the medium)."""

    def __init__(self, iso: ExaminedIso, cache: Path | None = None) -> None:
        self.iso = iso
        self.rpms: dict[str, ListedFile] = {}
        self.metadata: dict[str, ListedFile] = {}
        self.faults: list[Finding] = []
        self.tops = sorted(name.removesuffix(_REPOMD) for name in iso.files if name.endswith(_REPOMD))
        with tempfile.TemporaryDirectory(prefix="planex.") as folder:
            self._read(Path(folder), cache)

    def _read(self, folder: Path, cache: Path | None) -> None:
        copies = {top: folder / str(number) for number, top in enumerate(self.tops)}
        for top, copy in copies.items():
            copy_metadata(self.iso, top, copy)
        folder.chmod(0o755)
        for top, found in read_listings(copies, cache).items():
            if isinstance(found, str):
                self.faults.append(Finding(REPOSITORY, f"{top}{_REPOMD}: {found}"))
            else:
                self.metadata |= {f"{top}/{location}": listed for location, listed in found.metadata.items()}
                self.rpms |= {f"{top}/{location}": listed for location, listed in found.rpms.items()}

    def wanted(self) -> Wanted:
        """Digests of files whose size is right."""
        for path, listed in self._listed().items():
            if self.iso.has(path) and listed.size in (None, self.iso.files[path]) and _is_known(listed.algorithm):
                yield path, listed.algorithm

    def _listed(self) -> Mapping[str, ListedFile]:
        return self.metadata | self.rpms

    def check(self) -> Iterator[Finding]:
        """What they list is there with its size and digest; no other RPMs and metadata are."""
        yield from self.faults
        wanted = set(self.wanted())
        for path, listed in sorted(self._listed().items()):
            if not self.iso.has(path):
                yield Finding(REPOSITORY, f"{path} is listed, but not there")
            elif listed.size not in (None, self.iso.files[path]):
                yield Finding(REPOSITORY, f"{path} has another size than is listed")
            elif (path, listed.algorithm) in wanted and self.iso.digest(path, listed.algorithm) != listed.digest:
                yield Finding(REPOSITORY, f"{path} does not have the checksum that is listed")
        yield from (Finding(REPOSITORY, f"{name} is listed nowhere") for name in sorted(self._strays()))
        yield from self._doubles()

    def _doubles(self) -> Iterator[Finding]:
        """Two RPMs of one name and version with other bytes: which is installed is left to chance."""
        known: dict[str, tuple[str, str]] = {}
        for path, listed in sorted(self.rpms.items()):
            other, digest = known.setdefault(listed.nevra, (path, listed.digest)) if listed.nevra else ("", "")
            if digest and digest != listed.digest:
                yield Finding(REPOSITORY, f"{other} and {path} are both {listed.nevra}, with other bytes")

    def _strays(self) -> Iterable[str]:
        """RPMs and metadata below a repository that it does not list."""
        for name in () if self.faults else self.iso.files:
            folder, _, file = name.rpartition("/")
            rpm = file.endswith(".rpm") and any(name.startswith(f"{top}/") for top in self.tops)
            data = folder in {f"{top}/repodata" for top in self.tops} and file not in _UNLISTED
            if (rpm and name not in self.rpms) or (data and name not in self.metadata):
                yield name
