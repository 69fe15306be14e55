# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue forecast``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from planex.cli.context import Context, pass_context
from planex.cli.patchqueue.options import (
    alone,
    guards_option,
    json_option,
    offline_option,
    orders_for,
    parse_settings,
    queue_of,
    settings_option,
)
from planex.patchqueue.baseline import load_baseline, new_troubles, remember
from planex.patchqueue.breaker import find_breakers
from planex.patchqueue.forecast import Matrix
from planex.patchqueue.page import forecast_page
from planex.patchqueue.report import forecast_json, forecast_text
from planex.workspace import write_atomic


@click.command(short_help="Show what would become of the queue on other versions.")
@click.argument("package")
@click.option(
    "--onto", "versions", multiple=True, required=True, metavar="VERSION", help="A version (may be repeated)."
)
@click.option("--baseline", type=click.Path(path_type=Path, dir_okay=False), help="Compare with this saved forecast.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Save the forecast as JSON.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the matrix as a web page.")
@click.option("--keep", multiple=True, metavar="PATCH", help="Take this patch for not upstream.")
@click.option(
    "--without",
    multiple=True,
    metavar="PATCH=REASON",
    callback=lambda _context, _parameter, values: parse_settings(values),
    help="As if this patch were taken out.",
)
@settings_option
@guards_option
@json_option
@offline_option
@pass_context
def forecast(
    context: Context,
    package: str,
    versions: tuple[str, ...],
    baseline: Path | None,
    save: Path | None,
    html: Path | None,
    keep: tuple[str, ...],
    without: dict[str, str],
    settings: dict[str, str],
    guards: tuple[str, ...],
    as_json: bool,
    offline: bool,
) -> None:
    """Show what would become of each patch of PACKAGE on other VERSIONs; the workspace stays as it is.

    Give versions as for `rebase`, oldest first: an earlier one helps to carry patches to a later one. Exit status 1 if
    a patch is in trouble; with --baseline only if it was not in that saved forecast.

    \b
    Examples:
      planex pq forecast xen --onto 4.20.4 --onto 4.21.0
      planex pq forecast xen --onto 4.21.0 --baseline last-night.json --save tonight.json --html forecast.html
    """
    before = load_baseline(baseline) if baseline else None
    found = queue_of(context, package, guards, offline=offline)
    orders = orders_for(found, keep, without)
    with alone(found), context.reporter.task(package) as task:
        aims = [found.goal(version, settings, task) for version in versions]
        old = found.current(task)
        task.phase("forecast")
        commits = found.upstream_commits(old, aims)
        forecaster = found.forecaster(old, orders, commits)
        matrix = forecaster.matrix([aim.version for aim in aims])
        breakers = find_breakers(forecaster, matrix, commits)
        data = forecast_json(matrix, package, breakers)
        remember(found.home, data, matrix)
    _write(matrix, data, save, html)
    click.echo(json.dumps(data, indent=1) if as_json else forecast_text(matrix, package, breakers), nl=as_json)
    if before is None:
        sys.exit(1 if any(column.troubles for column in matrix.columns) else 0)
    fresh = new_troubles(matrix, before)
    for patch, label, status in fresh:
        context.reporter.error(f"new since {baseline}: {patch} on {label}: {status}")
    sys.exit(1 if fresh else 0)


def _write(matrix: Matrix, data: Mapping[str, Any], save: Path | None, html: Path | None) -> None:
    if save:
        write_atomic(save, json.dumps(data, indent=1) + "\n")
    if html:
        write_atomic(html, forecast_page(matrix, data))
