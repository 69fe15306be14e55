# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex snapshot create``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import columns, echo
from planex.cli.snapshot.archiving import archive_of, names_of
from planex.cli.snapshot.siting import refresh_site
from planex.disk import explain
from planex.distro.project import Project, load_project
from planex.errors import ConfigError, PlanexError
from planex.host.definition import definition_path
from planex.pages.snapshots import show_text
from planex.snapshot.create import Maker
from planex.snapshot.folder import LATEST_GOOD, SnapshotFolder
from planex.snapshot.notify import command_words, notify_of_none
from planex.snapshot.notify import notify as notify_of
from planex.snapshot.parts import PROOFS, UPGRADE_PROOF, HostUpgrade, SnapshotWish
from planex.snapshot.record import SnapshotState


@click.command(short_help="Make one of the workspace's commit: whole, or none.")
@click.option("--iso/--no-iso", default=None, help="With the host ISO (default: where iso/ describes one).")
@click.option(
    "--proof",
    "proofs",
    multiple=True,
    type=click.Choice([*PROOFS, UPGRADE_PROOF, "none"]),
    help="Start the ISO this way (may be repeated; default: bios and uefi; none: do not start it); upgrade: install "
    "that of the last good one, and upgrade it to this.",
)
@click.option(
    "--forecast",
    "forecasts",
    multiple=True,
    metavar="PACKAGE=VERSION",
    help="What would become of a patch queue on a version (may be repeated).",
)
@click.option("--upgrade/--no-upgrade", default=True, help="Try `dnf upgrade` from the last good one and each channel.")
@click.option("--dirty", is_flag=True, help="Also of a workspace that is not as in its commit; marked everywhere.")
@click.option("--offline", is_flag=True, help="Fetch nothing: use what is there.")
@click.option(
    "--notify",
    metavar="COMMAND",
    help="Run this, with JSON on its standard input, when the state turned: good to broken, or back.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what is written of it.")
@pass_context
def create(
    context: Context,
    iso: bool | None,
    proofs: tuple[str, ...],
    forecasts: tuple[str, ...],
    upgrade: bool,
    dirty: bool,
    offline: bool,
    notify: str | None,
    as_json: bool,
) -> None:
    """Make a snapshot of the workspace's commit: build all (keeping going), compose, make the ISO and prove it.

    It appears in snapshots/TARGET/ by one rename: whole and good, or broken, with its reports and logs and without a
    repository. The exit status is then 1. A second one at the same time waits. Parts of the snapshot before that are
    the same are linked, so an unchanged one takes next to no space. The pages in site/ beside it are then those of
    `planex snapshot site`.

    \b
    Examples:
      planex snapshot create
      planex snapshot create --proof bios --forecast xen=4.20.4
      planex snapshot create --proof bios --proof upgrade
      planex snapshot create --notify "ssh chat.example.org tell-build-room"
    """
    archive, workspace = archive_of(context), context.workspace
    if notify is not None:
        command_words(notify)
    with_iso = definition_path(workspace, context.target_name).is_file() if iso is None else iso
    chosen = tuple(proof for proof in proofs or ("bios", "uefi") if proof in PROOFS)
    host = _host_upgrade(context, archive) if UPGRADE_PROOF in proofs else None
    wish = SnapshotWish(context.target_name, with_iso, chosen, _forecasts(forecasts), dirty, offline, upgrade, host)
    with _telling(context, archive, notify), archive.alone(context.patience(wait=True)):
        project = load_project(workspace, context.config, context.target_name, tolerant=True)
        wish = replace(wish, watched=_watched(context, project, offline=offline))
        made = Maker(workspace, archive, wish, context.reporter).create(project)
        names = names_of(archive).get(made.id, ())
    if notify is not None:
        _tell(context, made.state, lambda: notify_of(archive, made, notify))
    refresh_site(context, archive)
    echo(json.dumps(asdict(made), indent=1) if as_json else show_text(made, names, columns()))
    if not made.good:
        where = workspace.relative(archive.folder(made.id))
        context.reporter.error(f"{made.id} is broken by {', '.join(made.broken_by)}: its logs are in {where}/logs")
        sys.exit(1)


def _host_upgrade(context: Context, archive: SnapshotFolder) -> HostUpgrade | None:
    """From the ISO of the last good snapshot to what will be built."""
    ident = archive.linked(LATEST_GOOD)
    last = archive.load(ident) if ident else None
    if last is None or last.iso is None:
        context.reporter.info("no upgrade is proved: there is no good snapshot with an ISO yet")
        return None
    return HostUpgrade(archive.folder(last.id) / last.iso.path, context.workspace.target(context.target_name) / "repo")


def _watched(context: Context, project: Project, *, offline: bool) -> tuple[str, ...]:
    """Packages whose package.yaml says ``watch``."""
    names = tuple(name for name, recipe in sorted(project.recipes.items()) if recipe.settings.watch)
    if names and offline:
        context.reporter.info(f"nobody is asked what is out of {', '.join(names)}: --offline")
    return () if offline else names


@contextmanager
def _telling(context: Context, archive: SnapshotFolder, command: str | None) -> Iterator[None]:
    """Who wants to hear of broken nights hears of those, too, that have no snapshot."""
    try:
        yield
    except (PlanexError, OSError) as error:
        if command is not None:
            target, why = context.target_name, (explain(error) if isinstance(error, OSError) else error).message
            _tell(context, SnapshotState.BROKEN, lambda: notify_of_none(archive, target, why, command))
        raise


def _tell(context: Context, state: SnapshotState, tell: Callable[[], object]) -> None:
    """That nobody can be told is told, and undoes nothing."""
    try:
        tell()
    except PlanexError as error:
        context.reporter.warn(f"nobody was told that the nights are {state} now: {error.message}")


def _forecasts(asked: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, tuple[str, ...]] = {}
    for text in asked:
        package, _, version = text.partition("=")
        if not package or not version:
            raise ConfigError(f"--forecast {text}: not PACKAGE=VERSION", "for instance --forecast xen=4.20.4")
        found[package] = (*found.get(package, ()), version)
    return tuple(found.items())
