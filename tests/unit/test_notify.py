# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is told what when nights turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from planex.cli import cli
from planex.cli.snapshot import making
from planex.errors import CommandFailed, ConfigError, PlanexError
from planex.snapshot.create import Maker
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.notify import command_words, notify
from planex.snapshot.record import Snapshot
from tests.unit.archive_factory import add_night, ident_of

TELL = '#!/bin/sh\ncat >>"$0.said"\necho , >>"$0.said"\n'


def said_by(tool: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(f"[{Path(f'{tool}.said').read_text().rstrip().rstrip(',')}]")
    return found


@pytest.fixture
def archive(tmp_path: Path) -> SnapshotFolder:
    found = SnapshotFolder(tmp_path / "snapshots")
    for number, good in enumerate((True, False, False, True, True, False), 1):
        add_night(found, number, good=good, error="xen failed in %build")
    return found


def test_only_a_change_is_told(archive: SnapshotFolder, fake_tool: Callable[[str, str], Path]) -> None:
    tool = fake_tool("tell-room", '#!/bin/sh\necho "$*" >>"$0.words"\ncat >>"$0.said"\necho , >>"$0.said"\n')
    told = [notify(archive, archive.load(ident_of(number)), "tell-room 'build room'") for number in range(1, 7)]
    assert told == [False, True, False, True, False, True]
    said = json.loads(f"[{Path(f'{tool}.said').read_text().rstrip().rstrip(',')}]")
    assert [(one["was"], one["state"], one["snapshot"]) for one in said] == [
        ("good", "broken", ident_of(2)),
        ("broken", "good", ident_of(4)),
        ("good", "broken", ident_of(6)),
    ]
    assert said[0]["broken_by"] == [["build", "xen failed in %build"]]
    assert (said[1]["broken_by"], said[1]["before"], said[1]["format"]) == ([], ident_of(2), 1)
    assert Path(said[2]["folder"]) == archive.folder(ident_of(6))
    assert Path(f"{tool}.words").read_text() == "build room\n" * 3


def test_what_could_not_be_told_is_told_next_time(
    archive: SnapshotFolder, fake_tool: Callable[[str, str], Path]
) -> None:
    fake_tool("tell-room", "#!/bin/sh\necho no network >&2\nexit 1\n")
    with pytest.raises(CommandFailed, match="tell-room"):
        notify(archive, archive.load(ident_of(2)), "tell-room")
    fake_tool("tell-room", "#!/bin/sh\n")
    assert notify(archive, archive.load(ident_of(3)), "tell-room")
    assert not notify(archive, archive.load(ident_of(3)), "tell-room")


@pytest.mark.parametrize("command", ["", "  ", "tell 'room"])
def test_a_command_that_is_none(command: str) -> None:
    with pytest.raises(ConfigError, match="--notify"):
        command_words(command)


def test_a_command_that_is_not_there(archive: SnapshotFolder) -> None:
    with pytest.raises(PlanexError, match="no-such-tool is not installed"):
        notify(archive, archive.load(ident_of(2)), "no-such-tool")


class Nightly:
    """`snapshot create --notify` in a workspace of the target t, with what stands in for the making itself."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("mock-configs/t.cfg", "repos/t.repo"):
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_text("")
        (folder / "planex.yaml").write_text("name: demo\nversion: '1'\nvendor: v\ntargets: {t: {base: t}}\n")
        self._folder, self._patch = folder, monkeypatch
        self.archive = SnapshotFolder(folder / "snapshots" / "t")

    def create(self, made: Callable[[], Snapshot]) -> object:
        self._patch.setattr(making, "load_project", lambda *words, **more: SimpleNamespace(recipes={}))
        self._patch.setattr(Maker, "create", lambda maker, project: made())
        words = ["-C", str(self._folder), "snapshot", "create", "--notify", "tell-room"]
        return CliRunner().invoke(cli, words).exception

    def fail(self, error: Exception) -> object:
        def made() -> Snapshot:
            raise error

        return self.create(made)


@pytest.fixture
def nightly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Nightly:
    return Nightly(tmp_path / "w", monkeypatch)


def test_a_night_without_a_snapshot_is_told_once(nightly: Nightly, fake_tool: Callable[[str, str], Path]) -> None:
    tool, error = fake_tool("tell-room", TELL), PlanexError("the workspace is not as in its commit")
    assert nightly.fail(error) is error
    assert isinstance(nightly.fail(OSError(28, "No space left on device")), OSError)
    (one,) = said_by(tool)
    assert (one["was"], one["state"], one["snapshot"], one["target"]) == ("good", "broken", "", "t")
    assert one["broken_by"] == [["create", error.message]]
    add_night(nightly.archive, 1)
    assert nightly.create(lambda: nightly.archive.load(ident_of(1))) is None
    assert [one["state"] for one in said_by(tool)] == ["broken", "good"]


def test_who_cannot_be_told_of_that_hides_nothing(nightly: Nightly, fake_tool: Callable[[str, str], Path]) -> None:
    fake_tool("tell-room", "#!/bin/sh\nexit 1\n")
    assert str(nightly.fail(PlanexError("the disk is away"))) == "the disk is away"
    tool = fake_tool("tell-room", TELL)
    nightly.fail(PlanexError("it is still away"))
    assert [one["broken_by"] for one in said_by(tool)] == [[["create", "it is still away"]]]


def test_pages_that_cannot_be_written_keep_nobody_from_being_told(
    nightly: Nightly, fake_tool: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refresh_site(*words: object) -> None:
        raise RuntimeError("pages")

    tool = fake_tool("tell-room", TELL)
    monkeypatch.setattr(making, "refresh_site", refresh_site)
    add_night(nightly.archive, 2, good=False)
    assert str(nightly.create(lambda: nightly.archive.load(ident_of(2)))) == "pages"
    assert [one["snapshot"] for one in said_by(tool)] == [ident_of(2)]
