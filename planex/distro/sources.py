# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sources of a package: what is fetched, with which checksum, and what lies in the workspace."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from planex.checksums import Checksum, digest_of, read_checksums, write_checksums
from planex.distro.recipe import Recipe
from planex.errors import ConfigError, Problem
from planex.report import Task
from planex.rpm.spec import Package, Source
from planex.sources.fetch import RemoteSource, fetch_unknown
from planex.sources.limits import LIMITS, Downloads
from planex.workspace import Workspace


def remote_sources(recipe: Recipe, package: Package) -> tuple[RemoteSource, ...]:
    """What must be fetched for a package. A source without a checksum is an error."""
    _require_distinct(recipe, package)
    checksums = read_checksums(recipe.checksums)
    remote = [source for source in package.sources if source.is_remote]
    missing = [source.file_name for source in remote if source.file_name not in checksums]
    if missing:
        raise ConfigError(
            [Problem(recipe.checksums, 0, f"no checksum for {name}") for name in missing],
            f"record what is there now, after looking at it: planex fetch --update {recipe.name}",
        )
    return tuple(
        RemoteSource(recipe.name, source.file_name, source_urls(recipe, source), checksums[source.file_name])
        for source in remote
    )


def checksums_of(recipe: Recipe, package: Package) -> dict[str, str]:
    """What each remote source must hash to; empty for one that has no checksum yet."""
    known = read_checksums(recipe.checksums)
    names = [source.file_name for source in package.sources if source.is_remote]
    return {name: known[name].value if name in known else "" for name in names}


def file_rows(recipe: Recipe, package: Package) -> dict[str, str]:
    """What of a package's rebuild key its sources and patches decide: label to digest."""
    patches = {Path(patch.name).name for patch in recipe.queue.patches}
    rows = {f"source {name}": digest for name, digest in checksums_of(recipe, package).items()}
    for name, path in local_files(recipe, package).items():
        rows[f"{'patch' if name in patches else 'file'} {name}"] = digest_of(path, "SHA256")
    return rows


def source_urls(recipe: Recipe, source: Source) -> tuple[str, ...]:
    """The URL in the spec, then the mirrors that package.yaml names."""
    return (source.url, *recipe.settings.mirrors.get(source.file_name, ()))


def _require_distinct(recipe: Recipe, package: Package) -> None:
    """rpm knows a source by its file's name alone: of two with one name, both lines would get the same file."""
    urls: dict[str, set[str]] = {}
    for source in package.sources:
        urls.setdefault(source.file_name, set()).add(source.url)
    problems = [
        Problem(recipe.template, 0, f"{name} stands for different sources: {', '.join(sorted(found))}")
        for name, found in urls.items()
        if len(found) > 1
    ]
    if problems:
        raise ConfigError(problems, "name one of them otherwise: a file anew, a URL by #/NAME behind it")


def local_files(recipe: Recipe, package: Package) -> dict[str, Path]:
    """Sources and patches that lie in the workspace: name to path. What is missing or leads out is reported at once.

    A Source line may name a file in a folder of the package's (``tool/main.py``); in the SRPM it goes by its own name.
    """
    _require_distinct(recipe, package)
    queue = {Path(patch.name).name: patch.path for patch in recipe.queue.patches}
    files = {
        source.file_name: queue.get(source.file_name, recipe.folder / source.url)
        for source in package.sources
        if not source.is_remote
    }
    workspace = recipe.folder.parents[1].resolve()
    problems = [
        Problem(recipe.template, 0, f"{name}: {complaint}")
        for name, path in files.items()
        if (complaint := _complaint(path, workspace))
    ]
    if problems:
        raise ConfigError(problems, "put the file itself there, or give the Source line a URL")
    return files


def _complaint(path: Path, workspace: Path) -> str | None:
    """Why a file of the workspace cannot be a source. A link out of it would put a file of the host into an SRPM."""
    if not path.is_file():
        return f"no such file {path}"
    real = path.resolve()
    return None if real.is_relative_to(workspace) else f"{path} leads out of the workspace, to {real}"


def update_checksums(
    workspace: Workspace, recipe: Recipe, sources: Iterable[Source], task: Task, limits: Downloads = LIMITS
) -> dict[str, Checksum]:
    """Fetch a package's remote sources as they are now and record their checksums; returns what was recorded."""
    recorded: dict[str, Checksum] = {}
    for source in sources:
        if not source.is_remote:
            continue
        recorded[source.file_name], _ = fetch_unknown(workspace, source.url, task, limits)
    write_checksums(recipe.checksums, recorded)
    return recorded
