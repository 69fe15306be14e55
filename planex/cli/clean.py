# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex clean``."""

from __future__ import annotations

from contextlib import ExitStack

import click

from planex.cage.trees import remove_tree
from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.workspace import exclusive


@click.command(short_help="Delete what planex made.")
@click.option("--all", "everything", is_flag=True, help="Also downloads, bases and results: the whole of _build/.")
@pass_context
def clean(context: Context, everything: bool) -> None:
    """Delete buildroots and work folders of every target; finished results, sources and ISOs stay.

    Use this rather than `rm -rf _build`: buildroots hold files of subordinate user ids, which a user cannot delete
    alone.

    \b
    Examples:
      planex clean        free the space of buildroots
      planex clean --all  start from nothing
    """
    workspace = context.workspace
    if everything:
        doomed = [workspace.build]
    else:
        targets = [workspace.target(name) for name in context.config.targets]
        doomed = [target / name for target in targets for name in ("buildroots", "work")]
    with ExitStack() as locks:
        for name in context.config.targets:
            if workspace.target(name).exists():
                locks.enter_context(exclusive(workspace.target(name)))
        for folder in doomed:
            if folder.exists():
                remove_tree(folder)
                echo(f"deleted {workspace.relative(folder)}")
