# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex snapshot gc``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import columns, echo
from planex.cli.snapshot.archiving import archive_of, names_of
from planex.cli.snapshot.siting import refresh_site
from planex.pages.table import fitted
from planex.snapshot.channels import promotions
from planex.snapshot.gc import KeepRules, kept


def _keep(name: str, text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    count, default = click.IntRange(0, 100_000), getattr(KeepRules(), name)
    return click.option(f"--{name}", type=count, default=default, show_default=True, help=text)


@click.command(short_help="Delete old ones; shows first what would go.")
@_keep("daily", "Days of which one is kept, and all broken ones.")
@_keep("weekly", "Weeks of which one is kept.")
@_keep("monthly", "Months of which one is kept.")
@_keep("promoted", "Days for which what a channel led to is kept.")
@click.option("--delete", is_flag=True, help="Do it.")
@pass_context
def gc(context: Context, daily: int, weekly: int, monthly: int, promoted: int, delete: bool) -> None:
    """Show which snapshots would go, and with --delete delete them.

    The newest good one of each of the last days, weeks and months stays, and all that a channel leads to or led to in
    the last days; so do the newest, and the broken ones of the last days, which are reports and logs.

    \b
    Example:
      planex snapshot gc --daily 7 --delete
    """
    archive, rules = archive_of(context), KeepRules(daily, weekly, monthly, promoted)
    with archive.alone(context.patience(wait=True)):
        snapshots = archive.all()
        why = kept(snapshots, promotions(archive), names_of(archive), rules, datetime.now(UTC))
        doomed = [snapshot for snapshot in snapshots if snapshot.id not in why]
        rows = [("keep", snapshot.id, why[snapshot.id]) for snapshot in snapshots if snapshot.id in why]
        rows += [("deleted" if delete else "would go", snapshot.id, str(snapshot.state)) for snapshot in doomed]
        for snapshot in doomed if delete else ():
            archive.remove(snapshot.id)
    if delete and doomed:
        refresh_site(context, archive)
    echo(fitted(sorted(rows, key=lambda row: row[1]), columns()) or "no snapshots")
