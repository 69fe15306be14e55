# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex base build``: definition -> archive -> RPMs -> repository -> base ISO.

A base's folder holds ``builds/<key>/``, whole results; ``current`` points at the newest, and ``repo``,
``rpmconfig``, ``base.iso`` and ``manifest.json`` point through it, so that one rename switches all of them.
``closure.json`` is the archive's answer as of the last update; ``debs/`` and ``rpms/`` are caches.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.base import archive as archives
from planex.base import check, compose, repackage
from planex.base import closure as closures
from planex.base.apt import Apt
from planex.base.archive import Archive, LockedAnswer, Resolution
from planex.base.closure import Closure
from planex.base.control import DebPackage
from planex.base.definition import Definition
from planex.base.medium import write_medium
from planex.base.repackage import Repackaging
from planex.checksums import digest_of_text
from planex.content import records, shelf
from planex.content.code import code_digest
from planex.content.locks import Patience, hold
from planex.drafts import switch_link
from planex.errors import MissingTool, PlanexError
from planex.events import BaseMade
from planex.report import Reporter, Task
from planex.rpm import repo
from planex.run import find
from planex.workspace import behind

OUTPUTS = ("repo", "rpmconfig", "base.iso", "manifest.json")
TOOLS = ("apt-get", "dpkg-deb", "rpmbuild", "createrepo_c", "dnf", "xorriso", "mformat", "grub-mkimage")
DEBS, _CLOSURE = "debs", "closure.json"
_TRIES = 5
_FORMAT = 1
_CODE = ("planex.base", "planex.data.base", "planex.rpm.repo", "planex.medium")


@dataclass(frozen=True, slots=True)
class BaseStamp:
    """What a base was made by (see make_stamp), and how many packages it has."""

    stamp: str
    packages: int


@dataclass(frozen=True, slots=True)
class BaseResult:
    """Where a base is. ``changed``: this run made something new."""

    folder: Path
    packages: int
    changed: bool


def needed(folder: Path, definition: Definition) -> tuple[Resolution, list[DebPackage]]:
    """What the archive answered for the base in ``folder``, and the .debs that are needed of that."""
    answer = archives.require(folder / _CLOSURE, definition)
    return answer, _needed_of(folder, definition, answer)


def _needed_of(folder: Path, definition: Definition, answer: Resolution) -> list[DebPackage]:
    archive = Archive(folder / DEBS, answer.packages)
    return _needed(archive, _select(answer.packages, definition), definition)


def build_locked(folder: Path, definition: Definition, locked: LockedAnswer, reporter: Reporter) -> BaseResult:
    """As build_base, of what a lock says that the archive answered; all .debs must be there."""
    answer = archives.answer_of(locked, definition)
    debs = _needed_of(folder, definition, answer)
    if lacking := [deb.file for deb in debs if (deb.file, deb.sha256) not in locked.debs]:
        message = f"{locked.place} names no file with the digest of {', '.join(lacking[:5])}"
        raise PlanexError(message, "make the lock again: planex lock")
    folder.mkdir(parents=True, exist_ok=True)
    with hold(folder / ".lock", patience=Patience(True, reporter.info)):
        if archives.load(folder / _CLOSURE, definition) != answer.packages:
            (folder / "current").unlink(missing_ok=True)  # it was made of another answer
            archives.save(folder / _CLOSURE, definition, answer.packages)
    return build_base(folder, definition, reporter)


def build_base(folder: Path, definition: Definition, reporter: Reporter, *, update: bool = False) -> BaseResult:
    """Bring the base in ``folder`` up to date. Without ``update`` the archive is asked only once per definition."""
    _check_tools()
    folder.mkdir(parents=True, exist_ok=True)
    stamp = make_stamp(definition)
    with hold(folder / ".lock", patience=Patience(True, reporter.info)), reporter.task("base") as task:
        shelf.sweep([folder, folder / "builds"])
        _drop_damaged(folder, reporter)
        done = _finished(folder, stamp)
        if done and not update:
            return BaseResult(folder, done, False)
        archive, closure = _fetch(folder, definition, task, reporter, update)
        jobs = repackage.plan(closure, definition, archive.folder, reporter.remark)
        rpms = _repackage(jobs, folder, task, reporter)
        key = _key(definition, jobs, archive)
        final = folder / "builds" / key
        changed = not final.exists()
        if changed:
            _compose(final, definition, archive, closure, rpms, task)
        records.save(final / "stamp.json", BaseStamp(stamp, len(rpms)), _FORMAT)
        _publish(folder, final)
        _prune(folder, archive, jobs)
        reporter.tell(BaseMade(len(rpms), task.seconds))
        return BaseResult(folder, len(rpms), changed)


def _drop_damaged(folder: Path, reporter: Reporter) -> None:
    """Delete a base whose repository lost something, so that it is composed anew."""
    current = folder / "current"
    if current.exists() and (lost := repo.lost(current / "repo")):
        reporter.warn(f"the base is composed anew: {lost}")
        shelf.remove(behind(current))


def make_stamp(definition: Definition) -> str:
    """SHA-256 of what decides, apart from the archive, what a base looks like: definition, code, rpm."""
    parts = [definition.model_dump_json(), repackage.rpm_version(), code_digest(*_CODE)]
    return digest_of_text("\0".join(parts))


def _check_tools() -> None:
    missing = [tool for tool in TOOLS if find(tool) is None]
    if missing:
        raise MissingTool(f"not installed: {', '.join(missing)}; a base is made with them", "run `planex doctor`")


def _finished(folder: Path, stamp: str) -> int:
    """Number of packages of the current base if it has this stamp, else 0."""
    made = records.load(folder / "current" / "stamp.json", BaseStamp, _FORMAT)
    whole = all((folder / name).exists() for name in OUTPUTS)
    return made.packages if made and whole and made.stamp == stamp else 0


def _fetch(
    folder: Path, definition: Definition, task: Task, reporter: Reporter, update: bool
) -> tuple[Archive, Closure]:
    """The .debs, all downloaded. What the mirror names but lacks is ruled out, and apt asked again."""
    apt = Apt(folder / "apt")
    lock = folder / _CLOSURE
    unwanted: set[tuple[str, str]] = set()
    packages = None if update else archives.load(lock, definition)
    for _ in range(_TRIES):
        task.phase("resolve")
        apt.prepare(unwanted)
        if packages is None:
            packages = archives.resolve(apt, definition, reporter)
            archives.save(lock, definition, packages)
        archive = Archive(folder / DEBS, packages)
        closure = _select(packages, definition)
        task.phase("download")
        missing = archives.download(apt, _needed(archive, closure, definition), archive.folder, task.progress)
        if not missing:
            return archive, closure
        unwanted.update(missing)
        packages = None
        reporter.remark(f"not on the mirror: {', '.join(name for name, _ in missing)}; looking for other versions")
    raise PlanexError(
        f"the mirror lacks {', '.join(sorted(name for name, _ in unwanted))}", "try again later, or use another mirror"
    )


def _select(packages: Sequence[DebPackage], definition: Definition) -> Closure:
    own = {name: contents.drop_requires for name, contents in definition.packages.items()}
    return closures.select(packages, definition.roots, definition.drop_requires, own)


def _needed(archive: Archive, closure: Closure, definition: Definition) -> list[DebPackage]:
    medium = definition.medium
    extra = [archive.find(name) for name in (*medium.loaders, medium.shell)]
    packages = {package.name: package for package in (*closure.packages, *extra, archive.kernel(medium.kernel))}
    return list(packages.values())


def _repackage(jobs: Sequence[Repackaging], folder: Path, task: Task, reporter: Reporter) -> dict[str, Path]:
    task.phase("repackage")
    to_make = sum(repackage.cached(job, folder) is None for job in jobs)
    reporter.remark(f"base: {to_make} of {len(jobs)} packages to make")
    return repackage.make_all(jobs, folder, os.cpu_count() or 1, lambda done: task.progress(done, len(jobs)))


def _key(definition: Definition, jobs: Sequence[Repackaging], archive: Archive) -> str:
    kernel = archive.kernel(definition.medium.kernel).sha256
    parts = [make_stamp(definition), kernel, *sorted(job.key for job in jobs)]
    return digest_of_text(" ".join(parts))[:16]


def _compose(
    final: Path, definition: Definition, archive: Archive, closure: Closure, rpms: dict[str, Path], task: Task
) -> None:
    with shelf.draft(final) as folder:
        task.phase("repository")
        compose.write_repo(folder / "repo", rpms, definition)
        check.check_conflicts(rpms.values())
        check.check_closed(folder / "repo", folder / "work" / "check")
        debs = [archive.path(package) for package in closure.packages if package.source == "rpm"]
        compose.write_rpm_config(folder / "rpmconfig", debs, definition)
        compose.write_manifest(folder / "manifest.json", closure.packages, rpms)
        task.phase("base ISO")
        (folder / "work" / "medium").mkdir(parents=True)
        write_medium(folder / "base.iso", definition, archive, closure, rpms, folder / "work" / "medium")
        shelf.remove(folder / "work")
        shelf.publish(folder, final)


def _publish(folder: Path, final: Path) -> None:
    switch_link(folder / "current", final)
    for name in OUTPUTS:
        if not (folder / name).is_symlink():
            switch_link(folder / name, folder / "current" / name)


def _prune(folder: Path, archive: Archive, jobs: Sequence[Repackaging]) -> None:
    """Delete results and cache entries that the current base does not use; the result before it stays."""
    current, used = behind(folder / "current"), {job.key for job in jobs} | {deb.file for deb in archive.packages}
    shelf.prune((path for path in (folder / "builds").glob("[!.]*") if path != current), 1)
    cached = (*(folder / "rpms").glob("*/*"), *archive.folder.glob("*.deb"))
    shelf.prune((path for path in cached if path.name not in used), 0)
