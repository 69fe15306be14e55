# SPDX-License-Identifier: LGPL-2.1-or-later
"""A commit of a repository that somebody works in, as files in a folder of its own."""

from __future__ import annotations

import re
from pathlib import Path

from planex.errors import PlanexError
from planex.git.history import UNSHALLOW, position_of
from planex.git.repository import Repository

_COMMIT = re.compile(r"[0-9a-f]{7,64}")


def commit_of(source: Path, rev: str) -> str:
    """The commit that a person means by ``rev``, in the repository that the folder ``source`` is in."""
    if position_of(source) is None:
        raise PlanexError(f"{source} is at no commit of a git repository", "git init, git add, git commit")
    commit = Repository(source).resolve(f"{rev}^{{commit}}")
    if commit is None:
        raise PlanexError(f"the repository of {source} has no commit '{rev}'", "git log shows which there are")
    return commit


def check_out(source: Path, commit: str, folder: Path) -> Path:
    """The files of ``commit`` in ``folder``, which must be new; the path there of the folder that ``source`` is.

    The objects stay where they are: nothing is fetched, and the repository is only read.
    """
    known = Repository(source)
    words = ("--is-shallow-repository", "--path-format=absolute", "--git-path", "objects", "--show-prefix")
    status, text, _ = known.attempt("rev-parse", *words)
    if status:
        raise PlanexError(f"{source} is in no git repository", "name the repository of the workspace: --from DIR")
    shallow, objects, prefix = text.split("\n", 2)
    if shallow == "true":  # the checkout would not know that it is, and 'autorelease' would count too few
        raise PlanexError(f"{source} is a shallow clone, and releases are counted over all commits", UNSHALLOW)
    if not _COMMIT.fullmatch(commit) or known.resolve(f"{commit}^{{commit}}") is None:
        raise PlanexError(
            f"the commit {commit} is not in {source}", "git fetch, or name another repository: --from DIR"
        )
    made = Repository.create(folder, bare=False)
    (made.git_dir / "objects" / "info").mkdir(exist_ok=True)
    (made.git_dir / "objects" / "info" / "alternates").write_text(f"{objects}\n", "utf-8", "surrogateescape")
    made.git("checkout", "--quiet", "--detach", commit)
    return folder / prefix.strip("\n")
