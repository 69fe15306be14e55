# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso``: the bootable host ISO."""

from __future__ import annotations

import json
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.iso.build import IsoResult, build_iso, checksum_path, manifest_path
from planex.iso.check import Finding, check_iso, require_clean
from planex.project import load_project


@click.group()
def iso() -> None:
    """Make and check the bootable host ISO."""


@iso.command(short_help="Make the host ISO from the base ISO and the repository.")
@click.option("-f", "--force", is_flag=True, help="Make it even if nothing changed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_context
def build(context: Context, force: bool, as_json: bool) -> None:
    """Respin the base ISO into the host ISO that iso/iso.yaml describes; prints its path and size.

    It is made again only when something in it changed: the base, the repository of what was built, or iso/. The
    result is checked (see `planex iso check`) before it takes its place, with its .sha256 and .manifest.json.
    """
    project = load_project(context.workspace, context.config, context.target_name)
    result = build_iso(project, context.reporter, force=force)
    if not result.reasons:
        context.reporter.success(f"nothing to do: {result.iso.name} is up to date")
    if as_json:
        click.echo(json.dumps(_as_data(result), indent=2))
    else:
        click.echo(f"{context.workspace.relative(result.iso)}  {result.manifest.size / 1e6:.0f} MB")


def _as_data(result: IsoResult) -> dict[str, object]:
    manifest = result.manifest
    return {
        "iso": str(result.iso),
        "size": manifest.size,
        "sha256": manifest.sha256,
        "label": manifest.label,
        "checksum": str(checksum_path(result.iso)),
        "manifest": str(manifest_path(result.iso)),
        "packages": len(manifest.packages),
        "reasons": list(result.reasons),
    }


@iso.command(short_help="Check that an ISO would start and is what it says.")
@click.argument("image", metavar="ISO", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--base",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The ISO it was made from: no boot record of that may be lost, its label must be gone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@pass_context
def check(context: Context, image: Path, base: Path | None, as_json: bool) -> None:
    """Check any ISO: boot records, files that its menus name, labels, .treeinfo checksums, its repositories.

    Everything that is wrong is listed at once, and the exit status is then 1. Needs no workspace.
    """
    findings = check_iso(image, base)
    if as_json:
        click.echo(json.dumps({"iso": str(image), "findings": [_finding(finding) for finding in findings]}, indent=2))
    require_clean(image, findings)
    if not as_json:
        click.echo(f"{image}: no findings")


def _finding(finding: Finding) -> dict[str, str]:
    return {"kind": finding.kind, "message": finding.message}
