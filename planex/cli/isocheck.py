# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso check``: any ISO."""

from __future__ import annotations

import json
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.host.check import check_iso
from planex.host.finding import Finding, Grade, require_clean


@click.command(short_help="Check that an ISO would start and is what it says.")
@click.argument("image", metavar="ISO", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--base",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The ISO it was made from: no boot record of that may be lost, its label must be gone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@pass_context
def check(context: Context, image: Path, base: Path | None, as_json: bool) -> None:
    """Check any ISO: boot records, loaders, menus, labels, checksums of all its files, its repositories.

    Everything that is wrong is listed at once, and the exit status is then 1. Needs no workspace.

    \b
    Example:
      planex iso check host.iso --base CentOS-Stream-9.iso
    """
    findings = check_iso(image, base)
    if as_json:
        echo(json.dumps({"iso": str(image), "findings": [_finding(finding) for finding in findings]}, indent=2))
    else:
        for finding in findings:
            if finding.grade is not Grade.FAULT:
                echo(f"{'of the base' if finding.grade is Grade.BASE else 'note'}: {finding}")
    require_clean(image, findings)
    if not as_json:
        echo(f"{image}: no faults")


def _finding(finding: Finding) -> dict[str, str]:
    return {"kind": finding.kind, "message": finding.message, "grade": finding.grade.value}
