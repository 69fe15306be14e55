# SPDX-License-Identifier: LGPL-2.1-or-later
"""GitPython's repositories behind planex's door to git. The only user of GitPython.

To be imported where it is used: GitPython asks git for its version while it is imported, which takes a moment.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from planex.errors import MissingTool
from planex.git.door import run_git

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # where git is missing, planex says so itself
try:
    import git
except ImportError as error:
    raise MissingTool(f"the program called git does not answer as git does: {error}", "run `planex doctor`") from None

GitError = git.GitError
"""What GitPython raises when git fails."""


class Door(git.Git):
    """GitPython's own door, but for the process."""

    def execute(self, command: Sequence[Any], istream: Any = None, **options: Any) -> Any:  # type: ignore[override]
        """Run git and give its output without the last line end; raises GitCommandError when it fails."""
        done = run_git(Path(self.working_dir or "."), [str(word) for word in command[1:]], check=False)
        if done.returncode:
            raise git.GitCommandError(list(command), done.returncode, done.stderr, done.stdout)
        return done.stdout.removesuffix("\n")


class Repo(git.Repo):
    """GitPython's repository behind that door."""

    GitCommandWrapperType = Door
