# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex base``: the embedded base, made on this machine."""

from __future__ import annotations

import json

import click

from planex.base.build import OUTPUTS, build_base
from planex.base.definition import Definition
from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.content.locks import hold
from planex.errors import ConfigError
from planex.schema import load


@click.group()
def base() -> None:
    """Make the embedded base: repository and base ISO from the Debian archive."""


@base.command(short_help="Make the repository and the base ISO, if anything in them changed.")
@click.option("--update", is_flag=True, help="Ask the archive again; without it, its last answer is kept.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_context
def build(context: Context, update: bool, as_json: bool) -> None:
    """Repackage .debs as RPMs, put them into a repository and compose a base ISO; prints where they are.

    What is done is not done again: the second call takes no time.

    \b
    Example:
      planex base build
    """
    target = context.target
    if not target.embedded:
        raise ConfigError(
            f"the base of target '{context.target_name}' is not made here; it comes from repos/{target.base}.repo",
            "choose an embedded target: planex --target NAME base build",
        )
    definition = load(context.workspace.repos / f"{target.base}.yaml", Definition)
    with hold(context.workspace.lock, shared=True, patience=context.patience(wait=True)):
        result = build_base(context.workspace.base(target.base), definition, context.reporter, update=update)
    if as_json:
        paths = {name: str(result.folder / name) for name in OUTPUTS}
        echo(json.dumps({**paths, "packages": result.packages, "changed": result.changed}, indent=2))
    else:
        echo(context.workspace.relative(result.folder))
