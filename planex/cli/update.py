# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex update``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.cli.patchqueue.opening import alone, queue_of
from planex.cli.patchqueue.rebase import Journey, start
from planex.content.locks import hold
from planex.distro.project import Project, load_project
from planex.errors import ConfigError, PlanexError
from planex.git.repository import Repository
from planex.pages.rebase import commit_message
from planex.pages.verdicts import summary
from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.verdict import Verdict
from planex.rebase.newer import Newer, find_newer
from planex.rebase.rebase import Finished


@click.command(short_help="Show what is new upstream, and go there.")
@click.argument("packages", nargs=-1)
@click.option("--apply", "carry", is_flag=True, help="Carry PACKAGES there, build them, and commit each.")
@click.option("--no-build", is_flag=True, help="With --apply: commit what was carried without building it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_context
def update(context: Context, packages: tuple[str, ...], carry: bool, no_build: bool, as_json: bool) -> None:
    """Show which of PACKAGES (default: all) have a newer version upstream, and what would become of their queues.

    Where to look follows from the source's address (debian:, pypi:, git, the folder on a web server), or stands in
    package.yaml (update). A patch that needs a person stops --apply, as it does planex patchqueue rebase.

    \b
    Examples:
      planex update                    all packages
      planex update --apply busybox    carry it over, build it, leave a commit
    """
    if (carry and not packages) or (as_json and carry):
        raise click.UsageError("--apply takes the packages to carry, and prints no JSON")
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    rows: list[dict[str, object]] = []
    failures: dict[str, PlanexError] = {}
    for name in project.choose(packages):
        try:
            found = _look(context, project, name)
        except PlanexError as error:
            failures[name] = error
            context.reporter.warn(f"{name}: {error.message}")
            continue
        if found is None:
            continue
        verdicts = (
            _forecast(context, found) if found.newest and not carry and project.recipes[name].queue.patches else ()
        )
        queue = summary(verdict.status for verdict in verdicts) if verdicts else ""
        rows.append({**asdict(found), "queue": queue})
        if not as_json:
            echo(_line(found, queue))
        if carry and found.newest:
            _apply(context, found, build=not no_build)
    if as_json:
        echo(json.dumps(rows, indent=2))
    if failures:
        hints = dict.fromkeys(error.hint for error in failures.values() if error.hint)
        raise PlanexError(f"could not be told of {', '.join(failures)}", "; ".join(hints) or None)


def _look(context: Context, project: Project, name: str) -> Newer | None:
    with hold(context.workspace.lock, shared=True), context.reporter.task(name) as task:
        return find_newer(project, name, task)


def _line(found: Newer, queue: str) -> str:
    arrow = f"{found.version} -> {found.newest}" if found.newest else f"{found.version} is the newest"
    return f"{found.package}: {arrow} ({found.where})" + (f"; its queue: {queue}" if queue else "")


def _forecast(context: Context, found: Newer) -> Sequence[Verdict]:
    queue = queue_of(context, found.package)
    with alone(queue), context.reporter.task(found.package) as task:
        old, aim = queue.current(task), queue.goal(found.wanted, {}, task)
        return queue.forecaster(old, Orders(), queue.upstream_commits(old, [aim])).column(aim.version).verdicts


def _apply(context: Context, found: Newer, *, build: bool) -> None:
    """Carry a package to the newest version; ends in a commit, or in a rebase that waits for a person."""
    name, repository = found.package, Repository(context.workspace.root)
    paths = [path for path in (f"specs/{name}", f"patchqueues/{name}") if (context.workspace.root / path).exists()]
    if repository.attempt("rev-parse", "--git-dir")[0]:
        raise ConfigError(f"{context.workspace.root} is in no git repository", "--apply leaves a commit: git init")
    if repository.git("status", "--porcelain", "--", *paths):
        raise ConfigError(
            f"{name} has changes that are in no commit", "commit them first: --apply leaves one of its own"
        )
    queue = queue_of(context, name)
    with alone(queue):
        progress = start(context.reporter, queue, Journey(found.wanted, (), {}, Orders()), False)
    assert isinstance(progress, Finished)
    built = _built(context, name) if build else "not built"
    repository.git("add", "--", *paths)
    repository.git("commit", "--quiet", "-m", _story(commit_message(progress.state.report), found, built), "--", *paths)
    echo(repository.git("log", "-1", "--format=%h %s"))


def _built(context: Context, name: str) -> str:
    from planex.cli.build import build_one

    result = build_one(context, name).store.current(name)
    return "built: " + ", ".join(sorted(Path(file).name for file in result.files)) if result else "not built"


def _story(message: str, found: Newer, built: str) -> str:
    """The rebase's own message, with where the version was found and what was built."""
    return f"{message.rstrip()}\n\nFound at {found.where}; {built}.\n"
