# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex work shell``: a person's terminal joined to one in the cage."""

from __future__ import annotations

import sys

import click

from planex.attend import attend, on_terminal
from planex.cage.command import caged
from planex.cli.context import Context, pass_context
from planex.cli.patchqueue.options import offline_option
from planex.cli.work import opened_bench

_SHELL = ("setsid", "--ctty", "--wait", "bash", "-i")


@click.command(
    short_help="Open a shell, or run a command, where it is built.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("-p", "--package", metavar="PKG", help="Of this package (default: the tree in which this is typed).")
@offline_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@pass_context
def shell(context: Context, package: str | None, offline: bool, command: tuple[str, ...]) -> None:
    """Open a shell, or run COMMAND, in the cage where the tree is compiled, with the files as they lie in the tree.

    It sees the buildroot and no network. What is changed there stays for later builds; a file of the tree is brought
    again when it is edited in the tree. The exit status is that of the shell.

    \b
    Examples:
      planex work shell
      planex work shell make -C xen syms
    """
    with opened_bench(context, package, offline=offline) as (ready, _):
        cage = ready.cage()
        status = attend(caged(cage, command or (_SHELL if on_terminal() else ["bash"])))
    sys.exit(status)
