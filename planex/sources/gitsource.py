# SPDX-License-Identifier: LGPL-2.1-or-later
"""Source tarballs out of git: ``git+https://host/repo.git?commit=<40 hex>#/name-1.0.tar``.

The commit is a full hash, so that the content is fixed; the archive is git's own tar, which depends on nothing else.
"""

from __future__ import annotations

import re
from math import ceil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from planex.checksums import digest_of_text
from planex.content.locks import WAITING, hold
from planex.disk import naming
from planex.errors import CommandFailed, PlanexError
from planex.git.door import run_git
from planex.run import NETWORK
from planex.sources.limits import Downloads

_COMMIT = re.compile(r"^[0-9a-f]{40}$")
_EXAMPLE = "git+https://host/repo.git?commit=<40 hex digits>#/name-1.0.tar"


def archive(url: str, cache: Path, partial: Path, limits: Downloads) -> None:
    """Write the tar archive of a commit; its top folder is the file's name without ``.tar``.

    git gives up on a server that is too slow; it asks no question and, having no HOME, knows no password.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise PlanexError(f"{url}: {error}", f"write {_EXAMPLE}") from None
    commit = parse_qs(parts.query).get("commit", [""])[0]
    name = parts.fragment.rsplit("/", 1)[-1]
    if not _COMMIT.match(commit) or not name.endswith(".tar"):
        raise PlanexError(f"{url}: not a git source", f"write {_EXAMPLE}")
    remote = parts._replace(scheme=parts.scheme.removeprefix("git+"), query="", fragment="").geturl()
    mirror = cache / digest_of_text(remote)[:16]
    with hold(Path(f"{mirror}.lock"), patience=WAITING):
        _archive(remote, commit, name, mirror, partial, limits)


def _archive(remote: str, commit: str, name: str, mirror: Path, partial: Path, limits: Downloads) -> None:
    from planex.git.gitpython import GitError, Repo

    try:
        repository = Repo.init(mirror, bare=True)
        repository.close()
        if run_git(mirror, ["cat-file", "-e", f"{commit}^{{commit}}"], check=False).returncode:
            slow = ("-c", f"http.lowSpeedLimit={limits.rate}", "-c", f"http.lowSpeedTime={ceil(limits.window)}")
            words = [*slow, "fetch", "--quiet", "--depth=1", "--", remote, commit]
            run_git(mirror, words, inherit=NETWORK, timeout=limits.seconds)
        with naming(partial, "write"), partial.open("wb") as file:
            words = ["archive", "--format=tar", f"--prefix={name.removesuffix('.tar')}/", commit]
            run_git(mirror, words, output=file)
    except (GitError, CommandFailed) as error:
        text = error.tail if isinstance(error, CommandFailed) else str(error)
        raise PlanexError(f"{remote}: commit {commit}: {complaint(text)}") from error


def complaint(text: str) -> str:
    """The line of git's output that says why: its first fatal one, which advice may follow."""
    lines = [line.strip(" '") for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "fatal: " in line), lines[-1] if lines else "git failed")
