# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso build`` and ``show``: the host ISO of this workspace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from planex.cli.context import Context, pass_context, sign_option
from planex.cli.output import echo
from planex.distro.project import load_project
from planex.host.build import IsoResult, build_iso
from planex.host.definition import load_definition
from planex.host.finding import Grade
from planex.host.manifest import Manifest
from planex.host.plan import IsoPlan, checksum_path, iso_path, load_manifest, manifest_path, plan_iso
from planex.medium.entry import BootEntry

if TYPE_CHECKING:
    from planex.host.installer import WholeMenu


@click.command(short_help="Make the host ISO from the base ISO and the repository.")
@click.option("-f", "--force", is_flag=True, help="Make it even if nothing changed.")
@click.option("-n", "--dry-run", is_flag=True, help="Print what would be done, and why, and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@sign_option
@pass_context
def build(context: Context, force: bool, dry_run: bool, as_json: bool) -> None:
    """Respin the base ISO into the host ISO that iso/iso.yaml describes; prints its path and size.

    It is made again only when something in it changed: the base, the repository of what was built, or iso/. The
    result is checked (see `planex iso check`) before it takes its place, with its .sha256 and .manifest.json.

    \b
    Examples:
      planex iso build          make it where something that goes into it changed
      planex iso build --force  make it anyway
    """
    project = load_project(context.workspace, context.config, context.target_name)
    if dry_run:
        with context.reporter.task("iso") as task:
            plan = plan_iso(project, task, force=force)
        from planex.host.make import describe_menu  # reads the base ISO

        menu, loaders = describe_menu(plan)
        echo(_plan_json(plan, menu, loaders) if as_json else _plan_text(plan, menu, loaders))
        return
    result = build_iso(project, context.reporter, force=force)
    for finding in result.findings:
        if finding.grade is Grade.BASE:
            context.reporter.warn(f"the base ISO has this fault too: {finding}")
    if not result.reasons:
        context.reporter.success(f"nothing to do: {result.iso.name} is up to date")
    if as_json:
        echo(json.dumps(_as_data(result), indent=2))
    else:
        echo(f"{context.workspace.relative(result.iso)}  {result.manifest.size / 1e6:.0f} MB")


def _plan_text(plan: IsoPlan, menu: WholeMenu, loaders: Sequence[str]) -> str:
    head = f"build   {plan.iso.name}  {', '.join(plan.reasons)}"
    lines = [_entry_text(entry, menu) for entry in menu.definition.entries]
    lines += [f"  left out  {title}: {why}" for title, why in menu.left_out]
    head = head if plan.reasons else f"reuse   {plan.iso.name}  up to date"
    return "\n".join([head, *lines, *(f"  loader    {text}" for text in loaders)])


def _entry_text(entry: BootEntry, menu: WholeMenu) -> str:
    notes = ["of the base"] if entry.name in menu.kept else []
    notes += ["the default"] if entry.default else []
    return f"  entry     {entry.title}" + (f" ({', '.join(notes)})" if notes else "")


def _plan_json(plan: IsoPlan, menu: WholeMenu, loaders: Sequence[str]) -> str:
    data = {
        "iso": str(plan.iso),
        "base": str(plan.base),
        "reasons": list(plan.reasons),
        "inputs": dict(plan.inputs),
        "entries": [{**entry.model_dump(), "base": entry.name in menu.kept} for entry in menu.definition.entries],
        "left_out": [{"title": title, "reason": why} for title, why in menu.left_out],
        "loaders": list(loaders),
    }
    return json.dumps(data, indent=2)


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


@click.command(short_help="Show what is on the host ISO: its packages and where they come from.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
@pass_context
def show(context: Context, as_json: bool) -> None:
    """List the packages of the host that is on this workspace's ISO, those built here first.

    \b
    Example:
      planex iso show
    """
    definition = load_definition(context.workspace, context.target_name)
    path = iso_path(context.workspace.target(context.target_name), definition, context.config)
    manifest = load_manifest(path)
    echo(manifest.to_json() if as_json else _manifest_text(manifest), nl=not as_json)


def _manifest_text(manifest: Manifest) -> str:
    packages = sorted(manifest.packages, key=lambda package: (package.origin != "built", package.nevra))
    built = sum(package.origin == "built" for package in packages)
    head = [
        f"{manifest.iso}  {manifest.size / 1e6:.0f} MB  label {manifest.label}",
        f"sha256  {manifest.sha256}",
        f"{len(packages)} packages: {built} built here, {len(packages) - built} from the base",
    ]
    return "\n".join([*head, *(f"  {package.origin:5}  {package.nevra}" for package in packages)])
