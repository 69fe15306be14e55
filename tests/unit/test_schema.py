# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from planex.config import Config, choose_target, load_config
from planex.errors import ConfigError
from planex.schema import parse
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


def test_a_version_that_yaml_would_cut_must_be_quoted() -> None:
    (problem,) = problems(GOOD.replace('"1.0"', "4.20"))
    assert problem == "planex.yaml:2: 'version': is the number 4.2; write it in quotes, as \"4.2\""


def test_wrong_types_name_the_key() -> None:
    (problem,) = problems(GOOD.replace("embedded: true", "embedded: maybe"))
    assert problem.startswith("planex.yaml:7: 'targets.bookworm.embedded': Input should be a valid boolean")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [", "planex.yaml:1: not valid YAML"),
        (GOOD + "name: again\n", "planex.yaml:8: key 'name' is given twice"),
        ("just text\n", "planex.yaml:1: Input should be a valid dictionary"),
        ("", "planex.yaml: 'name' is missing"),
    ],
)
def test_files_that_are_no_mapping(text: str, expected: str) -> None:
    assert problems(text)[0].startswith(expected)


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
