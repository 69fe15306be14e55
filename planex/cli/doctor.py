# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex doctor``."""

from __future__ import annotations

import dataclasses
import json

import click
from rich.console import Console
from rich.table import Table

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.errors import ConfigError
from planex.tools import Check, check_machine

OPTIONAL = ("target ", "overlay here")


@click.command(short_help="Check that this machine has what planex needs.")
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
@pass_context
def doctor(context: Context, as_json: bool) -> None:
    """Look for every tool that planex uses: version found, what it is for, how to get it.

    Exits with 1 if something is missing that the default target needs.

    \b
    Example:
      planex doctor
    """
    try:
        targets = dict(context.config.targets)
    except ConfigError:
        targets = {}
    checks = check_machine(targets)
    if as_json:
        echo(json.dumps([dataclasses.asdict(check) for check in checks], indent=2))
    else:
        _print(checks)
    if any(check.found is None and not check.name.startswith(OPTIONAL) for check in checks):
        raise SystemExit(1)


def _print(checks: list[Check]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("tool", "found", "needed to", "how to get it"):
        table.add_column(title, overflow="fold")
    for check in checks:
        found = check.found or "[red]missing[/red]"
        table.add_row(check.name, found, check.purpose, "" if check.found else check.remedy)
    Console(highlight=False).print(table)
