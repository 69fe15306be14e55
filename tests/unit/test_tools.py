# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from planex import tools
from planex.cli import cli
from planex.tools import Check, Tool, read_tools


def test_every_line_of_the_list_is_whole() -> None:
    listed = read_tools()
    assert len({tool.name for tool in listed}) == len(listed)
    for tool in listed:
        assert all((tool.apt, tool.dnf, tool.purpose, *tool.probes)), tool


def test_any_of_several_names_will_do() -> None:
    found = tools._check_tool(Tool("shell", ("no-such-shell", "sh"), "dash", "bash", "run"))
    assert found.found is not None
    missing = tools._check_tool(Tool("x", ("no-such-tool", "/no/such/*"), "x-apt", "x-dnf", "work"))
    assert missing.found is None
    assert missing.remedy in ("apt-get install x-apt", "dnf install x-dnf")


@pytest.mark.parametrize(("found", "status"), [("1.0", 0), (None, 1)])
def test_doctor_says_what_is_missing_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, found: str | None, status: int
) -> None:
    monkeypatch.setattr("planex.cli.doctor.check_machine", lambda targets: [Check("tool", found, "work", "fetch X")])
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == status
    assert ("fetch X" in result.output) is (found is None)
    (row,) = json.loads(CliRunner().invoke(cli, ["doctor", "--json"]).output)
    assert row == {"name": "tool", "found": found, "purpose": "work", "remedy": "fetch X"}
