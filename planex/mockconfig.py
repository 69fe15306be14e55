# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a mock configuration, the one description of a target's buildroot, as mock itself does.

A mock configuration is Python that fills the dictionary ``config_opts`` (mock(1), "CONFIGURATION"); its texts may
hold Jinja2 expressions over the same dictionary. It is run as it is, so it is trusted as much as a Makefile.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from planex.errors import ConfigError, Problem
from planex.template import render_text

_INCLUDE = re.compile(r"^\s*include\((.*)\)", re.MULTILINE)
_SYSTEM_CONFIGS = Path("/etc/mock")


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

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that decides what is in the buildroot."""
        parts = [self.arch, self.setup_command, self.dnf_conf, sorted(self.macros.items()), self.releasever]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def load_mock_config(path: Path) -> MockConfig:
    """Evaluate a mock configuration file. Raises ConfigError for Python errors and missing options."""
    options = _Options(config_file=str(path), macros={}, environment={})
    try:
        exec(compile(_expand_includes(path, set()), str(path), "exec"), {"config_opts": options})
    except ConfigError:
        raise
    except SyntaxError as error:
        raise ConfigError([Problem(path, error.lineno or 0, f"not valid Python: {error.msg}")]) from None
    except Exception as error:  # whatever the user's Python raises is a mistake in this file
        raise ConfigError([Problem(path, _line_of(error, path), f"{type(error).__name__}: {error}")]) from None
    return _config(path, options)


def _config(path: Path, options: _Options) -> MockConfig:
    required = ("root", "target_arch", "chroot_setup_cmd", "dnf.conf")
    missing = [Problem(path, 0, f"config_opts['{name}'] is not set") for name in required if name not in options]
    if missing:
        raise ConfigError(missing)
    options.setdefault("user_agent", "planex")
    expand = {key: _text(value, options, path) for key, value in options.items() if isinstance(value, str)}
    return MockConfig(
        path=path,
        root=expand["root"],
        arch=expand["target_arch"],
        setup_command=tuple(shlex.split(expand["chroot_setup_cmd"])),
        dnf_conf=expand["dnf.conf"].strip() + "\n",
        macros={name: _text(str(value), options, path) for name, value in sorted(options["macros"].items())},
        releasever=expand.get("releasever", ""),
    )


def _text(value: str, options: _Options, path: Path) -> str:
    return render_text(value, {**options}, path) if "{{" in value or "{%" in value else value


def _expand_includes(path: Path, seen: set[Path]) -> str:
    """mock replaces each ``include('file')`` by the file's text, before running the whole."""
    if path in seen:
        raise ConfigError([Problem(path, 0, "includes itself")])
    seen.add(path)
    try:
        text = path.read_text()
    except OSError as error:
        raise ConfigError(
            [Problem(path, 0, f"cannot be read: {error.strerror}")],
            "templates/ of mock come with the package mock-core-configs",
        ) from None
    return _INCLUDE.sub(lambda match: _expand_includes(_included(match.group(1), path), seen), text)


def _included(argument: str, path: Path) -> Path:
    name = Path(argument.strip().strip("'\""))
    beside = path.parent / name
    return beside if beside.exists() else _SYSTEM_CONFIGS / name


def _line_of(error: BaseException, path: Path) -> int:
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
