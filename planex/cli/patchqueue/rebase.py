# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue rebase``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import columns, echo
from planex.cli.patchqueue.opening import alone, orders_for, queue_of
from planex.cli.patchqueue.options import (
    accept_option,
    guards_option,
    json_option,
    offline_option,
    settings_option,
    without_option,
)
from planex.drafts import write_atomic
from planex.pages.rebase import report_files, report_text
from planex.pages.table import fitted, indented
from planex.pages.verdicts import summary, verdict_rows
from planex.patchqueue.carry.baseline import versions_before
from planex.patchqueue.carry.forecast import Version
from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.verdict import Fate
from planex.rebase.package import PackageQueue
from planex.rebase.rebase import Finished, Progress, Rebase, Stopped
from planex.rebase.versions import Goal, described
from planex.report import Reporter


@dataclass(frozen=True, slots=True)
class _Action:
    """Which of the ways to go on was asked for, if any."""

    go_on: bool
    skip: bool
    drop: str | None
    abort: bool
    status: bool
    accept: frozenset[str]

    @property
    def count(self) -> int:
        return sum((self.go_on, self.skip, self.drop is not None, self.abort, self.status))


@dataclass(frozen=True, slots=True)
class Journey:
    """What a rebase that begins was asked to do."""

    version: str
    via: tuple[str, ...]
    settings: dict[str, str]
    orders: Orders


@click.command(short_help="Carry the queue to another upstream version.")
@click.argument("package")
@click.argument("version", required=False)
@click.option("--continue", "go_on", is_flag=True, help="Take over the conflict solved in the tree and go on.")
@click.option("--skip", is_flag=True, help="Leave the patch out for now; it stays in the series, guarded, and go on.")
@click.option("--drop", metavar="REASON", help="Take the patch out of the queue for this reason and go on.")
@click.option("--abort", is_flag=True, help="Give up; the queue is as it was.")
@click.option("--status", is_flag=True, help="Show where the rebase stands.")
@click.option("--keep", multiple=True, metavar="PATCH", help="Keep this patch even if it seems to be upstream.")
@accept_option
@click.option("--build", is_flag=True, help="At the end build what was carried, and find the patch that breaks it.")
@without_option
@click.option(
    "--via", multiple=True, metavar="VERSION", help="A version in between (default: those of the last forecast)."
)
@settings_option
@guards_option
@json_option
@offline_option
@pass_context
def rebase(
    context: Context,
    package: str,
    version: str | None,
    go_on: bool,
    skip: bool,
    drop: str | None,
    abort: bool,
    status: bool,
    keep: tuple[str, ...],
    accept: tuple[str, ...],
    build: bool,
    without: dict[str, str],
    via: tuple[str, ...],
    settings: dict[str, str],
    guards: tuple[str, ...],
    as_json: bool,
    offline: bool,
) -> None:
    """Carry the queue of PACKAGE to VERSION: a version number, a tarball's or folder's path, or a URL (also debian:).

    All patches are judged first. It stops only at those that need a person, in the tree trees/PACKAGE-rebase; solve the
    conflict there and type --continue. At the end the queue, package.yaml and the checksums are written together.
    Exit status 1: stopped.

    \b
    Examples:
      planex pq rebase xen 4.21.0
      planex pq rebase xen debian:pool/main/x/xen/xen_4.20.3+127-gc42374a105.orig.tar.xz
      planex pq rebase xen 4.21.0 --accept words --accept spaces
      planex pq rebase xen --continue
      planex pq rebase xen --drop "replaced by upstream's own option"
    """
    action = _Action(go_on, skip, drop, abort, status, frozenset(accept))
    if action.count + (version is not None) != 1:
        raise click.UsageError("give either a version, or one of --continue, --skip, --drop, --abort, --status")
    found = _reopen(queue_of(context, package, guards, offline=offline), context, offline)
    with alone(found):
        if version is not None:
            orders = replace(orders_for(found, keep, without), accept=frozenset(accept))
            plan = Journey(version, via, settings, orders)
            progress: Progress | None = start(context.reporter, found, plan, as_json)
        else:
            progress = _carry_on(context.reporter, found, action, as_json)
        if isinstance(progress, Finished) and build:
            _prove(context, found, progress)


def _reopen(found: PackageQueue, context: Context, offline: bool) -> PackageQueue:
    """The queue with the guards that the rebase under way began with."""
    with context.reporter.task(found.name) as task:
        state = Rebase(found, task).state
    if state is None or state.guards == tuple(sorted(found.guards)):
        return found
    return queue_of(context, found.name, state.guards, offline=offline)


def start(reporter: Reporter, found: PackageQueue, plan: Journey, as_json: bool) -> Progress:
    """Begin a rebase; it is done at the end, or the process exits with status 1, as it waits for a person."""
    with reporter.task(found.name) as task:
        Rebase(found, task).must_be_free()
        old = found.current(task)
        aim = found.goal(plan.version, plan.settings, task)
        via = [found.goal(version, {}, task).version for version in plan.via]
        via = via or versions_before(found.home, old.label, aim.version.label)
        if not as_json:
            _foretell(reporter, found, old, aim, via, plan.orders)
        progress = Rebase(found, task).start(aim, plan.orders, via)
    return _show(reporter, found, progress, as_json)


def _foretell(
    reporter: Reporter, found: PackageQueue, old: Version, aim: Goal, via: list[Version], orders: Orders
) -> None:
    """The fate of the whole queue, before anything is done."""
    forecaster = found.forecaster(old, orders, found.upstream_commits(old, [aim]))
    column = forecaster.matrix([*via, aim.version]).columns[-1]
    reporter.info(" -> ".join([f"{found.name}: {old.label}", *(version.label for version in via), aim.version.label]))
    for line in described(aim.variables, found.project.recipes[found.name].settings.variables):
        reporter.info(f"  package.yaml: {line}")
    for line in fitted(verdict_rows(column.verdicts), columns(), 2).splitlines():
        reporter.info(line)
    reporter.info(f"  {summary(verdict.status for verdict in column.verdicts)}")


def _carry_on(reporter: Reporter, found: PackageQueue, action: _Action, as_json: bool) -> Progress | None:
    with reporter.task(found.name) as task:
        rebase_ = Rebase(found, task)
        if action.status:
            echo(_status_json(rebase_) if as_json else _status_text(rebase_))
            return None
        if action.abort:
            kept = rebase_.abort()
            reporter.info("given up; the queue is as it was" + (f"; the tree is now {kept}" if kept else ""))
            return None
        progress = rebase_.go_on(action.accept) if action.go_on else rebase_.decide(drop=action.drop)
    return _show(reporter, found, progress, as_json)


def _show(reporter: Reporter, found: PackageQueue, progress: Progress, as_json: bool) -> Progress:
    while isinstance(progress, Stopped):
        _show_stop(reporter, found, progress, as_json)
        if as_json or progress.verdict.status is not Fate.PROPOSAL or not _taken():
            sys.exit(1)
        with reporter.task(found.name) as task:
            progress = Rebase(found, task).go_on()
    _show_end(reporter, found, progress, as_json)
    return progress


def _prove(context: Context, found: PackageQueue, end: Finished) -> None:
    """Build what was carried, and say so in the report."""
    from planex.cli.patchqueue.trying import prove

    proof = prove(context, found, end.state, offline=found.offline)
    report = {**end.state.report, "build": proof.to_json()}
    for name, text in report_files(report).items():
        write_atomic(end.reports / name, text)
    if not proof.builds:
        context.reporter.error(f"{found.name} {end.state.new.label}: {proof.text}")
        sys.exit(1)
    context.reporter.info(f"{found.name} {end.state.new.label}: {proof.text}")


def _taken() -> bool:
    """Whether the person at the terminal, if there is one, takes the proposal by a key."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    echo("take it? y: yes; any other key: stop here ", nl=False, err=True)
    key = click.getchar()
    echo(key, err=True)
    return key in ("y", "Y")


def _show_stop(reporter: Reporter, found: PackageQueue, stop: Stopped, as_json: bool) -> None:
    with reporter.task(found.name) as task:
        folder = found.project.workspace.relative(Rebase(found, task).tree.folder)
    if as_json:
        echo(json.dumps({"stopped": stop.verdict.to_json(), "tree": folder, "upstream": list(stop.upstream)}))
    number = len(stop.state.verdicts) + 1
    reporter.error(f"patch {number} of {stop.total}, {stop.verdict.patch}: {stop.verdict.status}")
    reporter.plain(f"  {stop.link.patch.subject}")
    if why := stop.verdict.why:
        reporter.plain(fitted([(why,)], columns(), 2))
    for line in stop.upstream:
        reporter.plain(f"  upstream: {line}")
    if stop.offer:
        reporter.plain("  in the new version:")
        reporter.plain(indented(stop.offer.change))
        reporter.plain("  beside the patch as it was:")
        reporter.plain(indented(stop.offer.beside))
    name = found.name
    if stop.verdict.status is Fate.PROPOSAL:
        reporter.plain(f"it lies in {folder} (git diff HEAD); change what is wrong, git add, then one of")
    elif stop.verdict.status is Fate.DOUBTFUL:
        reporter.plain(f"look at it in {folder} (git diff HEAD), change what is wrong, git add, then one of")
    elif stop.link.applies:
        reporter.plain(
            f"solve it in {folder} (HEAD is the new queue so far; the patch's side is {stop.link.commit[:12]},"
            f"\nin its old surroundings: git log -p old-upstream..old-queue), git add, then one of"
        )
    else:
        reporter.plain(f"apply {stop.link.patch.path} by hand in {folder}, git add, then one of")
    reporter.plain(
        f"  planex pq rebase {name} --continue        it is solved\n"
        f"  planex pq rebase {name} --drop REASON     it is not needed any more\n"
        f"  planex pq rebase {name} --skip            leave it out for now\n"
        f"  planex pq rebase {name} --abort           give up"
    )


def _show_end(reporter: Reporter, found: PackageQueue, end: Finished, as_json: bool) -> None:
    report = end.state.report
    for name, text in report_files(report).items():
        write_atomic(end.reports / name, text)
    echo(json.dumps(report, indent=1) if as_json else report_text(report, columns()), nl=as_json)
    with reporter.task(found.name) as task:
        left = Rebase(found, task).clean_up()
    if left:
        reporter.warn(f"{left} holds files that are not in a commit, so it stays")
    folder = found.project.workspace.relative(end.reports)
    reporter.info(f"written: the queue, package.yaml, sources; report and commit message in {folder}")
    reporter.info(f"next: planex build {found.name}, then")
    reporter.info(f"  git add patchqueues/{found.name} specs/{found.name}")
    reporter.info(f"  git commit -F {folder}/commit-message.txt")


def _status_json(rebase_: Rebase) -> str:
    state = rebase_.state
    if state is None:
        return json.dumps({"under_way": False})
    data = {
        "under_way": True,
        "from": state.old.label,
        "to": state.new.label,
        "done": [verdict.to_json() for verdict in state.verdicts],
        "stopped_at": rebase_.stopped_at,
        "tree": str(rebase_.tree.folder),
    }
    return json.dumps(data, indent=1)


def _status_text(rebase_: Rebase) -> str:
    state = rebase_.state
    if state is None:
        return f"no rebase of {rebase_.package.name} is under way"
    lines = [f"{state.package}: {state.old.label} -> {state.new.label}"]
    lines += [fitted(verdict_rows(state.verdicts), columns())] if state.verdicts else []
    total = len(rebase_.package.queue.applied)
    if state.writes is not None:
        lines.append("all patches are done; the files are being written: --continue")
    else:
        lines.append(f"stopped at patch {len(state.verdicts) + 1} of {total}: {rebase_.stopped_at}")
    return "\n".join(lines)
