# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest

from planex.errors import ConfigError
from planex.rpm import mockconfig
from planex.rpm.mockconfig import load_mock_config

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
config_opts['root'] = 'test'
config_opts['target_arch'] = 'x86_64'
config_opts['chroot_setup_cmd'] = 'install @build bash'
config_opts['plugin_conf']['root_cache_opts']['age_check'] = False
config_opts['macros']['%dist'] = '.{{ root }}'
config_opts['dnf.conf'] = '''
[main]
arch={{ target_arch }}
'''
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "test.cfg"
    path.write_text(text)
    return path


def test_values_are_expanded_as_mock_does(tmp_path: Path) -> None:
    config = load_mock_config(write(tmp_path, GOOD), tmp_path / "cache")
    assert config.setup_command == ("install", "@build", "bash")
    assert config.macros == {"%dist": ".test"}
    assert config.dnf_conf == "[main]\narch=x86_64\n"


def test_includes_are_followed(tmp_path: Path) -> None:
    (tmp_path / "common.tpl").write_text(GOOD)
    config = load_mock_config(
        write(tmp_path, "include('common.tpl')\nconfig_opts['root'] = 'mine'\n"), tmp_path / "cache"
    )
    assert config.root == "mine"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = (\n", "test.cfg:1: not valid Python"),
        ("\nimport no_such_module\n", "test.cfg:2: ModuleNotFoundError"),
        ("config_opts['root'] = 'x'\n", "test.cfg: config_opts['target_arch'] is not set"),
        ("include('nowhere.tpl')\n", "nowhere.tpl: cannot be read"),
        ("\nimport sys; sys.exit(0)\n", "test.cfg:2: ends the program (sys.exit)"),
        ("import os; os._exit(0)\n", "test.cfg: ended by itself (exit status 0)"),
        (GOOD + "config_opts['root'] = 7\n", "config_opts['root'] must be a text, not int"),
        (GOOD + "config_opts['root'] = None\n", "config_opts['root'] is not set"),
        (GOOD + "config_opts['macros'] = ['%dist']\n", "config_opts['macros'] must be a dictionary"),
        (GOOD + "config_opts['environment'] = 'A=B'\n", "config_opts['environment'] must be a dictionary"),
        (GOOD + "config_opts['chroot_setup_cmd'] = 'install \"x'\n", "chroot_setup_cmd']: No closing quotation"),
        ("\nx = 'a' * 10**11\n", "test.cfg:2: needs more memory than it may have"),
        ("def f(): f()\nf()\n", "test.cfg:1: calls itself without end, or is nested too deeply"),
        ("x = " + "(" * 10_000 + ")" * 10_000 + "\n", "test.cfg:1: not valid Python: too many nested parentheses"),
        ("print(open('/etc/passwd').read())\nopen('/etc/shadow')\n", "test.cfg:2: /etc/shadow: No such file"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_mock_config(write(tmp_path, text), tmp_path / "cache")
    assert expected in str(caught.value)


def test_an_endless_configuration_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mockconfig, "SECONDS", 0.5)
    with pytest.raises(ConfigError, match=r"does not end within 0\.5 s"):
        load_mock_config(write(tmp_path, "while True: pass\n"), tmp_path / "cache")


def test_an_answer_is_kept_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, GOOD)
    first = load_mock_config(path, tmp_path / "cache")
    monkeypatch.setattr(mockconfig, "ask", None)
    assert load_mock_config(path, tmp_path / "cache") == first
    next((tmp_path / "cache").iterdir()).write_text("{")
    with pytest.raises(TypeError):
        load_mock_config(path, tmp_path / "cache")


def test_the_digest_tells_buildroots_apart(tmp_path: Path) -> None:
    first = load_mock_config(write(tmp_path, GOOD), tmp_path / "cache").digest
    assert load_mock_config(write(tmp_path, GOOD + "# remark\n"), tmp_path / "cache").digest == first
    assert load_mock_config(write(tmp_path, GOOD.replace("@build", "@other")), tmp_path / "cache").digest != first


@pytest.mark.parametrize(
    "line",
    [
        "['environment']['CC'] = 'clang'",
        "['module_enable'] = ['nodejs:18']",
        "['rpmbuild_networking'] = True",
        "['plugin_conf']['ccache_enable'] = True",
        "['whatever'] = 'x{{ target_arch }}'",
    ],
)
def test_every_option_may_change_what_is_built(tmp_path: Path, line: str) -> None:
    first = load_mock_config(write(tmp_path, GOOD), tmp_path / "cache").digest
    assert load_mock_config(write(tmp_path, f"{GOOD}config_opts{line}\n"), tmp_path / "cache").digest != first


def test_neither_the_place_nor_the_name_of_a_buildroot_changes_what_is_built(tmp_path: Path) -> None:
    folder = "import os\nconfig_opts['x'] = os.path.dirname(os.path.dirname(config_opts['config_file']))\n"
    digests = set()
    for name in ("one", "two"):
        (tmp_path / name / "mock-configs").mkdir(parents=True)
        text = GOOD.replace("'test'", f"'{name}'").replace(".{{ root }}", ".x") + folder
        digests.add(load_mock_config(write(tmp_path / name / "mock-configs", text), tmp_path / "cache").digest)
    assert len(digests) == 1


@pytest.mark.parametrize("target", ["bookworm", "el9", "el10"])
def test_the_targets_of_this_repository_load(target: str, tmp_path: Path) -> None:
    config = load_mock_config(ROOT / "mock-configs" / f"{target}.cfg", tmp_path / "cache")
    assert config.arch == "x86_64"
    assert "{{" not in config.dnf_conf
    assert "%dist" in config.macros
    assert config.database == ("/usr/lib/sysimage/rpm" if target == "el10" else "/var/lib/rpm")


@pytest.mark.parametrize(("field", "value"), [("setup_command", 5), ("macros", ["%dist"]), ("root", None)])
def test_a_damaged_answer_is_asked_for_again(tmp_path: Path, field: str, value: object) -> None:
    path, cache = write(tmp_path, GOOD), tmp_path / "cache"
    first = load_mock_config(path, cache)
    (kept,) = cache.glob("*.json")
    kept.write_text(json.dumps({**json.loads(kept.read_text()), field: value}))
    assert load_mock_config(path, cache) == first
