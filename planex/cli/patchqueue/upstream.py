# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue upstream``."""

from __future__ import annotations

from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.cli.patchqueue.opening import alone, queue_of
from planex.cli.patchqueue.options import guards_option, offline_option, settings_option
from planex.rebase.upstream import Letters, choose, letters, write_letters
from planex.rebase.versions import Goal


@click.command(short_help="Write patches as upstream wants them.")
@click.argument("package")
@click.argument("patches", nargs=-1, metavar="[PATCH]...")
@click.option("--section", metavar="TITLE", help="All patches of this section of the series, with a cover letter.")
@click.option("--onto", metavar="VERSION", help="For this version of upstream's (default: the locked source).")
@click.option("--again", type=click.IntRange(min=2), metavar="N", help="This is the Nth round.")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="Folder for the mails.")
@settings_option
@guards_option
@offline_option
@pass_context
def upstream(
    context: Context,
    package: str,
    patches: tuple[str, ...],
    section: str | None,
    onto: str | None,
    again: int | None,
    output: Path | None,
    settings: dict[str, str],
    guards: tuple[str, ...],
    offline: bool,
) -> None:
    """Write PATCHes of PACKAGE as mails in the shape of `git format-patch`, alone on a version of upstream's.

    Each is carried there without the rest of the queue; one that needs another patch is an error that names it. Where
    the source has a MAINTAINERS file, lists and maintainers are put in. Two or more get a cover letter, whose blurb is
    yours to write. Prints the files.

    \b
    Examples:
      planex pq upstream xen xl-say-why-xen-is-out-of-reach --onto 4.21.0
      planex pq upstream xen --section Toolstack --output ../outgoing
    """
    if not patches and section is None:
        raise click.UsageError("name a patch, or a section with --section")
    found = queue_of(context, package, guards, offline=offline)
    chosen = choose(found.queue, patches, section)
    with alone(found), context.reporter.task(package) as task:
        old = found.current(task)
        goal = found.goal(onto, settings, task) if onto else Goal(old)
        task.phase("carry")
        made = letters(found, chosen, old, goal, again)
    folder = output or context.workspace.build / "patchqueue" / f"{package}-upstream"
    paths = write_letters(made, folder, own=output is None)
    _tell(context, made, goal.version.label)
    for path in paths:
        echo(context.workspace.relative(path))


def _tell(context: Context, made: Letters, label: str) -> None:
    context.reporter.info(f"for {label}")
    for word, addresses in (("to", made.to.lists), ("cc", made.to.people)):
        for address in addresses:
            context.reporter.info(f"  {word}: {address}")
    for remark in made.remarks:
        context.reporter.warn(remark)
