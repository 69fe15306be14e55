# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is new upstream of a package: where to look, by package.yaml or by its source's address, and what is there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from planex.distro.project import Project
from planex.distro.recipe import Updates
from planex.errors import PlanexError
from planex.rebase.versions import main_source
from planex.report import Task
from planex.rpm.librpm import compare_versions
from planex.scaffold.origin import is_final, newest, version_of_archived, version_of_tag
from planex.sources import offered, pypi

_VERSION = r"(\d[\w.+~]*?)"


@dataclass(frozen=True, slots=True)
class Newer:
    """``newest`` is empty where nothing is newer; ``where`` says who was asked; ``url``: of the newest, where that
    is a commit, which no version tells."""

    package: str
    version: str
    newest: str
    where: str
    url: str = ""

    @property
    def wanted(self) -> str:
        """What to forecast."""
        return self.url or self.newest


def find_newer(project: Project, name: str, task: Task) -> Newer | None:
    """None for a package whose main source is not fetched."""
    recipe = project.recipes[name]
    package = project.packages[name]
    version = str(recipe.settings.variables.get("version", "")) or package.version
    if not any(source.kind == "source" for source in package.sources):
        return None
    source = main_source(package)
    if not source.is_remote:
        return None
    places = recipe.settings.update or _by_address(source.url)
    if places is None and (upstream := recipe.settings.upstream):
        places = Updates(git=upstream.git, tag=upstream.tag)
    if places is None:
        places = Updates(page=posixpath.dirname(source.url.split("#")[0]) + "/")
    task.phase("look for what is new")
    where, found = _versions(project, name, places, source.file_name, version, task)
    final = [each for each in found if is_final(each)] if is_final(version) else list(found)
    best = newest([version, *final])
    if compare_versions(best, version) <= 0:
        return Newer(name, version, "", where)
    return Newer(name, version, best, where, _at_commit(source.url, found[best], version, best))


def _at_commit(url: str, commit: str, old: str, new: str) -> str:
    """The address of a source out of git, at the commit of another version; empty for other sources."""
    before, _, file = url.partition("#")
    if not (commit and file and before.startswith("git+")):
        return ""
    return f"{before.partition('?')[0]}?commit={commit}#{file.replace(old, new)}"


def _by_address(url: str) -> Updates | None:
    """Of sources whose address names a package of an archive, or a repository."""
    scheme, _, rest = url.partition(":")
    if scheme == "debian":
        return Updates(debian=posixpath.basename(posixpath.dirname(rest)))
    if scheme == "pypi":
        return Updates(pypi=rest.partition("/")[0])
    return Updates(git=url.partition("?")[0].removeprefix("git+")) if scheme.startswith("git+") else None


def _versions(
    project: Project, name: str, places: Updates, file: str, version: str, task: Task
) -> tuple[str, Mapping[str, str]]:
    """Who was asked, and version to commit, where it is a tag of git."""
    workspace, limits = project.workspace, project.config.downloads
    if places.debian:
        found = offered.archived(workspace, places.debian, limits)
        files = [file for each in found for file in each.tarballs]
        return f"debian:{places.debian}", _plain(map(version_of_archived, files))
    if places.pypi:
        files = offered.python_files(workspace, places.pypi, task, limits)
        return f"pypi:{places.pypi}", _plain(map(offered.version_in, files))
    if places.git:
        tags = offered.git_tags(places.git)
        return places.git, {each: at for tag, at in tags.items() if (each := _tagged(tag, places.tag, name))}
    if version not in file:
        raise PlanexError(f"the name {file} has no version in it", "say where to look: update in package.yaml")
    names = pypi.files(offered.page_text(workspace, places.page, task, limits))
    pattern = re.compile(re.escape(file).replace(re.escape(version), _VERSION))
    return places.page, _plain(match[1] for each in names if (match := pattern.fullmatch(each)))


def _plain(versions: Iterable[str | None]) -> dict[str, str]:
    return {version: "" for version in versions if version}


def _tagged(tag: str, pattern: str, name: str) -> str | None:
    """The version that a tag stands for, by the pattern, or by custom where there is none."""
    if not pattern:
        return version_of_tag(tag, name)
    match = re.fullmatch(re.escape(pattern).replace(re.escape("{version}"), _VERSION), tag)
    return match[1] if match else None
