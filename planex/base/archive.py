# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Debian archive offers for a base, remembered until the definition changes or an update is asked for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planex.base.apt import Apt
from planex.base.control import DebPackage, strange
from planex.base.definition import Definition
from planex.checksums import digest_of, digest_of_text
from planex.content import records, shelf
from planex.errors import PlanexError
from planex.report import Reporter
from planex.run import tail

_FORMAT = 1
_LOCK_ANEW = "take the commit that the lock names, or make the mirror again: planex fetch --all --into DIR"


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the archive answered, as it is kept, with a digest of the question."""

    question: str
    packages: tuple[DebPackage, ...]


@dataclass(frozen=True, slots=True)
class LockedAnswer:
    """What the lock at ``place`` has of a base, none of it proved; ``debs``: name and SHA-256 of each .deb in it."""

    place: Path
    plain: Mapping[str, Any]
    debs: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Archive:
    """The .debs in ``folder`` and the packages that they are of; not all of these are needed."""

    folder: Path
    packages: tuple[DebPackage, ...]

    def find(self, name: str) -> DebPackage:
        for package in self.packages:
            if package.name == name:
                return package
        raise PlanexError(f"the Debian archive has no package {name}", "correct its name in repos/<base>.yaml")

    def path(self, package: DebPackage) -> Path:
        return self.folder / package.file

    def kernel(self, name: str) -> DebPackage:
        """The package with the kernel: ``name`` itself, or the one that a meta package of that name depends on."""
        package = self.find(name)
        real = [need for clause in package.depends for need in clause if need.startswith("linux-image-")]
        return self.find(real[0]) if real else package


def question(definition: Definition) -> tuple[str, ...]:
    """The packages to ask the archive for."""
    medium = definition.medium
    return tuple(sorted({*definition.roots, *medium.loaders, medium.kernel, medium.shell}))


def load(path: Path, definition: Definition) -> tuple[DebPackage, ...] | None:
    """The remembered answer, if it is one to the same question."""
    kept = records.load(path, Resolution, _FORMAT)
    return kept.packages if kept and kept.question == _digest(definition) else None


def save(path: Path, definition: Definition, packages: Iterable[DebPackage]) -> None:
    records.save(path, Resolution(_digest(definition), tuple(packages)), _FORMAT)


def require(path: Path, definition: Definition) -> Resolution:
    """The remembered answer. PlanexError where there is none to the same question."""
    kept = records.load(path, Resolution, _FORMAT)
    if kept is None or kept.question != _digest(definition):
        raise PlanexError("the archive was not yet asked for this base", "make it: planex base build")
    return kept


def answer_of(locked: LockedAnswer, definition: Definition) -> Resolution:
    """An answer that was written down elsewhere. PlanexError where it is none to this question, or no answer of apt."""
    damaged = f"{locked.place}: what it has of the base is damaged:"
    try:
        found = records.from_plain(locked.plain, Resolution)
    except records.Damaged as error:
        raise PlanexError(f"{damaged} {error.message}", _LOCK_ANEW) from None
    names = Counter(package.name for package in found.packages)
    for number, package in enumerate(found.packages):
        if fault := strange(package) or (f"name {package.name!r}, twice" if names[package.name] > 1 else None):
            raise PlanexError(f"{damaged} 'packages.{number}' is no package of Debian: {fault}", _LOCK_ANEW)
    if found.question != _digest(definition):
        raise PlanexError("repos/ asks for another base than the lock has", _LOCK_ANEW)
    return found


def _digest(definition: Definition) -> str:
    return digest_of_text(json.dumps([definition.suite, question(definition)]))


def resolve(apt: Apt, definition: Definition, reporter: Reporter) -> tuple[DebPackage, ...]:
    """Ask the archive. Its lists are brought up to date first; where that fails, those of the last time serve."""
    try:
        apt.update()
    except PlanexError as error:
        if definition.suite not in apt.suites():
            raise
        reporter.warn(f"{error.message}; the package lists of the last time are used")
    suites = apt.suites()
    if definition.suite not in suites:
        raise PlanexError(
            f"this machine's apt has no source for Debian {definition.suite} (it has: {', '.join(suites) or 'none'})",
            "add one below /etc/apt/sources.list.d, or build another target with --target",
        )
    return apt.resolve(question(definition))


def download(
    apt: Apt, packages: Sequence[DebPackage], folder: Path, on_progress: Callable[[int, int], None]
) -> tuple[tuple[str, str], ...]:
    """Bring the .debs that are missing into ``folder``; each appears only once its SHA-256 is right.

    Returns (name, version) of those that the mirror's lists name but that it does not have.
    """
    incoming = folder / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    _accept(packages, incoming, folder)
    wanted = [package for package in packages if not (folder / package.file).exists()]
    if not wanted:
        return ()
    done = 0

    def count(line: str) -> None:
        nonlocal done
        if line.startswith("Get:"):
            done += 1
            on_progress(done, len(wanted))

    missing = apt.download(wanted, incoming, folder / "download.log", count)
    _accept(wanted, incoming, folder)
    bad = [package.file for package in wanted if not (folder / package.file).exists()]
    if bad and not missing:
        log = tail((folder / "download.log").read_text(errors="replace"))
        raise PlanexError(f"not downloaded: {', '.join(bad[:5])}\n{log}", "the same command goes on from here")
    return missing


def _accept(packages: Iterable[DebPackage], incoming: Path, folder: Path) -> None:
    for package in packages:
        path = incoming / package.file
        if path.exists():
            if digest_of(path, "SHA256") == package.sha256:
                shelf.publish(path, folder / package.file)
            else:
                path.unlink()
