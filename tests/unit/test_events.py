# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens in a run: told as events, written as JSON lines and as JUnit XML."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from planex.cli import main
from planex.cli.eventfile import EventFile
from planex.cli.progress import progress_text
from planex.cli.terminal import Terminal
from planex.events import (
    FORMAT,
    BaseMade,
    Event,
    IsoMade,
    IsoPlanned,
    Level,
    Message,
    PackageEnded,
    PackageLeftOut,
    PackagePlanned,
    PhaseBegan,
    RunFailed,
    Status,
    TaskAdvanced,
    TaskBegan,
    TaskEnded,
    Unit,
)
from planex.pages.eventlines import event_line
from planex.pages.junit import junit_xml
from planex.printable import few
from planex.report import Reporter

SECRET = "http://me:s3cr@et@host/x"


def planex(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The whole command line; its exit status."""
    monkeypatch.setattr(sys, "argv", ["planex", *words])
    monkeypatch.setattr("planex.cli.signal.signal", lambda number, handler: None)
    with pytest.raises(SystemExit) as caught:
        main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_task_tells_its_beginning_phases_progress_and_end() -> None:
    told: list[Event] = []
    with Reporter(told.append).task("xen") as task:
        task.phase("fetch")
        task.phase("fetch")
        task.progress(0, 10)
        task.progress(1, 10)
        task.progress(10, 10)
    assert [type(event) for event in told] == [TaskBegan, PhaseBegan, TaskAdvanced, TaskAdvanced, TaskEnded]
    assert [event.done for event in told if isinstance(event, TaskAdvanced)] == [0, 10]
    assert told == sorted(told, key=lambda event: event.monotonic)


def test_listeners_get_one_event_at_a_time() -> None:
    busy, seen = threading.Lock(), []

    def listener(event: Event) -> None:
        assert busy.acquire(blocking=False)
        time.sleep(0)  # let another thread try
        seen.append(event)
        busy.release()

    reporter = Reporter(listener)

    def work() -> None:
        for _ in range(200):
            reporter.info("x")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 800


def test_numbers_become_words_only_on_the_terminal() -> None:
    def words(done: int, total: int, unit: Unit) -> str:
        return progress_text(TaskAdvanced(1, "x", done, total, unit))

    assert words(3, 10, Unit.ITEMS) == "3 of 10"
    assert words(1_500_000, 3_000_000, Unit.BYTES) == "50 % of 3.0 MB"
    assert words(1_500_000, 0, Unit.BYTES) == "1.5 MB"
    assert few(["a", "b", "c"]) == "a; b; c"
    assert few(["a", "b", "c", "d", "e"]) == "a; b; c; 2 more"


def test_the_terminal_says_what_was_made(capsys: pytest.CaptureFixture[str]) -> None:
    for event in (
        PackageLeftOut("arm", "not for x86_64"),
        PackagePlanned("xen", "build", ("new", "b", "c", "d")),
        PackagePlanned("same", "keep", ("up to date",)),
        PackageEnded("xen", Status.BUILT, 75.0),
        PackageEnded("bad", Status.FAILED, 1.0, "bad failed in %build: x"),
        PackageEnded("late", Status.SKIPPED, 0.0),
        PackageEnded("far", Status.TAKEN, 2.0, store="file:/far"),
        BaseMade(3, 1.0),
        IsoPlanned("x.iso", ("new", "iso.yaml changed")),
        IsoMade("x.iso", 7_000_000, 2.0),
    ):
        Terminal()(event)
    assert capsys.readouterr().err.splitlines() == [
        "skip       arm  (not for x86_64)",
        "build      xen  (new; b; c; 1 more)",
        "built      xen  1 min 15 s",
        "failed     bad failed in %build: x",
        "taken      far  2.0 s  from store file:/far",
        "base: 3 packages (1.0 s)",
        "build      x.iso  (new, iso.yaml changed)",
        "x.iso: 7 MB (2.0 s)",
    ]


def test_a_line_has_values_and_no_password() -> None:
    line = event_line(PackageEnded("xen", Status.FAILED, 1.5, f"no {SECRET} \x1b[2J", "fetch", time=7.0, monotonic=8.0))
    assert json.loads(line) == {
        "event": "package_ended",
        "time": 7.0,
        "monotonic": 8.0,
        "package": "xen",
        "status": "failed",
        "seconds": 1.5,
        "reason": "no http://me:***@host/x \\x1b[2J",
        "phase": "fetch",
        "log": "",
        "tail": "",
        "store": "",
    }
    assert json.loads(event_line(PackagePlanned("x", "build", (SECRET,))))["reasons"] == ["http://me:***@host/x"]
    assert json.loads(event_line(Message(Level.WARNING, "\udcff")))["text"] == "\\xff"


def test_who_listens_for_a_while_hears_nothing_afterwards() -> None:
    heard: list[Event] = []
    reporter = Reporter()
    with reporter.listening(heard.append):
        reporter.info("one")
    reporter.info("two")
    assert [event.text for event in heard if isinstance(event, Message)] == ["one"]


def test_a_run_is_written_as_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events.jsonl"
    assert planex(monkeypatch, "--events", str(file), "init", str(tmp_path / "new")) == 0
    told = lines(file)
    assert [row["event"] for row in told] == ["run_began", "message", "run_ended"]
    assert told[0]["format"] == FORMAT
    assert told[0]["command"] == ["--events", str(file), "init", str(tmp_path / "new")]
    assert told[1]["level"] == "info"
    assert told[2]["status"] == 0
    assert "next: cd" in capfd.readouterr().err


def test_how_a_run_failed_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "events.jsonl"
    assert planex(monkeypatch, "--events", str(file), "-C", str(tmp_path), "build", SECRET) == 2
    _, failed, ended = lines(file)
    assert failed["event"] == "run_failed"
    assert "no planex.yaml" in failed["message"]
    assert "planex init" in failed["hint"]
    assert ended["status"] == 2
    assert "s3cr" not in file.read_text() and "et@" not in file.read_text()

    assert planex(monkeypatch, "--events", str(file), "build", "--no-such") == 2
    assert [row["event"] for row in lines(file)] == ["run_began", "run_failed", "run_ended"]


def test_a_full_disk_ends_no_work_but_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert planex(monkeypatch, "--events", "/dev/full", "init", str(tmp_path / "new")) == 1
    assert "cannot write /dev/full: No space left" in capfd.readouterr().err
    assert (tmp_path / "new" / "planex.yaml").exists()


def test_a_file_that_cannot_be_begun_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert planex(monkeypatch, "--events", str(tmp_path / "none" / "x"), "init", str(tmp_path / "new")) == 1
    assert not (tmp_path / "new").exists()


def test_a_terminal_that_is_gone_takes_no_line_from_the_file(tmp_path: Path) -> None:
    def gone(event: Event) -> None:
        raise BrokenPipeError

    reporter, file = Reporter(gone), EventFile(tmp_path / "x")
    reporter.listen(file)
    with pytest.raises(BrokenPipeError):
        reporter.info("heard")
    file.close()
    assert lines(tmp_path / "x")[0]["text"] == "heard"


def case(xml: str, name: str) -> ElementTree.Element:
    (found,) = (row for row in ElementTree.fromstring(xml).iter("testcase") if row.get("name") == name)
    return found


def test_junit_has_a_case_for_each_package() -> None:
    xml = junit_xml(
        [
            PackageLeftOut("arm", "not for x86_64", time=0.0),
            PackagePlanned("kept", "keep", ("up to date",)),
            PackagePlanned("good", "build", ("new",)),
            PackagePlanned("bad", "build", ("new",)),
            PackagePlanned("needy", "build", ("new",)),
            PackagePlanned("late", "build", ("new",)),
            PackageEnded("good", Status.BUILT, 2.5),
            PackageEnded("bad", Status.FAILED, 1.0, f"in %build: {SECRET}", "%build", "/log", "last \x07\uffff line"),
            PackageEnded("needy", Status.SKIPPED, 0.0, "needs bad"),
            RunFailed("bad failed"),
        ],
        "planex build el9",
    )
    (suite,) = ElementTree.fromstring(xml).iter("testsuite")
    assert dict(suite.attrib) == {
        "name": "planex build el9",
        "tests": "6",
        "failures": "1",
        "errors": "0",
        "skipped": "3",
        "time": "3.500",
        "timestamp": "1970-01-01T00:00:00",
    }
    assert case(xml, "good").get("time") == "2.500"
    assert list(case(xml, "good")) == list(case(xml, "kept")) == []
    failure = case(xml, "bad").find("failure")
    assert failure is not None and failure.get("message") == "in %build: http://me:***@host/x"
    assert failure.text == "last \\x07? line\nlog: /log"
    reasons = {name: case(xml, name).find("skipped") for name in ("arm", "needy", "late")}
    assert {name: row.get("message") for name, row in reasons.items() if row is not None} == {
        "arm": "not for x86_64",
        "needy": "needs bad",
        "late": "the run ended before it",
    }


def test_junit_of_a_build_that_could_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "junit.xml"
    assert planex(monkeypatch, "-C", str(tmp_path), "build", "--junit", str(file)) == 2
    error = case(file.read_text(), "planex build").find("error")
    assert error is not None and "no planex.yaml" in error.get("message", "")
    assert planex(monkeypatch, "build", "--junit", str(file), "--dry-run") == 2
