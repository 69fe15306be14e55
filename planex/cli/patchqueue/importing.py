# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue import``."""

from __future__ import annotations

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.distro.recipe import package_names, require_known
from planex.patchqueue.commits import importer
from planex.patchqueue.format.queue import SERIES
from planex.units import many


@click.command("import", short_help="Make a queue from quilt, guilt, a tarball, git or a spec.")
@click.argument("package")
@click.option(
    "--from", "source", required=True, metavar="SOURCE", help="Folder, tarball, git repository or .spec file."
)
@click.option("--range", "span", metavar="BASE..HEAD", help="SOURCE is a git repository: take these commits.")
@click.option("--prefix", metavar="FOLDER", help="The folder inside SOURCE that holds the series.")
@pass_context
def import_queue(context: Context, package: str, source: str, span: str | None, prefix: str | None) -> None:
    """Make patchqueues/PACKAGE from SOURCE; prints the series' path. A queue that is there already is not touched.

    \b
    Examples:
      planex pq import xen --from ../xen.pg/patches          a quilt or guilt folder, series kept byte for byte
      planex pq import xen --from xen-patchqueue.tar.gz      a planex patch-queue tarball
      planex pq import xen --from ../outgoing                0001-*.patch, as git format-patch writes them
      planex pq import xen --from ../xen --range v1..mine    commits of a git repository
      planex pq import xen --from rpms/xen/SPECS/xen.spec    the patches that a spec applies
    """
    require_known([package], package_names(context.workspace))
    found = importer.find(source, context.workspace.cache / "patchqueue", span=span, prefix=prefix)
    queue = importer.write(found, context.workspace.patchqueues / package)
    for remark in found.remarks:
        context.reporter.warn(remark)
    context.reporter.info(f"{many(len(found.patches), 'patch', 'patches')}; try them: planex pq check {package}")
    echo(context.workspace.relative(queue.folder / SERIES))
