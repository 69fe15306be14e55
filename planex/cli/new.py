# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex new``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime

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
from planex.scaffold.make import UNKNOWN_LICENCE, first_spec, mended, package_files
from planex.scaffold.mend import Mends, mends_of
from planex.scaffold.needs import Stock
from planex.scaffold.origin import Finder, Upstreamed
from planex.scaffold.spectext import NewSpec
from planex.scaffold.survey import survey
from planex.units import many

_ROUNDS = 8
"""Builds at most; each but the last mended something."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
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
    if not _NAME.fullmatch(name):
        raise ConfigError(f"'{name}' cannot be the name of a package", "letters, digits and . _ + - only")
    folder = context.workspace.specs / name
    if folder.exists():
        raise ConfigError(
            f"{context.workspace.relative(folder)} is there already", "choose another name, or move it away"
        )
    with (
        hold(context.workspace.lock, shared=True, patience=context.patience(wait=True)),
        context.reporter.task(name) as task,
        temporary_folder(context.workspace.cache, "new") as scratch,
    ):
        origin = Finder(context.workspace, task, scratch, context.config.downloads).find(name, source)
        spec, stock = draft(context, origin)
        write(context, spec, origin)
        if not no_build:  # while the folder is there that a local source lies in
            build_and_mend(context, spec, origin, stock)
    echo(context.workspace.relative(folder / f"{name}.spec.j2"))


def draft(context: Context, origin: Upstreamed) -> tuple[NewSpec, Stock]:
    """The spec that follows from a source, told with what it lacks; and what there is to build it with."""
    found, stock = survey(origin.tarball), _stock(context)
    spec, needs = first_spec(origin, found, stock, _author(), datetime.now(UTC).strftime("%a %b %d %Y"))
    for lacking in needs.lacking:
        context.reporter.warn(f"nothing here provides {lacking}: it is left out")
    if spec.licence == UNKNOWN_LICENCE:
        context.reporter.warn(f"no licence that is known{_where(spec)}: write its SPDX name into License")
    return spec, stock


def _where(spec: NewSpec) -> str:
    return f" in {', '.join(spec.licences)}" if spec.licences else ""


def _author() -> str:
    name = os.environ.get("DEBFULLNAME") or os.environ.get("GIT_AUTHOR_NAME") or "Your Name"
    mail = os.environ.get("DEBEMAIL") or os.environ.get("GIT_AUTHOR_EMAIL") or "you@example.org"
    return f"{name} <{mail}>"


def write(context: Context, spec: NewSpec, origin: Upstreamed) -> None:
    """Put the package's files into the workspace."""
    for path, data in package_files(spec, origin).items():
        write_atomic(context.workspace.root / path, data)


def _stock(context: Context) -> Stock:
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


def build_and_mend(context: Context, spec: NewSpec, origin: Upstreamed, stock: Stock) -> NewSpec:
    """Build until it works or nothing more is known to mend; the spec that was built."""
    lacking: dict[str, None] = {}
    failure: BuildFailed | None = None
    for rounds in range(1, _ROUNDS + 1):
        failure = _build(context, spec.name)
        if failure is None:
            context.reporter.success(f"{spec.name} builds ({many(rounds, 'try', 'tries')})")
            return spec
        mends = mends_of(_log(context, spec.name, failure), stock)
        lacking |= dict.fromkeys(mends.lacking)
        better = mended(spec, mends)
        if better is None:
            break
        context.reporter.info(f"mended: {_told(mends)}")
        write(context, better, origin)
        spec = better
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
    from planex.cli.build import BuildWish, carry_out

    _, outcomes = carry_out(context, BuildWish((name,), False, None, None, False, False), wait=True)
    failures: Iterable[BuildFailed] = (each.error for each in outcomes if isinstance(each.error, BuildFailed))
    return next(iter(failures), None)


def _log(context: Context, name: str, failure: BuildFailed) -> str:
    folder = context.workspace.logs(context.target_name, name)
    paths = [folder / "build.log", folder / "root.log", *([failure.log] if failure.log else [])]
    texts = [path.read_bytes()[-_LOG:].decode(errors="replace") for path in dict.fromkeys(paths) if path.is_file()]
    return "\n".join(texts) + "\n" + failure.message
