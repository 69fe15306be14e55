# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex store status``, ``push``, ``pull`` and ``gc``: stores that machines share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from planex.cli.context import Context, pass_context, sign_option, wait_option
from planex.cli.output import echo
from planex.cli.parsed import parsed
from planex.cli.sharing import depots_of, signer_of_stores, stores_of
from planex.cli.sizes import size
from planex.content import shelf
from planex.content.locks import at_work
from planex.content.store import Store
from planex.errors import ConfigError, PlanexError
from planex.units import many, parse_size, parse_time

if TYPE_CHECKING:
    from planex.engine.workshop import Workshop
    from planex.sharing.depot import Depot
    from planex.sharing.depots import Depots

urls_option = click.option("--store", "urls", multiple=True, metavar="URL", help="This store, not planex.yaml's.")


def _require_stores(context: Context, urls: tuple[str, ...]) -> None:
    if context.graft:
        raise ConfigError("a rebuild with published signatures shares nothing", "leave --graft out")
    if not (urls or context.config.store):
        raise ConfigError("planex.yaml names no store", "add 'store: [{url: ...}]'; see docs/store.md")


@click.command(short_help="Show the shared stores, and what they have of this workspace.")
@urls_option
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@pass_context
def status(context: Context, urls: tuple[str, ...], as_json: bool) -> None:
    """Ask each shared store whether it answers, and for the results that are in use here.

    \b
    Example:
      planex store status
    """
    _require_stores(context, urls)
    from planex.sharing.opening import lacking, open_depots

    settings = stores_of(context, urls)
    signs = signer_of_stores(context, settings) is not None
    rows = []
    for each, depot in zip(settings, open_depots(settings, context.workspace, signs=signs), strict=True):
        readonly = lacking(each, signs=signs, environment=os.environ)
        rows.append({"url": each.url, "trusted": each.trusted, "readonly": readonly, **_look(context, depot)})
    echo(json.dumps(rows, indent=2) if as_json else "\n".join(map(_status_text, rows)))


def _look(context: Context, depot: Depot) -> dict[str, Any]:
    """What a store has of the results in use; ``fault``: why it cannot be asked."""
    from planex.sharing.depot import BadEntry
    from planex.sharing.place import Unreachable

    results = _current(context)
    found, bad = 0, []
    for package, result in results.items():
        try:
            found += depot.lookup(result.key, package) is not None
        except BadEntry as error:
            bad.append(error.message)
        except Unreachable as error:
            return {"results": len(results), "found": found, "bad": bad, "fault": error.message}
    return {"results": len(results), "found": found, "bad": bad, "fault": "" if results else _knock(depot)}


def _knock(depot: Depot) -> str:
    from planex.sharing.place import Unreachable

    try:
        depot.place.has("ac/" + "0" * 64)
    except Unreachable as error:
        return error.message
    return ""


def _status_text(row: dict[str, Any]) -> str:
    if row["fault"]:
        return f"{row['url']}\n  does not serve: {row['fault']}"
    lines = [row["url"], f"has {row['found']} of the {many(row['results'], 'result')} in use here", *row["bad"]]
    return "\n  ".join([*lines, f"nothing is pushed: {row['readonly']}" if row["readonly"] else "is pushed to"])


def _current(context: Context) -> dict[str, Any]:
    """The results in use of the target, whole ones, by package."""
    store = Store(context.workspace.target(context.target_name) / "store")
    names = dict.fromkeys(package for package, _ in store.results())
    return {name: result for name in names if (result := store.current(name))}


@click.command(short_help="Push the results that are in use here to the shared stores.")
@click.argument("packages", nargs=-1)
@urls_option
@sign_option
@wait_option
@pass_context
def push(context: Context, packages: tuple[str, ...], urls: tuple[str, ...], wait: bool) -> None:
    """Push the results in use (default: of all packages) to each store that takes some.

    \b
    Example:
      planex build --no-store && planex store push
    """
    _require_stores(context, urls)
    from planex.engine.exchange import parcel

    with at_work(context.workspace, context.target_name, context.patience(wait=wait)):
        results = _current(context)
        if unknown := [name for name in packages if name not in results]:
            raise ConfigError(f"no result of {', '.join(unknown)} is here", "build it first: planex build")
        with depots_of(context, urls) as depots:
            assert depots is not None
            _require_push(context, urls, depots)
            for name in packages or results:
                logs = context.workspace.logs(context.target_name, name)
                depots.push(partial(parcel, name, results[name], logs))
            pushed = depots.finish()
    wanted = len(packages or results) * sum(depot.push for depot in depots.depots)
    if pushed < wanted:
        raise PlanexError(f"{wanted - pushed} of {many(wanted, 'result')} could not be pushed")
    echo(f"{many(pushed, 'result')} pushed")


def _require_push(context: Context, urls: tuple[str, ...], depots: Depots) -> None:
    if any(depot.push for depot in depots.depots):
        return
    from planex.sharing.opening import lacking

    settings = stores_of(context, urls)
    signs = signer_of_stores(context, settings) is not None
    texts = [f"{each.url}: {lacking(each, signs=signs, environment=os.environ)}" for each in settings]
    raise PlanexError("nothing can be pushed from here:\n  " + "\n  ".join(texts), "see docs/store.md")


@click.command(short_help="Take what the shared stores have, and build nothing.")
@click.argument("packages", nargs=-1)
@click.option("--logs", is_flag=True, help="Take the logs of the builds as well, into _build/<target>/logs.")
@urls_option
@wait_option
@pass_context
def pull(context: Context, packages: tuple[str, ...], logs: bool, urls: tuple[str, ...], wait: bool) -> None:
    """Take the results that PACKAGES (default: all) and what they need lack here, as far as shared stores have them.

    \b
    Example:
      planex store pull && planex build --offline
    """
    _require_stores(context, urls)
    from planex.distro.project import load_project
    from planex.engine.workshop import Workshop

    with (
        at_work(context.workspace, context.target_name, context.patience(wait=wait)),
        depots_of(context, urls) as depots,
    ):
        project = load_project(context.workspace, context.config, context.target_name)
        workshop = Workshop(project, advise=context.advise, depots=depots)
        wanted = project.choose_built(packages)
        taken = sum(
            _take(context, workshop, name, logs) for name in [step.package for step in workshop.plan(wanted).takes]
        )
        builds = [step.package for step in Workshop(project, advise=context.advise).plan(wanted).builds]
    echo(f"{many(taken, 'result')} taken, {len(builds)} to build" + (f": {', '.join(builds)}" if builds else ""))


def _take(context: Context, workshop: Workshop, name: str, logs: bool) -> bool:
    from planex.engine.exchange import fetch_logs, take
    from planex.engine.offering import find

    assert workshop.depots is not None
    found = find(workshop.depots, name, workshop.whole(name).key)
    with context.reporter.task(name) as task:
        store = take(workshop, name, workshop.project.folder / "work" / "build" / name, task)
    if store and logs and found:
        fetch_logs(found, shelf.fresh(context.workspace.logs(context.target_name, name)))
    return bool(store)


def verify_shared(context: Context, urls: tuple[str, ...], *, repair: bool) -> None:
    """Read shared stores whole: folders all that they have, servers what they have of the results in use here.

    ``repair``: delete what is damaged in folders.
    """
    _require_stores(context, urls)
    from planex.sharing.opening import folder_of, open_depots, unproved

    settings = unproved(urls) or context.config.store
    faults = 0
    if repair and (servers := [each.url for each in settings if not folder_of(each)]):
        hint = "a server's store is repaired in the folder where it keeps it: --store file:/..."
        raise ConfigError(f"{', '.join(servers)}: --repair deletes files, and this is no folder", hint)
    for each, depot in zip(settings, open_depots(settings, context.workspace, signs=False), strict=True):
        folder = folder_of(each)
        for text in _faults_of_folder(context, folder, repair) if folder else _faults_of_server(context, depot):
            context.reporter.failure(text)
            faults += 1
    if faults and not repair:
        hint = (
            "planex store verify --shared --repair deletes what is damaged; who builds it next, and may push, brings it"
        )
        raise PlanexError(
            f"{many(faults, 'thing')} in shared stores {'is' if faults == 1 else 'are'} not as expected", hint
        )
    echo(f"{many(len(settings), 'shared store')} whole" + (", what was damaged is deleted" if faults else ""))


def _faults_of_folder(context: Context, root: Path, repair: bool) -> Iterator[str]:
    from planex.sharing.keeping import collect, faults, rivals, survey

    if not root.is_dir():
        raise PlanexError(f"there is no folder {root}", "mount it, or see to 'store' in planex.yaml")
    with context.reporter.task("store") as task:
        task.phase("verify")
        laid = survey(root)
        found = list(faults(laid, task.progress))
    yield from (f"file:{path} {what}" for path, what in found)
    if repair:
        collect(root, laid, [path for path, _ in found])
    for result, names in rivals(laid):
        yield f"{result.package} is not reproducible: two results of key {result.key[:16]} differ in {', '.join(names)}"


def _faults_of_server(context: Context, depot: Depot) -> Iterator[str]:
    from planex.sharing.depot import BadEntry

    with TemporaryDirectory(prefix="planex.") as name:
        for package, result in _current(context).items():
            try:
                found = depot.lookup(result.key, package)
                for file in found.blobs.values() if found else ():
                    depot.get(file, Path(name) / "file")
                    (Path(name) / "file").unlink()
            except BadEntry as error:
                yield error.message


@click.command(short_help="Delete from shared folders what is old, but not what is in use here.")
@urls_option
@click.option("--older-than", "age", metavar="AGE", callback=parsed(parse_time), help="Results older than 30d, 12h.")
@click.option("--max-size", "most", metavar="SIZE", callback=parsed(parse_size), help="The oldest, down to 500M, 8G.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@pass_context
def gc(context: Context, urls: tuple[str, ...], age: float | None, most: int | None, dry_run: bool) -> None:
    """Delete old results from shared stores that are folders (`file:`), then the files that only they had.

    Results that are in this workspace, whatever the target, and in its snapshots stay. A store on a server is swept
    where it keeps its files: there it is a folder.

    \b
    Example:
      planex store gc --store file:/srv/planex --older-than 30d --max-size 200G
    """
    _require_stores(context, urls)
    from planex.sharing.keeping import GcRules, collect, doomed, survey

    rules = GcRules(_roots(context), age, most)
    for root in _folders(context, urls):
        laid = survey(root)
        paths = doomed(laid, rules)
        gone = sum(file.size for file in laid.files.values() if file.path in set(paths))
        records = sum(path.parent.name == "ac" for path in paths)
        if not dry_run:
            collect(root, laid, paths)
        said = "would be deleted" if dry_run else "deleted"
        echo(f"file:{root}: {many(records, 'result')}, {size(gone)} {said}; {size(laid.size - gone)} left")


def _folders(context: Context, urls: tuple[str, ...]) -> Iterator[Path]:
    from planex.sharing.opening import folder_of, unproved

    found = [folder for each in unproved(urls) or context.config.store if (folder := folder_of(each))]
    if not found:
        raise ConfigError(
            "no store of these is a folder", "name the folder where its server keeps it: --store file:/..."
        )
    for folder in found:
        if not folder.is_dir():
            raise PlanexError(f"there is no folder {folder}", "mount it, or see to 'store' in planex.yaml")
        yield folder


def _roots(context: Context) -> frozenset[str]:
    """SHA-256 of all RPMs that this workspace and its snapshots have, of any target."""
    from planex.snapshot.folder import SnapshotFolder
    from planex.snapshot.upgrade import REPO

    digests: set[str] = set()
    for target in context.config.targets:
        store = Store(context.workspace.target(target) / "store")
        for package, folder in store.results():
            digests |= set(result.rpms.values()) if (result := store.find(package, folder.name)) else set()
        archive = SnapshotFolder(context.workspace.snapshots(target))
        for snapshot in archive.all():
            digests |= {rpm.digest for rpm in snapshot.rpms} | _as_built(archive.folder(snapshot.id) / REPO)
    return frozenset(digests)


def _as_built(repository: Path) -> frozenset[str]:
    """Of the RPMs that signed copies in a repository were made from: shared stores have those."""
    from planex.content.records import Damaged
    from planex.trust.repository import stated_digests

    try:
        return stated_digests(repository)
    except Damaged as error:
        hint = "nothing is deleted, for nobody knows what it holds: planex snapshot show, and delete what is damaged"
        raise PlanexError(f"the provenance in {repository} cannot be read: {error.message}", hint) from None
