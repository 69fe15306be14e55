# SPDX-License-Identifier: LGPL-2.1-or-later
r"""Nothing that a stranger named can move the cursor: it is shown as ``\x1b``."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from planex.cli import output
from planex.printable import printable
from planex.report import Reporter, Task


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("x\rforged", r"x\x0dforged"),
        ("\x9b2J", r"\x9b2J"),
        ("a\u202eb", r"a\u202eb"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), r"caf\xe9"),
        ("\ud800", r"\ud800"),
        ("Grüße, 世界", "Grüße, 世界"),
    ],
)
def test_controls_are_shown_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(codec=None)))
def test_what_is_shown_can_be_written_and_holds_no_control(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert not any(ord(c) < 32 and c not in "\t\n" for c in shown)
    assert printable(shown) == shown


@pytest.mark.parametrize("say", ["info", "remark", "success", "failure", "warn", "error", "plain"])
def test_the_reporter_escapes_all_it_says(say: str) -> None:
    out = io.StringIO()
    reporter = Reporter(1, Console(file=out, force_terminal=False, soft_wrap=True))
    getattr(reporter, say)("name\x1b]0;owned\x07[bold]x[/bold] \udcff")
    assert r"name\x1b]0;owned\x07[bold]x[/bold] \xff" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_task_is_one_line_without_controls() -> None:
    task = Task(Reporter(-1), "evil\n\x1b[2J")
    task.phase("fetch x\x07.tar")
    assert "\n" not in task.line()
    assert r"\x1b[2J" in task.line()
    assert r"fetch x\x07.tar" in task.line()


def test_results_are_escaped() -> None:
    import click

    @click.command()
    def command() -> None:
        output.echo("a\x1b[31mb")

    assert CliRunner().invoke(command).output == "a\\x1b[31mb\n"


def test_the_command_line_prints_through_one_place() -> None:
    folder = Path(output.__file__).parent
    others = [path for path in folder.rglob("*.py") if path.name not in ("output.py", "__init__.py")]
    assert [path.name for path in others if "click.echo" in path.read_text() or "print(" in _calls(path)] == []


def _calls(path: Path) -> str:
    return "\n".join(line for line in path.read_text().splitlines() if line.lstrip().startswith("print("))
