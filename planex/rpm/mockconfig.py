# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a mock configuration, the one description of a target's buildroot, as mock itself does.

A mock configuration is Python that fills the dictionary ``config_opts`` (mock(1), "CONFIGURATION"); its texts may
hold Jinja2 expressions over the same dictionary. It is run in a caged child (``python -m planex.rpm.mockconfig``) with
the folders ``mock-configs`` and ``repos`` and mock's own configurations; the answer is kept by what is in these.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from planex.cage.answer import serve
from planex.cage.ask import ADDRESS_SPACE, ask
from planex.checksums import digest_of_text
from planex.content import records
from planex.errors import ConfigError, Problem, line_of
from planex.regular import NotRegular, read_text
from planex.units import size_text

FORMAT = 4
SECONDS = 10.0
"""Time for one configuration."""
_TOO_MUCH = {
    MemoryError: (
        "needs more memory than it may have",
        f"a configuration may use {size_text(ADDRESS_SPACE)}: look there for a text or list that grows",
    ),
    RecursionError: (
        "calls itself without end, or is nested too deeply",
        "look there for a function that calls itself, or for a value that holds itself",
    ),
}
DATABASE = "/var/lib/rpm"
"""Where systems keep the database of packages, unless their configuration has the macro ``_dbpath``."""
_INCLUDE = re.compile(r"^\s*include\((.*)\)", re.MULTILINE)
_MACRO = re.compile(r"%?[A-Za-z_]\w*(\(.*\))?$")
_SYSTEM_CONFIGS = Path("/etc/mock")
_LARGEST = 1 << 20
_READ = {"target_arch", "chroot_setup_cmd", "dnf.conf", "macros", "releasever", "environment"}
_NO_CONTENT = {"root", "config_file", "user_agent"}
_MOCK_ONLY = (
    "module_enable",
    "module_install",
    "module_setup_commands",
    "chroot_additional_packages",
    "files",
    "extra_chroot_dirs",
)


class _Options(dict[str, Any]):
    """config_opts: a section that was never filled is an empty one."""

    def __missing__(self, key: str) -> Any:
        self[key] = _Options()
        return self[key]


@dataclass(frozen=True)
class MockConfig:
    """What a buildroot is made of."""

    path: Path
    root: str
    arch: str
    setup_command: tuple[str, ...]
    """dnf's words that make the buildroot, as ``("install", "buildsys-build")``."""
    dnf_conf: str
    """Text of a dnf.conf with the repositories."""
    macros: dict[str, str]
    """RPM macros of the target, names with their ``%``."""
    releasever: str
    environment: dict[str, str]
    """Variables of a build, beyond those that every build has."""
    mock_only: tuple[str, ...]
    """Options that are set, change what is in the buildroot, and which only mock itself carries out."""
    rpmbuild: str
    """How mock starts rpmbuild."""
    others: str
    """SHA-256 of all further options."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that decides what is in the buildroot, whatever folder the workspace is in."""
        conf = self.dnf_conf.replace(str(self.path.parents[1]), "$workspace")
        macros, environment = sorted(self.macros.items()), sorted(self.environment.items())
        parts = [self.arch, self.setup_command, conf, macros, self.releasever, environment, self.others]
        return digest_of_text(json.dumps(parts))

    @property
    def database(self) -> str:
        """Folder of the database of packages in its roots."""
        return self.macros.get("%_dbpath") or self.macros.get("_dbpath") or DATABASE

    @property
    def setup_packages(self) -> list[str]:
        """Names and ``@groups`` that a buildroot starts with, from mock's ``chroot_setup_cmd``."""
        command, *words = self.setup_command
        return [f"@{word.lstrip('@')}" for word in words] if command == "groupinstall" else words


def load_mock_config(path: Path, cache: Path) -> MockConfig:
    """Evaluate a mock configuration file. Raises ConfigError for Python errors, missing options and wrong types."""
    files = _files(path)
    answer_path = cache / f"{_key(path, files)}.json"
    if (known := records.load(answer_path, MockConfig, FORMAT)) is not None:
        return known
    question = {"path": str(path), "files": files}
    system = {str(_SYSTEM_CONFIGS): _SYSTEM_CONFIGS} if _SYSTEM_CONFIGS.is_dir() else {}
    answer = ask("planex.rpm.mockconfig", {"": question}, readable=system, seconds=SECONDS)[""]
    if "errors" in answer:
        problem = Problem(Path(answer.get("path", path)), answer.get("line", 0), answer["errors"])
        raise ConfigError([problem], answer.get("hint"))
    made = records.from_plain({**answer, "path": path}, MockConfig)
    records.save(answer_path, made, FORMAT)
    return made


def _files(path: Path) -> dict[str, str]:
    """Path to text of all that a configuration may read in the workspace."""
    folders = (path.parent, path.parent.parent / "repos")
    texts: dict[str, str] = {}
    for file in (path, *(file for folder in folders for file in sorted(folder.glob("*")) if file != path)):
        try:
            texts[str(file)] = read_text(file, _LARGEST)
        except NotRegular as error:  # another file counts when it is included: then it is not there
            if file == path:
                raise ConfigError([Problem(path, error.line, error.reason)], error.hint) from None
    return texts


def _key(path: Path, files: Mapping[str, str]) -> str:
    """SHA-256 of all that decides what a configuration says."""
    system = [
        [str(file), file.stat().st_mtime_ns, file.stat().st_size]
        for file in sorted(_SYSTEM_CONFIGS.rglob("*"))
        if file.is_file()
    ]
    return digest_of_text(json.dumps([FORMAT, str(path), files, system]))


def _answer(name: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """The child's part: the options, or what is wrong and where."""
    for file, text in question["files"].items():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(text)
    try:
        return _evaluate(Path(question["path"]))
    except ConfigError as error:
        problem = error.problems[0]
        return {
            "errors": problem.message, "line": problem.line, "path": str(problem.path), "hint": error.hint,
        }  # fmt: skip


def _evaluate(path: Path) -> dict[str, Any]:
    options = _Options(config_file=str(path), macros={}, environment={})
    try:
        exec(compile(_expand_includes(path, set()), str(path), "exec"), {"config_opts": options})
        return _config(path, options)
    except ConfigError:
        raise
    except SyntaxError as error:
        raise ConfigError([Problem(path, error.lineno or 0, f"not valid Python: {error.msg}")]) from None
    except SystemExit as error:
        message = "ends the program (sys.exit), which a configuration must not"
        raise ConfigError([Problem(path, line_of(error, str(path)), message)]) from None
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
        hint = "a configuration can read mock-configs/, repos/ (texts in UTF-8) and /etc/mock"
        raise ConfigError([Problem(path, line_of(error, str(path)), message)], hint) from None
    except (MemoryError, RecursionError) as error:
        message, hint = _TOO_MUCH[type(error)]
        raise ConfigError([Problem(path, line_of(error, str(path)), message)], hint) from None
    except Exception as error:  # whatever the user's Python raises is a mistake in this file
        raise ConfigError([Problem(path, line_of(error, str(path)), f"{type(error).__name__}: {error}")]) from None


def _config(path: Path, options: _Options) -> dict[str, Any]:
    options.setdefault("user_agent", "planex")
    options.setdefault("releasever", "")
    problems = [
        f"config_opts['{name}'] {_complaint(options.get(name))}"
        for name in ("root", "target_arch", "chroot_setup_cmd", "dnf.conf", "releasever")
        if not isinstance(options.get(name), str)
    ]
    problems += [
        f"config_opts['{name}'] must be a dictionary of names and texts"
        for name in ("macros", "environment")
        if not isinstance(options[name], dict)
    ]
    if not problems:
        bad = [name for name in options["macros"] if not _MACRO.match(str(name))]
        problems = [f"config_opts['macros'] has {name!r}, which is no name of a macro" for name in bad]
    if problems:
        raise ConfigError([Problem(path, 0, "; ".join(problems))])
    expand = {key: _text(value, options, path) for key, value in options.items() if isinstance(value, str)}
    return {
        "root": expand["root"],
        "arch": expand["target_arch"],
        "setup_command": _words(expand["chroot_setup_cmd"], path),
        "dnf_conf": expand["dnf.conf"].strip() + "\n",
        "macros": _texts(options["macros"], options, path),
        "releasever": expand["releasever"],
        "environment": _texts(options["environment"], options, path),
        "rpmbuild": str(options.get("rpmbuild_command") or "/usr/bin/rpmbuild"),
        "mock_only": [name for name in _MOCK_ONLY if options.get(name)],
        "others": _digest_of_others(options, expand, path.parents[1]),
    }


def _texts(section: Mapping[Any, Any], options: _Options, path: Path) -> dict[str, str]:
    return {str(key): _text(str(text), options, path) for key, text in sorted(section.items()) if text is not None}


def _digest_of_others(options: _Options, expand: Mapping[str, str], workspace: Path) -> str:
    """Whatever else mock is told may change a build, wherever the workspace is."""
    others = {str(name): expand.get(name, value) for name, value in options.items() if name not in _READ | _NO_CONTENT}
    plain = json.dumps(others, sort_keys=True, skipkeys=True, default=lambda value: type(value).__name__)
    return digest_of_text(plain.replace(str(workspace), "$workspace"))


def _complaint(value: object) -> str:
    return "is not set" if value is None else f"must be a text, not {type(value).__name__}"


def _words(command: str, path: Path) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ConfigError([Problem(path, 0, f"config_opts['chroot_setup_cmd']: {error}")]) from None
    options = [word for word in words if word.startswith("-")]
    if options or len(words) < 2:
        reason = f"holds an option, {options[0]}" if options else "names no package"
        message = f"config_opts['chroot_setup_cmd'] {reason}: write `install PACKAGE...`"
        raise ConfigError([Problem(path, 0, message)])
    return words


def _text(value: str, options: _Options, path: Path) -> str:
    if "{{" not in value and "{%" not in value:
        return value
    from planex.render import render_text  # the parent never comes here

    return render_text(value, {**options}, path)


def _expand_includes(path: Path, seen: set[Path]) -> str:
    """mock replaces each ``include('file')`` by the file's text, before running the whole."""
    if path in seen:
        raise ConfigError([Problem(path, 0, "includes itself")])
    seen.add(path)
    try:
        text = read_text(path, _LARGEST)
    except NotRegular as error:
        raise ConfigError(
            [Problem(path, 0, f"cannot be read: {error.reason}")],
            "templates/ of mock come with the package mock-core-configs",
        ) from None
    return _INCLUDE.sub(lambda match: _expand_includes(_included(match.group(1), path), seen), text)


def _included(argument: str, path: Path) -> Path:
    name = Path(argument.strip().strip("'\""))
    beside = path.parent / name
    return beside if beside.exists() else _SYSTEM_CONFIGS / name


if __name__ == "__main__":
    serve(_answer)
