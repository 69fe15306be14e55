# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex fetch`` and ``planex render``."""

from __future__ import annotations

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo, verbatim
from planex.content.locks import hold
from planex.distro.project import load_project
from planex.distro.sources import remote_sources, update_checksums
from planex.sources.fetch import fetch as fetch_source


@click.command(short_help="Fetch and verify sources, or record their checksums.")
@click.argument("packages", nargs=-1)
@click.option("--update", is_flag=True, help="Fetch anew and record the checksums in specs/PKG/sources.")
@click.option("--offline", is_flag=True, help="Only check that everything is in the download cache.")
@pass_context
def fetch(context: Context, packages: tuple[str, ...], update: bool, offline: bool) -> None:
    """Fetch the sources of PACKAGES (default: all) into the download cache.

    \b
    Examples:
      planex fetch               fetch what is missing
      planex fetch --update xen  record new checksums after changing xen's version
    """
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    with hold(context.workspace.lock, shared=True, patience=context.patience(wait=True)):
        for name in project.choose(packages):
            recipe, package = project.recipes[name], project.packages[name]
            with context.reporter.task(name) as task:
                if update:
                    recorded = update_checksums(
                        project.workspace, recipe, package.sources, task, project.config.downloads
                    )
                    for file, checksum in recorded.items():
                        echo(f"{checksum.algorithm} ({file}) = {checksum.value}")
                    continue
                for source in remote_sources(recipe, package):
                    limits = project.config.downloads
                    echo(fetch_source(project.workspace, source, task, offline=offline, limits=limits))


@click.command(short_help="Print the spec that a template makes.")
@click.argument("package")
@pass_context
def render(context: Context, package: str) -> None:
    """Print the rendered spec of PACKAGE for the target.

    \b
    Example:
      planex render xen | less
    """
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    (name,) = project.choose([package])
    for text in project.leftovers(name):
        context.reporter.warn(text)
    verbatim(project.rendered(name).read_text())
