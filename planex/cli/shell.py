# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex shell``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click

from planex.attend import attend, on_terminal
from planex.cage.scope import BUS
from planex.cli.context import Context, pass_context, wait_option
from planex.content.leftovers import sweep_target
from planex.content.locks import at_work, hold
from planex.distro.config import choose_builder_name
from planex.distro.project import load_project
from planex.engine.builders import Job, SandboxBuilder, choose_builder
from planex.engine.shell import Entrance
from planex.engine.workshop import Workshop
from planex.errors import PlanexError
from planex.units import moment


@click.command(short_help="Run a shell where a package is built.", context_settings={"ignore_unknown_options": True})
@click.argument("package")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--fresh", is_flag=True, help="A new buildroot, also where the tree of a failed build was kept.")
@click.option("--builder", type=click.Choice(["mock", "sandbox"]), help="Builder to use (default: the target's).")
@click.option("--offline", is_flag=True, help="Fetch no source and ask no mirror what it has: use what is there.")
@wait_option
@pass_context
def shell(
    context: Context,
    package: str,
    command: tuple[str, ...],
    fresh: bool,
    builder: str | None,
    offline: bool,
    wait: bool,
) -> None:
    """Run a shell, or COMMAND, in the buildroot of PACKAGE as its build sees it: the same cage, user, environment and
    packages, and no network.

    After a failure of `planex build --keep` it is the tree of that build, and what you change there stays; otherwise
    the source RPM is unpacked in a new buildroot, which is gone afterwards. The exit status is the shell's.

    \b
    Examples:
      planex build --keep xen; planex shell xen    look around where it failed
      planex shell xen -- rpmbuild -bp xen.spec    what %prep does
    """
    with _words(context, package, command or ("bash",), builder, fresh=fresh, offline=offline, wait=wait) as words:
        status = attend(words, BUS)
    raise SystemExit(status)


@contextmanager
def _words(
    context: Context,
    package: str,
    command: tuple[str, ...],
    builder: str | None,
    *,
    fresh: bool,
    offline: bool,
    wait: bool,
) -> Iterator[list[str]]:
    """What to run, while nobody deletes what it needs. Others may build meanwhile, once all is made."""
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    (name,) = project.choose_built([package])
    workshop = Workshop(project, offline, advise=context.advise)
    workshop.require_base()
    entrance = entrance_of(context, workshop, name, offline=offline, wanted=builder)
    terminal = os.environ.get("TERM", "dumb") if on_terminal() else ""
    patience = context.patience(wait=wait)
    with hold(context.workspace.lock, shared=True, patience=patience), ExitStack() as stack:
        with at_work(context.workspace, context.target_name, patience):
            sweep_target(context.workspace, context.target_name)
            if (kept := None if fresh else entrance.kept()) is None:  # what is prepared anew may drop its layers
                with context.reporter.task("buildroot") as task:
                    entrance.builder.prepare(task)
            job = kept or stack.enter_context(entrance.fresh(offline=offline))
            words = entrance.builder.inside(job, command, terminal)
        if terminal:
            context.reporter.info(_greeting(name, kept))
        yield words


def entrance_of(
    context: Context, workshop: Workshop, name: str, *, offline: bool, wanted: str | None = None
) -> Entrance:
    """Where a package is built, by the builder that is wanted. PlanexError where that is mock's to say."""
    chosen = choose_builder_name(context.config, context.target_name, wanted)
    builder = choose_builder(workshop.project, chosen, workshop.buildroot_digest, offline=offline)
    if isinstance(builder, SandboxBuilder):
        return Entrance(workshop, builder, name, context.reporter)
    raise PlanexError(
        f"{context.target_name} builds with mock, which has roots of its own",
        f"planex build --force {name}, then replay the command that mock.log begins with",
    )


def _greeting(name: str, kept: Job | None) -> str:
    if kept is None:
        return f"in the buildroot of {name}: `rpmbuild -bb *.spec` builds it, `exit` leaves it, and then it is gone"
    when = moment(kept.work.stat().st_mtime)
    return f"in what the build of {name} left that failed at {when}; a new buildroot: planex shell --fresh {name}"
