# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex store``: the results of builds."""

from __future__ import annotations

import json

import click

from planex.cli.context import Context, pass_context, wait_option
from planex.cli.output import echo
from planex.cli.sizes import size
from planex.cli.storeshared import gc, pull, push, status, urls_option, verify_shared
from planex.content.locks import at_work
from planex.content.store import Store
from planex.disk import size_of
from planex.errors import PlanexError
from planex.units import moment


@click.group()
def store() -> None:
    """Show and verify the stored results of builds, and share them with other machines."""


def _store(context: Context) -> Store:
    return Store(context.workspace.target(context.target_name) / "store")


@store.command("list", short_help="List every stored result with its size and age.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@pass_context
def list_results(context: Context, as_json: bool) -> None:
    """List the results of the target; `*` marks the one in use, `!` one that is damaged.

    \b
    Example:
      planex store list
    """
    found = _store(context)
    rows = [_row(found, package, folder.name) for package, folder in found.results()]
    if as_json:
        echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        mark = "!" if row["damage"] else "*" if row["current"] else " "
        built = moment(row["finished"])
        echo(f"{mark} {row['package']:24} {row['key'][:16]}  {size(row['bytes']):>9}  {built}")


def _row(found: Store, package: str, key: str) -> dict:  # type: ignore[type-arg]
    current, result = found.last(package), found.find(package, key)
    return {
        "package": package,
        "key": key,
        "current": current is not None and current.key == key,
        "bytes": size_of([found.root / package / key]),
        "finished": int(result.finished) if result else 0,
        "damage": found.damage(package, key),
    }


@store.command(short_help="Read every stored result whole and compare it with what was built.")
@click.option("--repair", is_flag=True, help="Delete what is damaged, so that nothing but whole results is left.")
@click.option("--shared", is_flag=True, help="Read the shared stores, and not that of this workspace.")
@urls_option
@wait_option
@pass_context
def verify(context: Context, repair: bool, shared: bool, urls: tuple[str, ...], wait: bool) -> None:
    """Read all files of all results of the target and compare their SHA-256 with those of the build.

    A damaged result counts as not there from then on: the next `planex build` builds it again, and says why. Every
    build proves results by size, time and inode; this finds what a disk lost without a trace.

    \b
    Example:
      planex store verify && planex build
    """
    if shared or urls:
        verify_shared(context, urls, repair=repair)
        return
    damages = []
    with at_work(context.workspace, context.target_name, context.patience(wait=wait)):
        found = _store(context)
        results = list(found.results())
        for package, folder in results:
            if damage := found.verify(package, folder.name):
                damages.append(damage)
                context.reporter.failure(f"{package}: {damage}")
                if repair:
                    found.drop(package, folder.name)
    if damages and not repair:
        raise PlanexError(
            f"{len(damages)} of {len(results)} results are damaged",
            "planex build builds again what is in use; planex store verify --repair deletes the damaged ones",
        )
    echo(f"{len(results) - len(damages)} results whole" + (f", {len(damages)} deleted" if damages else ""))


for command in (status, push, pull, gc):
    store.add_command(command)
