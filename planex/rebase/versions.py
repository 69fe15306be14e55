# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finds the sources that queues are applied to: a package's own, and others by version number, URL or path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from planex.checksums import RECORDED, Checksum, digest_of, read_checksums
from planex.content import records
from planex.distro.project import Project
from planex.distro.recipe import Recipe, render_specs
from planex.distro.sources import remote_sources
from planex.drafts import write_atomic
from planex.errors import ConfigError, PlanexError
from planex.patchqueue.carry.forecast import Version
from planex.report import Task
from planex.rpm.spec import Package, Source, SpecFile, parse_specs
from planex.sources.fetch import cached_path, fetch, fetch_unknown
from planex.sources.tarballs import require_tarball

_IS_URL = re.compile(r"(?:https?|file|debian|git\+[a-z]+):")
_PACKED = r"\.(?:tar(?:\.\w+)?|tgz|tbz2|txz|zip)$"
_LABEL = re.compile(r"[-_]v?(\d[^/]*?)(?:\.orig)?" + _PACKED)
_IS_FILE = re.compile("/|" + _PACKED)
_GIVE_PATH = "name another version by the path of its tarball or folder"
_TOKEN = "Z{}Z"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Addresses:
    """What URLs gave: the SHA-512 of each."""

    digests: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Goal:
    """An upstream version to go to. ``variables``: what package.yaml has to say for it; ``url``: of its source."""

    version: Version
    variables: Mapping[str, str] = field(default_factory=dict)
    url: str = ""


def label_of(name: str) -> str:
    """The version in a tarball's file name, or the whole name: ``4.20.3`` in ``xen_4.20.3.orig.tar.xz``."""
    match = _LABEL.search(name)
    return match[1] if match else name


def main_source(package: Package) -> Source:
    """The source that patches are applied to: the lowest SourceN."""
    sources = sorted((source for source in package.sources if source.kind == "source"), key=lambda s: s.number)
    if not sources:
        raise PlanexError(f"{package.name}: the spec names no source")
    return sources[0]


def current(project: Project, name: str, task: Task, *, offline: bool = False) -> Version:
    """The locked source of a package, fetched and verified."""
    recipe, package = project.recipes[name], project.packages[name]
    source = main_source(package)
    if not source.is_remote:
        return _beside_spec(project, name, source)
    (remote,) = [item for item in remote_sources(recipe, package) if item.name == source.file_name]
    path = fetch(project.workspace, remote, task, offline=offline, limits=project.config.downloads)
    return Version(label_of(remote.name), path, remote.checksum.value)


def goal(project: Project, name: str, wanted: str, settings: Mapping[str, str], task: Task) -> Goal:
    """What ``wanted`` (a version number, a URL or a path) stands for. ``settings`` are variables given by hand."""
    if (path := Path(wanted)).exists():
        found = from_path(path)
        return Goal(found, _infer(project, name, path.name) | dict(settings))
    if _IS_URL.match(wanted):
        return Goal(_from_url(project, wanted, task), _infer(project, name, wanted) | dict(settings), wanted)
    if _IS_FILE.search(wanted):
        raise PlanexError(f"{wanted}: no such file or folder")
    variables = {"version": wanted, **settings}
    source = _source_with(project, name, variables)
    if not source.is_remote:
        return Goal(_local(project, name, source, variables), variables)
    _require_own_commit(name, main_source(project.packages[name]), source)
    return Goal(_from_url(project, source.url, task), variables, source.url)


def _require_own_commit(name: str, old: Source, new: Source) -> None:
    """A source out of git is another version only if its commit is another."""
    if _is_git(new.url) and new.file_name != old.file_name and _commit_of(new.url) == _commit_of(old.url):
        raise PlanexError(
            f"{name}: {new.file_name} would be of the same commit as {old.file_name}",
            "give its commit, too, by the variable that has it (--set commit=...), or go to its URL",
        )


def _is_git(url: str) -> bool:
    return url.startswith("git+")


def _commit_of(url: str) -> str:
    return url.partition("#")[0].rpartition("?")[2]


def _naming(url: str) -> str:
    """What of an address tells versions apart: the file's name, and before that the commit of a source out of git."""
    name = url.rsplit("/", 1)[-1]
    return f"?{_commit_of(url)}#/{name}" if _is_git(url) else name


def _local(project: Project, name: str, source: Source, variables: Mapping[str, str]) -> Version:
    """Another version of a source that lies beside the spec."""
    known, file_name = project.recipes[name].settings.variables, source.file_name
    same = file_name == main_source(project.packages[name]).file_name
    if same and any(known.get(key) != value for key, value in variables.items()):
        raise PlanexError(
            f"{name}: the name of the local source {file_name} does not depend on the version", _GIVE_PATH
        )
    return _beside_spec(project, name, source)


def _beside_spec(project: Project, name: str, source: Source) -> Version:
    path = project.recipes[name].folder / source.file_name
    if not path.exists():
        raise PlanexError(f"{name}: {project.workspace.relative(path)} is not there", f"put it there, or {_GIVE_PATH}")
    return from_path(path)


def from_path(path: Path) -> Version:
    """A tarball or folder on this machine."""
    if path.is_dir():
        return Version(path.resolve().name, path.resolve(), "")
    require_tarball(path)
    return Version(label_of(path.name), path.resolve(), digest_of(path))


def with_variables(recipe: Recipe, variables: Mapping[str, str]) -> Recipe:
    """The recipe as if package.yaml said so."""
    settings = recipe.settings.model_copy(update={"variables": {**recipe.settings.variables, **variables}})
    return replace(recipe, settings=settings)


def parse_with(project: Project, name: str, variables: Mapping[str, str]) -> Package:
    """The package as its spec would be with other variables."""
    recipe = with_variables(project.recipes[name], variables)
    cache = project.workspace.cache / "templates"
    text = render_specs({recipe.name: recipe}, project.config, project.target_name, cache)[recipe.name]
    path = project.workspace.cache / "patchqueue" / "specs" / f"{name}.spec"
    write_atomic(path, text)
    return parse_specs({name: SpecFile(path, recipe.folder)}, project.macros, project.workspace.cache / "specs")[name]


def _source_with(project: Project, name: str, variables: Mapping[str, str]) -> Source:
    return main_source(parse_with(project, name, variables))


def _from_url(project: Project, url: str, task: Task) -> Version:
    """Fetch a URL into the download cache; what an address once gave is remembered, so it is fetched once."""
    memory = project.workspace.cache / "patchqueue" / "urls.json"
    known = records.load(memory, Addresses, _FORMAT) or Addresses({})
    name = url.rsplit("/", 1)[-1]
    for value in (known.digests.get(url), _locked(project, name)):
        if value and (path := cached_path(project.workspace, Checksum(RECORDED, value))).exists():
            return Version(label_of(name), path, value)
    checksum, path = fetch_unknown(project.workspace, url, task, project.config.downloads)
    records.save(memory, Addresses({**known.digests, url: checksum.value}), _FORMAT)
    return Version(label_of(name), path, checksum.value)


def _locked(project: Project, file_name: str) -> str | None:
    for recipe in project.recipes.values():
        checksum = read_checksums(recipe.checksums).get(file_name)
        if checksum and checksum.algorithm == RECORDED:
            return checksum.value
    return None


def _infer(project: Project, name: str, wanted: str) -> dict[str, str]:
    """The variables that make the spec's source what is wanted, as far as its address shows them.

    The spec is rendered with tokens in the place of the variables; where the tokens come out in the source's
    address, the wanted one has the new values. A variable that is a part of another (a commit in a ``git describe``)
    follows it.
    """
    old = {key: value for key, value in project.recipes[name].settings.variables.items() if isinstance(value, str)}
    tokens = {key: _TOKEN.format(number) for number, key in enumerate(sorted(old)) if old[key]}
    try:
        url = _source_with(project, name, tokens).url
    except PlanexError:
        return {}
    for like in (url, url.rsplit("/", 1)[-1]):
        if match := _pattern(like, tokens).search(wanted) or _pattern(like, tokens, r"\d[^/]*?").search(wanted):
            found = {key: value for key, value in match.groupdict().items() if value is not None}
            return found | _parts(old, found)
    return {}


def _pattern(url: str, tokens: Mapping[str, str], version: str = r"\d[0-9A-Za-z.]*") -> re.Pattern[str]:
    """A pattern for what tells addresses like ``url`` apart; ``version`` is one for the version."""
    text = re.escape(_naming(url))
    for key, token in tokens.items():
        body = version if key == "version" else r".*?"
        text = text.replace(token, f"(?P<{key}>{body})", 1).replace(token, f"(?P={key})")
    return re.compile(rf"(?:^|/|(?=\?)){text}$")


def _parts(old: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """Variables whose old value was a part, of six characters or more, of one that was found."""
    parts: dict[str, str] = {}
    for key, value in old.items():
        for whole, new in found.items():
            if key in found or len(value) < 6 or value not in old[whole] or value == old[whole]:
                continue
            before, _, after = old[whole].partition(value)
            if match := re.fullmatch(f"{_shape(before)}(.+){_shape(after)}", new):
                parts[key] = match[1]
    return parts


def _shape(text: str) -> str:
    """A pattern for texts that differ from this one only in their numbers."""
    return "".join(r"\d+" if word.isdigit() else re.escape(word) for word in re.findall(r"\d+|\D+", text))


def check_goal(project: Project, name: str, aim: Goal) -> None:
    """Raise ConfigError unless the variables of a goal make the spec ask for the very source that is meant."""
    got = _source_with(project, name, aim.variables)
    meant = aim.url or aim.version.source.name
    if (_naming(got.url) == _naming(meant)) if _is_git(meant) else (got.file_name == meant.rsplit("/", 1)[-1]):
        return
    raise ConfigError(
        f"{name}: package.yaml cannot be set so that the spec's source is {meant}: it would be {got.url}",
        "say which variables to change: --set version=1.2.3 (as often as needed)",
    )


def described(variables: Mapping[str, str], old: Mapping[str, object]) -> Iterable[str]:
    """One line for each variable that changes."""
    for key, value in sorted(variables.items()):
        if old.get(key) != value:
            yield f"{key}: {old.get(key)} -> {value}"
