# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a rebase did, for people and for git."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from planex.pages.table import WIDTH, fitted, indented
from planex.pages.verdicts import summary
from planex.patchqueue.carry.verdict import CHANGED, GONE, Fate


def report_files(report: Mapping[str, Any]) -> dict[str, str]:
    """A rebase's report in several forms, and a message to commit with: name to text."""
    return {
        "report.txt": report_text(report),
        "report.json": json.dumps(report, indent=1) + "\n",
        "commit-message.txt": commit_message(report),
    }


def report_text(report: Mapping[str, Any], width: int = WIDTH) -> str:
    """A rebase's report for people, in so many columns."""
    patches = report["patches"]
    head = f"{report['package']}: {report['from']} -> {report['to']}: {summary(row['status'] for row in patches)}"
    parts = [head, "", fitted([(row["status"], row["patch"], row["why"]) for row in patches], width)]
    if report["guarded_out"]:
        parts += ["", f"not carried, as the chosen guards leave them out: {', '.join(report['guarded_out'])}"]
    if build := report.get("build"):
        parts += ["", f"Built: {build['text']}."]
    for row in patches:
        if diff := row.get("range_diff"):
            parts += ["", f"How {row['patch']} changed (old on the left):", indented(diff)]
    return "\n".join(parts) + "\n"


def commit_message(report: Mapping[str, Any]) -> str:
    """A message to commit the new queue with; every patch that left the queue is in it, with the reason."""
    gone = {str(status) for status in GONE}
    statuses = [row["status"] for row in report["patches"]]
    lines = [f"{report['package']}: {report['from']} -> {report['to']}", "", f"Patch queue: {summary(statuses)}."]
    for title, wanted in (
        ("Out of the queue:", gone),
        ("Left out for now:", {str(Fate.SKIPPED)}),
        ("Merged or solved:", {str(status) for status in CHANGED}),
    ):
        rows = [row for row in report["patches"] if row["status"] in wanted]
        if rows:
            lines += ["", title, *(_item(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _item(row: Mapping[str, Any]) -> str:
    return f"- {row['patch']}: {row['status']}" + (f", {row['why']}" if row["why"] else "")
