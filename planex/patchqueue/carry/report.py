# SPDX-License-Identifier: LGPL-2.1-or-later
"""What became of a queue, as plain data (for JSON) and as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from planex.git.repository import Repository
from planex.patchqueue.carry.breaker import Breaker
from planex.patchqueue.carry.forecast import Matrix
from planex.patchqueue.carry.verdict import GONE, TROUBLE, Status, Verdict
from planex.patchqueue.commits.commits import Chain

CHANGED = frozenset({Status.MERGED, Status.RERERE, Status.RESOLVED})
"""The patch is another than before, so its range-diff is shown."""
FORMAT = 1


def patch_rows(repository: Repository, chain: Chain, verdicts: Sequence[Verdict], base: str) -> list[dict[str, Any]]:
    """A row for each patch of a finished rebase, as plain data; ``base`` is the commit of the new source."""
    rows = []
    parent = base
    for link, verdict in zip(chain.links, verdicts, strict=True):
        row = {**verdict.to_json(), "subject": link.patch.subject, "why": explain(verdict)}
        if verdict.status in CHANGED:
            spans = (f"{link.parent}..{link.commit}", f"{parent}..{verdict.commit}")
            row["range_diff"] = range_diff(repository, *spans)
        rows.append(row)
        parent = verdict.commit
    return rows


def range_diff(repository: Repository, old: str, new: str) -> str:
    """How a patch changed: git range-diff of its old and its new commit."""
    words = ["range-diff", "--no-color", "--creation-factor=100", "--no-dual-color", old, new]
    return repository.git(*words)


def explain(verdict: Verdict) -> str:
    """Why the verdict is what it is, in a few words; empty where the status says it all."""
    if verdict.proof:
        return f"{verdict.proof.text} (proof: {verdict.proof.strength})"
    if verdict.status is Status.BLOCKED:
        return f"needs {', '.join(verdict.blockers)}" + (f"; {verdict.reason}" if verdict.reason else "")
    if verdict.files:
        return f"in {', '.join(verdict.files)}"
    return verdict.reason or (
        verdict.how if verdict.how.startswith("by ") else f"by {verdict.how}" if verdict.how else ""
    )


def summary(statuses: Iterable[Status | str]) -> str:
    """``12 clean, 3 offset, 1 conflict``, in the order of the statuses."""
    counts = Counter(str(status) for status in statuses)
    return ", ".join(f"{counts[status]} {status}" for status in Status if counts[status]) or "no patches"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns set out with spaces; the last is not filled up, and those without any text are left out."""
    filled = [column for column in zip(*rows, strict=True) if any(column)]
    widths = [max(map(len, column)) for column in filled[:-1]]
    lines = zip(*filled, strict=True)
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()
        for line in lines
    )


def verdict_rows(verdicts: Iterable[Verdict]) -> list[tuple[str, str, str]]:
    return [(str(verdict.status), verdict.patch, explain(verdict)) for verdict in verdicts]


def report_text(report: Mapping[str, Any]) -> str:
    """A rebase's report for people."""
    patches = report["patches"]
    head = f"{report['package']}: {report['from']} -> {report['to']}: {summary(row['status'] for row in patches)}"
    parts = [head, "", table([(row["status"], row["patch"], row["why"]) for row in patches])]
    if report["guarded_out"]:
        parts += ["", f"not carried, as the chosen guards leave them out: {', '.join(report['guarded_out'])}"]
    for row in patches:
        if diff := row.get("range_diff"):
            parts += ["", f"How {row['patch']} changed (old on the left):", _indented(diff)]
    return "\n".join(parts) + "\n"


def commit_message(report: Mapping[str, Any]) -> str:
    """A message to commit the new queue with; every patch that left the queue is in it, with the reason."""
    gone = {str(status) for status in GONE}
    statuses = [row["status"] for row in report["patches"]]
    lines = [f"{report['package']}: {report['from']} -> {report['to']}", "", f"Patch queue: {summary(statuses)}."]
    for title, wanted in (
        ("Out of the queue:", gone),
        ("Left out for now:", {str(Status.SKIPPED)}),
        ("Merged or solved:", {str(status) for status in CHANGED}),
    ):
        rows = [row for row in report["patches"] if row["status"] in wanted]
        if rows:
            lines += ["", title, *(_item(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _item(row: Mapping[str, Any]) -> str:
    return f"- {row['patch']}: {row['status']}" + (f", {row['why']}" if row["why"] else "")


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


def forecast_json(matrix: Matrix, package: str, breakers: Mapping[str, Breaker]) -> dict[str, Any]:
    """A forecast as plain data; ``versions`` holds, for each version, a row per patch."""
    return {
        "format": FORMAT,
        "package": package,
        "from": matrix.old.label,
        "versions": {
            column.version.label: {
                verdict.patch: {
                    **{
                        key: value for key, value in verdict.to_json().items() if key not in ("patch", "commit", "tree")
                    },
                    "why": explain(verdict),
                }
                for verdict in column.verdicts
            }
            for column in matrix.columns
        },
        "first_bad": matrix.first_bad,
        "broken_by": {patch: asdict(breaker) for patch, breaker in breakers.items()},
    }


def forecast_text(matrix: Matrix, package: str, breakers: Mapping[str, Breaker]) -> str:
    """The matrix for people: a line per patch, a column per version; then each version's troubles."""
    head = ("patch", *(column.version.label for column in matrix.columns), "")
    rows = [head]
    first = matrix.first_bad
    for number, patch in enumerate(matrix.patches):
        cells = [str(column.verdicts[number].status) for column in matrix.columns]
        many = len(matrix.columns) > 1
        remark = f"first bad: {first[patch.name]}" if many and patch.name in first else ""
        rows.append((patch.name, *cells, remark))
    parts = [f"{package} {matrix.old.label}, {len(matrix.patches)} patches", "", table(rows)]
    for column in matrix.columns:
        parts += ["", f"{column.version.label}: {summary(v.status for v in column.verdicts)}"]
        notable = [v for v in column.verdicts if v.status in TROUBLE | GONE | CHANGED]
        parts += [_indented(table(verdict_rows(notable)))] if notable else []
    if breakers:
        parts += ["", "First upstream commit that breaks a patch:"]
        parts += [_indented(table([(patch, breaker.text) for patch, breaker in breakers.items()]))]
    return "\n".join(parts) + "\n"
