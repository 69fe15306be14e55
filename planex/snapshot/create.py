# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a snapshot: one part after the other, whatever becomes of each, then all of it published by one rename."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from planex import __version__
from planex.content import records, shelf
from planex.content.copies import share
from planex.distro.project import Project
from planex.errors import PlanexError
from planex.git.head import WorkHead, commits_between, read_head
from planex.itself import run_planex
from planex.report import Reporter, Task
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.gather import Gatherer, sentence_of, upgrade_proofs
from planex.snapshot.ident import next_id
from planex.snapshot.parts import WATCH, NightPart, SnapshotWish, parts
from planex.snapshot.record import FORMAT, NAME, PartReport, PartStatus, Snapshot, SnapshotState, state_of
from planex.workspace import Workspace

_SHOWN = 10


@dataclass(frozen=True)
class Maker:
    """Makes snapshots of a workspace. ``archive`` must be held alone."""

    workspace: Workspace
    archive: SnapshotFolder
    wish: SnapshotWish
    reporter: Reporter

    def create(self, project: Project) -> Snapshot:
        """Make one and publish it, be it good or broken."""
        began, started = datetime.now(UTC), time.monotonic()
        head = read_head(self.workspace.root)
        self._require_clean(head)
        ident = next_id(self.archive.ids(), began.date(), head.commit, dirty=bool(head.changes))
        final = self.archive.folder(ident)
        with shelf.draft(final) as draft:
            gatherer = Gatherer(project, draft, self._previous())
            reports, marks = self._all(draft, gatherer)
            reports = (*reports, *self._unmoved(head), *_replaced(gatherer, marks))
            try:
                gathered = gatherer.gather(whole=state_of(reports) is SnapshotState.GOOD, iso=self.wish.iso)
            except (PlanexError, OSError) as error:
                reports = (
                    *reports,
                    PartReport("gather", PartStatus.FAILED, 0, "planex store verify", message=str(error)),
                )
                gathered = gatherer.retreat()
            snapshot = Snapshot(
                str(ident), self.wish.target, state_of(reports), head.commit, head.subject, bool(head.changes),
                began.isoformat(timespec="seconds"), round(time.monotonic() - started, 1), __version__, reports,
                gathered.packages, gathered.rpms, gathered.iso, upgrade_proofs(draft), self._commits(head),
            )  # fmt: skip
            if previous := self._previous():
                share(draft, previous)
            records.save(draft / NAME, snapshot, FORMAT)
            shelf.publish(draft, final, durable=True)
        self.archive.mend_links()
        return snapshot

    def _require_clean(self, head: WorkHead) -> None:
        if head.changes and not self.wish.dirty:
            shown = "\n".join(f"  {line}" for line in head.changes[:_SHOWN])
            more = f"\n  and {len(head.changes) - _SHOWN} more" if len(head.changes) > _SHOWN else ""
            message = f"{self.workspace.root} is not as it is in its commit {head.commit[:12]}:\n{shown}{more}"
            raise PlanexError(message, "commit it, or mark the snapshot: planex snapshot create --dirty")

    def _unmoved(self, before: WorkHead) -> Iterator[PartReport]:
        """A report of failure where somebody changed the workspace meanwhile: what was built is of no one commit."""
        after = read_head(self.workspace.root)
        if (after.commit, after.changes) != (before.commit, before.changes):
            message = f"the workspace was changed meanwhile: it is at {after.commit[:12]}"
            yield PartReport("workspace", PartStatus.FAILED, 0, "git status", message=message)

    def _commits(self, head: WorkHead) -> tuple[str, ...]:
        known = self.archive.all()[-1:]
        return commits_between(self.workspace.root, known[0].commit, head.commit) if known else ()

    def _previous(self) -> Path | None:
        ids = self.archive.ids()
        return self.archive.folder(ids[-1]) if ids else None

    def _all(self, draft: Path, gatherer: Gatherer) -> tuple[tuple[PartReport, ...], dict[str, str]]:
        """The report of each part, and what each had made when it ended."""
        reports: dict[str, PartReport] = {}
        marks: dict[str, str] = {}
        for part in parts(self.wish, draft):
            lacking = [name for name in part.needs if reports[name].status is not PartStatus.OK]
            if lacking:
                message = f"needs {', '.join(lacking)}"
                reports[part.name] = PartReport(part.name, PartStatus.SKIPPED, 0, self._typed(part), message=message)
                continue
            with self.reporter.task(part.name) as task:
                reports[part.name] = self._one(part, draft, task)
            marks[part.name] = gatherer.mark(part.name)
            self._tell(reports[part.name])
        return tuple(reports.values()), marks

    def _tell(self, report: PartReport) -> None:
        if report.status is PartStatus.FAILED:
            self.reporter.warn(f"{report.name} failed: {report.message}")

    def _typed(self, part: NightPart) -> str:
        return shlex.join(["planex", "--target", self.wish.target, *map(self.workspace.inside, part.words)])

    def _one(self, part: NightPart, draft: Path, task: Task) -> PartReport:
        """Run a part; its output is ``results/PART.json``, what it said ``logs/PART.log``."""
        task.phase(self._typed(part))
        log, results = draft / "logs" / f"{part.name}.log", draft / "results" / f"{part.name}.json"
        results.parent.mkdir(parents=True, exist_ok=True)
        words = [*part.before, *part.words, *part.hidden]
        done = run_planex(self.workspace.root, self.wish.target, words, dict(os.environ), log, results, task)
        status = PartStatus.LOOK if done.returncode in part.looks else PartStatus.FAILED
        status = PartStatus.OK if done.returncode == 0 else status
        message = "" if status is PartStatus.OK else _first_error(log, else_last=status is PartStatus.FAILED)
        message = (part.name.startswith(WATCH) and sentence_of(draft, part.name)) or message
        where = str(log.relative_to(draft))
        message = self.workspace.inside(message)
        return PartReport(part.name, status, round(done.seconds, 1), self._typed(part), where, message)


def _replaced(gatherer: Gatherer, marks: dict[str, str]) -> Iterator[PartReport]:
    """A report of failure where another planex built meanwhile: what is there now was not proved."""
    for name, mark in marks.items():
        if gatherer.mark(name) != mark:
            message = f"what '{name}' made was replaced meanwhile by another planex"
            yield PartReport("workspace", PartStatus.FAILED, 0, "planex snapshot create", message=message)


def _first_error(log: Path, *, else_last: bool) -> str:
    """The first line that planex printed as an error; or, where there is none and it is asked for, the last line."""
    lines = log.read_text("utf-8", errors="replace").splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return errors[0] if errors else (lines[-1] if lines and else_last else "")
