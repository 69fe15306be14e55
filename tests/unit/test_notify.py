# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who is told what when nights turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from planex.errors import CommandFailed, ConfigError, PlanexError
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.notify import command_words, notify
from tests.unit.archive_factory import add_night, ident_of


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
