# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex why``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.cli.sharing import depots_of
from planex.content.store import Result
from planex.distro.config import load_config
from planex.distro.project import load_project
from planex.engine.workshop import Workshop
from planex.errors import ConfigError, PlanexError
from planex.pages.why import since_text, why_text
from planex.units import many, moment
from planex.workspace import Workspace

_SHARED = ("base", "cache", "downloads")


@click.command(short_help="Say why a package is built, or what changed it since a commit.")
@click.argument("package")
@click.option("--since", metavar="REV", help="Compare with a commit of the workspace, and not with the last result.")
@pass_context
def why(context: Context, package: str, since: str | None) -> None:
    """Say why the next build would build PACKAGE, or why it would not. Nothing is built.

    Its spec, sources, patches, files, buildroot and what it needs are compared with those of the result in use. With
    --since its own files, and those of all that it needs, are compared with a commit; its base is not.

    \b
    Examples:
      planex why xen                what is not as it was when xen was built last
      planex why xen --since HEAD~3 what three commits and uncommitted changes did to xen
    """
    with depots_of(context, ()) as depots:
        project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
        workshop = Workshop(project, offline=bool(since), advise=context.advise, depots=depots)
        (name,) = project.choose_built([package])
        if since is None:
            plan = workshop.plan([name])
            workshop.require_base()
            last = workshop.store.last(name)
            echo(why_text(name, plan, _result_text(last) if last else ""))
        else:
            echo(_since(context, workshop, name, since))


def _result_text(result: Result) -> str:
    return f"{result.key[:12]} of {moment(result.finished)}, {many(len(result.inputs.rows), 'input')}"


def _since(context: Context, workshop: Workshop, package: str, rev: str) -> str:
    from planex.engine.since import changes_since
    from planex.git.checkout import check_out, commit_of

    commit = commit_of(context.workspace.root, rev)
    with _elsewhere() as folder:
        root = check_out(context.workspace.root, commit, folder / "tree")
        old = _workshop_at(context, Workspace(root), rev)
        return since_text(package, f"{rev} ({commit[:12]})", changes_since(old, workshop, package))


@contextmanager
def _elsewhere() -> Iterator[Path]:
    with TemporaryDirectory(prefix="planex-why.", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # cages are other users
        yield Path(name)


def _workshop_at(context: Context, workspace: Workspace, rev: str) -> Workshop:
    """The workspace as it was, with this one's base and caches."""
    if not workspace.config.is_file():
        raise PlanexError(f"there is no planex.yaml at {rev}", "name a commit in which the workspace is")
    workspace.build.mkdir(exist_ok=True)
    for name in _SHARED:
        (workspace.build / name).symlink_to(context.workspace.build / name)
    try:
        config = load_config(workspace)
        if context.target_name not in config.targets:
            raise PlanexError(f"there is no target '{context.target_name}' at {rev}", "name another: planex --target")
        return Workshop(load_project(workspace, config, context.target_name, tolerant=True), offline=True)
    except ConfigError as error:
        raise ConfigError(f"the workspace at {rev} cannot be read: {error.message}", error.hint) from None
