# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex diff``, and the proof of ``planex build --verify``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.cli.shell import entrance_of
from planex.content.locks import at_work
from planex.content.store import Result, Store
from planex.distro.recipe import package_names, require_known
from planex.engine.compared import choose_results, compare, reasons
from planex.engine.verify import build_again
from planex.engine.workshop import Workshop
from planex.errors import PlanexError
from planex.pages.compared import compared_text
from planex.printable import few
from planex.units import moment


@click.command(short_help="Show what differs between two results of a package.")
@click.argument("package")
@click.argument("results", nargs=-1, metavar="[A [B]]")
@pass_context
def diff(context: Context, package: str, results: tuple[str, ...]) -> None:
    """Show what differs between results A and B of PACKAGE: files, what it provides and requires, scriptlets and
    sizes, and what made it so.

    Results go by the first digits of their keys, as `planex store list` shows them. B is the one in use unless it is
    named, and A the newest other one. A line begins with + for what is only in B, - for what is only in A, ! for what
    is another.

    \b
    Examples:
      planex diff xen                    what the last build changed
      planex diff xen 501297a6 2906068e  from one result to another
    """
    if len(results) > 2:
        raise click.UsageError("two results can be compared, and no more")
    require_known([package], package_names(context.workspace))
    store = Store(context.workspace.target(context.target_name) / "store")
    old, new = choose_results(store, package, results)
    changes = list(compare(*({name: each.folder / name for name in each.rpms} for each in (old, new))))
    echo(f"from {_name(old)} to {_name(new)}: {few(reasons(old, new)) or 'nothing that went into them'}")
    echo(compared_text(changes) if changes else "the RPMs are the same")


def verify_builds(
    context: Context, workshop: Workshop, packages: Sequence[str], *, offline: bool, builder: str | None, wait: bool
) -> None:
    """Build packages once more, otherwise. PlanexError where one comes out otherwise, too."""
    unlike = []
    with at_work(context.workspace, context.target_name, context.patience(wait=wait)):
        names = workshop.project.choose_built(packages)
        entrances = [entrance_of(context, workshop, name, offline=offline, wanted=builder) for name in names]
        for entrance in entrances[:1]:  # all have the same roots
            with context.reporter.task("buildroot") as task:
                entrance.builder.prepare(task)
        for name, entrance in zip(names, entrances, strict=True):
            if changes := list(build_again(entrance, offline=offline)):
                unlike.append(name)
                echo(compared_text(changes))
            else:
                context.reporter.success(f"{name} is reproducible: another folder, time and number of jobs, same bytes")
    if unlike:
        message = f"not reproducible: {', '.join(unlike)} (built again at another time, with another number of jobs)"
        raise PlanexError(message, "docs/explain.md says what to look for")


def _name(result: Result) -> str:
    return f"{result.key[:12]} ({moment(result.finished)})"
