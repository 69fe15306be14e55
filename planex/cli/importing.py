# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex import``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.content.locks import hold
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.importers.incoming import Delivered, Incoming, deliver
from planex.report import Task
from planex.scaffold.spectext import NewSpec
from planex.sources.limits import Downloads


@click.command("import", short_help="Take in what others keep: planex 4, dist-git, SRPMs, Debian.")
@click.argument("source")
@click.option("--no-pins", is_flag=True, help="Of a planex 4 workspace: the links, where pins stand in for them.")
@click.option("--replace", is_flag=True, help="Write over what was changed here since it was imported.")
@click.option("--offline", is_flag=True, help="Fetch nothing; what links name by URL is reported instead.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@pass_context
def import_packages(context: Context, source: str, no_pins: bool, replace: bool, offline: bool, as_json: bool) -> None:
    """Take the packages of SOURCE into this workspace, and report what could not be carried.

    It can be done again at any time: what changed in SOURCE is brought up to date, and what was changed here stays.
    The record of that, imports.json, belongs into git. The exit status is 1 where a package was left as it is here.

    \b
    Examples:
      planex import ../xenserver-core && planex fetch --update && planex graph   a workspace of planex 4
      planex import xen-4.20.3-1.src.rpm           an SRPM
      planex import https://HOST/rpms/tree.git     a dist-git repository, or a clone: ../rpms/tree
      planex import debian:hello                   a Debian source package, or its .dsc file; builds it
    """
    if source.startswith("debian:") or source.endswith(".dsc"):
        _take_debian(context, source, replace=replace, as_json=as_json, offline=offline)
        return
    with (
        hold(context.workspace.lock, shared=True, patience=context.patience(wait=True)),
        context.reporter.task("import") as task,
        temporary_folder(context.workspace.cache, "import") as scratch,
    ):
        incoming = _read(context, source, scratch, task, pins=not no_pins, offline=offline)
        done = deliver(context.workspace, incoming, replace=replace)
    _report(done, as_json=as_json)


def _report(done: list[Delivered], *, as_json: bool) -> None:
    echo(json.dumps([asdict(each) for each in done], indent=2) if as_json else _text(done))
    kept = [each.name for each in done if each.status == "kept"]
    if kept:
        raise PlanexError(f"left as they are here: {', '.join(kept)}", "planex import --replace takes SOURCE's")


def _take_debian(context: Context, source: str, *, replace: bool, as_json: bool, offline: bool) -> None:
    """A source package is built as well: only a build tells what goes into %files."""
    from planex.cli.new import build_and_mend, draft, known_stock
    from planex.importers.debian import from_dsc, incoming
    from planex.scaffold.origin import Finder

    with (
        hold(context.workspace.lock, shared=True, patience=context.patience(wait=True)),
        context.reporter.task("import") as task,
        temporary_folder(context.workspace.cache, "import") as scratch,
    ):
        stock = known_stock(context)
        if source.endswith(".dsc"):
            origin = from_dsc(Path(source))
        else:
            _require_online(source, offline=offline)
            finder = Finder(context.workspace, task, scratch, context.config.downloads)
            origin = finder.find(source.removeprefix("debian:"), source)
        spec = draft(context, origin, stock)
        done = deliver(context.workspace, [incoming(origin, spec)], replace=replace)

        def mend(better: NewSpec) -> None:
            """What planex mends is no change of a person's."""
            deliver(context.workspace, [incoming(origin, better)], replace=True)

        try:
            if done[0].status in ("new", "updated"):
                build_and_mend(context, spec, stock, mend)
        finally:
            _report(done, as_json=as_json)


def _read(context: Context, source: str, scratch: Path, task: Task, *, pins: bool, offline: bool) -> list[Incoming]:
    from planex.distro.project import macros_for
    from planex.importers.oldsources import Resources
    from planex.importers.packaged import Packaged
    from planex.importers.planex4 import Planex4

    workspace, macros = context.workspace, macros_for(context.workspace, context.config, context.target_name)
    root = Path(source).absolute()
    if (root / "SPECS").is_dir():
        old = Planex4(root, Resources(root, scratch, _fetcher(context, task, offline)), pins)
        return old.incoming(macros, workspace.cache / "specs")
    folder = _unpacked(source, scratch, context.config.downloads, offline=offline)
    return [Packaged(folder, source, workspace, macros, scratch).incoming()]


def _require_online(source: str, *, offline: bool) -> None:
    if offline and not source.startswith("file:"):
        raise PlanexError(f"{source} was not fetched (--offline)")


def _unpacked(source: str, scratch: Path, limits: Downloads, *, offline: bool) -> Path:
    """The folder with a spec: the one that is there, a clone, or what an SRPM holds."""
    path = Path(source)
    if path.is_file():
        from planex.importers.srpm import unpack_srpm

        return unpack_srpm(path, scratch)
    if source.endswith(".src.rpm"):
        raise PlanexError(f"there is no file {source}", "fetch it first: planex import takes an SRPM that is here")
    if "://" in source or source.endswith(".git"):
        _require_online(source, offline=offline)
        from planex.git.door import run_git
        from planex.run import NETWORK

        run_git(scratch, ["clone", "--quiet", "--", source, "clone"], inherit=NETWORK, timeout=limits.seconds)
        return scratch / "clone"
    if not any(path.glob("*.spec")):
        raise PlanexError(f"{source}: nothing that can be imported is there", "known: planex import --help")
    return path.absolute()


def _fetcher(context: Context, task: Task, offline: bool) -> Callable[[str], Path]:
    def fetch(url: str) -> Path:
        from planex.sources.fetch import fetch_unknown

        _require_online(url, offline=offline)
        return fetch_unknown(context.workspace, url, task, context.config.downloads)[1]

    return fetch


def _text(done: list[Delivered]) -> str:
    lines = [f"{each.name}: {remark}" for each in done for remark in each.remarks]
    counts = {
        status: sum(each.status == status for each in done if each.files)
        for status in ("new", "updated", "unchanged", "kept")
    }
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return "\n".join([*lines, told])
