# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex work``: from an edit in a package's git tree to its compiled result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from planex.cli.context import Context, pass_context, wait_option
from planex.cli.groups import SectionedGroup, Sections
from planex.cli.output import echo
from planex.cli.patchqueue.options import offline_option
from planex.cli.patchqueue.tree import make_tree, write_back
from planex.content import shelf
from planex.content.locks import at_work, hold
from planex.distro.project import load_project
from planex.engine.outcome import BuildFailed
from planex.engine.workshop import Workshop
from planex.errors import LoggedError, PlanexError
from planex.git.repository import Repository
from planex.patchqueue.commits.checkout import is_checkout, read_record, require_committed
from planex.report import Task
from planex.units import clock, many
from planex.work.bench import CHECK, COMPILE, ReadyBench, home_of, kept_root
from planex.work.opening import open_bench, remember, tree_of
from planex.work.tree import files_now, fold_fixups, other_work, unsaved

COMMANDS: Sections = {
    "Commands": {
        "open": (
            "planex.cli.work:open_tree",
            "Make the tree, or bring it up to date (`planex work PKG` is short for it).",
        ),
        "build": ("planex.cli.work:build", "Compile what was edited, by the spec's %build."),
        "test": ("planex.cli.work:test", "Also install and run the spec's %check."),
        "shell": ("planex.cli.workshell:shell", "Open a shell, or run a command, where it is built."),
        "save": ("planex.cli.work:save", "Write the commits back into the queue; fixup! commits into theirs."),
        "status": ("planex.cli.work:status", "Show what is not compiled, not committed, not in the queue."),
        "done": ("planex.cli.work:done", "Delete what was compiled, and the tree if asked."),
    }
}


class _PackageFirst(SectionedGroup):
    """``planex work xen`` opens the tree of xen."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = not args or args[0] in self.list_commands(ctx) or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else ["open", *args])


@click.group(
    cls=_PackageFirst, sections=COMMANDS, short_help="Edit a package in a git tree and compile just what changed."
)
def work() -> None:
    """Work on a package in a git tree, with its buildroot attached.

    What is compiled is kept: a build after an edit compiles what that touches. Commands after the first know the
    package by the tree that they are typed in, or by its name.

    \b
    Examples:
      planex work xen && cd trees/xen            one commit per patch, ready to work in
      planex work build                          compile what was edited
      planex work test                           %check
      git commit -a --fixup HEAD~2; planex work save
    """


package_argument = click.argument("package", required=False)


@click.command(short_help="Make the tree, or bring it up to date (`planex work PKG` is short for it).")
@click.argument("package")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@offline_option
@pass_context
def open_tree(context: Context, package: str, folder: Path | None, offline: bool) -> None:
    """Make a git tree of PACKAGE in FOLDER (default: trees/PACKAGE), as `planex pq checkout` does; prints the folder.

    A tree that is there is brought up to date with the queue, unless there is work in it that the queue lacks.

    \b
    Example:
      planex work xen && cd trees/xen
    """
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    name, known = tree_of(project, package, Path())
    target = folder or known
    if is_checkout(target) and read_record(target).package == name and (texts := unsaved_texts(target)):
        context.reporter.warn(f"left as it is: {', '.join(texts)}")
    else:
        make_tree(context, name, target, offline=offline)
    remember(project, name, target)
    echo(context.workspace.relative(target))


@click.command(short_help="Compile what was edited, by the spec's %build.")
@package_argument
@click.option("--rpms", is_flag=True, help="Also install and pack: prints the packages.")
@click.option("--anew", is_flag=True, help="Begin with %prep, and compile all.")
@offline_option
@wait_option
@pass_context
def build(context: Context, package: str | None, rpms: bool, anew: bool, offline: bool, wait: bool) -> None:
    """Compile the tree of PACKAGE (default: the one in which this is typed) as it lies there, committed or not.

    The first time, %prep and %build are run as for any build. After that, files that were edited are copied to where
    it was compiled, and %build is run there again. What is compiled here is never a result of the workspace:
    `planex build` builds the queue, in a clean root.

    \b
    Examples:
      planex work build
      planex work build xen --rpms
    """
    made: list[Path] = []
    opened = opened_bench(context, package, offline=offline, wait=wait, anew=anew)
    with opened as (ready, began), stage(context, began, "compiled") as task:
        if rpms:
            made = ready.packages(task)
        else:
            ready.run(COMPILE, task)
    for path in made:
        echo(context.workspace.relative(path))


@click.command(short_help="Also install and run the spec's %check.")
@package_argument
@offline_option
@wait_option
@pass_context
def test(context: Context, package: str | None, offline: bool, wait: bool) -> None:
    """Compile what was edited, then run %install and %check of PACKAGE (default: of the tree in which this is typed).

    \b
    Example:
      planex work test
    """
    opened = opened_bench(context, package, offline=offline, wait=wait)
    with opened as (ready, began), stage(context, began, "tested") as task:
        ready.run(CHECK, task)


@click.command(short_help="Write the commits back into the queue; fixup! commits into theirs.")
@package_argument
@pass_context
def save(context: Context, package: str | None) -> None:
    """Write the tree's commits into the queue, as `planex pq refresh` does: one patch a commit.

    Commits made by `git commit --fixup` and `--squash` are put into theirs before. A conflict there changes nothing.

    \b
    Example:
      git commit -a --fixup HEAD~1 && planex work save
    """
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    name, folder = tree_of(project, package, Path())
    record = read_record(folder)
    tree = Repository(folder)
    require_committed(tree)
    if fold_fixups(tree, record.base):
        context.reporter.info("fixups are in their commits")
    write_back(context, name, folder)


@click.command(short_help="Show what is not compiled, not committed, not in the queue.")
@package_argument
@pass_context
def status(context: Context, package: str | None) -> None:
    """Show how the tree of PACKAGE (default: the one in which this is typed) stands.

    \b
    Example:
      planex work status xen
    """
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    name, folder = tree_of(project, package, Path())
    record = read_record(folder)
    echo(f"{name} {record.version} in {context.workspace.relative(folder)}")
    for text in unsaved_texts(folder) or ["all is in the queue"]:
        echo(f"  {text}")
    kept = kept_root(home_of(project, name))
    now = files_now(Repository(folder)) if kept else ""
    stands = "as compiled" if kept and kept.compiled == now else "not compiled as it is"
    echo(f"  {stands if kept else 'not compiled yet'}")


@click.command(short_help="Delete what was compiled, and the tree if asked.")
@package_argument
@click.option("--tree", "with_tree", is_flag=True, help="Delete the tree, too, if all in it is in the queue.")
@wait_option
@pass_context
def done(context: Context, package: str | None, with_tree: bool, wait: bool) -> None:
    """Delete what was compiled of PACKAGE (default: of the tree in which this is typed). The tree stays.

    With --tree it goes, too, but for one with work that is not in the queue: that is never deleted.

    \b
    Example:
      planex work done xen
    """
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    name, folder = tree_of(project, package, Path())
    home, patience = home_of(project, name), context.patience(wait=wait)
    with hold(context.workspace.lock, shared=True, patience=patience), hold(home / "lock", patience=patience):
        if with_tree:
            if texts := [*unsaved_texts(folder), *other_work(Repository(folder))]:
                raise PlanexError(
                    f"{folder} stays: {', '.join(texts)}", f"save it (planex work save), or: rm -r {folder}"
                )
            shelf.remove(folder)
        shelf.remove(home)


def unsaved_texts(folder: Path) -> list[str]:
    """What of a tree is not in the queue, in words."""
    record = read_record(folder)
    found = unsaved(Repository(folder), record.base, record.head)
    words = {"file": "not committed", "commit": "not in the queue"}
    return [f"{many(count, what)} {words[what]}" for what, count in found.items() if count]


@contextmanager
def stage(context: Context, began: Task, done: str) -> Iterator[Task]:
    """The task of what rpmbuild is asked for; at its end how long all took since the task ``began``."""
    with context.reporter.task(began.name) as task, _failing(task):
        yield task
    context.reporter.success(f"{began.name}: {done} in {clock(began.seconds)}")


@contextmanager
def opened_bench(
    context: Context, package: str | None, *, offline: bool, wait: bool = False, anew: bool = False
) -> Iterator[tuple[ReadyBench, Task]]:
    """A tree's bench with the files of the tree, for nobody else meanwhile, and the task of getting it ready.

    Other trees may be compiled as well.
    """
    patience = context.patience(wait=wait)
    with ExitStack() as stack:
        with at_work(context.workspace, context.target_name, patience):  # buildroots come and go
            project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
            name, folder = tree_of(project, package, Path())
            bench = open_bench(Workshop(project, offline), name, folder, offline=offline)
            for lock, shared in ((context.workspace.lock, True), (bench.home / "lock", False)):
                stack.enter_context(hold(lock, shared=shared, patience=patience))
            if anew:
                bench.forget()
            own = hold(bench.found.home / "lock", patience=patience)
            with own, context.reporter.task(name) as task, _failing(task):
                ready = bench.ready(task)
        yield ready, task


@contextmanager
def _failing(task: Task) -> Iterator[None]:
    """A program that fails is told as that of a build is."""
    try:
        yield
    except LoggedError as error:
        raise BuildFailed(task.name, task.current_phase, error, error.log) from None
