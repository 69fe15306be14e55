# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tries a symptom on a snapshot, on a commit that is built for it, and on a mixture of two repositories.

A commit is checked out and built in a folder of its own, with the results that the workspace has: only what is other
is built, and the workspace stays as it is. A shell line runs in an empty folder with links ``repo`` and ``iso``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from planex.bisection import Judgement, judge
from planex.content import shelf
from planex.content.copies import copy_file, link_or_copy
from planex.content.locks import Patience, at_work
from planex.drafts import temporary_folder
from planex.events import Status
from planex.git.checkout import check_out
from planex.itself import run_planex
from planex.report import Task
from planex.rpm.repo import create_repo
from planex.run import Completed
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.parts import PROOFS
from planex.snapshot.record import PublishedRpm, Snapshot
from planex.snapshot.symptom import Symptom, SymptomKind, recorded
from planex.snapshot.upgrade import REPO
from planex.workspace import Workspace

_SHARED = ("base", "downloads", "cache")
_ISO = "iso"
Heard = Callable[[str, str], None]
"""Told of each trial: of what, and what came of it."""


@dataclass(frozen=True)
class Trials:
    """``folder``: where to build, which must be held alone; ``log``: all that was said."""

    workspace: Workspace
    archive: SnapshotFolder
    target: str
    symptom: Symptom
    folder: Path
    log: Path
    task: Task
    heard: Heard
    patience: Patience
    _known: dict[frozenset[str], Judgement] = field(default_factory=dict)

    def of_snapshot(self, snapshot: Snapshot) -> Judgement:
        """What is written down, else what comes of trying it."""
        if (known := recorded(self.symptom, snapshot)) is not None:
            self.heard(snapshot.id, f"{known}, as recorded")
            return known
        content = frozenset({*(rpm.digest for rpm in snapshot.rpms), snapshot.iso.digest if snapshot.iso else ""})
        if content in self._known:
            self.heard(snapshot.id, f"{self._known[content]}, as one with the same contents")
            return self._known[content]
        folder = self.archive.folder(snapshot.id)
        image = folder / snapshot.iso.path if snapshot.iso else None
        self._known[content] = self._tell(snapshot.id, self._try(self.workspace.root, folder / REPO, image))
        return self._known[content]

    def of_commit(self, commit: str) -> Judgement:
        """Build a commit of the workspace and try it; what cannot be built cannot tell, unless that is the symptom."""
        with self._checked_out(commit) as root:
            return self._tell(commit[:12], self._build(root))

    def of_mixture(self, old: Snapshot, new: Snapshot, taken: Collection[str]) -> Judgement:
        """With the RPMs of the packages ``taken`` from ``new``, and of all others from ``old``."""
        rpms = [(old, rpm) for rpm in old.rpms if source_of(rpm) not in taken]
        rpms += [(new, rpm) for rpm in new.rpms if source_of(rpm) in taken]
        with temporary_folder(self.folder, "mixture") as folder:
            for snapshot, rpm in rpms:
                copy_file(self.archive.folder(snapshot.id) / REPO / rpm.location, folder / Path(rpm.location).name)
            create_repo(folder)
            return self._tell(f"with {', '.join(taken)}", self._try(self.workspace.root, folder, None))

    def _tell(self, name: str, judgement: Judgement) -> Judgement:
        self.heard(name, str(judgement))
        return judgement

    def _build(self, root: Path) -> Judgement:
        kind, what = self.symptom.kind, self.symptom.what
        with at_work(self.workspace, self.target, self.patience):
            self._share_results()
            words = {SymptomKind.PACKAGE: (what,), SymptomKind.BUILD: ("--keep-going",)}.get(kind, ())
            built, said = self._planex(root, "build", *words, "--json")
            if kind is SymptomKind.PACKAGE:
                return _of_package(what, built, said)
            if kind is SymptomKind.BUILD or built.returncode:
                return _broken(built) if kind is SymptomKind.BUILD else Judgement.SKIPPED
            image = None
            if self.symptom.wants_iso:
                made, said = self._planex(root, "iso", "build", "--json")
                if kind is SymptomKind.ISO or made.returncode:
                    return _broken(made) if kind is SymptomKind.ISO else Judgement.SKIPPED
                image = Path(json.loads(said)["iso"])
        return self._try(root, Workspace(root).target(self.target) / REPO, image)

    def _try(self, root: Path, repository: Path, image: Path | None) -> Judgement:
        if self.symptom.kind is SymptomKind.PROOF:
            if image is None:
                return Judgement.SKIPPED
            return _broken(self._planex(root, "boot", str(image), *PROOFS[self.symptom.what])[0])
        with temporary_folder(self.folder, "trial") as folder:
            (folder / REPO).symlink_to(repository.resolve())
            if image:
                (folder / _ISO).symlink_to(image.resolve().parent)
            self.task.phase(self.symptom.what)
            return judge(self.symptom.what, folder, self.log)

    def _planex(self, root: Path, *words: str) -> tuple[Completed, str]:
        self.task.phase(f"planex {' '.join(words)}")
        results = self.folder / "results"
        env = {**os.environ, "PLANEX_SIGN": "0"}
        done = run_planex(root, self.target, words, env, self.log, results, self.task)
        return done, results.read_text("utf-8", "replace")

    @contextmanager
    def _checked_out(self, commit: str) -> Iterator[Path]:
        shelf.sweep([self.folder])
        with temporary_folder(self.folder, "tree") as folder:
            self.task.phase(f"check out {commit[:12]}")
            root = check_out(self.workspace.root, commit, folder / "workspace")
            (root / "_build").symlink_to(self.folder / "build")
            yield root

    def _share_results(self) -> None:
        """Caches are the workspace's own; results are linked, as others go when new ones come."""
        build, own = self.folder / "build", self.workspace.target(self.target)
        (build / self.target).mkdir(parents=True, exist_ok=True)
        for name in (*_SHARED, f"{self.target}/buildroots"):
            there = self.workspace.build / name
            there.mkdir(parents=True, exist_ok=True)
            if not (build / name).is_symlink():
                (build / name).symlink_to(there)
        for result in (own / "store").glob("[!.]*/[!.]*"):
            place = build / self.target / "store" / result.parent.name / result.name
            if result.is_dir() and not result.is_symlink() and not place.exists():
                with shelf.draft(place) as draft:
                    for file in result.iterdir():
                        link_or_copy(file, draft / file.name)
                    shelf.publish(draft, place)


def source_of(rpm: PublishedRpm) -> str:
    """The package that an RPM is of; its own name in records of before that was written down."""
    return rpm.package or rpm.name


def _broken(done: Completed) -> Judgement:
    """What the exit status of a planex command says; one that was used wrongly, or killed, tells nothing."""
    return {0: Judgement.GOOD, 1: Judgement.BAD}.get(done.returncode, Judgement.SKIPPED)


def _of_package(name: str, built: Completed, said: str) -> Judgement:
    rows = json.loads(said)["packages"] if said else []
    status = next((row["status"] for row in rows if row["package"] == name), "")
    if status == Status.FAILED.value:
        return Judgement.BAD
    return Judgement.GOOD if built.returncode == 0 else Judgement.SKIPPED
