# SPDX-License-Identifier: LGPL-2.1-or-later
"""Versions of the tools in an ISO's manifest are asked once, and again of a program that is another."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.host import toolsused
from planex.host.toolsused import tools_used


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that counts how often it was asked."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(toolsused, "TOOLS", ("tool-of-a-test",))
    return install(tmp_path, "1.0")


def install(folder: Path, version: str) -> Path:
    """As packages are installed: made beside, and renamed."""
    new, path = folder / "new", folder / "bin" / "tool-of-a-test"
    new.write_text(f"#!/bin/sh\necho asked >>{folder}/asked\necho tool {version}\n")
    new.chmod(0o755)
    new.rename(path)
    return path


def asked(folder: Path) -> int:
    return len((folder / "asked").read_text().splitlines())


def test_a_program_is_asked_once_until_it_is_another(program: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert tools_used(tmp_path) == {"tool-of-a-test": "1.0"}
    assert asked(tmp_path) == 1
    install(tmp_path, "1.1")
    assert tools_used(tmp_path) == {"tool-of-a-test": "1.1"}
    (tmp_path / "tools.json").write_text("{")
    assert tools_used(tmp_path) == {"tool-of-a-test": "1.1"}
    assert asked(tmp_path) == 3


def test_a_program_that_is_gone_is_not_named(program: Path, tmp_path: Path) -> None:
    tools_used(tmp_path)
    program.unlink()
    assert tools_used(tmp_path) == {}
