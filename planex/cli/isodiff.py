# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso diff``: how two ISOs differ."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from planex.cli.output import echo
from planex.drafts import write_atomic
from planex.host.diff import diff_isos
from planex.pages.isodiff import diff_page, diff_text

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command(short_help="Show how an ISO differs from another.")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write them to this file as a web page.")
def diff(old: Path, new: Path, as_json: bool, html: Path | None) -> None:
    """Show how the ISO NEW differs from OLD: packages with versions, sources, patches, options of kernel and Xen, boot
    menus, files, sizes.

    Works on any two ISOs; of packages, changelogs, options, sources and patches only the manifests tell that ISOs of
    planex have. A package of the same version with other bytes is a change, who signed it is none.

    \b
    Example:
      planex iso diff old.iso new.iso --html changes.html
    """
    found = diff_isos(old, new)
    if html:
        write_atomic(html, diff_page(old.name, new.name, found))
    data = {"old": str(old), "new": str(new), **asdict(found)}
    echo(json.dumps(data, indent=2) if as_json else diff_text(found))
