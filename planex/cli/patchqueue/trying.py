# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds a carried queue, and finds the patch that breaks the build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planex.bisection import Conclusion, Judgement, search
from planex.cli.context import Context
from planex.content.locks import at_work
from planex.distro.config import choose_builder_name
from planex.distro.project import load_project
from planex.engine.build import Build, Options
from planex.engine.builders import choose_builder
from planex.engine.outcome import NOT_BUILT, BuildFailed, Outcome
from planex.engine.shell import require_needs
from planex.engine.workshop import Workshop
from planex.errors import PlanexError
from planex.patchqueue.carry.forecast import Version
from planex.patchqueue.carry.offers import Built
from planex.patchqueue.carry.verdict import TROUBLE, Fate, Verdict
from planex.patchqueue.commits.sourcecommit import import_source
from planex.rebase.package import PackageQueue
from planex.rebase.state import State
from planex.rebase.trial import Trial, Tried
from planex.rebase.versions import Goal, check_goal
from planex.report import Reporter

_BEFORE = ("patches", "srpm", "buildroot", "install packages", "prepare")
"""Phases that say nothing of a patch when they fail."""


@dataclass(frozen=True, slots=True)
class BuildProof:
    """Whether a carried queue builds. ``culprit``: the first patch with which it does not, if one is to blame."""

    answer: Conclusion
    culprit: str = ""
    log: str = ""
    remark: str = ""

    @property
    def builds(self) -> bool:
        return self.answer is Conclusion.NEVER

    @property
    def text(self) -> str:
        if self.builds:
            return "the carried queue builds" + self.remark
        if self.answer is Conclusion.ALWAYS:
            return f"it does not build, even without any patch (log: {self.log})"
        return f"{self.culprit} breaks the build (log: {self.log})" + self.remark

    def of(self, patch: str, order: Sequence[str]) -> Built:
        """What it proves of a patch. The queue was built up to each patch before the culprit, or one behind it."""
        if self.builds or (self.culprit and order.index(patch) < order.index(self.culprit)):
            return Built.BUILDS
        return Built.BREAKS if patch == self.culprit else Built.NOT

    def to_json(self) -> dict[str, Any]:
        return {"builds": self.builds, "culprit": self.culprit, "log": self.log, "text": self.text}


def prove(context: Context, found: PackageQueue, state: State, *, offline: bool = False) -> BuildProof:
    """Build the queue of a rebase (or of a forecast, as if it were one) with all patches; with fewer if that fails."""
    base = import_source(found.repository, state.new.source, state.new.label, state.new.checksum)
    trial = Trial(found, state, found.chain(state.old), base)
    tried: dict[int, Tried] = {}

    def attempt(count: int) -> Judgement:
        tried[count] = _try(context, trial, count, offline)
        point = f"with {state.verdicts[count - 1].patch}" if count else "without any patch"
        context.reporter.info(f"{state.new.label} {point}: {'builds' if tried[count].builds else 'does not build'}")
        return Judgement.GOOD if tried[count].builds else Judgement.BAD

    remark = _remark(state)
    answer, _, high = search(len(state.verdicts), attempt)
    if answer is Conclusion.NEVER:
        return BuildProof(answer, remark=remark)
    culprit = state.verdicts[high - 1].patch if answer is Conclusion.FOUND else ""
    return BuildProof(answer, culprit, tried[high].log, remark)


def _remark(state: State) -> str:
    out = sum(verdict.status in TROUBLE for verdict in state.verdicts)
    proposed = sum(verdict.status is Fate.PROPOSAL for verdict in state.verdicts)
    texts = [f"without the {out} that need a person"] if out else []
    texts += [f"with {proposed} proposed as they are"] if proposed else []
    return f", {' and '.join(texts)}" if texts else ""


def _try(context: Context, trial: Trial, count: int, offline: bool) -> Tried:
    """Build with the first patches; what was built with the same inputs before is known."""
    name, reporter = trial.package.name, Reporter()
    workspace = trial.lay_out(trial.writes(count))
    with at_work(workspace, context.target_name, context.patience(wait=False)):
        workshop = Workshop(load_project(workspace, context.config, context.target_name, tolerant=True), offline)
        if fault := workshop.fault(name):
            raise fault
        require_needs(workshop, name)
        plan = workshop.plan([name])
        key = workshop.whole(name).key
        if (known := trial.known(key)) is not None:
            return known
        chosen = choose_builder_name(workshop.project.config, context.target_name)
        builder = choose_builder(workshop.project, chosen, workshop.buildroot_digest, offline=offline)
        outcomes = Build(workshop, plan, builder, reporter, Options(1, offline=offline)).run()
        return trial.keep(key, _log_of(outcomes))


def _log_of(outcomes: list[Outcome]) -> Path | None:
    """The log of a build that failed; PlanexError where it did not come to the package's own commands."""
    for outcome in outcomes:
        if outcome.status in NOT_BUILT:
            error = outcome.error
            if not isinstance(error, BuildFailed) or error.log is None or error.phase in _BEFORE:
                raise error or PlanexError(f"{outcome.package} was not built")
            return error.log
    return None


def as_rebase(found: PackageQueue, old: Version, aim: Goal, verdicts: tuple[Verdict, ...]) -> State:
    """The state of a rebase that never was, for a forecast's verdicts."""
    check_goal(found.project, found.name, aim)
    guards = tuple(sorted(found.guards))
    return State(found.name, guards, old, aim.version, aim.variables, aim.url, "", verdicts=verdicts)
