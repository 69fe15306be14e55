# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex snapshot upgrade``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import columns, echo
from planex.cli.snapshot.archiving import archive_of
from planex.content.locks import hold
from planex.distro.project import load_project
from planex.pages.table import fitted
from planex.snapshot.folder import LATEST_GOOD, SnapshotFolder
from planex.snapshot.record import Snapshot, UpgradeProof
from planex.snapshot.upgrade import LOGS, built_repository, prove_upgrade, repository_of
from planex.units import clock, many


@click.command(short_help="Try `dnf upgrade` from snapshots to what is built, or to another.")
@click.argument("names", nargs=-1)
@click.option("--to", help="A snapshot to upgrade to (default: what is built now).")
@click.option("--json", "as_json", is_flag=True, help="Print what came of each.")
@pass_context
def upgrade(context: Context, names: tuple[str, ...], to: str | None, as_json: bool) -> None:
    """Install all RPMs of each snapshot NAME into a root, and let dnf upgrade it to what is built now.

    The default is `latest-good` and what each channel leads to. The exit status is 1 if a version goes down or stays
    with other contents, files are in each other's way, a scriptlet fails, or something is left behind.

    \b
    Examples:
      planex snapshot upgrade
      planex snapshot upgrade stable --to latest-good
    """
    archive = archive_of(context)
    starts = [archive.find(name) for name in names] if names else list(_start_points(archive))
    proofs = [try_one(context, archive, start, archive.find(to) if to else None) for start in starts]
    if as_json:
        echo(json.dumps({"upgrades": [asdict(proof) for proof in proofs]}, indent=1))
    else:
        echo(fitted([_row(proof) for proof in proofs], columns()) or "no snapshots to upgrade from")
    for proof in proofs:
        for fault in proof.faults:
            context.reporter.error(f"upgrade from {proof.start}: {fault}")
    if any(proof.faults for proof in proofs):
        logs = context.workspace.logs(context.target_name, LOGS)
        context.reporter.info(f"logs: {context.workspace.relative(logs)}")
        sys.exit(1)


def _row(proof: UpgradeProof) -> tuple[str, ...]:
    status = "failed" if proof.faults else "ok"
    done = f"{many(len(proof.upgraded), 'RPM')} installed, {len(proof.removed)} removed"
    return status, proof.start, clock(proof.seconds), done


def _start_points(archive: SnapshotFolder) -> Iterator[Snapshot]:
    """Where machines may come from: the last good snapshot, and what each channel leads to."""
    idents = {str(ident) for name in (LATEST_GOOD, *archive.channel_names()) if (ident := archive.linked(name))}
    yield from (snapshot for snapshot in archive.all() if snapshot.id in idents and snapshot.rpms)


def try_one(context: Context, archive: SnapshotFolder, start: Snapshot, to: Snapshot | None) -> UpgradeProof:
    """Upgrade from one snapshot to another, or to what is built."""
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    with (
        hold(context.workspace.lock, shared=True, patience=context.patience(wait=True)),
        context.reporter.task("upgrade") as task,
    ):
        new = repository_of(archive, to) if to else built_repository(project)
        return prove_upgrade(project, start, repository_of(archive, start), new, task)
