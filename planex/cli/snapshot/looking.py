# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex snapshot list``, ``show`` and ``diff``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import columns, echo
from planex.cli.snapshot.archiving import archive_of, names_of
from planex.cli.snapshot.remote import looked_at
from planex.git.head import commits_between
from planex.pages.snapshots import diff_text, list_text, show_text
from planex.snapshot.diff import compare

_URL = click.option("--url", metavar="URL", help="Of a published archive, which is read from there.")


@click.command("list", short_help="List them, the newest first.")
@_URL
@click.option("--json", "as_json", is_flag=True, help="Print what is written of each.")
@pass_context
def list_snapshots(context: Context, url: str | None, as_json: bool) -> None:
    """List the snapshots of the target, the newest first, with the channels that lead to them.

    \b
    Example:
      planex snapshot list
    """
    with looked_at(context, url) as archive:
        found, names = archive.all(), names_of(archive)
    if as_json:
        echo(json.dumps([asdict(snapshot) for snapshot in found], indent=1))
        return
    echo(list_text(found, names, columns()) or "no snapshots yet: planex snapshot create")


@click.command(short_help="Show what one holds, and what became of each part.")
@click.argument("name", default="latest")
@_URL
@click.option("--json", "as_json", is_flag=True, help="Print what is written of it.")
@pass_context
def show(context: Context, name: str, url: str | None, as_json: bool) -> None:
    """Show a snapshot: NAME is an id or its beginning, `latest` (the default), `latest-good`, or a channel.

    \b
    Example:
      planex snapshot show latest-good
    """
    with looked_at(context, url, name) as archive:
        found = archive.find(name)
        names = names_of(archive).get(found.id, ())
    echo(json.dumps(asdict(found), indent=1) if as_json else show_text(found, names, columns()))


@click.command(short_help="Show what differs between two.")
@click.argument("old")
@click.argument("new", default="latest")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@pass_context
def diff(context: Context, old: str, new: str, as_json: bool) -> None:
    """Show what differs: commits, RPMs, what was built and why, parts, the ISO's size.

    \b
    Examples:
      planex snapshot diff latest-good latest
      planex snapshot diff stable testing --json
    """
    archive = archive_of(context)
    before, after = archive.find(old), archive.find(new)
    changes = compare(before, after, commits_between(context.workspace.root, before.commit, after.commit, 10_000))
    echo(json.dumps(asdict(changes), indent=1) if as_json else diff_text(changes, columns()))
