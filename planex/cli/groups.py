# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loads each command's module only when it is used, and lists the commands by what they are for."""

from __future__ import annotations

import importlib

import click

from planex.schema import did_you_mean

SECTIONS: dict[str, dict[str, str]] = {
    "Start here": {
        "init": "planex.cli.init:init",
        "doctor": "planex.cli.doctor:doctor",
    },
    "Packages": {
        "build": "planex.cli.build:build",
        "graph": "planex.cli.graph:graph",
        "fetch": "planex.cli.packages:fetch",
        "render": "planex.cli.packages:render",
        "patchqueue": "planex.cli.patchqueue:patchqueue",
    },
    "Host": {
        "base": "planex.cli.base:base",
        "iso": "planex.cli.iso:iso",
        "boot": "planex.cli.boot:boot",
    },
    "House-keeping": {
        "store": "planex.cli.store:store",
        "clean": "planex.cli.clean:clean",
    },
}
ALIASES = {"pq": "patchqueue"}


class SectionedGroup(click.Group):
    """The top-level group."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = ALIASES.get(cmd_name, cmd_name)
        for section in SECTIONS.values():
            if name in section:
                module, attribute = section[name].split(":")
                command = getattr(importlib.import_module(module), attribute)
                assert isinstance(command, click.Command)
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            hint = did_you_mean(args[0], [*self.list_commands(ctx), *ALIASES])
            raise click.UsageError(f"no command '{args[0]}'{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, names in SECTIONS.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            rows = [(name, command.get_short_help_str(90)) for name, command in commands if command is not None]
            with formatter.section(title):
                formatter.write_dl(rows)
