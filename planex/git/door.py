# SPDX-License-Identifier: LGPL-2.1-or-later
"""The door to git: every process is started and ended by ``planex.run``.

Every call sees the same git on every machine: no user or system configuration is read, and dates and authors
come from planex.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import IO

from planex.run import Completed, run

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "GIT_CONFIG_COUNT": "2",
    "GIT_CONFIG_KEY_0": "safe.directory",  # a workspace may belong to another user than the one who runs planex
    "GIT_CONFIG_VALUE_0": "*",
    "GIT_CONFIG_KEY_1": "log.showSignature",  # what gpg says would stand before what was asked for
    "GIT_CONFIG_VALUE_1": "false",
    "GIT_AUTHOR_NAME": "planex",
    "GIT_AUTHOR_EMAIL": "planex@localhost",
    "GIT_COMMITTER_NAME": "planex",
    "GIT_COMMITTER_EMAIL": "planex@localhost",
}


def run_git(
    folder: Path,
    words: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    inherit: Collection[str] = (),
    stdin: bytes | None = None,
    output: IO[bytes] | None = None,
    check: bool = True,
    timeout: float | None = None,
) -> Completed:
    """Run git in a folder, for ``timeout`` seconds at most.

    Raises MissingTool without git, CommandFailed if it fails and ``check`` is set.
    """
    return run(
        ["git", *words],
        cwd=folder,
        env={**ENVIRONMENT, **(env or {})},
        inherit=inherit,
        stdin=stdin,
        output=output,
        check=check,
        timeout=timeout,
        errors="surrogateescape",  # content of files comes this way too
    )
