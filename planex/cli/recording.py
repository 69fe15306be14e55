# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is left of a build for whoever looks back at it: a timeline, its events, and what became of each package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from planex.cli.context import Context
from planex.cli.failure import failed
from planex.content.store import Store
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.events import (
    BuildBegan,
    Event,
    PackageEnded,
    PackageEvent,
    PackagePlanned,
    RunFailed,
    Status,
    TaskAdvanced,
    TaskSaid,
)

_UNTOLD = (TaskSaid, TaskAdvanced)
RECORD = "build"
"""Folder of it, among those of the packages' logs."""


@contextmanager
def recorded(context: Context, junit: Path | None) -> Iterator[None]:
    """Write what was told meanwhile, however it ends: to ``junit``, and, where packages were worked on, to the logs."""
    events: list[Event] = []
    suite = "planex build"
    try:
        suite = f"planex build {context.target_name}"
        with context.reporter.listening(lambda each: None if isinstance(each, _UNTOLD) else events.append(each)):
            yield
    except PlanexError as error:
        events.append(failed(error))
        raise
    finally:
        if junit:
            _write_junit(junit, events, suite)
        if any(_is_work(event) for event in events):
            _write_all(context, events, suite)


def _is_work(event: Event) -> bool:
    return isinstance(event, BuildBegan) or (isinstance(event, PackageEnded) and event.status is Status.TAKEN)


def _write_junit(path: Path, events: list[Event], suite: str) -> None:
    from planex.pages.junit import junit_xml

    write_atomic(path, junit_xml([event for event in events if isinstance(event, PackageEvent | RunFailed)], suite))


def _write_all(context: Context, events: list[Event], suite: str) -> None:
    from planex.pages.eventlines import event_line
    from planex.pages.timeline import timeline_page

    target = context.target_name
    folder, store = context.workspace.logs(target, RECORD), Store(context.workspace.target(target) / "store")
    planned = {event.package for event in events if isinstance(event, PackagePlanned)}
    costs = {name: result.seconds for name in sorted(planned) if (result := store.last(name))}
    page = folder / "timeline.html"
    write_atomic(page, timeline_page(events, target, costs))
    write_atomic(folder / "events.jsonl", "".join(f"{event_line(event)}\n" for event in events))
    _write_junit(folder / "junit.xml", events, suite)
    context.reporter.remark(f"timeline: {context.workspace.relative(page)}")
