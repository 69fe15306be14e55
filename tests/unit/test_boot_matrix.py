# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many boots at once: which there are, what proves each, that none stops another, and what is told of them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from planex.cli import cli
from planex.cli.bootmatrix import ProvedBoots, _cells, _go_on
from planex.cli.context import Context
from planex.errors import LoggedError, PlanexError
from planex.host.definition import load_definition
from planex.machine import monitor, screen
from planex.machine.boot import BootFailed
from planex.machine.conversation import Conversation, Turn
from planex.machine.matrix import (
    Cell,
    CellResult,
    Trial,
    at_once,
    boot_entry,
    chosen,
    picture_beside,
    run_cells,
    sign_of,
)
from planex.machine.monitor import make_pipes
from planex.machine.qemu import Machine, qemu_argv
from planex.machine.screen import Onlooker, take_picture
from planex.pages.bootmatrix import MatrixRun, matrix_data, matrix_page, matrix_text
from planex.pages.junit import boots_junit
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.unit.test_boot_install import talk
from tests.unit.test_boot_proof import CONSOLE

FakeTool = Callable[[str, str], Path]
GOOD, BAD = Cell("bios", "cd", "xen"), Cell("uefi", "usb", "bare")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell scripts that stand for QEMU take no pictures."""
    monkeypatch.setattr(monitor, "_SECONDS", 0.05)
    monkeypatch.setattr(screen, "_SETTLE", 0.0)


def test_every_entry_by_every_way_and_every_scenario() -> None:
    definition = load_definition(Workspace(ROOT))
    cells = list(_cells(definition))
    assert len(cells) == len({cell.name for cell in cells})
    assert {cell.medium for cell in cells} == {"cd", "usb", "nvme", "pxe"}
    assert Cell("uefi", "nvme", "rescue-serial") in cells
    assert Cell("bios", "cd", "scenario-install-cut-off") in cells


def test_each_entry_of_this_workspace_has_the_sign_of_what_it_starts() -> None:
    entries = {entry.name: entry for entry in load_definition(Workspace(ROOT)).entries}
    signs = {name: sign_of(e.hypervisor is not None, e.kernel_args) for name, e in entries.items()}
    assert {name for name, sign in signs.items() if sign.xen} == {"xen", "serial"}
    assert {name for name, sign in signs.items() if sign.disk} == {
        *("install", "install-serial", "unattended", "unattended-serial")
    }
    assert "xen none" in signs["bare"].heard
    assert signs["install"].heard != signs["install-serial"].heard != signs["unattended-serial"].heard
    assert "planex-rescue-42" not in signs["rescue"].turns[-1].say, "an echo of what is typed would be proof enough"


def test_cells_are_chosen_by_their_names() -> None:
    assert chosen([GOOD, BAD], ["bios-*", "*-xen"]) == [GOOD]
    assert chosen([GOOD, BAD], []) == [GOOD, BAD]
    with pytest.raises(PlanexError, match=r"no cell is called 'bsd-\*'"):
        chosen([GOOD, BAD], ["bios-*", "bsd-*"])


@pytest.mark.parametrize(("cores", "free", "jobs"), [(8, 10000, 4), (2, 10000, 2), (8, 100, 1)])
def test_as_many_at_once_as_cores_and_memory_allow(cores: int, free: int, jobs: int) -> None:
    assert at_once(2048, cores, free) == jobs


@pytest.mark.parametrize(
    ("medium", "words"),
    [
        ("usb", "-device qemu-xhci -drive if=none,id=drive0,format=raw,snapshot=on,file=/x.iso -device usb-storage,"),
        ("nvme", "-device nvme,serial=planex,drive=drive0,bootindex=0"),
    ],
)
def test_media_that_the_iso_is_written_to_stay_as_they_are(medium: str, words: str) -> None:
    argv = " ".join(qemu_argv("qemu", Machine(Path("/x.iso"), medium=medium), None))  # type: ignore[arg-type]
    assert words in argv
    assert "snapshot=on" in argv


def qmp(monitor: Path, answers: list[str]) -> threading.Thread:
    """A QEMU that says ``answers``, one for each command."""

    def serve() -> None:
        pipes = [monitor.with_name(monitor.name + end) for end in (".in", ".out")]
        with pipes[0].open("rb") as requests, pipes[1].open("wb", buffering=0) as out:
            for answer in answers:
                command = json.loads(requests.readline())
                if command["execute"] == "screendump" and "return" in answer:
                    Path(command["arguments"]["filename"]).write_bytes(PNG)
                out.write(answer.encode() + b"\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(("answer", "taken"), [('{"return": {}}', True), ('{"error": {"desc": "no screen"}}', False)])
def test_a_picture_is_taken_when_the_menu_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, taken: bool
) -> None:
    monkeypatch.setattr(monitor, "_SECONDS", 20.0)
    pipes = make_pipes(tmp_path / "monitor")
    serving = qmp(pipes, ['{"QMP": {}}\r\n{"event": "X"}\r\n{"return": {}}', answer])
    ear = Onlooker(talk(Turn("menu", "\r"), Turn("more", "x")), pipes, tmp_path / "menu.png")
    assert ear.feed("the men") is None
    assert not (tmp_path / "menu.png").exists()
    assert ear.feed("u") == "\r"
    serving.join(20)
    assert (tmp_path / "menu.png").exists() == taken
    assert ear.feed("more") == "x", "one picture is enough"


def test_a_machine_without_a_screen_costs_no_boot(tmp_path: Path) -> None:
    assert not take_picture(tmp_path / "nothing", tmp_path / "menu.png")


def entry_machine(tmp_path: Path) -> Machine:
    (tmp_path / "host.iso").write_bytes(b"")
    return Machine(tmp_path / "host.iso")


@pytest.mark.parametrize(("console", "fault"), [(CONSOLE, ""), (CONSOLE.replace("xen_version", "x"), "'xl info'")])
def test_an_entry_with_xen_takes_the_whole_proof(tmp_path: Path, fake_tool: FakeTool, console: str, fault: str) -> None:
    (tmp_path / "console").write_text(console)
    fake_tool("qemu-system-x86_64", f"#!/bin/sh\necho menu\nhead -c 1\ncat {tmp_path}/console\nexec sleep 100\n")

    def start() -> str:
        return boot_entry(entry_machine(tmp_path), Turn("menu", "\r"), sign_of(True, ""), tmp_path / "logs/x.log", 20)

    if not fault:
        assert start().startswith("Xen 4.20.3, Linux 6.12.107")
        return
    with pytest.raises(BootFailed, match=fault):
        start()


def test_the_shell_of_a_rescue_has_to_answer(tmp_path: Path, fake_tool: FakeTool) -> None:
    sign = sign_of(False, "console=ttyS0 systemd.unit=rescue.target")
    prompt = "printf 'Press Enter for maintenance\\n(or press Control-D to continue): '; head -c 1"
    shell = f"{prompt}; printf 'root:~# '; read -r -d $'\\r' line; sh -c \"$line\""
    fake_tool("qemu-system-x86_64", f"#!/bin/bash\nprintf menu; head -c 1; {shell}\nexec sleep 100\n")
    said = boot_entry(entry_machine(tmp_path), Turn("menu", "\n"), sign, tmp_path / "logs/x.log", 20)
    assert said.startswith("planex-rescue-42 on ")


def test_a_bare_host_that_runs_under_xen_is_none(tmp_path: Path, fake_tool: FakeTool) -> None:
    (tmp_path / "console").write_text(CONSOLE)
    fake_tool("qemu-system-x86_64", f"#!/bin/sh\nprintf menu; head -c 1\ncat {tmp_path}/console\n")
    with pytest.raises(BootFailed, match="the entry did not come to its end: the machine went off"):
        boot_entry(entry_machine(tmp_path), Turn("menu", "\r"), sign_of(False, ""), tmp_path / "x.log", 20)


def fails(log: Path) -> str:
    log.write_text("some words")
    picture_beside(log).write_bytes(PNG)
    raise LoggedError("no proof <of> it\nbecause", None, "last words", log)


def results(tmp_path: Path) -> list[CellResult]:
    told: list[CellResult] = []
    found = run_cells({BAD: fails, GOOD: lambda log: "Xen 4.20"}, tmp_path, 2, told.append)
    assert {result.cell for result in told} == {GOOD, BAD}
    return found


def test_a_cell_that_fails_stops_no_other(tmp_path: Path) -> None:
    picture_beside(tmp_path / f"{GOOD.name}.log").write_bytes(b"of an earlier run")
    bad, good = results(tmp_path)
    assert (good.cell, good.said, good.fault, good.picture) == (GOOD, "Xen 4.20", "", None)
    assert (bad.cell, bad.fault, bad.tail) == (BAD, "no proof <of> it\nbecause", "last words")
    assert bad.picture == tmp_path / "uefi-usb-bare.png"


def test_a_report_is_heard_to_the_end_of_its_last_line() -> None:
    talk = Conversation((), sign_of(True, "").heard, "(?!)")
    talk.feed(CONSOLE.rstrip())
    assert CONSOLE.rstrip().endswith("end") and not talk.finished()
    talk.feed("\r\n")
    assert talk.finished() and talk.listener.proof()


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Cell] = []

    def trial(cell: Cell, end: BaseException | None = None) -> Trial:
        def go(log: Path) -> str:
            begun.append(cell)
            if end:
                raise end
            return "Xen 4.20"

        return go

    def run(iso: str, end: BaseException | None = None, *, only: Cell | None = None) -> list[CellResult]:
        begun.clear()
        monkeypatch.setattr("planex.run._stopping", threading.Event())
        trials = {cell: trial(cell, end if cell is BAD else None) for cell in (BAD, GOOD) if only in (None, cell)}
        return _go_on(Context(), trials, tmp_path, 1, ProvedBoots(iso))

    for iso, again in (("a", [BAD]), ("b", [GOOD, BAD])):
        with pytest.raises(KeyboardInterrupt):
            run("a", KeyboardInterrupt())
        assert [(result.cell, result.said) for result in run(iso)] == [(BAD, "Xen 4.20"), (GOOD, "Xen 4.20")]
        assert begun == again
    run("b")
    assert begun == [GOOD, BAD], "a run that is over is not gone on with"
    with pytest.raises(KeyboardInterrupt):
        run("c", KeyboardInterrupt())
    run("c", only=BAD)
    run("c")
    assert begun == [BAD], "a run of some cells leaves alone what was proved of others"


def run_of(tmp_path: Path) -> MatrixRun:
    return MatrixRun("x.iso", results(tmp_path), {"xen": "Live & well"}, [("took", "2 s")])


def test_what_is_told_of_a_run(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    text = matrix_text(run, 100)
    assert text.endswith("1 of 2 boots failed")
    assert "FAILED  uefi-usb-bare" in text
    assert [row["proved"] for row in matrix_data(run)["boots"]] == [False, True]
    suite = ElementTree.fromstring(boots_junit(run.results, "boot x.iso", 0.0))[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "last words" in (suite[0][0].text or "")


def test_the_page_has_all_in_it_and_no_markup_of_the_hosts(tmp_path: Path) -> None:
    page = matrix_page(run_of(tmp_path), tmp_path)
    assert "no proof &lt;of&gt; it" in page
    assert "Live &amp; well" in page
    assert 'href="uefi-usb-bare.log"' in page
    assert base64.b64encode(PNG).decode() in page
    assert "http" not in page
    assert '<li id="bios-cd-xen">' in page
    assert 'href="#bios-cd-xen"' in page


@pytest.mark.parametrize("options", [["--firmware", "uefi"], ["--scenario", "install"], ["--show"]])
def test_what_is_chosen_by_name_is_not_chosen_twice(tmp_path: Path, options: list[str]) -> None:
    iso = tmp_path / "x.iso"
    iso.write_bytes(bytes(32769) + b"CD001" + bytes(65536))
    done = CliRunner().invoke(cli, ["-C", str(ROOT), "boot", str(iso), "--matrix", *options])
    assert done.exit_code == 2, done.output
    assert "choose cells with --only" in done.output
