# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex snapshot promote``, ``channels`` and ``audit``."""

from __future__ import annotations

import getpass
import json
import sys
from dataclasses import asdict, replace

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import columns, echo
from planex.cli.snapshot.archiving import archive_of
from planex.cli.snapshot.siting import refresh_site
from planex.cli.snapshot.upgrading import try_one
from planex.pages.table import fitted
from planex.snapshot.channels import CHECKS, audit, promote, promotions, read_lines
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.ident import parse_id
from planex.snapshot.record import Snapshot
from planex.units import many


@click.command("promote", short_help="Let a channel lead to one.")
@click.argument("name")
@click.argument("channel")
@click.option("--why", default="", help="Kept with the promotion.")
@click.option(
    "--require",
    multiple=True,
    type=click.Choice(list(CHECKS)),
    help="Refuse it otherwise (may be repeated). good: always; clean: as in its commit; upgrade: `dnf upgrade` brings "
    "machines from what the channel leads to now to this one.",
)
@pass_context
def promote_one(context: Context, name: str, channel: str, why: str, require: tuple[str, ...]) -> None:
    """Let CHANNEL lead to the snapshot NAME, in one step, and write down who did it, when and why.

    A rollback is a promotion of an older one.

    \b
    Examples:
      planex snapshot promote latest-good testing --require clean --require upgrade
      planex snapshot promote 20261124.01 stable --why "back to what worked"
    """
    archive = archive_of(context)
    with archive.alone(context.patience(wait=True)):
        snapshot = archive.find(name)
        if "upgrade" in require:
            snapshot = _tried(context, archive, snapshot, channel)
        was = promote(archive, snapshot, channel, who=_who(), why=why, require=require)
    refresh_site(context, archive)
    echo(f"{channel}: {was or 'new'} -> {snapshot.id}")
    if (before := parse_id(was)) and (now := parse_id(snapshot.id)) and before > now:
        context.reporter.info("it is older: dnf keeps newer packages where they are, until `dnf distro-sync`")


def _tried(context: Context, archive: SnapshotFolder, snapshot: Snapshot, channel: str) -> Snapshot:
    """The snapshot with what comes of an upgrade from where the channel leads, which is tried if it was not yet."""
    was = str(archive.linked(channel) or snapshot.id)
    if not snapshot.good or was in (snapshot.id, *(proof.start for proof in snapshot.upgrades)):
        return snapshot
    proof = try_one(context, archive, archive.load(was), snapshot)
    return replace(snapshot, upgrades=(*snapshot.upgrades, proof))


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@click.command(short_help="List the channels, and where they lead.")
@click.option("--json", "as_json", is_flag=True, help="Print all promotions.")
@pass_context
def channels(context: Context, as_json: bool) -> None:
    """List the channels with the last promotion of each.

    \b
    Example:
      planex snapshot channels
    """
    archive = archive_of(context)
    known = promotions(archive)
    if as_json:
        echo(json.dumps([asdict(promotion) for promotion in known], indent=1))
        return
    last = {promotion.channel: promotion for promotion in known}
    rows = [(p.channel, p.now, f"{p.when} by {p.who}", p.why) for _, p in sorted(last.items())]
    echo(fitted(rows, columns()) or "no channels yet: planex snapshot promote latest-good nightly")


@click.command("audit", short_help="Check who promoted what, and that channels lead there.")
@pass_context
def audit_all(context: Context) -> None:
    """Check that no promotion was changed or taken out, and that each channel leads where it was promoted to.

    \b
    Example:
      planex snapshot audit
    """
    archive = archive_of(context)
    for fault in (faults := audit(archive)):
        context.reporter.error(fault)
    if faults:
        sys.exit(1)
    told, there = many(len(read_lines(archive.journal)), "promotion"), many(len(archive.channel_names()), "channel")
    echo(f"{told}, {there}: all as told")
