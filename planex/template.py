# SPDX-License-Identifier: LGPL-2.1-or-later
"""Templates of specs, rendered by a caged child (``planex.render``), for one can loop for ever and ask for any memory.

What it answers is kept by the template's text and variables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from planex.cage.ask import ask
from planex.checksums import digest_of, digest_of_text
from planex.drafts import write_atomic
from planex.errors import ConfigError, Problem

FORMAT = 1
SECONDS = 10.0
"""Time for one template."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template's text and what it sees. ``path`` names it in errors."""

    path: Path
    text: str
    variables: Mapping[str, Any]

    @property
    def key(self) -> str:
        """SHA-256 of all that decides what it renders to."""
        parts = [FORMAT, _jinja(), self.text, self.variables]
        return digest_of_text(json.dumps(parts, sort_keys=True))


@cache
def _jinja() -> str:
    """Which jinja2 it is: its installer left a folder named by the version; importlib.metadata takes long to tell."""
    spec = find_spec("jinja2")
    assert spec and spec.origin
    names = sorted(path.name for path in Path(spec.origin).parents[1].glob("[Jj]inja2-*-info"))
    return " ".join(names) or digest_of(Path(spec.origin))


def render_all(templates: Mapping[str, Template], cache: Path) -> dict[str, str | ConfigError]:
    """What each template renders to, or what is wrong with it; what was rendered before comes from ``cache``."""
    paths = {name: cache / f"{template.key}.spec" for name, template in templates.items()}
    known = {name: path.read_text() for name, path in paths.items() if path.is_file()}
    questions = {
        name: {"text": template.text, "variables": template.variables, "path": str(template.path)}
        for name, template in templates.items()
        if name not in known
    }
    rendered: dict[str, str | ConfigError] = {**known}
    for name, answer in ask("planex.render", questions, seconds=SECONDS).items():
        if "text" in answer:
            write_atomic(paths[name], answer["text"])
        rendered[name] = answer["text"] if "text" in answer else _error(templates[name].path, answer)
    return rendered


def _error(path: Path, answer: Mapping[str, Any]) -> ConfigError:
    return ConfigError([Problem(path, answer.get("line", 0), answer["errors"])], answer.get("hint"))
