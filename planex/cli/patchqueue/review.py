# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue review``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import columns, echo
from planex.cli.patchqueue.opening import alone, queue_of
from planex.cli.patchqueue.options import guards_option, offline_option, settings_option
from planex.pages.review import matter_texts, screens
from planex.patchqueue.carry import matters
from planex.rebase.package import PackageQueue
from planex.report import Task

_FOOT = 3
"""Lines below a text."""
_KEYS = "n next, p previous, e edit the patch, q quit"
_NEXT, _PREVIOUS, _EDIT, _QUIT = (
    ("n", " ", "\r", "\n", "\x1b[C"),
    ("p", "\x1b[D"),
    ("e",),
    ("q", "\x1b", "\x03", "\x04"),
)


@click.command(short_help="Go through what needs a person.")
@click.argument("package")
@click.option("--onto", "version", required=True, metavar="VERSION", help="The version to look at.")
@click.option("--plain", is_flag=True, help="Print all at once (as where there is no terminal).")
@settings_option
@guards_option
@offline_option
@pass_context
def review(
    context: Context,
    package: str,
    version: str,
    plain: bool,
    settings: dict[str, str],
    guards: tuple[str, ...],
    offline: bool,
) -> None:
    """Go through the patches of PACKAGE that need a person on VERSION, one at a time.

    Each with the reason, both sides of a conflict, and upstream's commits that touched these lines. The workspace stays
    as it is. Exit status 1 if there is one.

    \b
    Examples:
      planex pq review xen --onto 4.21.0
      planex pq review xen --onto 4.21.0 --plain | less
    """
    found = queue_of(context, package, guards, offline=offline)
    with alone(found), context.reporter.task(package) as task:
        made = _gather(found, version, settings, task)
    texts = matter_texts(made, columns())
    if not texts:
        echo(f"{package} needs nobody on {made.new}")
    elif plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        echo("\n\n\n".join(texts))
    else:
        pieces = screens(texts, shutil.get_terminal_size().lines - _FOOT)
        paths = [str(made.matters[number].path) for number, _ in pieces]
        walk([text for _, text in pieces], click.getchar, _show, lambda at: click.edit(filename=paths[at]))
    sys.exit(1 if texts else 0)


def _gather(found: PackageQueue, version: str, settings: dict[str, str], task: Task) -> matters.Review:
    goal, old = found.goal(version, settings, task), found.current(task)
    task.phase("review")
    known = found.upstream_commits(old, [goal])
    forecaster = found.forecaster(old, commits=known)
    column = forecaster.column(goal.version)
    both = old.label in known and goal.version.label in known
    span = (known[old.label], known[goal.version.label]) if both else None
    return matters.review(found.repository, forecaster.chain(), column, span)


def walk(
    texts: Sequence[str], key: Callable[[], str], show: Callable[[str], object], edit: Callable[[int], object]
) -> None:
    """Show one text after the other as keys say; it ends with a key, and behind the last text."""
    number = 0
    while number < len(texts):
        show(texts[number])
        pressed = ""
        while pressed not in (*_NEXT, *_PREVIOUS, *_EDIT, *_QUIT):
            pressed = key()
        if pressed in _QUIT:
            return
        if pressed in _EDIT:
            edit(number)
        else:
            number = max(number + (1 if pressed in _NEXT else -1), 0)


def _show(text: str) -> None:
    click.clear()
    echo(f"{text}\n\n{_KEYS}")
