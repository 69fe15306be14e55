# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loads each command's module only when it is used, and lists the commands by what they are for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from planex.nearest import did_you_mean

Sections = Mapping[str, Mapping[str, tuple[str, str]]]
"""Title to the commands below it: name to where it is (``module:attribute``) and its short help."""
SECTIONS: Sections = {
    "Start here": {
        "init": ("planex.cli.init:init", "Write a small commented workspace that builds."),
        "new": ("planex.cli.new:new", "Write a package for an upstream source, and build it."),
        "import": (
            "planex.cli.importing:import_packages",
            "Take in what others keep: planex 4, dist-git, SRPMs, Debian.",
        ),
        "doctor": ("planex.cli.doctor:doctor", "Check that this machine has what planex needs."),
    },
    "Packages": {
        "build": ("planex.cli.build:build", "Build packages, and what they need, into the repository."),
        "work": ("planex.cli.work:work", "Edit a package in a git tree and compile just what changed."),
        "patchqueue": (
            "planex.cli.patchqueue:patchqueue",
            "Work on patch queues, and carry them to new upstream versions (short: pq).",
        ),
        "update": ("planex.cli.update:update", "Show what is new upstream, and go there."),
        "fetch": ("planex.cli.packages:fetch", "Fetch and verify sources, or record their checksums."),
        "lock": ("planex.cli.locking:lock", "Write down all that a build needs from outside."),
        "render": ("planex.cli.packages:render", "Print the spec that a template makes."),
    },
    "Questions about packages": {
        "graph": ("planex.cli.graph:graph", "Show which package needs which, and why."),
        "why": ("planex.cli.why:why", "Say why a package is built, or what changed it since a commit."),
        "log": ("planex.cli.log:log", "Show the logs of a package's last build, or the errors in them."),
        "shell": ("planex.cli.shell:shell", "Run a shell where a package is built."),
        "diff": ("planex.cli.diff:diff", "Show what differs between two results of a package."),
        "verify": ("planex.cli.verify:verify", "Prove that an RPM is what its makers signed."),
    },
    "Host": {
        "base": ("planex.cli.base:base", "Make the embedded base: repository and base ISO from the Debian archive."),
        "iso": ("planex.cli.iso:iso", "Make and check the bootable host ISO."),
        "boot": ("planex.cli.boot:boot", "Start an ISO in QEMU and prove that Xen, dom0 and xl work."),
        "try": ("planex.cli.trial:try_out", "Boot the host with what was just compiled, without a new ISO."),
        "release": ("planex.cli.release:release", "Publish an ISO that independent verifiers vouch for."),
    },
    "Every night": {
        "snapshot": ("planex.cli.snapshot:snapshot", "Make, keep, compare and promote snapshots of the workspace."),
    },
    "Several machines": {
        "farm": ("planex.cli.farm:farm", "Let several machines build together."),
        "worker": ("planex.cli.worker:worker", "Build packages that others plan, as part of a farm."),
    },
    "House-keeping": {
        "store": (
            "planex.cli.store:store",
            "Show and verify the stored results of builds, and share them with other machines.",
        ),
        "clean": ("planex.cli.clean:clean", "Delete what planex made, or show what there is."),
    },
}
ALIASES = {"pq": "patchqueue"}


class SectionedGroup(click.Group):
    """A group that knows where its commands are, and the short help of each, without importing them."""

    def __init__(self, *, sections: Sections, aliases: Mapping[str, str] | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.sections, self.aliases = sections, aliases or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in self.sections.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = self.aliases.get(cmd_name, cmd_name)
        for section in self.sections.values():
            if name in section:
                module, attribute = section[name][0].split(":")
                command = getattr(importlib.import_module(module), attribute)
                assert isinstance(command, click.Command)
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = [*self.list_commands(ctx), *self.aliases]
        if args and args[0] not in known and not args[0].startswith("-"):
            raise click.UsageError(f"no command '{args[0]}'{did_you_mean(args[0], known)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, short_help) for name, (_, short_help) in commands.items()])
