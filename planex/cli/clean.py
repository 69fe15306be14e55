# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex clean``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import click

from planex.cli.context import Context, pass_context, wait_option
from planex.cli.output import echo
from planex.cli.sizes import size
from planex.content import shelf
from planex.content.inventory import Item, inventory
from planex.content.locks import hold
from planex.disk import size_of
from planex.nearest import did_you_mean
from planex.rpm.mockroots import MockFolders, holder, in_use, known_folders, scrub
from planex.workspace import Workspace, behind

_USUAL = ("buildroots", "mock", "work", "kept")
_TABLE = "?"


@click.command(short_help="Delete what planex made, or show what there is.")
@click.option("--all", "everything", is_flag=True, help="Also downloads, bases and results: the whole of _build/.")
@click.option(
    "--what",
    is_flag=False,
    flag_value=_TABLE,
    metavar="[NAME]",
    help="Delete just this; without a name, show what there is and how large it is.",
)
@wait_option
@pass_context
def clean(context: Context, everything: bool, what: str | None, wait: bool) -> None:
    """Delete buildroots (also mock's), work folders and kept trees of every target; results,
    sources and ISOs stay.

    Nothing is deleted while another planex is at work in this workspace. Use this rather than `rm -rf _build`:
    buildroots hold files of subordinate user ids, which a user cannot delete alone. Where `_build` is a symbolic link
    to a folder, what planex made in that folder is deleted; the link and the folder stay.

    \b
    Examples:
      planex clean                   free the space of buildroots
      planex clean --what            show what there is, with sizes
      planex clean --what downloads  delete the sources that were fetched
      planex clean --all             start from nothing
    """
    if everything and what:
        raise click.UsageError("--all and --what are two wishes; take one")
    workspace = context.workspace
    items = {item.name: item for item in _inventory(workspace, context.config.targets)}
    if what == _TABLE:
        echo(_table(items.values()))
        return
    if what is not None and what not in items:
        raise click.UsageError(f"there is no '{what}' to delete{did_you_mean(what, list(items))}: {', '.join(items)}")
    if not workspace.build.exists():
        return
    chosen = list(items) if everything else [what] if what else list(_USUAL)
    with ExitStack() as locks:
        patience = context.patience(wait=wait)
        locks.enter_context(hold(workspace.lock, patience=patience))
        for lock in _base_locks(items["base"]) if "base" in chosen else []:
            locks.enter_context(hold(lock, patience=patience))
        _delete(workspace, context.config.targets, chosen)
        if everything:
            _delete_rest(workspace.build)
    if everything and workspace.build.is_symlink():
        place = workspace.relative(workspace.build)
        context.reporter.info(f"{place} is a symbolic link: it stays, and so does the folder {behind(workspace.build)}")


def _inventory(workspace: Workspace, targets: Iterable[str]) -> Iterator[Item]:
    """What is below ``_build``, and what mock keeps for it elsewhere."""
    for item in inventory(workspace, targets):
        outside = _mocks(workspace, targets) if item.name == "mock" else []
        yield replace(item, paths=(*item.paths, *(path for folders in outside for path in folders.all)))


def _mocks(workspace: Workspace, targets: Iterable[str]) -> list[MockFolders]:
    return [folders for name in targets if (folders := known_folders(workspace.target(name)))]


def _delete(workspace: Workspace, targets: Iterable[str], chosen: Collection[str]) -> None:
    if "mock" in chosen:
        _delete_mocks(workspace, targets)
    for item in inventory(workspace, targets):
        for path in item.paths if item.name in chosen else ():
            shelf.remove(path)
            echo(f"deleted {workspace.relative(path)}")


def _delete_mocks(workspace: Workspace, targets: Iterable[str]) -> None:
    """Let mock delete its folders; one that is still at work is an error."""
    for folders in _mocks(workspace, targets):
        found = folders.all
        for root in folders.roots:
            if pid := holder(root):
                raise in_use(root, pid)
        scrub(folders, found)
        for path in found:
            echo(f"deleted {path}")


def _base_locks(item: Item) -> list[Path]:
    """Locks of embedded bases of this workspace: other workspaces may use them by a link, and be making one."""
    return [lock for path in item.paths if not path.is_symlink() for lock in path.glob("*/.lock")]


def _delete_rest(build: Path) -> None:
    """Folders of targets and the locks, this one last; who waits for it finds it gone and makes a new one."""
    for folder in [path for path in build.iterdir() if path.is_dir()]:
        for lock in folder.glob(".*lock"):
            lock.unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()
    (build / ".lock").unlink(missing_ok=True)
    with suppress(OSError):  # somebody is at work there again
        build.rmdir()


def _table(items: Iterable[Item]) -> str:
    rows = [(item, size_of(item.paths)) for item in items]
    lines = [f"{'what':10}  {'size':>9}  it is"]
    lines += [f"{item.name:10}  {size(count):>9}  {item.what} ({item.regained})" for item, count in rows]
    return "\n".join([*lines, f"{'all':10}  {size(sum(count for _, count in rows)):>9}"])
