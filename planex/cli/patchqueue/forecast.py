# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue forecast``. Only what the answer to a question asked before needs is imported at the top."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import columns, echo
from planex.cli.patchqueue.options import guards_option, json_option, offline_option, settings_option, without_option
from planex.cli.patchqueue.wish import Wish
from planex.drafts import write_atomic
from planex.patchqueue.carry import answers


@click.command(short_help="Show what would become of the queue on other versions.")
@click.argument("package")
@click.option(
    "--onto",
    "versions",
    multiple=True,
    required=True,
    metavar="VERSION",
    help="A version, or newest (may be repeated).",
)
@click.option("--baseline", type=click.Path(path_type=Path, dir_okay=False), help="Compare with this saved forecast.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Save the forecast as JSON.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the matrix as a web page.")
@click.option("--keep", multiple=True, metavar="PATCH", help="Take this patch for not upstream.")
@click.option("--blame", is_flag=True, help="Search for the upstream commits that break patches.")
@click.option("--build", is_flag=True, help="Build what is carried, and find the patch that breaks the build.")
@click.option(
    "--blame-seconds",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="For how long at most.",
)
@without_option
@settings_option
@guards_option
@json_option
@offline_option
@pass_context
def forecast(context: Context, /, **options: object) -> None:
    """Show what would become of each patch of PACKAGE on other VERSIONs; the workspace stays as it is.

    Give versions as for `rebase`, oldest first: an earlier one helps to carry patches to a later one. Exit status 1 if
    a patch is in trouble; with --baseline only if it was not in that saved forecast. `newest` is what `planex update`
    finds; where nothing is newer, nothing is judged.

    \b
    Examples:
      planex pq forecast xen --onto 4.20.4 --onto 4.21.0
      planex pq forecast xen --onto newest
      planex pq forecast --blame xen --onto 4.21.0
      planex pq forecast xen --onto 4.21.0 --baseline last-night.json --save tonight.json --html forecast.html
    """
    wish = Wish(**options, width=columns())  # type: ignore[arg-type]
    key = _question(context, wish)
    if key is not None and (answer := answers.recall(context.workspace, wish.package, key)):
        write_atomic(context.workspace.cache / "patchqueue" / wish.package / "forecast.json", answer.last)
    else:
        from planex.cli.patchqueue.forecasting import work_out

        answer = work_out(context, wish)
        if key is not None and key == _question(context, wish):
            answers.keep(context.workspace, wish.package, key, answer)
    echo(answer.output, nl=False)
    sys.exit(answer.status)


def _question(context: Context, wish: Wish) -> str | None:
    """Names the question, if its answer can be kept."""
    if not wish.prints_only:
        return None
    words = [*wish.words, context.target_option or ""]
    return answers.question(context.workspace, wish.package, words, wish.versions)
