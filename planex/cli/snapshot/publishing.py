# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex snapshot publish``."""

from __future__ import annotations

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.cli.snapshot.archiving import archive_of
from planex.errors import MissingTool
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.publish import Outlet, publish
from planex.snapshot.rsync import rsync_outlet
from planex.units import many


@click.command("publish", short_help="Have them at another place, whole.")
@click.option(
    "--to", "where", required=True, metavar="DEST", help="A folder, HOST:FOLDER, rsync://..., s3://... or oci://..."
)
@click.option("--base-url", default="", metavar="URL", help="Where readers find an s3:// place (for mirror lists).")
@click.option("--replace", is_flag=True, help="Also where the snapshots of another archive are, which are deleted.")
@pass_context
def publish_all(context: Context, where: str, base_url: str, replace: bool) -> None:
    """Have all snapshots of the target, its channels and pages at DEST: contents first, then what leads to them, then
    deletions of what `gc` deleted.

    Killed at any moment, it leaves readers the old state whole, and the next run sends what is lacking. What is neither
    new nor empty nor such a place is refused, and so is one of another distro or target, or of which no snapshot is
    known here. `create`, `promote` and `gc` wait meanwhile.

    \b
    Examples:
      planex snapshot publish --to web.example.org:/srv/www/nights
      planex snapshot publish --to s3://bucket/nights --base-url https://bucket.example.org/nights
      planex snapshot publish --to oci://registry.example.org/nights
    """
    archive = archive_of(context)
    outlet = _outlet(where, base_url, archive)
    with archive.alone(context.patience(wait=True)), context.reporter.task("publish") as task:
        counts = publish(archive, outlet, context.config.name, context.target_name, task, replace=replace)
    echo(where)
    context.reporter.info(f"{many(counts.files, 'file')}, {counts.sent} sent, {counts.deleted} deleted")


def _outlet(where: str, base_url: str, archive: SnapshotFolder) -> Outlet:
    scheme = where.partition("://")[0] if where.startswith(("s3://", "oci://")) else ""
    try:
        if scheme == "s3":
            from planex.snapshot.s3 import object_outlet

            return object_outlet(where, base_url)
        if scheme == "oci":
            from planex.snapshot.oci import registry_outlet

            return registry_outlet(where)
    except ModuleNotFoundError as error:
        what = f"Python has no {error.name}; it is needed for {scheme}://"
        raise MissingTool(what, f"pip install 'planex[{scheme}]'") from None
    return rsync_outlet(where, archive.root)
