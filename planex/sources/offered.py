# SPDX-License-Identifier: LGPL-2.1-or-later
"""What versions there are of a source: tags of git, a folder of a web server, Python's indexes, Debian's archive."""

from __future__ import annotations

import re
from pathlib import Path

from planex.drafts import temporary_folder
from planex.errors import CommandFailed, PlanexError
from planex.git.door import run_git
from planex.report import Task
from planex.run import NETWORK
from planex.sources import pypi
from planex.sources.debian import ArchivedSource, sources_of
from planex.sources.fetch import fetch_url
from planex.sources.gitsource import complaint
from planex.sources.limits import LIMITS, Downloads
from planex.workspace import Workspace

_SECONDS = 300.0
_PEELED = "^{}"
_NAMED = re.compile(r"[-_]v?(\d[\w.+~^]*?)(?:\.orig)?\.(?:tar(?:\.\w+)?|tgz|tbz2|txz|zip)$")


def version_in(file: str) -> str | None:
    """The version in a tarball's name."""
    match = _NAMED.search(file)
    return match[1] if match else None


def git_tags(url: str) -> dict[str, str]:
    """Tag to commit, of a repository by its URL; ``HEAD`` is among them."""
    try:
        words = ["ls-remote", "--", url, "HEAD", "refs/tags/*"]
        text = run_git(Path.cwd(), words, inherit=NETWORK, timeout=_SECONDS).stdout
    except CommandFailed as error:
        raise PlanexError(f"{url}: {complaint(error.tail)}", "is that a git repository?") from None
    rows = (line.split("\t") for line in text.splitlines() if "\t" in line)
    found = {name.removeprefix("refs/tags/"): commit for commit, name in rows}
    return {name.removesuffix(_PEELED): found.get(f"{name}{_PEELED}", commit) for name, commit in found.items()}


def python_files(workspace: Workspace, name: str, task: Task, limits: Downloads = LIMITS) -> list[str]:
    """Files of a Python package in the first of pip's indexes that knows it."""
    name, _ = pypi.parts(f"{name}/x")
    failures: list[str] = []
    for index in pypi.indexes():
        try:
            return pypi.files(page_text(workspace, pypi.page(index, name), task, limits))
        except PlanexError as error:
            failures.append(error.message)
    raise PlanexError("\n  ".join([f"no package index of pip knows {name}:", *failures]), "see pip config list")


def page_text(workspace: Workspace, url: str, task: Task, limits: Downloads = LIMITS) -> str:
    """A page of a web server, such as the list of a folder's files."""
    small = limits.model_copy(update={"size": min(limits.size, pypi.PAGE_SIZE)})
    with temporary_folder(workspace.downloads, "page") as folder:
        fetch_url(workspace, url, folder / "page", task, small)
        return (folder / "page").read_text(errors="replace")


def archived(workspace: Workspace, name: str, limits: Downloads = LIMITS) -> list[ArchivedSource]:
    """A source package of the archive, once for each suite. PlanexError where it has none of that name."""
    workspace.downloads.mkdir(parents=True, exist_ok=True)
    if found := sources_of(name, workspace.downloads, limits):
        return found
    raise PlanexError(
        f"the Debian archive has no source package {name}", "apt-cache showsrc, or the tracker, knows names"
    )
