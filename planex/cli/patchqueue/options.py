# SPDX-License-Identifier: LGPL-2.1-or-later
"""Options that several commands of ``planex patchqueue`` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from filelock import FileLock, Timeout

from planex.cli.context import Context
from planex.errors import PlanexError
from planex.patchqueue.judge import Orders
from planex.project import load_project
from planex.upstream.package import PackageQueue, open_queue

F = TypeVar("F", bound=Callable[..., Any])

guards_option = click.option(
    "--guard", "guards", multiple=True, metavar="NAME", help="Also choose this guard (may be repeated)."
)
offline_option = click.option("--offline", is_flag=True, help="Use no network.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda _context, _parameter, values: parse_settings(values),
    help="Value of a variable of package.yaml at the new version (may be repeated).",
)


def parse_settings(values: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping."""
    settings = {}
    for word in values:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"'{word}' is not NAME=VALUE")
        settings[name] = value
    return settings


def orders_for(found: PackageQueue, keep: tuple[str, ...], drop: dict[str, str]) -> Orders:
    """What a person decided beforehand, with the patches' full names; an unknown patch is an error."""
    names = {name: found.queue.find(name).name for name in (*keep, *drop)}
    return Orders(frozenset(names[name] for name in keep), {names[name]: reason for name, reason in drop.items()})


def queue_of(context: Context, name: str, guards: tuple[str, ...] = (), *, offline: bool = False) -> PackageQueue:
    """The queue of a package of the workspace."""
    project = load_project(context.workspace, context.config, context.target_name)
    return open_queue(project, name, guards, offline=offline)


@contextmanager
def alone(package: PackageQueue) -> Iterator[None]:
    """No other planex works on this package's queue until the context ends."""
    package.home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(package.home / "lock", timeout=0):
            package.sweep()
            yield
    except Timeout:
        raise PlanexError(f"another planex is working on the patch queue of {package.name}", "wait for it") from None
