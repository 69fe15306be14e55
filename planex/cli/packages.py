# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex fetch`` and ``planex render``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo, verbatim
from planex.content.locks import hold
from planex.distro.project import Project, load_project
from planex.distro.sources import remote_sources, update_checksums
from planex.errors import PlanexError
from planex.report import Task
from planex.sources.fetch import fetch as fetch_source
from planex.units import many


@click.command(short_help="Fetch and verify sources, or record their checksums.")
@click.argument("packages", nargs=-1)
@click.option("--update", is_flag=True, help="Fetch anew and record the checksums in specs/PKG/sources.")
@click.option("--offline", is_flag=True, help="Only check that everything is in the download cache.")
@click.option("--all", "everything", is_flag=True, help="All that a build needs from outside, base packages too.")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), help="Folder that gets exactly that: a mirror."
)
@click.option(
    "--lock", type=click.Path(path_type=Path, dir_okay=False), help="What this lock says, not what is needed now."
)
@pass_context
def fetch(
    context: Context,
    packages: tuple[str, ...],
    update: bool,
    offline: bool,
    everything: bool,
    into: Path | None,
    lock: Path | None,
) -> None:
    """Fetch the sources of PACKAGES (default: all) into the download cache.

    \b
    Examples:
      planex fetch               fetch what is missing
      planex fetch --update xen  record new checksums after changing xen's version
      planex fetch --all --into /srv/mirror  all for planex build --hermetic /srv/mirror
    """
    if everything or into or lock:
        if not (everything and into) or packages or update or offline:
            raise click.UsageError("a mirror is made by --all --into DIR, with --lock FILE or without")
        from planex.cli.locking import mirror  # seldom

        mirror(context, into.absolute(), lock)
        return
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    with hold(context.workspace.lock, shared=True, patience=context.patience(wait=True)):
        failures: dict[str, PlanexError] = {}
        for name in project.choose(packages):
            try:
                with context.reporter.task(name) as task:
                    for line in _fetched(project, name, task, update, offline):
                        echo(line)
            except PlanexError as error:
                failures[name] = error
    _raise_failures(failures)


def _fetched(project: Project, name: str, task: Task, update: bool, offline: bool) -> Iterator[object]:
    """Get the sources of a package; what is to be printed of each."""
    recipe, package, limits = project.recipes[name], project.packages[name], project.config.downloads
    if update:
        recorded = update_checksums(project.workspace, recipe, package.sources, task, limits)
        yield from (f"{checksum.algorithm} ({file}) = {checksum.value}" for file, checksum in recorded.items())
    else:
        for source in remote_sources(recipe, package):
            path = fetch_source(project.workspace, source, task, offline=offline, limits=limits)
            yield project.workspace.relative(path)


def _raise_failures(failures: Mapping[str, PlanexError]) -> None:
    """One as it is; several with all that is to say of each."""
    if len(failures) == 1:
        raise next(iter(failures.values()))
    if failures:
        told = [f"{name}: {_whole(error)}" for name, error in failures.items()]
        text = "\n".join(told).replace("\n", "\n  ")
        several = PlanexError(f"the sources of {many(len(failures), 'package')} could not be had:\n  {text}")
        several.exit_code = max(error.exit_code for error in failures.values())
        raise several


def _whole(error: PlanexError) -> str:
    return f"{error.message}\nhint: {error.hint}" if error.hint else error.message


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
