# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso pxe``: what a network starts instead of an ISO."""

from __future__ import annotations

import re
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.host.pxe import make_pxe_set
from planex.medium.xorriso import require_iso

_URL = re.compile(r"http://[\w.:\[\]-]+(/[\w.~%+-]+)*/?", re.ASCII)


@click.command(short_help="Make from an ISO what TFTP and HTTP servers need to start it.")
@click.argument("iso", metavar="ISO", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--url", default="", metavar="URL", help="Where FOLDER will be by HTTP (default: where it is by TFTP).")
@pass_context
def pxe(context: Context, iso: Path, folder: Path, url: str) -> None:
    """Write FOLDER with all that machines need to start ISO from a network, by BIOS, UEFI or iPXE.

    GRUB loads Xen, kernel and initrd by the way that it came itself; the initrd fetches the live root by HTTP and
    refuses another. The menu is the one of the ISO, arguments and answer file of `planex iso customize` included.
    README.txt in FOLDER says how to serve it. The same ISO gives the same bytes. Needs no workspace.

    \b
    Example:
      planex iso pxe host.iso /srv/tftp/host
    """
    if url and not _URL.fullmatch(url):
        raise click.UsageError(f"'{url}' is no URL that the initrd can fetch from: http://10.0.0.1/planex")
    require_iso(iso)
    with context.reporter.task("iso") as task:
        task.phase("pxe")
        made = make_pxe_set(iso, folder, url)
    for title in made.left_out:
        context.reporter.warn(f"left out, as it starts from the ISO itself: {title}")
    if made.was_signed:
        context.reporter.warn("the ISO was signed; nothing that a network starts from is: see README.txt")
    echo(str(made.folder))
