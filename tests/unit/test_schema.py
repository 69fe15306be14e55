# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from planex.base.definition import Definition
from planex.distro.config import Config, choose_target, load_config
from planex.distro.recipe import Settings
from planex.errors import ConfigError
from planex.host.definition import IsoDefinition
from planex.schema import MAX_BYTES, Model, _inner, load, parse
from planex.workspace import Workspace

GOOD = """\
name: distro
version: "1.0"
vendor: me
targets:
  bookworm:
    base: bookworm
    embedded: true
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, Config, Path("planex.yaml"))
    assert caught.value.exit_code == 2
    return [str(problem) for problem in caught.value.problems]


def test_a_good_file_loads() -> None:
    config = parse(GOOD, Config, Path("planex.yaml"))
    assert config.version == "1.0"
    assert parse(GOOD.replace('"1.0"', "8"), Config, Path("planex.yaml")).version == "8"
    assert config.targets["bookworm"].embedded


def test_every_mistake_is_reported_with_its_line_and_the_nearest_key() -> None:
    text = GOOD.replace("vendor: me", "vendr: me").replace("embedded: true", "embeded: 3")
    assert problems(text) == [
        "planex.yaml:1: 'vendor' is missing",
        "planex.yaml:3: unknown key 'vendr' (did you mean 'vendor'?)",
        "planex.yaml:7: unknown key 'targets.bookworm.embeded' (did you mean 'embedded'?)",
    ]


@pytest.mark.parametrize(("written", "read"), [("4.20", "4.2"), ("2.10", "2.1"), ("010", "8"), ("1_0", "10")])
def test_a_version_that_yaml_would_change_must_be_quoted(written: str, read: str) -> None:
    (problem,) = problems(GOOD.replace('"1.0"', written))
    assert problem == f"planex.yaml:2: 'version': is read as the number {read}; write it in quotes: \"{written}\""


def test_wrong_types_name_the_key() -> None:
    (problem,) = problems(GOOD.replace("embedded: true", "embedded: maybe"))
    assert problem.startswith("planex.yaml:7: 'targets.bookworm.embedded': must be true or false")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [", "planex.yaml:1: not valid YAML"),
        (GOOD + "name: again\n", "planex.yaml:8: key 'name' is given twice"),
        ("just text\n", "planex.yaml:1: the file must be a mapping"),
        ("", "planex.yaml: 'name' is missing"),
    ],
)
def test_files_that_are_no_mapping(text: str, expected: str) -> None:
    assert problems(text)[0].startswith(expected)


def nested(levels: int) -> str:
    """A text whose last line stands for 10 ** levels words."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (nested(30), "planex.yaml:5: more than 20000 values, aliases included"),
        ("a: &a {<<: &b {x: 1}}\n" + "".join(f"k{n}: &k{n} [*a, *a]\n" for n in range(3000)), "more than 20000"),
        ("name: &n [*n]\n", "planex.yaml:1: the alias '*n' stands inside of what it names"),
        ("a: &a\n  b: {c: *a}\n", "planex.yaml:2: the alias '*a' stands inside of what it names"),
        ("[" * 5000, "planex.yaml:1: nested more than 40 deep"),
        ("{a: " * 5000, "planex.yaml:1: nested more than 40 deep"),
        ("- " * 5000, "planex.yaml:1: nested more than 40 deep"),
        ("? " * 5000, "planex.yaml:1: nested more than 40 deep"),
        ("- a\n" * 30_000, "planex.yaml:20000: more than 20000 values"),
        ("name: " + "1:" * 20_000 + "1\n", "planex.yaml:1: a text of more than 10000 characters must be in quotes"),
        ("name: " + "1:" * 4_000 + "1\n", "planex.yaml"),
        ("name: " + "9" * 9_000 + "\n", "planex.yaml"),
        ("name: 0x" + "f" * 9_000 + "\n", "planex.yaml"),
        ("name: 1e999999999\n", "planex.yaml"),
        ("name: .inf\n", "planex.yaml"),
        ("name: 2001-99-99\n", "planex.yaml: not usable as YAML here: month must be in 1..12"),
        ("name: *x\n", "planex.yaml:1: not valid YAML: found undefined alias 'x'"),
        ("name: !!python/object/apply:os.system [true]\n", "planex.yaml:1: not valid YAML: could not determine"),
        ("name: a\x00b\n", "planex.yaml: not usable as YAML here: unacceptable character"),
        ("a: 1\n--- \nb: 2\n", "planex.yaml:2: not valid YAML"),
        ("? [a]\n: b\n", "planex.yaml:1: a key must be a word"),
    ],
    ids=lambda text: text[:20],
)
def test_no_text_takes_long(text: str, expected: str) -> None:
    started = time.monotonic()
    found = problems(text)
    assert time.monotonic() - started < 15
    assert any(expected in problem for problem in found)


def test_small_honest_aliases_stay() -> None:
    text = GOOD.replace("  bookworm:\n", "  bookworm: &t\n") + "  other: *t\n"
    config = parse(text, Config, Path("planex.yaml"))
    assert config.targets["other"] == config.targets["bookworm"]


def test_files_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * (MAX_BYTES + 1))
    (tmp_path / "bytes").write_bytes(b"a: b\nc: \xff\n")
    for name, words in {
        "pipe": "pipe is a pipe, not a file",
        "large": "large is larger than 256 KiB",
        "bytes": "bytes:2: cannot be read: it is not UTF-8",
        "none": "none: file not found",
        ".": "is a folder, not a file",
    }.items():
        with pytest.raises(ConfigError, match=words):
            load(tmp_path / name, Config)


MODELS: list[type[Model]] = [Config, Settings, IsoDefinition, Definition]
WRONG = ["3", "3.5", "text", "[1, 2]", "[[a]]", "{a: b}", "true", "null", "'!'", "-1", "[{a: b}]", "2001-01-01", "''"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@pytest.mark.parametrize("wrong", WRONG)
def test_every_complaint_is_in_words(model: type[Model], wrong: str) -> None:
    for text in all_fields(model, wrong):
        try:
            parse(text, model, Path("x.yaml"))
        except ConfigError as error:
            for problem in error.problems:
                assert problem.line >= 1 or "is missing" in problem.message
                for jargon in ("Input", "valid ", "should", "tuple", "dict", "instance", "str", "bool"):
                    assert jargon not in problem.message.split("'", 2)[-1], problem


def all_fields(model: type[Model], value: str, indent: str = "") -> Iterator[str]:
    """A text for each field of a model and of the models inside, that gives it a value."""
    for name, field in model.model_fields.items():
        yield f"{name}: {value}"
        inner = _inner(field.annotation)
        if isinstance(inner, type) and issubclass(inner, Model):
            for text in all_fields(inner, value):
                yield f"{name}: {{{text}}}"
                yield f"{name}: [{{{text}}}]"
                yield f"{name}: {{one: {{{text}}}}}"


TEXT = "must be a text (a number or true, false, yes, no in quotes)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("guards: el9", "'guards': must be a list of words"),
        ("guards: [1]", f"'guards.0': {TEXT}"),
        ("mirrors: [a]", "'mirrors': must be a mapping, with lines `key: value`"),
        ("mirrors: {a: b}", "'mirrors.a': must be a list of words"),
        ("variables: {a: {b: c}}", f"'variables.a': {TEXT}, or true or false, or a list of words"),
        ("variables: {a: null}", f"'variables.a': {TEXT}, or true or false, or a list of words"),
        ("variables: {a: [1]}", f"'variables.a': {TEXT}, or true or false"),
        ("upstream: x", "'upstream': must be a mapping, with lines `key: value`"),
        ("- a", "the file must be a mapping, with lines `key: value`"),
    ],
)  # fmt: skip
def test_complaints_say_what_is_wanted(text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, Settings, Path("x.yaml"))
    assert [str(problem) for problem in caught.value.problems] == [f"x.yaml:1: {expected}"]


def test_bad_names_and_numbers_are_told() -> None:
    found = problems(GOOD.replace("name: distro", "name: 'a b'").replace("vendor: me", "vendor: me\njobs: 0"))
    assert found == [
        "planex.yaml:1: 'name': 'a b' is not allowed here: it must match ^[A-Za-z0-9][A-Za-z0-9._+-]*$",
        "planex.yaml:4: 'jobs': must be at least 1",
    ]
    (problem,) = problems(GOOD.replace("embedded: true", "arch: arm"))
    assert problem == "planex.yaml:7: 'targets.bookworm.arch': must be 'x86_64'"


def test_files_that_a_target_needs_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "planex.yaml").write_text(GOOD)
    with pytest.raises(ConfigError) as caught:
        load_config(Workspace(tmp_path))
    assert [problem.path.name for problem in caught.value.problems] == [
        "bookworm.cfg",
        "bookworm.repo",
        "bookworm.yaml",
    ]


def test_an_unknown_target_suggests_the_nearest() -> None:
    config = parse(GOOD, Config, Path("planex.yaml"))
    with pytest.raises(ConfigError, match=r"no target 'bokworm' in planex.yaml \(did you mean 'bookworm'\?\)"):
        choose_target(config, "bokworm")


def test_workspace_is_found_from_below(tmp_path: Path) -> None:
    (tmp_path / "planex.yaml").write_text(GOOD)
    (tmp_path / "specs" / "x").mkdir(parents=True)
    assert Workspace.find(tmp_path / "specs" / "x").root == tmp_path
    with pytest.raises(ConfigError, match=r"no planex\.yaml"):
        Workspace.find(Path("/"))


def test_a_path_that_rpm_cannot_take_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "my work:space"
    folder.mkdir()
    (folder / "planex.yaml").write_text(GOOD)
    with pytest.raises(ConfigError, match="cannot work in a path with ' ' ':'"):
        Workspace.find(folder)
