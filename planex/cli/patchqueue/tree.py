# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue checkout`` and ``refresh``."""

from __future__ import annotations

from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.cli.patchqueue.opening import alone, queue_of
from planex.cli.patchqueue.options import guards_option, offline_option
from planex.pages.table import table
from planex.patchqueue.commits import checkout as checkouts
from planex.patchqueue.commits.export import Change
from planex.rebase.package import PackageQueue
from planex.units import many


@click.command(short_help="Make a git tree with one commit per patch.")
@click.argument("package")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@guards_option
@offline_option
@pass_context
def checkout(context: Context, package: str, folder: Path | None, guards: tuple[str, ...], offline: bool) -> None:
    """Make a git tree of PACKAGE's source in FOLDER (default: trees/PACKAGE), with one commit per patch.

    Branch `upstream` is the source as released, `queue` the queue on top. Work there as in any git tree (commit,
    amend, rebase -i upstream), then `planex pq refresh PACKAGE`. A tree with work that is not in the queue is never
    touched. Prints the folder.

    \b
    Example:
      planex pq checkout xen && cd trees/xen
    """
    echo(context.workspace.relative(make_tree(context, package, folder, guards, offline=offline)))


@click.command(short_help="Write a git tree back into the queue.")
@click.argument("package")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@pass_context
def refresh(context: Context, package: str, folder: Path | None) -> None:
    """Write the commits of FOLDER (default: trees/PACKAGE) back into the queue, one patch per commit.

    What did not change keeps its bytes: patches, their names, and the series with its comments and guards.

    \b
    Example:
      planex pq refresh xen
    """
    write_back(context, package, folder)


def make_tree(
    context: Context, package: str, folder: Path | None, guards: tuple[str, ...] = (), *, offline: bool = False
) -> Path:
    """Make or update a tree, and tell what is in it."""
    found = queue_of(context, package, guards, offline=offline)
    with alone(found), context.reporter.task(package) as task:
        target = folder or _default(found)
        version = found.current(task)
        task.phase("import source")
        chain = found.chain(version)
        task.phase("check out")
        record = checkouts.checkout(found.repository, chain, found.queue, package, target)
    for link in chain.links:
        if not link.applies:
            context.reporter.warn(f"{link.patch.path} does not apply and has no commit: {link.reason}")
    if record.left_out:
        context.reporter.plain(
            "mend them in the tree and commit each with a line `Patch-name: NAME` at the end of the message"
        )
    context.reporter.info(f"{package} {record.version} with {many(len(record.patches), 'patch', 'patches')}")
    return target


def write_back(context: Context, package: str, folder: Path | None) -> None:
    """Write a tree's commits into the queue, and tell what changed."""
    found = queue_of(context, package)
    source = folder or _default(found)
    record = checkouts.read_record(source)
    found = queue_of(context, package, tuple(record.guards))
    with alone(found):
        result = checkouts.refresh(source, found.queue)
        checkouts.after_refresh(source, found.reload(), result)
    rows = [(str(item.change), item.entry.name) for item in result.exported if item.change is not Change.SAME]
    rows += [("removed", name) for name in result.removed]
    if rows:
        echo(table(rows))
    context.reporter.info(f"{many(len(result.exported), 'patch', 'patches')}, {len(rows)} changed")


def _default(found: PackageQueue) -> Path:
    return found.project.workspace.trees / found.name
