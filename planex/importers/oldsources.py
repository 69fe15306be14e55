# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the links and pins of planex 4 bring to a spec: other sources, archives of files, patch queues."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from planex.errors import PlanexError
from planex.git.repository import Repository
from planex.importers.links import OldLink, OldResource
from planex.importers.speclines import strip_of, with_patches, with_source
from planex.patchqueue.commits.importer import Found, from_tarball
from planex.patchqueue.format.queue import SERIES
from planex.patchqueue.format.series import Entry, Series, make_entry, parse_series
from planex.regular import inside
from planex.rpm.spec import Package
from planex.sources.tarballs import content_of, read_tarball

_MACRO = re.compile(r"%\{(name|version)\}", re.IGNORECASE)
_APART = re.compile(r"\S\s{2,}#[+-]\w")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Resources:
    """Where files of links come from: the old workspace, its clones in ``repos/``, and what ``fetch`` gets by URL."""

    root: Path
    scratch: Path
    fetch: Callable[[str], Path]

    def clone(self, url: str) -> Repository | None:
        """planex 4 knew git repositories by their name below ``repos/``."""
        name = PurePosixPath(urlsplit(url).path or url).name.removesuffix(".git")
        places = (self.root / "repos" / name, self.root / url.removeprefix("ssh://"))
        return next((Repository(path) for path in places if (path / ".git").exists() or (path / "HEAD").exists()), None)

    def commit(self, resource: OldResource) -> str | None:
        """The commit that a resource names, as far as that can be told here."""
        if _COMMIT.fullmatch(resource.commitish):
            return resource.commitish
        clone = self.clone(resource.url)
        return clone.resolve(f"{resource.commitish or 'HEAD'}^{{commit}}") if clone else None

    def tarball(self, resource: OldResource) -> Path:
        """A local file with what the resource names."""
        scheme = urlsplit(resource.url).scheme
        if scheme == "ssh":
            return self._archive(resource)
        if scheme:
            return self.fetch(resource.url)
        places = (self.root / resource.url, self.root / "SOURCES" / resource.url)
        found = next((path for path in places if path.is_file()), None)
        if found is None:
            raise PlanexError(f"{resource.url} is not there")
        return inside(found, self.root)

    def _archive(self, resource: OldResource) -> Path:
        clone, commit = self.clone(resource.url), self.commit(resource)
        if clone is None or commit is None:
            raise PlanexError(f"{resource.url} has no clone in repos/ that knows {resource.commitish}")
        path = self.scratch / f"{commit}.tar"
        path.parent.mkdir(parents=True, exist_ok=True)
        clone.git("archive", "--format=tar", f"--output={path.absolute()}", commit)
        return path


@dataclass
class Carried:
    """A spec on its way: its text, files beside it, its patch queue (``series`` too)."""

    text: str
    files: dict[str, bytes] = field(default_factory=dict)
    queue: dict[str, bytes] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def carry(text: str, name: str, parsed: Package | None, link: OldLink | None, resources: Resources) -> Carried:
    """A spec with what its link brings. What cannot be carried is a remark, never an error."""
    carried = Carried(text)
    if link is None:
        return carried
    words = {"name": name, "version": parsed.version if parsed else "%{version}"}
    carried.remarks += link.remarks
    for kind, take in (("source", _source), ("archive", _archive), ("patchqueue", _queue)):
        for resource in link.of(kind):
            here = OldResource(kind, resource.number, *(_expand(each, words) for each in _texts(resource)))
            try:
                take(carried, here, parsed, resources)
            except PlanexError as error:
                carried.remarks.append(f"{link.path.name}: {kind} {resource.number} is not carried: {error.message}")
    if carried.queue:
        _settle_queue(carried, name, own_patching=link.own_patching)
    return carried


def _texts(resource: OldResource) -> tuple[str, str, str]:
    return resource.url, resource.prefix, resource.commitish


def _expand(text: str, words: Mapping[str, str]) -> str:
    return _MACRO.sub(lambda match: words[match[1].lower()], text)


def _source(carried: Carried, resource: OldResource, parsed: Package | None, resources: Resources) -> None:
    if urlsplit(resource.url).scheme != "ssh":
        if not urlsplit(resource.url).scheme:
            file = PurePosixPath(resource.url).name
            carried.files[file] = resources.tarball(resource).read_bytes()
            carried.text = with_source(carried.text, resource.number, file)
            return
        carried.text = with_source(carried.text, resource.number, resource.url)
        return
    commit = resources.commit(resource)
    if commit is None:
        raise PlanexError(
            f"{resource.url}: '{resource.commitish}' is no commit that can be told here (repos/ has no clone)"
        )
    top = resource.prefix or "%{name}-%{version}"
    clone = resources.clone(resource.url)
    place = f"git+file://{clone.path.absolute()}" if clone else f"git+{resource.url}"
    carried.text = with_source(carried.text, resource.number, f"{place}?commit={commit}#/{top.strip('/')}.tar")
    carried.remarks.append(
        f"Source{resource.number} is {resource.url} at {commit}: give it an address that all can read"
    )


def _archive(carried: Carried, resource: OldResource, parsed: Package | None, resources: Resources) -> None:
    """Files of the spec that lie loose in a tarball."""
    tarball = resources.tarball(resource)
    wanted = {source.file_name for source in parsed.sources if not source.is_remote} if parsed else set()
    folder = PurePosixPath(resource.prefix.strip("/"))
    found = 0
    for entry, archive in read_tarball(tarball):
        path = PurePosixPath(entry.name)
        inside = path.parent == folder or str(path.parent).endswith(f"/{folder}") or str(folder) == "."
        data = content_of(entry, archive, str(tarball)) if inside and path.name in wanted else None
        if data is not None:
            carried.files[path.name] = data
            found += 1
    if not found:
        raise PlanexError(f"{resource.url} has none of the spec's files in {resource.prefix or 'it'}")


def _queue(carried: Carried, resource: OldResource, parsed: Package | None, resources: Resources) -> None:
    """A patch queue; a second one comes behind the first."""
    found = from_tarball(resources.tarball(resource), resources.scratch, resource.prefix or None)
    twice = sorted(set(found.patches) & set(carried.queue))
    if twice:
        raise PlanexError(f"another queue of this package has {', '.join(twice)} as well")
    carried.queue |= found.patches
    before = carried.queue.get(SERIES, b"")
    carried.queue[SERIES] = before + found.series.encode("utf-8", "surrogateescape")
    carried.remarks += [*found.remarks, *_remarks(found)]


def _remarks(found: Found) -> list[str]:
    return [
        f"series: `{line.strip()}` was always applied by planex 4, which saw no guard behind two spaces; here it is one"
        for line in found.series.splitlines()
        if _APART.search(line) and not line.lstrip().startswith("#")
    ]


def _settle_queue(carried: Carried, name: str, *, own_patching: bool) -> None:
    """Have the spec apply the queue as it did: with its own strip level, or by its own means."""
    series = parse_series(carried.queue[SERIES].decode("utf-8", "surrogateescape"), Path(f"{name}/series"))
    strip = strip_of(carried.text)
    if strip is None:
        if not own_patching:
            carried.remarks.append("planex 4 refused a queue without %autosetup: its patches are now the spec's own")
        applied = [entry.name for entry in series.entries if entry.applies(frozenset())]
        carried.files |= {PurePosixPath(patch).name: carried.queue[patch] for patch in applied}
        carried.text = with_patches(carried.text, [PurePosixPath(patch).name for patch in applied])
        carried.queue = {}
    elif strip != 1:
        carried.queue[SERIES] = _with_strip(series, strip).text().encode("utf-8", "surrogateescape")


def _with_strip(series: Series, strip: int) -> Series:
    """planex 4 never looked at ``-pN`` of a series: the spec's holds for all."""
    lines = tuple(
        make_entry(each.name, strip, each.guards) if isinstance(each, Entry) else each for each in series.lines
    )
    return Series(lines, series.newline, series.ends_with_newline)
