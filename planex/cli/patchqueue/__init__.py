# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue``: the commands, each loaded only when it is used."""

from __future__ import annotations

import importlib

import click

from planex.nearest import did_you_mean

COMMANDS = {
    "status": "queue:status",
    "stats": "stats:stats",
    "check": "queue:check",
    "checkout": "tree:checkout",
    "refresh": "tree:refresh",
    "rebase": "rebase:rebase",
    "forecast": "forecast:forecast",
    "review": "review:review",
    "import": "importing:import_queue",
    "upstream": "upstream:upstream",
    "bisect": "bisecting:bisect",
}
_HELP = {
    "status": "Show the queue in order, with where each patch comes from.",
    "stats": "Show how large and how old the queue is, also over time.",
    "check": "Try every patch on the locked source.",
    "checkout": "Make a git tree with one commit per patch.",
    "refresh": "Write a git tree back into the queue.",
    "rebase": "Carry the queue to another upstream version.",
    "forecast": "Show what would become of the queue on other versions.",
    "review": "Go through what needs a person.",
    "import": "Make a queue from quilt, guilt, a tarball, git or a spec.",
    "upstream": "Write patches as upstream wants them.",
    "bisect": "Find the patch that breaks a command.",
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(f"planex.cli.patchqueue.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no command '{args[0]}'{did_you_mean(args[0], list(COMMANDS))}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_HELP.items()))


@click.group(cls=_Lazy, short_help="Work on patch queues, and carry them to new upstream versions (short: pq).")
def patchqueue() -> None:
    """Work on the patch queues in patchqueues/PKG, and carry them to new upstream versions.

    \b
    Examples:
      planex pq status xen                       what is in the queue, and why
      planex pq checkout xen && cd trees/xen     one commit per patch, ready to work in
      planex pq refresh xen                      write the commits back
      planex pq forecast xen --onto 4.21.0       what would become of each patch
      planex pq rebase xen 4.21.0                do it
    """
