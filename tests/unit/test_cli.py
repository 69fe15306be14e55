# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line as a whole: help, wrong words, init."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from planex.cli import cli, main
from planex.cli.groups import SECTIONS
from planex.errors import CommandFailed, ConfigError, Problem
from planex.run import run
from tests.conftest import ROOT

COMMANDS = [name for section in SECTIONS.values() for name in section]


def test_help_is_a_table_of_contents() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    for word in (*SECTIONS, *COMMANDS):
        assert word in result.output
    contents = result.output[result.output.index(next(iter(SECTIONS))) :].split()
    assert " ".join(contents) in " ".join((ROOT / "README.md").read_text().split()), "the README has the same table"


def test_the_table_of_contents_says_what_the_commands_say() -> None:
    context = click.Context(cli)
    for section in SECTIONS.values():
        for name, (_, short_help) in section.items():
            command = cli.get_command(context, name)
            assert command is not None
            assert command.get_short_help_str(90) == short_help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    assert result.output.count("\n") > 5


def all_commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from all_commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def test_every_command_shows_how_it_is_typed() -> None:
    """What click keeps as it is written begins with a line of one backspace."""
    helps = {words: command.help or "" for words, command in all_commands(cli)}
    assert [words for words, text in helps.items() if not re.search("\b\n *Examples?:\n +", text)] == []


def test_examples_name_options_that_there_are() -> None:
    """Two blanks end an example: what it does follows. What another program is given is not looked at."""
    unknown = []
    for words, command in all_commands(cli):
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        text = re.sub(r"\\\n *", "", command.help or "")
        for typed in re.findall(rf"\bplanex {words}((?:(?! -- |  )[^&;|#'\n])*)", text):
            given = re.findall(r" (--?[a-z][a-z-]*)", typed)
            unknown += [f"planex {words} {option}" for option in given if option not in known]
    assert unknown == []


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("planex.cli", ["rich", "pydantic", "yaml", "planex.distro"]),
        (
            "planex.cli.build",
            ["rich", "requests", "git", "createrepo_c", "rpm", "jinja2", "xml", "planex.sources.transfer"],
        ),
        ("planex.cli.build", ["planex.rpm.dnf", "planex.rpm.rpmfile", "planex.engine.outputs", "planex.engine.build"]),
    ],
)
def test_a_command_imports_what_it_uses(module: str, spared: list[str]) -> None:
    program = f"import sys, {module}; print(*(set({spared}) & sys.modules.keys()))"
    assert run([sys.executable, "-c", program]).stdout.split() == []


def begun(does: str) -> CommandFailed | list[str]:
    """How planex ends, or what it says, with another command line than its own."""
    program = f"import sys, planex.cli, planex.__main__ as it; planex.cli.main = lambda: {does}; it.main()"
    try:
        return run([sys.executable, "-c", program]).stdout.split()
    except CommandFailed as error:
        return error


def test_ctrl_c_before_signals_are_minded_is_told_as_at_any_other_time() -> None:
    ended = begun("exec('raise KeyboardInterrupt')")
    assert isinstance(ended, CommandFailed)
    assert (ended.returncode, ended.tail.strip()) == (130, "interrupted before anything was begun")


def test_pydantic_looks_for_no_plugins() -> None:
    """Nor loads what it would look with, which is a twentieth of a short run."""
    loaded = "(__import__('planex.distro.config'), {'importlib.metadata', 'zipfile'} & sys.modules.keys())[1]"
    assert begun(f"print(*{loaded})") == []


def test_a_wrong_word_suggests_the_right_one(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["planex", "biuld"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert "no command 'biuld' (did you mean 'build'?)" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (ConfigError([Problem(Path("a"), 1, "x"), Problem(Path("b"), 2, "y")]), 2, ["a:1: x", "b:2: y", "2 problems"]),
        (
            CommandFailed(["tool", "a b"], 3, "last line", Path("/log"), "do this"),
            1,
            ["last line", "/log", "'a b'", "do this"],
        ),
        (KeyboardInterrupt(), 130, ["interrupted"]),
    ],
)
def test_errors_look_the_same_everywhere(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    shown: list[str],
) -> None:
    def fail(**options: object) -> None:
        raise error

    monkeypatch.setattr("planex.cli.run.stop_all", lambda: None)
    monkeypatch.setattr(cli, "main", fail)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == status
    said = capfd.readouterr().err
    assert all(text in said for text in shown), said


def test_init_writes_a_workspace_and_overwrites_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    result = CliRunner().invoke(cli, ["init", str(folder)])
    assert result.exit_code == 0
    rendered = CliRunner().invoke(cli, ["-C", str(folder), "render", "hello"])
    assert "Patch1: greet-xen.patch" in rendered.output
    (folder / "planex.yaml").write_text("mine\n")
    again = CliRunner().invoke(cli, ["init", str(folder)])
    assert isinstance(again.exception, ConfigError)
    assert (folder / "planex.yaml").read_text() == "mine\n"


def test_ctrl_c_while_an_error_is_told_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise ConfigError("wrong")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("planex.cli.cli.main", fail)
    monkeypatch.setattr("planex.cli._tell", interrupted)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 130
    assert "Traceback" not in capfd.readouterr().err
