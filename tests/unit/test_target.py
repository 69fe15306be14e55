# SPDX-License-Identifier: LGPL-2.1-or-later
"""A target that this machine cannot build says so before anything is planned."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from planex.cli import cli
from planex.distro import config as config_module
from planex.distro.config import Config, choose_builder_name
from planex.errors import ConfigError, MissingTool, PlanexError, joined

TARGETS = {"here": {"base": "b", "embedded": True}, "far": {"base": "f"}, "box": {"base": "f", "builder": "sandbox"}}
CONFIG = Config.model_validate({"name": "x", "version": "1", "vendor": "x", "targets": TARGETS})


@pytest.mark.parametrize(
    ("target", "asked", "mock", "builder"),
    [
        ("here", None, True, "sandbox"),
        ("here", "mock", True, "mock"),
        ("far", None, True, "mock"),
        ("far", "sandbox", False, "sandbox"),
        ("box", None, True, "sandbox"),
        ("box", None, False, "sandbox"),
    ],
)
def test_the_builder_of_a_target(
    monkeypatch: pytest.MonkeyPatch, target: str, asked: str | None, mock: bool, builder: str
) -> None:
    monkeypatch.setattr(config_module, "find", lambda tool: tool if tool != "mock" or mock else None)
    assert choose_builder_name(CONFIG, target, asked) == builder


def test_the_sandbox_is_not_taken_unsaid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_module, "find", lambda tool: None if tool == "mock" else tool)
    with pytest.raises(MissingTool, match="target 'far' is built with mock, which is not installed") as caught:
        choose_builder_name(CONFIG, "far")
    assert caught.value.hint and "--builder sandbox" in caught.value.hint
    assert caught.value.hint.endswith("; or take another target: --target here")


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_mirrors_out_of_reach_are_told_before_a_plan_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    def unread(*_: object) -> None:
        raise PlanexError("Could not resolve host: mirror.example")

    folder = str(tmp_path / "workspace")
    CliRunner().invoke(cli, ["init", folder])
    monkeypatch.setattr("planex.rpm.remote.read_metadata", unread)
    with pytest.raises(PlanexError) as caught:
        cli.main(["-C", folder, "--target", "el9", "build", "--builder", "sandbox", *words], standalone_mode=False)
    assert caught.value.message == ("the base 'centos-stream-9' cannot be read: Could not resolve host: mirror.example")
    assert caught.value.hint and caught.value.hint.startswith("see to the network")
    assert "to build" not in capsys.readouterr().out


def test_what_is_wrong_with_a_package_is_told_before_what_is_wrong_with_the_base(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unread(*_: object) -> None:
        raise PlanexError("Could not resolve host: mirror.example")

    CliRunner().invoke(cli, ["init", str(tmp_path / "workspace")])
    (tmp_path / "workspace/specs/hello/package.yaml").write_text("variabels: {}\n")
    monkeypatch.setattr("planex.rpm.remote.read_metadata", unread)
    words = ["-C", str(tmp_path / "workspace"), "--target", "el9", "build", "--builder", "sandbox"]
    with pytest.raises(ConfigError, match="variabels"):
        cli.main(words, standalone_mode=False)


def test_a_fault_of_two_packages_is_told_once() -> None:
    twice, more = ConfigError("one is made twice"), ConfigError("one is made twice\ntwo: nothing provides bash")
    assert joined([twice, more]).message == more.message
    assert joined([twice, ConfigError("one is made twice over")]).message == "one is made twice\none is made twice over"
