# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue stats``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import columns, echo
from planex.cli.patchqueue.opening import queue_of
from planex.cli.patchqueue.options import guards_option, json_option
from planex.pages.debt import Debt, debt_json, debt_of, debt_text
from planex.patchqueue.commits.past import read_past
from planex.rebase.package import PackageQueue


@click.command(short_help="Show how large and how old the queue is.")
@click.argument("package")
@click.option("--over-time", is_flag=True, help="Month by month, from the git history of the workspace.")
@guards_option
@json_option
@pass_context
def stats(context: Context, package: str, over_time: bool, guards: tuple[str, ...], as_json: bool) -> None:
    """Show the debt that PACKAGE's queue is: patches, lines, age, authors and sections.

    With --over-time a line for each month in which the queue changed, as it was at that month's end, and one for now.

    \b
    Examples:
      planex pq stats xen
      planex pq stats xen --over-time
      planex pq stats xen --over-time --json
    """
    found = queue_of(context, package, guards)
    now = debt_of(found.queue, datetime.now(UTC))
    debts = [*(_past(context, found) if over_time else ()), now]
    kept = [debt for debt, after in pairwise(debts) if debt.month != after.month]
    months = [*kept, now]
    echo(json.dumps(debt_json(package, months), indent=1) if as_json else debt_text(package, months, columns()))


def _past(context: Context, found: PackageQueue) -> list[Debt]:
    past = read_past(context.workspace.root, found.queue)
    if past.cut:
        context.reporter.warn("this is a shallow clone: what was before its first commit is not known")
    return [debt_of(moment.queue, moment.when, moment.commit) for moment in past.moments]
