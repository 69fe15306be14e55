# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex build --watch``: the same again whenever a file changes that decides what is built."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from planex.cli.context import Context
from planex.cli.failure import failed
from planex.errors import PlanexError
from planex.workspace import Workspace

PAUSE = 0.3
"""Seconds between two looks; an editor writes a file in several steps."""
Seen = dict[str, tuple[int, ...]]
"""What files looked like, by path."""


def look(workspace: Workspace) -> Seen:
    """Files that a person writes: all that decides a build. Editors' own hidden files and copies are left out."""
    folders = (workspace.specs, workspace.patchqueues, workspace.mock_configs, workspace.repos)
    paths = (path for folder in folders for path in _files(folder))
    return {str(path): found for path in (workspace.config, *paths) if (found := _stamp(path))}


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if not name.startswith(".") and not name.endswith("~"))


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def changed(before: Seen, look_again: Callable[[], Seen], sleep: Callable[[float], None] = time.sleep) -> list[str]:
    """Wait until something is not as before, and then at rest; the paths of that."""
    last = before
    while True:
        now = look_again()
        if now != before and now == last:
            return sorted(path for path in {*before, *now} if before.get(path) != now.get(path))
        last = now
        sleep(PAUSE)


def watch(context: Context, once: Callable[[Context], None]) -> None:
    """Do it, and again after each change, until interrupted. What is wrong is told and ends nothing."""
    workspace, reporter = context.workspace, context.reporter
    while True:
        before = look(workspace)
        try:
            once(_fresh(context))
        except PlanexError as error:
            reporter.tell(failed(error))
        reporter.info("waiting for an edit; Ctrl-C ends it")
        paths = changed(before, lambda: look(workspace))
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        reporter.info(f"{workspace.relative(Path(paths[0]))}{more} changed")


def _fresh(context: Context) -> Context:
    """The same wishes with nothing loaded yet."""
    made = replace(context)
    made.reporter = context.reporter
    return made
