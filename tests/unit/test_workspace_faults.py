# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is wrong with a workspace is told by every command in the same words, with the same exit status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from planex.cli import cli, main

Planex = Callable[..., tuple[int, str]]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    result = CliRunner().invoke(cli, ["init", str(tmp_path / "ws")])
    assert result.exit_code == 0, result.output
    return tmp_path / "ws"


@pytest.fixture
def planex(workspace: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Planex:
    monkeypatch.chdir(workspace)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["planex", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(str(ended.value.code)), out + err

    return run


COMMANDS = [("clean",), ("clean", "--all"), ("build", "--dry-run"), ("graph",), ("fetch",), ("pq", "status", "hello")]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_file_in_the_place_of_build_is_told_with_a_mend(workspace: Path, planex: Planex, words: tuple[str]) -> None:
    (workspace / "_build").write_text("mine")
    status, said = planex(*words)
    assert status == 2
    assert "_build is a file, and planex wants a folder there" in said
    assert "mv _build _build.old" in said
    assert (workspace / "_build").read_text() == "mine"


def test_a_link_to_no_folder_is_told_with_a_mend(workspace: Path, planex: Planex) -> None:
    (workspace / "_build").symlink_to("/nowhere/at/all")
    status, said = planex("clean", "--all")
    assert (status, (workspace / "_build").is_symlink()) == (2, True)
    assert "_build is a symbolic link to /nowhere/at/all, which is no folder" in said
    assert "rm _build" in said


def test_clean_says_that_a_link_and_its_folder_stay(workspace: Path, planex: Planex, tmp_path: Path) -> None:
    (elsewhere := tmp_path / "large disk").mkdir()
    (workspace / "_build").symlink_to(elsewhere)
    (elsewhere / "cache").mkdir()
    status, said = planex("clean", "--all")
    assert status == 0
    assert f"_build is a symbolic link: it stays, and so does the folder {elsewhere}" in said
    assert (workspace / "_build").is_symlink()
    assert not list(elsewhere.iterdir())


ORPHAN = "stray is left alone: patchqueues/stray: patch queue of no package: specs/stray/ is missing"


def test_a_queue_of_no_package_is_told_by_all_who_do_not_stop(workspace: Path, planex: Planex) -> None:
    (workspace / "patchqueues" / "stray").mkdir()
    (workspace / "patchqueues" / "stray" / "series").write_text("a.patch\n")
    for words in (("pq", "status", "hello"), ("graph", "hello")):
        status, said = planex(*words)
        assert (status, " ".join(ORPHAN.split()) in " ".join(said.split())) == (0, True), said


@pytest.mark.parametrize("fault", ["long", "loop", "folder"])
@pytest.mark.parametrize("words", [("graph",), ("fetch",), ("pq", "status", "hello"), ("pq", "stats", "hello")])
def test_a_series_that_cannot_be_read_has_one_exit_status(
    workspace: Path, planex: Planex, fault: str, words: tuple[str]
) -> None:
    (series := workspace / "patchqueues" / "hello" / "series").unlink()
    if fault == "long":
        series.write_text("#\n" * 60_000)
    elif fault == "loop":
        series.symlink_to("series")
    else:
        series.mkdir()
    status, said = planex(*words)
    assert status == 2, said
    assert "error: patchqueues/hello/series" in said


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("https://host.example/{{ file }}", "https://host.example/.. ends in no file's name"),
        ("https://host.example/", "https://host.example/ ends in no file's name"),
        ("..", ".. ends in no file's name"),
    ],
)
def test_a_source_without_a_files_name_is_a_mistake_of_its_line(
    workspace: Path, planex: Planex, source: str, told: str
) -> None:
    spec = workspace / "specs" / "hello" / "hello.spec.j2"
    lines = spec.read_text().splitlines()
    number = next(number for number, line in enumerate(lines) if line.startswith("Source0:"))
    lines[number] = f"Source0: {source}"
    spec.write_text("\n".join(lines) + "\n")
    settings = workspace / "specs" / "hello" / "package.yaml"
    settings.write_text(settings.read_text().replace("variables:", 'variables:\n  file: ".."'))
    status, said = planex("fetch", "hello")
    assert status == 2
    assert f"specs/hello/hello.spec.j2:{number + 1}: {told}" in said
    assert "#/name-1.0.tar.gz" in said


def test_a_source_that_is_not_there_does_not_keep_others_from_being_fetched(
    workspace: Path, planex: Planex, tmp_path: Path
) -> None:
    (tmp_path / "last-1.tar").write_bytes(b"x")
    for name in ("first", "last", "second"):
        (workspace / "specs" / name).mkdir()
        head = f"Name: {name}\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\n"
        text = f"{head}Source0: file://{tmp_path}/{name}-1.tar\n%description\nx\n"
        (workspace / "specs" / name / f"{name}.spec").write_text(text)
    status, said = planex("fetch", "--update", "first", "last", "second")
    assert (status, "the sources of 2 packages could not be had:\n  first: " in said) == (1, True), said
    assert f"\n  second: {tmp_path}/second-1.tar" in said
    assert "SHA512 (last-1.tar) = " in (workspace / "specs" / "last" / "sources").read_text()
    status, said = planex("fetch", "--update", "first", "last")
    assert (status, "error: first: " in said, "could not be had" in said) == (1, False, False), said
