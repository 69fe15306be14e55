# SPDX-License-Identifier: LGPL-2.1-or-later
"""The door to git: the only module of patch queues that starts it.

Every call sees the same git on every machine: no user or system configuration is read, and dates and authors
come from planex.
"""

from __future__ import annotations

from pathlib import Path

import git

from planex.errors import PlanexError

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "LC_ALL": "C.UTF-8",
}


def git_apply(folder: Path, patch: Path, strip: int, *, reverse: bool = False) -> str | None:
    """``git apply`` in a folder that is no repository; returns git's complaint, or None when it applied."""
    words = [f"-p{strip}", "--whitespace=nowarn", *(["--reverse"] if reverse else []), str(patch)]
    door = git.Git(str(folder))
    door.update_environment(**ENVIRONMENT, GIT_CEILING_DIRECTORIES=str(folder.resolve().parent))
    try:
        door.apply(*words)
    except git.GitCommandError as error:
        return complaint(error)
    return None


def complaint(error: git.GitCommandError) -> str:
    """What git wrote to standard error."""
    text = str(error.stderr).strip()
    return text.removeprefix("stderr: '").removesuffix("'").strip()


def failure(action: str, error: git.GitCommandError) -> PlanexError:
    """A PlanexError for a git command that should have worked."""
    lines = complaint(error).splitlines()
    return PlanexError(f"{action}: git says: {lines[-1] if lines else error.status}")
