# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex commands that planex runs: each a process of its own, as if a person had typed it, that ends with this one."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from planex.report import Task
from planex.run import Completed, run_logged


def run_planex(
    root: Path, target: str, words: Sequence[str], env: Mapping[str, str], log: Path, results: Path, task: Task
) -> Completed:
    """Run a command in the workspace at ``root``: what it says goes to ``log``, its output to ``results``.

    ``env`` is all of its environment: planex is trusted with that, and gives its own children what they need.
    """
    argv = [sys.executable, "-P", "-m", "planex", "-C", str(root), "--target", target, *words]
    with results.open("wb") as file:
        return run_logged(argv, log, env=env, on_line=task.said, check=False, leash=True, results=file)
