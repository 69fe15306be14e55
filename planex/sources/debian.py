# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sources from the Debian mirrors that apt on this machine is set up with; and what is there where one is not."""

from __future__ import annotations

import lzma
import posixpath
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.nearest import plain, project_of
from planex.report import Task
from planex.run import run
from planex.sources.download import NotThere, download
from planex.sources.limits import Downloads

_ENOUGH = 6
"""Files that are named to whoever asked for another."""
_LARGEST = 1 << 29
"""Bytes of an index; that of Debian's main archive has a tenth of them."""
_FIELD = re.compile(r"^(Package|Directory|Homepage): *(\S+)|^ [0-9a-f]{32} [0-9]+ (\S+\.tar\.\w+)$")
_PACKING = re.compile(r"\.debian\.tar\.\w+$")
_TARGETS = ["apt-get", "indextargets", "--format"]
_LACKS = "the archive's index names it, but this mirror has it not: give apt another mirror, or write upstream's URL"


@dataclass(frozen=True, slots=True)
class ArchivedSource:
    """A source package of the archive: ``folder`` below the mirror, and the tarballs that are upstream's."""

    name: str
    folder: str
    homepage: str
    tarballs: tuple[str, ...]
    packing: str = ""
    """The tarball with ``debian/``; empty where that is a diff, or the one tarball has it."""

    def paths(self) -> list[str]:
        return [f"{self.folder}/{name}" for name in self.tarballs]


def fetch_from_debian(path: str, partial: Path, task: Task, limits: Downloads) -> None:
    """Get a path of the first mirror that has it."""
    failures: list[PlanexError] = []
    for mirror in _mirrors():
        try:
            return download(f"{mirror.rstrip('/')}/{path}", partial, task, limits)
        except PlanexError as error:
            failures.append(error)
    lines = ["not in the Debian mirror:", *(failure.message for failure in failures)]
    hint = "the archive drops old versions: look for a newer one"
    if all(isinstance(failure, NotThere) for failure in failures):
        task.phase("look for what there is")
        archived: list[ArchivedSource] = []
        with suppress(PlanexError):
            archived = list(_archived(partial.parent, limits))
        found = similar(path, archived)
        lines += ["what there is:", *(f"  debian:{each}" for each in found)] if found else []
        hint = "take one of these: by the version, or in the spec's Source line" if found else hint
        hint = _LACKS if any(path in each.paths() for each in archived) else hint
    raise PlanexError("\n  ".join(lines), hint)


def similar(path: str, archived: Iterable[ArchivedSource]) -> list[str]:
    """Paths of tarballs that may be meant: of the same source package, or of one that is made of the same thing."""
    folder, file = posixpath.split(path)
    asked = {posixpath.basename(folder), file.partition("_")[0]} - {""}
    archived = list(archived)
    found = [each for each in archived if each.name in asked or each.folder == folder]
    names = {plain(name) for name in asked}
    found = found or [each for each in archived if {plain(each.name), project_of(each.homepage)} & names]
    tarballs = dict.fromkeys(path for each in found for path in each.paths())
    tarballs.pop(path, None)
    return list(tarballs)[-_ENOUGH:]


def parse_sources(lines: Iterable[str]) -> Iterator[ArchivedSource]:
    """The source packages of a Sources file."""
    fields: dict[str, str] = {}
    tarballs: dict[str, None] = {}
    for line in (*lines, ""):
        if match := _FIELD.match(line):
            if match[3]:
                tarballs[match[3]] = None
            else:
                fields[match[1]] = match[2]
        elif not line.strip() and fields:
            upstream = tuple(name for name in tarballs if not _PACKING.search(name))
            name, folder = fields.get("Package", ""), fields.get("Directory", "")
            packing = next((name for name in tarballs if _PACKING.search(name)), "")
            yield ArchivedSource(name, folder, fields.get("Homepage", ""), upstream, packing)
            fields, tarballs = {}, {}


def sources_of(name: str, scratch: Path, limits: Downloads) -> list[ArchivedSource]:
    """What the archive has of a source package, in every suite that apt is set up with."""
    return list(_by_name(scratch, limits).get(name, ()))


@cache
def _by_name(scratch: Path, limits: Downloads) -> dict[str, list[ArchivedSource]]:
    """Read once: a run may ask for many."""
    found: dict[str, list[ArchivedSource]] = {}
    for each in _archived(scratch, limits):
        found.setdefault(each.name, []).append(each)
    return found


def _archived(scratch: Path, limits: Downloads) -> Iterator[ArchivedSource]:
    yield from parse_sources(source_lines(scratch, limits))


def source_lines(scratch: Path, limits: Downloads) -> Iterator[str]:
    """What the mirrors' indices of sources hold. PlanexError where none can be read."""
    failures, read = [], 0
    with temporary_folder(scratch, "sources") as folder:
        for number, url in enumerate(_indices()):
            try:
                download(url, folder / f"{number}.xz", limits=limits)
            except PlanexError as error:
                failures.append(error)
                continue
            read += 1
            yield from (*_lines(folder / f"{number}.xz"), "")
    if failures and not read:
        raise failures[-1]


def _lines(path: Path) -> list[str]:
    try:
        with lzma.open(path) as file:
            return file.read(_LARGEST).decode(errors="replace").splitlines()
    except (OSError, EOFError, lzma.LZMAError):
        return []


def _indices() -> list[str]:
    done = run([*_TARGETS, "$(URI)", "Created-By: Packages"], inherit={"APT_CONFIG"}, check=False)
    binary = (url.partition("/binary-") for url in done.stdout.split())
    return list(dict.fromkeys(f"{start}/source/Sources.xz" for start, found, _ in binary if found))


@cache
def _mirrors() -> tuple[str, ...]:
    """Roots of the mirrors, the main archive's first."""
    done = run([*_TARGETS, "$(REPO_URI)"], inherit={"APT_CONFIG"}, check=False)
    mirrors = sorted(dict.fromkeys(done.stdout.split()), key=lambda url: "security" in url)
    if not mirrors:
        raise PlanexError("apt on this machine names no Debian mirror", "run `apt-get update` once, as root")
    return tuple(mirrors)
