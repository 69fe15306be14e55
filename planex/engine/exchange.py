# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results of other machines, taken from shared stores as if they had been built here, and results given to them.

What a store says is proved three times: the record by its key and its signature, each file by its digest, and the RPMs
by the same rules that hold for what leaves a build.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from planex.content import shelf
from planex.content.key import Inputs
from planex.content.store import Result
from planex.engine.builtrpms import read_built
from planex.engine.offering import Offering, find, record_name
from planex.engine.outputs import MissingOutput, RefusedOutput, accept, rules_of
from planex.engine.workshop import Workshop
from planex.events import Unit
from planex.report import Task
from planex.rpm import repo
from planex.sharing.depot import BadEntry, files_in, shared_file
from planex.sharing.depots import Held, Parcel
from planex.sharing.place import Unreachable
from planex.sharing.record import BESIDE, SharedResult

LOGS = ("build.log", "root.log", "state.log", "installed_pkgs.log")
_LARGEST_LOG = 64 << 20


def take(workshop: Workshop, package: str, work: Path, task: Task) -> str:
    """Have the result of a package from the first store that has it whole: the store's name, empty where none has.

    ``work``: a folder for it alone.
    """
    depots = workshop.depots
    while depots and (found := find(depots, package, workshop.whole(package).key)):
        task.phase("store")
        try:
            result = _fetch(workshop, package, found, shelf.fresh(work / "taken"), task)
        except (BadEntry, Unreachable) as error:
            depots.reject(found.held, error)
            continue
        depots.push(partial(parcel, package, result), found.held.depot)
        return found.held.depot.name
    return ""


def fetch_logs(found: Offering, folder: Path) -> None:
    """The logs of a result into a new folder. Raises BadEntry, Unreachable."""
    for name, file in found.held.result.logs.items():
        if name in LOGS:
            found.held.depot.get(file, folder / name)


def _fetch(workshop: Workshop, package: str, found: Offering, folder: Path, task: Task) -> Result:
    held, results = found.held, folder / "results"
    results.mkdir()
    (folder / "rpms").mkdir()
    fetching = _Fetching(held, task)
    for name, file in held.result.rpms.items():
        held.depot.get(file, folder / "rpms" / name, fetching.came)
    _accept(workshop, package, held, folder)
    digests = {name: file.sha256 for name, file in held.result.rpms.items()}
    try:
        if read_built(results, digests) != found.made:
            raise BadEntry(f"{record_name(held)} says of its RPMs what they do not say of themselves")
    except repo.DamagedFile as error:
        raise BadEntry(f"{record_name(held)}: {error.message}") from None
    for name, file in (held.result.srpm | held.result.beside).items():
        held.depot.get(file, results / name, fetching.came)
    made = held.result
    result = workshop.store.add(package, results, Inputs(made.inputs), made.seconds, made.builder, made.usage)
    workshop.settle(package, result)
    shelf.remove(folder.parent)
    return result


class _Fetching:
    """Tells how much of a result has come."""

    def __init__(self, held: Held, task: Task) -> None:
        self._task, self._done = task, 0
        self._total = sum(file.size for file in held.result.files.values())

    def came(self, size: int) -> None:
        self._done += size
        self._task.progress(min(self._done, self._total), self._total, Unit.BYTES)


def _accept(workshop: Workshop, package: str, held: Held, folder: Path) -> None:
    """Hold RPMs of a store to the rules for those of a build, and leave them in ``results``."""
    project = workshop.project
    rules = rules_of(workshop, package)
    if len(held.result.srpm) != 1 or not next(iter(held.result.srpm)).endswith(".src.rpm"):
        raise BadEntry(f"{record_name(held)} has not one source RPM")
    try:
        accepted = accept(folder / "rpms", folder, project.package(package), folder / "results", rules)
    except (RefusedOutput, MissingOutput) as error:
        raise BadEntry(f"{record_name(held)} is not taken: {error.message}", error.hint) from None
    if unknown := held.result.rpms.keys() - set(accepted.rpms):
        raise BadEntry(f"{record_name(held)} has what is no RPM: {min(unknown)}")


def parcel(package: str, result: Result, logs: Path | None = None) -> Parcel:
    """A result of this machine as it is given to stores, with the logs in a folder where there are any."""
    paths = {name: result.folder / name for name in result.files}
    beside = _present(result.folder, BESIDE)
    kept = {name: path for name, path in _present(logs, LOGS).items() if path.stat().st_size <= _LARGEST_LOG}
    shared = SharedResult(
        result.key,
        package,
        result.inputs.rows,
        files_in(result.folder, result.rpms),
        files_in(result.folder, result.srpm),
        result.seconds,
        result.builder,
        result.finished,
        {name: shared_file(path) for name, path in beside.items()},
        {name: shared_file(path) for name, path in kept.items()},
        result.usage,
    )
    return Parcel(shared, paths | beside | kept)


def _present(folder: Path | None, names: Iterable[str]) -> dict[str, Path]:
    return {name: folder / name for name in names if (folder / name).is_file()} if folder else {}
