# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loads each command's module only when it is used, and lists the commands by what they are for."""

from __future__ import annotations

import importlib

import click

from planex.nearest import did_you_mean

# With the short help of each: to ask the commands would import all of planex.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Start here": {
        "init": ("planex.cli.init:init", "Write a small commented workspace that builds."),
        "doctor": ("planex.cli.doctor:doctor", "Check that this machine has what planex needs."),
    },
    "Packages": {
        "build": ("planex.cli.build:build", "Build packages, and what they need, into the repository."),
        "graph": ("planex.cli.graph:graph", "Show which package needs which, and why."),
        "fetch": ("planex.cli.packages:fetch", "Fetch and verify sources, or record their checksums."),
        "render": ("planex.cli.packages:render", "Print the spec that a template makes."),
        "patchqueue": (
            "planex.cli.patchqueue:patchqueue",
            "Work on patch queues, and carry them to new upstream versions (short: pq).",
        ),
    },
    "Host": {
        "base": ("planex.cli.base:base", "Make the embedded base: repository and base ISO from the Debian archive."),
        "iso": ("planex.cli.iso:iso", "Make and check the bootable host ISO."),
        "boot": ("planex.cli.boot:boot", "Start an ISO in QEMU and prove that Xen, dom0 and xl work."),
    },
    "House-keeping": {
        "store": ("planex.cli.store:store", "Show and verify the stored results of builds."),
        "clean": ("planex.cli.clean:clean", "Delete what planex made, or show what there is."),
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
                module, attribute = section[name][0].split(":")
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
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, short_help) for name, (_, short_help) in commands.items()])
