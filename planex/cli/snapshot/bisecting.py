# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex snapshot bisect``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from planex.bisection import Conclusion
from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.cli.snapshot.archiving import archive_of
from planex.content.locks import hold
from planex.errors import ConfigError
from planex.nearest import did_you_mean
from planex.pages.bisection import culprit_text
from planex.snapshot.bisect import between, bisect_snapshots
from planex.snapshot.parts import PROOFS
from planex.snapshot.record import Snapshot
from planex.snapshot.symptom import Symptom, SymptomKind, failed_packages, symptom_of
from planex.snapshot.trial import Trials


@click.command(short_help="Find the commit or package that broke something between two.")
@click.argument("good")
@click.argument("bad")
@click.option("--run", "command", metavar="CMD", help="Shell command that works with GOOD and fails with BAD.")
@click.option("--iso", is_flag=True, help="With --run: make the ISO of each commit, too.")
@click.option("--proof", type=click.Choice(list(PROOFS)), help="A start of the ISO that fails with BAD.")
@click.option("--package", help="A package whose build fails in BAD.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@pass_context
def bisect(
    context: Context, good: str, bad: str, command: str | None, iso: bool, proof: str | None, package: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Find what broke between the snapshots GOOD and BAD. Without an option: what BAD is broken by.

    What is recorded of the snapshots between comes first; then they are tried, and then the commits between two of
    them, each checked out and built beside the workspace, with all results that are there. If none of these is it, the
    packages whose RPMs differ are tried one after the other.

    CMD runs in a folder with `repo/` (and `iso/`). Exit status 0 means good, 125 that it cannot tell, any other that it
    is broken. The exit status is 1 if nothing is found.

    \b
    Examples:
      planex snapshot bisect latest-good latest
      planex snapshot bisect stable latest --run 'test $(stat -c %s repo/xen-4*.rpm) -lt 20000000'
      planex snapshot bisect 20261120.01 latest --proof uefi
    """
    archive = archive_of(context)
    first, last = archive.find(good), archive.find(bad)
    snapshots = between(archive.all(), first, last)
    symptom = _symptom(context, last, command, iso, proof, package)
    built = {each.package for snapshot in snapshots for each in snapshot.packages}
    if package and package not in built:
        message = f"no snapshot from {first.id} to {last.id} has a package '{package}'"
        raise ConfigError(f"{message}{did_you_mean(package, sorted(built))}")
    folder = context.workspace.target(context.target_name) / "bisect"
    log = context.workspace.logs(context.target_name, "bisect") / "bisect.log"
    log.unlink(missing_ok=True)
    with hold(folder / ".lock", patience=context.patience(wait=True)), context.reporter.task("bisect") as task:

        def heard(what: str, came: str) -> None:
            context.reporter.info(f"{what}: {came}")

        patience = context.patience(wait=True)
        trials = Trials(context.workspace, archive, context.target_name, symptom, folder, log, task, heard, patience)
        culprit = bisect_snapshots(trials, snapshots)
    echo(json.dumps(asdict(culprit), indent=1) if as_json else culprit_text(culprit, str(symptom)))
    if log.exists():
        context.reporter.info(f"output of all runs: {context.workspace.relative(log)}")
    sys.exit(0 if culprit.answer is Conclusion.FOUND else 1)


def _symptom(
    context: Context, bad: Snapshot, command: str | None, iso: bool, proof: str | None, package: str | None
) -> Symptom:
    if iso and not command:
        raise click.UsageError("--iso is for --run")
    asked = [
        Symptom(kind, what, iso)
        for kind, what in ((SymptomKind.COMMAND, command), (SymptomKind.PROOF, proof), (SymptomKind.PACKAGE, package))
        if what
    ]
    if len(asked) > 1:
        raise click.UsageError("one of --run, --proof and --package at a time")
    found = asked[0] if asked else symptom_of(bad)
    if not asked:
        context.reporter.info(f"looking for what breaks {found}")
        for other in failed_packages(bad)[1:]:
            context.reporter.info(f"{other} failed, too: --package {other}")
    return found
