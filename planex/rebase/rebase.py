# SPDX-License-Identifier: LGPL-2.1-or-later
"""Carries a queue to another upstream version for good: stops where a person is needed, and goes on from there.

The patches are judged as in a forecast. Only a conflict needs a work tree. At the end queue, package.yaml and
checksums are written together, from a list in the journal, so that an interruption cannot leave a half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from planex.errors import PlanexError
from planex.git.pipeset import PipeSet
from planex.patchqueue.carry.forecast import Version
from planex.patchqueue.carry.history import commits_on
from planex.patchqueue.carry.judge import Judge, Orders
from planex.patchqueue.carry.offers import Offer, offer
from planex.patchqueue.carry.rows import FORMAT, patch_rows
from planex.patchqueue.carry.verdict import STOPS, Fate, Verdict
from planex.patchqueue.commits.checkout import queue_digest
from planex.patchqueue.commits.commits import Chain, Link
from planex.patchqueue.commits.sourcecommit import ImportedSource, import_source
from planex.patchqueue.commits.writeback import carry_out
from planex.rebase.conflict import ConflictTree
from planex.rebase.finish import finish_writes
from planex.rebase.package import PackageQueue
from planex.rebase.state import State, forget_state, load_state, save_state, tree_folder
from planex.rebase.versions import Goal, check_goal
from planex.report import Task


@dataclass(frozen=True, slots=True)
class Stopped:
    """A person is needed. ``upstream``: commits of upstream's that touched the files in conflict, newest first."""

    state: State
    verdict: Verdict
    link: Link
    total: int
    upstream: tuple[str, ...]
    offer: Offer | None = None
    """Of a proposal."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Queue, package.yaml and checksums are written; ``state.report`` says what became of each patch."""

    state: State
    reports: Path
    """The folder for the report; the journal keeps it until ``clean_up``."""


Progress = Stopped | Finished


class Rebase:
    """One package's rebase."""

    def __init__(self, package: PackageQueue, task: Task) -> None:
        self.package = package
        self.workspace = package.project.workspace
        self.task = task
        folder = tree_folder(self.workspace, package.name)
        self.tree = ConflictTree(folder, package.repository, package.shared_solutions)

    @property
    def state(self) -> State | None:
        return load_state(self.workspace, self.package.name)

    def must_be_free(self) -> None:
        """Raise PlanexError while another rebase of the package is under way, or its tree is still there."""
        if self.state is not None:
            raise PlanexError(
                f"a rebase of {self.package.name} is under way",
                "go on with `--continue`, look with `--status`, or give up: `--abort`",
            )
        if self.tree.folder.exists() and any(self.tree.folder.iterdir()):
            raise PlanexError(f"{self.tree.folder} is in the way", "move it aside")

    def start(self, aim: Goal, orders: Orders, via: Sequence[Version] = ()) -> Progress:
        """Begin. ``via``: versions in between that help with conflicts, oldest first.

        Refuses while another rebase of the package is under way, or its tree still has work in it.
        """
        self.must_be_free()
        name = self.package.name
        check_goal(self.package.project, name, aim)
        old = self.package.current(self.task)
        digest = queue_digest(self.package.queue)
        guards = tuple(sorted(self.package.guards))
        state = State(name, guards, old, aim.version, aim.variables, aim.url, digest, orders, tuple(via))
        save_state(self.workspace, state)
        return self._advance(state)

    def go_on(self, accept: Set[str] = frozenset()) -> Progress:
        """Take over what the person made of the conflict and carry on. ``accept``: rules whose proposals to take."""
        state = self._must_be_under_way()
        if not state.orders.accept.issuperset(accept):
            state = replace(state, orders=replace(state.orders, accept=state.orders.accept | accept))
            save_state(self.workspace, state)
        if state.writes is not None:
            return self._finish(state)
        if not state.ready:
            self.tree.reset()
            return self._advance(state)
        last = state.verdicts[-1] if state.verdicts else None
        if last and last.status is Fate.RESOLVED and self.tree.lags_behind(last.commit):
            self.tree.take_over(last.commit)
            return self._advance(state)
        chain, base, link = self._position(state)
        before = _top(state, base)
        if link is None or self.tree.untouched(before.commit):
            return self._advance(state)
        solution = self.tree.solution(before.commit)
        self.tree.give_objects()
        with PipeSet(self.package.repository) as pipes:
            judge = Judge(pipes, chain, base)
            judge.resume(state.verdicts)
            verdict = judge.keep(link, Fate.RESOLVED, solution.tree)
        if solution.commit is not None:
            verdict = replace(verdict, commit=solution.commit)
        elif state.asked is not None and state.asked.rules and state.asked.tree == solution.tree:
            verdict = replace(state.asked, status=Fate.RESOLVED)
        state = replace(state, verdicts=(*state.verdicts, verdict))
        save_state(self.workspace, state)
        self.tree.take_over(verdict.commit)
        return self._advance(state)

    def decide(self, *, drop: str | None = None) -> Progress:
        """Take the patch it stopped at out of the queue for a reason, or (without one) leave it out for now."""
        state = self._must_be_under_way()
        _, _, link = self._position(state)
        if link is None or state.writes is not None:
            raise PlanexError("the rebase is not stopped at a patch", "go on with --continue")
        name, orders = link.patch.name, state.orders
        if drop is not None:
            orders = replace(orders, drop={**orders.drop, name: drop})
        else:
            orders = replace(orders, skip=orders.skip | {name})
        state = replace(state, orders=orders)
        save_state(self.workspace, state)
        self.tree.leave()
        return self._advance(state)

    def abort(self) -> str | None:
        """Forget the rebase; nothing of the queue was changed. A tree is moved aside; its new place."""
        self._must_be_under_way()
        folder = self.tree.folder
        kept = None
        if folder.exists():
            number = next(n for n in range(1, 1000) if not folder.with_name(f"{folder.name}-aborted-{n}").exists())
            kept = folder.rename(folder.with_name(f"{folder.name}-aborted-{number}"))
        forget_state(self.workspace, self.package.name)
        return str(kept) if kept else None

    def _must_be_under_way(self) -> State:
        state = self.state
        if state is None:
            name = self.package.name
            raise PlanexError(
                f"no rebase of {name} is under way", f"begin one: planex patchqueue rebase {name} VERSION"
            )
        if state.writes is None and queue_digest(self.package.queue) != state.queue:
            raise PlanexError(
                f"{self.package.queue.folder} was changed since the rebase began",
                "undo that change, or give the rebase up with --abort and begin anew (solved conflicts are remembered)",
            )
        return state

    def _position(self, state: State) -> tuple[Chain, ImportedSource, Link | None]:
        chain = self.package.chain(state.old)
        new = state.new
        base = import_source(self.package.repository, new.source, new.label, new.checksum)
        done = len(state.verdicts)
        return chain, base, chain.links[done] if done < len(chain.links) else None

    def _advance(self, state: State) -> Progress:
        self.task.phase("rebase")
        chain, base, _ = self._position(state)
        commits = self.package.upstream_commits(state.old, [Goal(state.new, state.variables)])
        forecaster = self.package.forecaster(state.old, state.orders, commits)
        between = forecaster.matrix(state.via).columns
        with PipeSet(self.package.repository) as pipes:
            attempts = forecaster.attempts(pipes, base.commit, between)
            proof = forecaster.proofs(state.new)
            judge = Judge(pipes, chain, base, orders=state.orders, proof=proof, attempts=attempts)
            judge.resume(state.verdicts)
            stopped = self._walk(judge, state)
            state = replace(state, verdicts=tuple(judge.verdicts))
        if stopped is None:
            return self._finish(state)
        link, verdict = stopped
        state = replace(state, asked=verdict, ready=True)
        save_state(self.workspace, replace(state, ready=False))
        before = _top(state, base).commit
        self.tree.show(chain, link, base.commit, before, verdict)
        save_state(self.workspace, state)
        touching = self._touching(state, commits, verdict.files)
        proposed = verdict.status is Fate.PROPOSAL
        offered = offer(self.package.repository, link, before, verdict) if proposed else None
        return Stopped(state, verdict, link, len(chain.links), touching, offered)

    def _walk(self, judge: Judge, state: State) -> tuple[Link, Verdict] | None:
        while (link := judge.next_link) is not None:
            self.task.progress(len(judge.verdicts), len(judge.chain.links))
            verdict = judge.judge(link)
            if verdict.status in STOPS:
                return link, verdict
            judge.accept(verdict)
        return None

    def _touching(self, state: State, commits: Mapping[str, str], files: Sequence[str]) -> tuple[str, ...]:
        old, new = commits.get(state.old.label), commits.get(state.new.label)
        if not files or old is None or new is None:
            return ()
        return tuple(commits_on(self.package.repository, old, new, list(files)))

    def _finish(self, state: State) -> Progress:
        self.task.phase("write")
        if state.writes is None:
            chain, base, _ = self._position(state)
            writes = finish_writes(self.package, state, chain, base)
            state = replace(state, report=self._report(state, chain, base), writes=writes)
            save_state(self.workspace, state)
        assert state.writes is not None
        carry_out(self.workspace.root, state.writes)
        return Finished(state, self._reports)

    def _report(self, state: State, chain: Chain, base: ImportedSource) -> dict[str, Any]:
        """What became of each patch, as plain data."""
        return {
            "format": FORMAT,
            "package": state.package,
            "from": state.old.label,
            "to": state.new.label,
            "variables": dict(state.variables),
            "guarded_out": [patch.name for patch in self.package.queue.skipped],
            "patches": patch_rows(self.package.repository, chain, state.verdicts, base.commit),
        }

    @property
    def _reports(self) -> Path:
        return self.workspace.build / "patchqueue" / f"{self.package.name}-rebase"

    @property
    def stopped_at(self) -> str | None:
        """The patch that a person is asked about."""
        state = self.state
        if state is None or state.writes is not None:
            return None
        left = self.package.queue.applied[len(state.verdicts) :]
        return left[0].name if left else None

    def clean_up(self) -> str | None:
        """After the report: forget the journal and take the tree away, unless it holds something; then its place."""
        forget_state(self.workspace, self.package.name)
        if not self.tree.folder.exists():
            return None
        if not self.tree.is_clean():
            return str(self.tree.folder)
        self.tree.delete()
        return None


@dataclass(frozen=True, slots=True)
class _Top:
    commit: str
    tree: str


def _top(state: State, base: ImportedSource) -> _Top:
    """Where the new queue has come to."""
    if state.verdicts:
        return _Top(state.verdicts[-1].commit, state.verdicts[-1].tree)
    return _Top(base.commit, base.tree)
