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
from planex.cli.failure import MAX_PROBLEMS, failed
from planex.cli.progress import TaskRow
from planex.cli.terminal import Terminal
from planex.errors import ConfigError, Problem
from planex.printable import printable, short, shortened, without_passwords
from planex.report import Reporter


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
    reporter = Reporter(Terminal(1, Console(file=out, force_terminal=False, soft_wrap=True)))
    getattr(reporter, say)("name\x1b]0;owned\x07[bold]x[/bold] \udcff")
    assert r"name\x1b]0;owned\x07[bold]x[/bold] \xff" in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_a_task_is_one_line_without_controls() -> None:
    line = TaskRow("evil\n\x1b[2J", phase="fetch x\x07.tar").line()
    assert "\n" not in line
    assert r"\x1b[2J" in line
    assert r"fetch x\x07.tar" in line


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://user:secret@host/x: refused", "http://user:***@host/x: refused"),
        ("git+https://u:p@h/a and ftp://:x@h", "git+https://u:***@h/a and ftp://:***@h"),
        ("ftp://u:p@ss@host/a, ftp://v:q@h", "ftp://u:***@host/a, ftp://v:***@h"),
        ("http://token@host:80/a:b@c", "http://***@host:80/a:b@c"),
        ("ssh://git@host/x and HTTPS://token@host", "ssh://git@host/x and HTTPS://***@host"),
        ("http://host:80/x, mail me@host", "http://host:80/x, mail me@host"),
    ],
)
def test_passwords_of_urls_are_not_shown(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_long_texts_say_how_much_is_left_out() -> None:
    assert short("abcdefghijkl", 8) == "abcdef... (4 characters left out) ...kl"
    assert short("abcdefgh", 8) == "abcdefgh"
    assert shortened("a\nb\nc", lines=2) == "a\nb\n... and 1 more lines"
    assert shortened("a\nb", lines=2) == "a\nb"


def test_the_reporter_shows_what_a_person_reads_and_no_password() -> None:
    stream = io.StringIO()
    reporter = Reporter(Terminal(console=Console(file=stream, soft_wrap=True)))
    reporter.error("ftp://me:secret@host " + "[x]" * 100_000 + "\n" * 100_000)
    assert len(stream.getvalue()) < 2000
    assert "secret" not in stream.getvalue()
    assert "[x][x]" in stream.getvalue()


def test_no_name_becomes_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter(Terminal()).error("a:b: no such file")
    assert "a:b: no such file" in capsys.readouterr().err


def test_many_problems_are_counted_and_the_first_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal()(failed(ConfigError([Problem(Path("f"), number, "wrong") for number in range(1, 501)])))
    said = capsys.readouterr().err.splitlines()
    assert len(said) == MAX_PROBLEMS + 1
    assert said[-1] == f"500 problems found, the first {MAX_PROBLEMS} are shown; nothing was done."
