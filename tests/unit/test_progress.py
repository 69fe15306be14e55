# SPDX-License-Identifier: LGPL-2.1-or-later
"""The live view: what it says, that nothing in it jumps, and that it is not there where nobody looks."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from planex.cli.eventfile import EventFile
from planex.cli.progress import Progress
from planex.cli.terminal import Terminal
from planex.events import (
    BuildBegan,
    Event,
    PackageEnded,
    PackagePlanned,
    PhaseBegan,
    RunFailed,
    Status,
    TaskAdvanced,
    TaskBegan,
    TaskEnded,
    TaskSaid,
    Unit,
)

PLAN = (
    PackagePlanned("xen", "build", ("new",), 600.0),
    PackagePlanned("qemu", "build", ("new",), 300.0, ("xen",)),
    PackagePlanned("kept", "keep", ("up to date",)),
    PackagePlanned("hello", "build", ("new",), 60.0),
    BuildBegan(2),
)


def began(task: int, name: str, at: float) -> Event:
    return TaskBegan(task, name, monotonic=at)


def progress(*events: Event) -> Progress:
    made = Progress()
    for event in events:
        made(event)
    return made


def shown(view: Progress, width: int = 78, now: float = 100.0) -> list[str]:
    return [text + dim for text, dim in view.lines(width, now, 3.14)]


def test_the_view_has_a_line_for_each_task_and_one_for_the_build() -> None:
    view = progress(*PLAN, began(1, "xen", 0.0), began(2, "hello", 93.0))
    for event in (
        PhaseBegan(1, "xen", "%build"),
        TaskSaid(1, "xen", "cc -c \x1b[1ma.c"),
        TaskSaid(2, "hello", "x" * 99),
    ):
        view(event)
    assert shown(view) == [
        r"xen       %build             1:40  cc -c \x1b[1ma.c",
        "hello                        0:07  " + "x" * 42 + "…",
        "0 of 3 packages, about 13 min left, 2 at once, load 3.1",
    ]
    assert view.lines(78, 100.0)[0][1] == r"cc -c \x1b[1ma.c"
    view(TaskAdvanced(1, "xen", 3, 10, Unit.ITEMS))
    assert shown(view)[0].endswith("  3 of 10")
    view(PhaseBegan(1, "xen", "%install"))
    assert shown(view)[0] == "xen       %install           1:40  "


@pytest.mark.parametrize("width", [1, 10, 38, 59, 60, 78, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    view = progress(*PLAN, began(1, "a-package-with-a-name-of-many-words", 0.0))
    view(PhaseBegan(1, "", "fetch a-long-name-of-a-source.tar.xz"))
    view(TaskSaid(1, "", "y" * 300))
    assert all(len(line) <= width for line in shown(view, width))
    if width == 38:
        assert shown(view, width) == ["a-package-with-…  fetch a-…     1:40", "0 of 3 packages, about 15 min left"]


def test_a_task_keeps_its_line_and_a_free_one_is_taken_again() -> None:
    view = progress(*PLAN, began(1, "xen", 0.0), began(2, "hello", 0.0))
    view(TaskEnded(1, "xen", 1.0))
    view(PackageEnded("xen", Status.BUILT, 1.0))
    assert [line.split(" ")[0] for line in shown(view)] == ["", "hello", "1"]
    view(began(3, "qemu", 0.0))
    assert [line.split(" ")[0] for line in shown(view)] == ["qemu", "hello", "1"]


def test_a_package_that_is_planned_again_is_outstanding_again() -> None:
    view = progress(*PLAN)
    view(PackageEnded("xen", Status.POSTPONED, 1.0))
    assert shown(view)[-1].startswith("1 of 3 packages")
    for event in PLAN:
        view(event)
    assert shown(view)[-1].startswith("0 of 3 packages")


def test_the_view_stays_between_two_tasks_and_goes_with_the_last_package() -> None:
    view = progress(*PLAN)
    assert shown(view) == ["0 of 3 packages, about 15 min left, load 3.1"]
    for name in ("xen", "qemu", "hello"):
        view(PackageEnded(name, Status.BUILT, 1.0))
    assert shown(view) == []
    assert shown(progress(*PLAN[:-1])) == []  # planned, and nothing is built


@pytest.mark.parametrize(
    ("events", "left"),
    [
        ((), 900.0),  # qemu waits for xen
        ((began(1, "xen", 0.0),), 800.0),
        ((began(1, "xen", -10_000.0),), 300.0),  # it takes longer than last time
        ((PackageEnded("xen", Status.BUILT, 1.0),), 300.0),
        ((PackageEnded("qemu", Status.FAILED, 1.0),), 600.0),
        ((PackagePlanned("never", "build", ("new",)),), None),
        (tuple(PackagePlanned(f"p{n}", "build", ("new",), 500.0) for n in range(8)), 2480.0),  # two at once
    ],
)
def test_the_time_left_is_what_was_taken_last(events: Iterable[Event], left: float | None) -> None:
    assert progress(*PLAN, *events).time_left(100.0) == left


EVENTS = (*PLAN, began(1, "xen", 0.0), PhaseBegan(1, "xen", "%build"), TaskSaid(1, "xen", "cc"))


@pytest.mark.parametrize("kind", [{"force_terminal": False}, {"force_terminal": True, "_environ": {"TERM": "dumb"}}])
def test_where_nobody_looks_there_are_calm_lines(kind: dict[str, Any]) -> None:
    out = io.StringIO()
    terminal = Terminal(console=Console(file=out, width=80, soft_wrap=True, **kind))
    for event in (*EVENTS, TaskEnded(1, "xen", 1.0), RunFailed("xen failed")):
        terminal(event)
    lines = ["build      xen  (new)", "build      qemu  (new)", "build      hello  (new)", "error: xen failed"]
    assert [line.rstrip() for line in out.getvalue().splitlines()] == lines


@pytest.mark.parametrize(
    ("environment", "codes"),
    [
        ({"TERM": "xterm"}, {"\x1b[36m", "\x1b[2m", "\x1b[0m"}),
        ({"TERM": "xterm", "NO_COLOR": "1"}, {"\x1b[2m", "\x1b[0m"}),
    ],
)
def test_a_live_view_dims_what_programs_say_and_knows_no_color(environment: dict[str, str], codes: set[str]) -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, soft_wrap=True, force_terminal=True, _environ=environment)
    terminal = Terminal(console=console)
    for event in EVENTS:
        terminal(event)
    terminal(RunFailed("x"))  # the view ends
    out.truncate(out.seek(0))
    console.print(terminal._view())
    assert "\x1b[2mcc" in out.getvalue()
    assert set(re.findall(r"\x1b\[[0-9;]*m", out.getvalue())) == codes


def test_what_programs_say_is_in_no_file_of_events(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "events")
    for event in (began(1, "xen", 0.0), TaskSaid(1, "xen", "cc")):
        file(event)
    file.close()
    assert (tmp_path / "events").read_text().count("\n") == 1
