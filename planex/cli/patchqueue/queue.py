# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue status`` and ``check``."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import columns, echo
from planex.cli.patchqueue.opening import queue_of, warn_of_oddities
from planex.cli.patchqueue.options import guards_option, json_option, offline_option
from planex.pages.overview import overview, overview_json, overview_text
from planex.pages.table import fitted
from planex.patchqueue.apply.check import PatchOutcome, check_queue
from planex.patchqueue.carry.baseline import upstreamed_in


@click.command(short_help="Show the queue in order.")
@click.argument("package")
@guards_option
@json_option
@pass_context
def status(context: Context, package: str, guards: tuple[str, ...], as_json: bool) -> None:
    """Show the queue of PACKAGE in order: guards, age, size, origin, author and subject of each patch, and totals.

    \b
    Example:
      planex pq status xen
    """
    found = queue_of(context, package, guards)
    warn_of_oddities(context, found)
    rows = overview(found.queue, datetime.now(UTC), upstreamed_in(found.home))
    if as_json:
        echo(json.dumps(overview_json(rows), indent=1))
    elif rows:
        echo(overview_text(rows, columns()))
    else:
        context.reporter.info(f"{package} has no patches ({found.queue.folder / 'series'})")


@click.command(short_help="Try every patch on the locked source.")
@click.argument("package")
@guards_option
@json_option
@offline_option
@pass_context
def check(context: Context, package: str, guards: tuple[str, ...], as_json: bool, offline: bool) -> None:
    """Try every patch of PACKAGE on its locked source, just as the build applies it. Exit status 1 if one fails.

    \b
    Example:
      planex pq check xen
    """
    found = queue_of(context, package, guards, offline=offline)
    warn_of_oddities(context, found)
    with context.reporter.task(package) as task:
        version = found.current(task)
        task.phase("check patches")
        cache = context.workspace.cache / "patches"
        outcomes = check_queue(found.queue, version.source, cache, checksum=version.checksum or None)
    bad = [outcome for outcome in outcomes if outcome.bad]
    if as_json:
        echo(json.dumps([_json(outcome) for outcome in outcomes], indent=1))
    else:
        echo(fitted([(str(o.state), o.name, o.remarks) for o in outcomes], columns()) or "no patches")
        echo(f"\n{package} {version.label}: {_verdict(len(bad), len(outcomes))}")
    if bad:
        sys.exit(1)


def _verdict(bad: int, total: int) -> str:
    if total == 1:
        return "the one patch does not apply" if bad else "the one patch applies"
    return f"{bad} of {total} patches do not apply" if bad else f"all {total} patches apply"


def _json(outcome: PatchOutcome) -> dict[str, object]:
    notes = [
        {"file": n.file, "hunk": n.hunk, "line": n.line, "offset": n.offset, "fuzz": n.fuzz, "failed": n.failed}
        | ({"reason": n.reason} if n.reason else {})
        for n in outcome.notes
    ]
    return {"patch": outcome.name, "state": str(outcome.state), "bad": outcome.bad, "notes": notes}
