# SPDX-License-Identifier: LGPL-2.1-or-later
"""Works out what ``planex patchqueue forecast`` was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from planex.cli.context import Context
from planex.cli.patchqueue.opening import alone, orders_for, queue_of
from planex.cli.patchqueue.wish import NEWEST, Wish
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.pages.needs import is_out
from planex.pages.page import News, forecast_page
from planex.pages.verdicts import forecast_text
from planex.patchqueue.carry.answers import Answer
from planex.patchqueue.carry.baseline import load_baseline, new_troubles, remember
from planex.patchqueue.carry.breaker import find_breakers
from planex.patchqueue.carry.forecast import Forecaster, Matrix
from planex.patchqueue.carry.offers import Offer, Offers, offers
from planex.patchqueue.carry.rows import FORMAT, forecast_rows
from planex.patchqueue.carry.verdict import Fate
from planex.rebase.newer import Newer, find_newer
from planex.rebase.package import PackageQueue
from planex.rebase.versions import Goal
from planex.report import Task
from planex.units import many

if TYPE_CHECKING:
    from planex.cli.patchqueue.trying import BuildProof


def work_out(context: Context, wish: Wish) -> Answer:
    """Judge the queue on all versions, write what is to be written, and say what to print."""
    before = load_baseline(wish.baseline) if wish.baseline else None
    found = queue_of(context, wish.package, wish.guards, offline=wish.offline)
    orders = orders_for(found, wish.keep, wish.without)
    with alone(found), context.reporter.task(wish.package) as task:
        newer = _newer(found, task) if NEWEST in wish.versions else None
        versions = [newer.wanted if newer and version == NEWEST else version for version in wish.versions]
        if newer and not any(versions):
            return _none_newer(newer, wish)
        aims = [found.goal(version, wish.settings, task) for version in versions if version]
        old = found.current(task)
        task.phase("forecast")
        commits = found.upstream_commits(old, aims)
        forecaster = found.forecaster(old, orders, commits)
        matrix = forecaster.matrix([aim.version for aim in aims])
        seconds = wish.blame_seconds
        breakers, left = find_breakers(forecaster, matrix, commits, seconds) if wish.blame else ({}, 0)
        proofs = _build(context, found, matrix, aims) if wish.build else {}
        offered = _offers(forecaster, matrix, proofs)
        data = forecast_rows(matrix, wish.package, breakers, offered)
        sentence = is_out(newer.newest, matrix.columns[versions.index(newer.wanted)]) if newer and newer.newest else ""
        data |= {"sentence": sentence} if newer else {}
        data |= {"builds": {label: proof.to_json() for label, proof in proofs.items()}} if wish.build else {}
        last = remember(found.home, data, matrix)
    if left:
        what = many(left, "patch", "patches")
        context.reporter.warn(f"no time to search for what breaks {what}: raise --blame-seconds, or run it again")
    news = News(str(wish.baseline), new_troubles(matrix, before)) if before is not None else None
    _write(wish, matrix, data, news)
    text = forecast_text(matrix, wish.package, breakers, wish.width, offered)
    text += "".join(f"\n{label}: {proof.text}\n" for label, proof in proofs.items())
    text += f"\n{sentence}\n" if sentence else ""
    output = json.dumps(data, indent=1) + "\n" if wish.as_json else text
    for patch, label, status in news.troubles if news else ():
        context.reporter.error(f"new since {wish.baseline}: {patch} on {label}: {status}")
    bad = news.troubles if news else any(column.troubles for column in matrix.columns)
    good = not bad and all(proof.builds for proof in proofs.values())
    return Answer(output, 0 if good else 1, last)


def _newer(found: PackageQueue, task: Task) -> Newer:
    """What is out upstream."""
    if found.offline:
        raise PlanexError("nobody can be asked what is out: --offline", "name a version: --onto VERSION")
    if newer := find_newer(found.project, found.name, task):
        return newer
    raise PlanexError(f"{found.name}: its source lies beside the spec: nobody is asked what is out", "--onto VERSION")


def _none_newer(newer: Newer, wish: Wish) -> Answer:
    data = {"format": FORMAT, "package": newer.package, "from": newer.version, "versions": {}, "sentence": ""}
    text = f"{newer.package}: {newer.version} is the newest ({newer.where})"
    return Answer((json.dumps(data, indent=1) if wish.as_json else text) + "\n", 0, "")


def _build(context: Context, found: PackageQueue, matrix: Matrix, aims: Sequence[Goal]) -> dict[str, BuildProof]:
    """Whether the carried queue builds, by version."""
    from planex.cli.patchqueue.trying import as_rebase, prove

    states = (as_rebase(found, matrix.old, aim, c.verdicts) for aim, c in zip(aims, matrix.columns, strict=True))
    return {state.new.label: prove(context, found, state, offline=found.offline) for state in states}


def _offers(forecaster: Forecaster, matrix: Matrix, proofs: Mapping[str, BuildProof]) -> Offers:
    """The proposals, and what a build proves of each."""
    found: dict[tuple[str, str], Offer] = {}
    order = [patch.name for patch in matrix.patches]
    for column in matrix.columns:
        if any(verdict.status is Fate.PROPOSAL for verdict in column.verdicts):
            label = column.version.label
            for patch, made in offers(forecaster.repository, forecaster.chain(), column).items():
                built = proofs[label].of(patch, order) if label in proofs else made.built
                found[label, patch] = replace(made, built=built)
    return found


def _write(wish: Wish, matrix: Matrix, data: Mapping[str, Any], news: News | None) -> None:
    if wish.save:
        write_atomic(wish.save, json.dumps(data, indent=1) + "\n")
    if wish.html:
        write_atomic(wish.html, forecast_page(matrix, data, news))
