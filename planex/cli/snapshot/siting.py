# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex snapshot site``, and the same after each command that changes what its pages say."""

from __future__ import annotations

import os
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.cli.snapshot.archiving import archive_of
from planex.content.code import code_digest
from planex.errors import PlanexError
from planex.pages.site.tree import CODE, site_pages
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.nights import read_nights
from planex.snapshot.site import SiteChanges, write_site
from planex.units import many


@click.command("site", short_help="Write the pages that a team reads in the morning.")
@click.option(
    "--into",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to (default: site/ beside the snapshots). Links lead to the snapshots from there.",
)
@pass_context
def site(context: Context, into: Path | None) -> None:
    """Write pages about all snapshots of the target: how the newest is, the last 60 nights, what needs a person, a page
    for each snapshot and for each package, an Atom feed, a badge, and JSON beside each page.

    Plain files, without scripts: open index.html, or let a web server serve the snapshots' folder. Only what changed is
    written. `create`, `promote` and `gc --delete` do the same.

    \b
    Examples:
      planex snapshot site
      planex snapshot site --into /srv/www/nights
    """
    archive = archive_of(context)
    folder = into or archive.site
    changes = _write(context, archive, folder)
    echo(context.workspace.relative(folder / "index.html"))
    gone = f", {many(len(changes.removed), 'file')} removed" if changes.removed else ""
    context.reporter.info(f"{many(changes.pages, 'file')}, {len(changes.written)} written{gone}")


def refresh_site(context: Context, archive: SnapshotFolder) -> None:
    """Write the pages beside the snapshots; that it cannot be done is told, and undoes nothing."""
    try:
        _write(context, archive, archive.site)
    except (PlanexError, OSError) as error:
        context.reporter.warn(f"the pages in {archive.site} are not up to date: {error}")


def _write(context: Context, archive: SnapshotFolder, folder: Path) -> SiteChanges:
    nights = read_nights(archive, f"{context.config.name} {context.config.version}", context.target_name)
    for night in nights.damaged:
        context.reporter.warn(f"the record of {night.ident} cannot be read: {night.fault}")
    pages = site_pages(nights, os.path.relpath(archive.root.resolve(), folder.resolve()))
    return write_site(folder, pages, code_digest(*CODE))
