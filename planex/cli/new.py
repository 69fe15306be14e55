# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex new``."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.content.locks import hold
from planex.distro.project import load_project
from planex.drafts import temporary_folder, write_atomic
from planex.engine.outcome import BuildFailed
from planex.engine.workshop import Workshop
from planex.errors import ConfigError, PlanexError
from planex.rpm.capability import Capability
from planex.rpm.nevra import require_name
from planex.scaffold.make import UNKNOWN_LICENCE, first_spec, mended, package_files
from planex.scaffold.mend import Mends, mends_of
from planex.scaffold.needs import Stock
from planex.scaffold.origin import Finder, Upstreamed
from planex.scaffold.spectext import NewSpec
from planex.scaffold.survey import survey
from planex.units import many

_ROUNDS = 8
"""Builds at most; each but the last mended something."""
_LOG = 64 << 20


@click.command(short_help="Write a package for an upstream source, and build it.")
@click.argument("name")
@click.argument("source", metavar="URL|DIR")
@click.option("--no-build", is_flag=True, help="Write the files only.")
@pass_context
def new(context: Context, name: str, source: str, no_build: bool) -> None:
    """Write specs/NAME for an upstream source, then build it, and mend what the log tells until it builds.

    URL is a tarball, a git repository, pypi:NAME, debian:NAME (a source package of the Debian archive), or a folder.
    What planex cannot know (a licence without a text that it knows, what nothing here provides) is told at the end.

    \b
    Examples:
      planex new tree debian:tree
      planex new python3-toml pypi:toml
      planex new jq https://HOST/jq-1.7.tar.gz
      planex new mine ../mine --no-build
    """
    folder = context.workspace.specs / require_name(name)
    if folder.exists():
        raise ConfigError(
            f"{context.workspace.relative(folder)} is there already", "choose another name, or move it away"
        )
    with (
        hold(context.workspace.lock, shared=True, patience=context.patience(wait=True)),
        context.reporter.task(name) as task,
        temporary_folder(context.workspace.cache, "new") as scratch,
    ):
        stock = known_stock(context)
        origin = Finder(context.workspace, task, scratch, context.config.downloads).find(name, source)
        spec = draft(context, origin, stock)
        write = partial(_write, context, origin)
        write(spec)
        if not no_build:  # while the folder is there that a local source lies in
            build_and_mend(context, spec, stock, write)
    echo(context.workspace.relative(folder / f"{name}.spec.j2"))


def draft(context: Context, origin: Upstreamed, stock: Stock) -> NewSpec:
    """The spec that follows from a source, told with what it lacks."""
    found = survey(origin.tarball)
    spec, needs = first_spec(origin, found, stock, _author(), datetime.now(UTC).strftime("%a %b %d %Y"))
    for lacking in needs.lacking:
        context.reporter.warn(f"nothing here provides {lacking}: it is left out")
    if spec.licence == UNKNOWN_LICENCE:
        context.reporter.warn(f"no licence that is known{_where(spec)}: write its SPDX name into License")
    return spec


def _where(spec: NewSpec) -> str:
    return f" in {', '.join(spec.licences)}" if spec.licences else ""


def _author() -> str:
    name = os.environ.get("DEBFULLNAME") or os.environ.get("GIT_AUTHOR_NAME") or "Your Name"
    mail = os.environ.get("DEBEMAIL") or os.environ.get("GIT_AUTHOR_EMAIL") or "you@example.org"
    return f"{name} <{mail}>"


def _write(context: Context, origin: Upstreamed, spec: NewSpec) -> None:
    """Put the package's files into the workspace."""
    for path, data in package_files(spec, origin).items():
        write_atomic(context.workspace.root / path, data)


def known_stock(context: Context) -> Stock:
    """What there is to build with."""
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    workshop = Workshop(project, offline=True)
    base = workshop.base
    if base is None:
        raise PlanexError(f"the base '{project.target.base}' is not known yet", "make it: planex base build")
    always = base.chosen(base.comes_with([Capability(word.lstrip("@")) for word in project.mock_config.setup_packages]))
    own = {each.name for package in project.built.values() for sub in package.subpackages for each in sub.provides}
    return Stock(
        lambda name: name in own or base.offers(Capability(name)), base.owners, frozenset(each.name for each in always)
    )


def build_and_mend(context: Context, spec: NewSpec, stock: Stock, write: Callable[[NewSpec], None]) -> None:
    """Build until it works or nothing more is known to mend. ``write`` puts a mended spec into the workspace."""
    lacking: dict[str, None] = {}
    failure: BuildFailed | None = None
    for rounds in range(1, _ROUNDS + 1):
        failure = _build(context, spec.name)
        if failure is None:
            context.reporter.success(f"{spec.name} builds ({many(rounds, 'try', 'tries')})")
            return
        mends = mends_of(_log(context, spec.name, failure), stock)
        lacking |= dict.fromkeys(mends.lacking)
        better = mended(spec, mends)
        if better is None:
            break
        context.reporter.info(f"mended: {_told(mends)}")
        write(spec := better)
    for name in lacking:
        context.reporter.warn(f"the build asks for {name}, which nothing here provides{_advice(context, name)}")
    assert failure is not None
    raise failure


def _advice(context: Context, name: str) -> str:
    base = Workshop(
        load_project(context.workspace, context.config, context.target_name, tolerant=True), offline=True
    ).base
    return context.advise(name, base) if base and "(" in name else ""


def _told(mends: Mends) -> str:
    parts = [f"BuildRequires {name}" for name in mends.needs]
    parts += [f"{many(len(mends.files), 'file')} into %files"] if mends.files else []
    parts += [f"{many(len(mends.absent), 'path')} out of %files"] if mends.absent else []
    return ", ".join(
        [*parts, *(["not noarch"] if mends.native else []), *(["installed without DESTDIR"] if mends.astray else [])]
    )


def _build(context: Context, name: str) -> BuildFailed | None:
    """Why it does not build. PlanexError where it was not tried at all."""
    from planex.cli.build import build_one

    try:
        build_one(context, name)
    except BuildFailed as error:
        if error.package != name:
            raise
        return error
    return None


def _log(context: Context, name: str, failure: BuildFailed) -> str:
    folder = context.workspace.logs(context.target_name, name)
    paths = [folder / "build.log", folder / "root.log", *([failure.log] if failure.log else [])]
    texts = [path.read_bytes()[-_LOG:].decode(errors="replace") for path in dict.fromkeys(paths) if path.is_file()]
    return "\n".join(texts) + "\n" + failure.message
