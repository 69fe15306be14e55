# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex build``."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planex.cli.context import Context, pass_context, sign_option, wait_option
from planex.cli.farming import FarmWay, farm_of, on_option
from planex.cli.output import echo
from planex.cli.recording import recorded
from planex.cli.sharing import depots_of, store_option
from planex.content.leftovers import sweep_target
from planex.content.locks import at_work
from planex.distro.config import MAX_JOBS, choose_builder_name
from planex.distro.project import Project, load_project
from planex.engine.outcome import BuildFailed, Outcome, SeveralFailed
from planex.engine.plan import Plan
from planex.engine.publish import check_closure, compose
from planex.engine.workshop import Workshop
from planex.errors import ConfigError, PlanexError, joined
from planex.events import PackageLeftOut, PackagePlanned, Status
from planex.printable import few, without_passwords
from planex.report import Reporter
from planex.units import clock, many

if TYPE_CHECKING:
    from planex.sharing.depots import Depots

FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class BuildWish:
    """What a build was asked for."""

    packages: tuple[str, ...]
    force: bool = False
    builder: str | None = None
    jobs: int | None = None
    keep_going: bool = False
    offline: bool = False
    keep: bool = False
    verify: bool = False
    depots: Depots | None = None
    farm: FarmWay | None = None
    """Who builds, if not this machine."""


@click.command(short_help="Build packages, and what they need, into the repository.")
@click.argument("packages", nargs=-1)
@click.option("-n", "--dry-run", is_flag=True, help="Print the plan with its reasons and stop.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan or the outcome as JSON.")
@click.option("--junit", type=FILE, help="Write what became of each package to this file, as JUnit XML.")
@click.option("-j", "--jobs", type=click.IntRange(1, MAX_JOBS), help="Packages built at once.")
@click.option("-k", "--keep-going", is_flag=True, help="Build all that does not need what failed or is broken.")
@click.option("-f", "--force", is_flag=True, help="Build PACKAGES even if nothing changed.")
@click.option("--keep", is_flag=True, help="Keep the tree of a build that fails, for planex shell.")
@click.option("--verify", is_flag=True, help="Build PACKAGES once more, otherwise, and compare all bytes.")
@click.option("--builder", type=click.Choice(["mock", "sandbox"]), help="Builder to use (default: the target's).")
@click.option("--offline", is_flag=True, help="Fetch no source and ask no mirror what it has: use what is there.")
@click.option("--watch", is_flag=True, help="Build again whenever a file is edited, until Ctrl-C.")
@store_option
@on_option
@click.option(
    "--hermetic",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Take all from outside of this mirror (planex fetch --all --into DIR); no network is used.",
)
@sign_option
@wait_option
@pass_context
def build(
    context: Context,
    /,
    packages: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    junit: Path | None,
    offline: bool,
    watch: bool,
    urls: tuple[str, ...],
    no_store: bool,
    hermetic: Path | None,
    wait: bool,
    **wanted: Any,
) -> None:
    """Build PACKAGES (default: all) and what they need, then compose the repository.

    Only what changed is built: a package is known by a hash of its spec, sources, patches, buildroot and of what
    its dependencies made. The repository's path is printed on standard output.

    \b
    Examples:
      planex build                 build everything that changed
      planex build xen --dry-run   show what would be built for xen, and why
      planex build xen --watch     build it again after each edit of its spec or its patches
    """
    offline, no_store = offline or hermetic is not None, no_store or hermetic is not None
    wish = BuildWish(packages, offline=offline, **wanted)
    if hermetic:
        from planex.cli.locking import unlock  # seldom

        unlock(context, hermetic.absolute())
    asked = _Asked(wish, urls, no_store, as_json, junit, wait)
    if dry_run:
        if junit or watch or wish.verify:
            raise click.UsageError("--junit, --watch and --verify are of a build, and --dry-run does none")
        with depots_of(context, urls, none=no_store, offline=offline) as depots:
            _foretell(context, replace(wish, depots=depots), as_json)
    elif watch:
        if as_json or junit:
            raise click.UsageError("--json and --junit tell of one build, and --watch does many")
        from planex.cli.watching import watch as build_again  # seldom

        build_again(context, asked.build)
    else:
        asked.build(context)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One build as it was asked for."""

    wish: BuildWish
    urls: tuple[str, ...]
    no_store: bool
    as_json: bool
    junit: Path | None
    wait: bool

    def build(self, context: Context) -> None:
        with (
            recorded(context, self.junit),
            depots_of(context, self.urls, none=self.no_store, offline=self.wish.offline) as depots,
            farm_of(context, depots, self.urls) as farm,
        ):
            workshop, outcomes = carry_out(context, replace(self.wish, depots=depots, farm=farm), self.wait)
            if self.as_json:
                echo(_outcome_json(workshop.project, outcomes))
            _raise_failures(outcomes)
            _raise_faults(workshop, self.wish.packages)
            _verify(context, workshop, self.wish, self.wait)
        if not self.as_json:
            echo(workshop.project.workspace.relative(workshop.project.repository))


def _verify(context: Context, workshop: Workshop, wish: BuildWish, wait: bool) -> None:
    if wish.verify:
        from planex.cli.diff import verify_builds  # seldom

        verify_builds(context, workshop, wish.packages, offline=wish.offline, builder=wish.builder, wait=wait)


def _foretell(context: Context, wish: BuildWish, as_json: bool) -> None:
    workshop, plan = _plan(context, wish, {})
    echo(_plan_json(plan) if as_json else _plan_text(plan))
    _raise_faults(workshop, wish.packages)


def carry_out(context: Context, wish: BuildWish, wait: bool) -> tuple[Workshop, list[Outcome]]:
    """Build and publish; what became of each package that had to be looked at."""
    started, reporter = time.monotonic(), context.reporter
    outcomes: dict[str, Outcome] = {}
    with at_work(context.workspace, context.target_name, context.patience(wait=wait)):
        sweep_target(context.workspace, context.target_name)
        for rounds in count(1):
            workshop, plan = _plan(context, wish, outcomes)
            outcomes |= {outcome.package: outcome for outcome in _build(workshop, plan, wish, reporter)}
            if rounds > len(plan.steps) or not _may_go_on(outcomes.values(), wish):
                break
        changed = _publish(workshop, reporter)
        pushed = wish.depots.finish() if wish.depots else 0
    _summarise(len(plan.steps), list(outcomes.values()), reporter, clock(time.monotonic() - started), changed)
    if pushed:
        reporter.info(f"{many(pushed, 'result')} pushed")
    return workshop, list(outcomes.values())


def build_one(context: Context, name: str) -> Workshop:
    """Build a package and what it needs. Raises its own BuildFailed, or else what kept it from being built."""
    workshop, outcomes = carry_out(context, BuildWish((name,)), wait=True)
    own = [each.error for each in outcomes if each.package == name and isinstance(each.error, BuildFailed)]
    if own:
        raise own[0]
    _raise_failures(outcomes)
    _raise_faults(workshop, (name,))
    return workshop


def _may_go_on(outcomes: Collection[Outcome], wish: BuildWish) -> bool:
    """Whether what this round learned lets another one build what it could not."""
    statuses = {outcome.status for outcome in outcomes}
    return Status.POSTPONED in statuses and (wish.keep_going or Status.FAILED not in statuses)


def _build(workshop: Workshop, plan: Plan, wish: BuildWish, reporter: Reporter) -> list[Outcome]:
    """Tell the plan and carry it out, once all that it needs is known to be there."""
    workshop.require_checksums(plan)
    if plan.changes and workshop.project.signer:
        workshop.project.signer.try_out()
    for step in plan.steps:
        reporter.tell(PackagePlanned(step.package, step.action.value, step.reasons, step.seconds, step.needs))
    if not plan.changes:
        return []
    from planex.engine.build import Build, Options, default_jobs  # where nothing is to be done, it takes the longest
    from planex.engine.builders import choose_builder

    options = Options(wish.jobs or default_jobs(workshop.project), wish.keep_going, wish.offline, wish.keep)
    name = choose_builder_name(workshop.project.config, workshop.project.target_name, wish.builder)
    if name == "mock" and wish.verify:
        raise PlanexError("--verify is for the sandbox", "build with that: --builder sandbox --verify")
    if wish.farm and wish.keep:
        raise PlanexError("--keep is for builds on this machine; a farm's workers keep logs only", "leave --on out")
    if wish.farm:
        remote = wish.farm.builder(workshop, name, reporter, offline=wish.offline)
        return Build(workshop, plan, remote, reporter, options, remote.places).run()
    if wish.keep and name == "mock":
        hint = "replay the command that mock.log begins with, and add --no-cleanup-after"
        raise PlanexError("--keep is for the sandbox; mock has roots of its own", hint)
    chosen = choose_builder(workshop.project, name, workshop.buildroot_digest, offline=wish.offline)
    return Build(workshop, plan, chosen, reporter, options).run()


def _plan(context: Context, wish: BuildWish, before: Mapping[str, Outcome]) -> tuple[Workshop, Plan]:
    """``before``: what became of packages in earlier rounds. None is built twice, whether it failed or was forced."""
    choose_builder_name(context.config, context.target_name, wish.builder)
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    workshop = Workshop(project, wish.offline, advise=context.advise, depots=wish.depots)
    failed = {name for name, outcome in before.items() if outcome.status is Status.FAILED}
    wanted = _wanted(workshop, wish.packages, wish.keep_going)
    wanted = [name for name in wanted if not failed & workshop.graph.closure([name])] if failed else wanted
    done = {name for name, outcome in before.items() if outcome.status is Status.BUILT}
    plan = workshop.plan(wanted, force=[name for name in wanted if name not in done] if wish.force else ())
    workshop.require_base()  # what is wrong with the packages themselves was told first: it needs no base to be mended
    _warn(workshop, wanted, context.reporter)
    return workshop, plan


def _wanted(workshop: Workshop, asked: tuple[str, ...], keep_going: bool) -> list[str]:
    """What to build: what was asked for, or all; with ``keep_going`` all of which it is possible."""
    project = workshop.project
    if keep_going and not asked:
        faulty = {name for name in project.names if workshop.fault(name)}
        order = [name for name in workshop.graph.order if name in project.built]
        return [name for name in order if not faulty & workshop.graph.closure([name])]
    return project.choose_built(asked)


def _raise_faults(workshop: Workshop, asked: Collection[str]) -> None:
    """After all that was possible, say again what is wrong with the rest of what was wanted."""
    if faults := [fault for name in asked or workshop.project.names if (fault := workshop.fault(name))]:
        raise ConfigError(joined(faults).message, joined(faults).hint)  # without "nothing was done"


def _warn(workshop: Workshop, wanted: Collection[str], reporter: Reporter) -> None:
    """Tell what is not built, and what is wrong elsewhere in the workspace."""
    if workshop.remote and workshop.remote.stale and not workshop.offline:
        reporter.warn(f"planned with what the mirrors of the base offered last: {workshop.remote.stale}")
    for name, reason in workshop.project.left_out.items():
        reporter.tell(PackageLeftOut(name, reason))
    for name in workshop.project.names:
        if name not in wanted and (fault := workshop.fault(name)):
            reporter.warn(f"{name} is left alone: {fault.message}")


def _publish(workshop: Workshop, reporter: Reporter) -> bool:
    """Compose the repository; prove that it is closed once every package has a result."""
    changed, project, store = compose(workshop, reporter), workshop.project, workshop.store
    lacking = [name for name in project.built if store.current(name) is None]
    for name in lacking:
        if (result := store.last(name)) and (damage := store.damage(name, result.key)):
            reporter.warn(f"{name} is not in the repository: {damage}; build it again: planex build {name}")
    if not lacking:
        check_closure(workshop, reporter)
    return changed


def _summarise(planned: int, outcomes: list[Outcome], reporter: Reporter, took: str, changed: bool) -> None:
    if not outcomes and not changed:
        reporter.success(f"nothing to do, {planned} up to date ({took})")
        return
    counts = {status: sum(outcome.status is status for outcome in outcomes) for status in Status}
    text = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count)
    reporter.info(f"{text or 'repository composed'} in {took}")


def _raise_failures(outcomes: list[Outcome]) -> None:
    failures = [outcome.error for outcome in outcomes if isinstance(outcome.error, BuildFailed)]
    if len(failures) == 1:
        raise failures[0]
    if failures:
        raise SeveralFailed(failures)
    if late := [outcome.error for outcome in outcomes if outcome.status is Status.POSTPONED and outcome.error]:
        raise late[0]


def _plan_text(plan: Plan) -> str:
    width = max((len(step.package) for step in plan.steps), default=0)
    lines = [f"{step.action.value:6}  {step.package:{width}}  {few(step.reasons)}" for step in plan.steps]
    lines += [f"note    {package:{width}}  {text}" for package, text in plan.notes]
    builds, takes = len(plan.builds), len(plan.takes)
    taking = f"{takes} to take, " if takes else ""
    return "\n".join([*lines, f"{builds} to build, {taking}{len(plan.steps) - builds - takes} up to date"])


def _plan_json(plan: Plan) -> str:
    rows = [
        {"package": step.package, "action": step.action.value, "reasons": list(step.reasons), "needs": list(step.needs)}
        for step in plan.steps
    ]
    notes = [{"package": package, "note": text} for package, text in plan.notes]
    return json.dumps({"steps": rows, "notes": notes, "builds": len(plan.builds)}, indent=2)


def _outcome_json(project: Project, outcomes: list[Outcome]) -> str:
    rows = [
        {
            "package": outcome.package,
            "status": outcome.status.value,
            "seconds": round(outcome.seconds, 1),
            "error": without_passwords(outcome.error.message) if outcome.error else None,
        }
        for outcome in outcomes
    ]
    return json.dumps({"repository": str(project.repository), "packages": rows}, indent=2)
