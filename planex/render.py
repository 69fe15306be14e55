# SPDX-License-Identifier: LGPL-2.1-or-later
"""Renders Jinja2 templates, sandboxed and strict: an unknown variable is an error. The only user of jinja2.

To be imported where it is used, in a caged child (``python -m planex.render``, asked by ``planex.template``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from planex.cage.answer import serve
from planex.errors import ConfigError, Problem, line_of
from planex.nearest import did_you_mean


def _answer(name: str, question: Mapping[str, Any]) -> dict[str, Any]:
    """The child's part: the text, or what is wrong and where."""
    try:
        return {"text": render_text(question["text"], question["variables"], Path(question["path"]))}
    except ConfigError as error:
        return {"errors": error.problems[0].message, "line": error.problems[0].line, "hint": error.hint}


def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )


def render_text(text: str, variables: Mapping[str, Any], path: Path) -> str:
    """The text that a template makes of ``variables``. ConfigError names ``path`` and the template's line."""
    environment = _environment()
    try:
        made = environment.from_string(text).render(variables)
        made.encode()  # or half a character, as "\\ud800" is, would be found when it is written
        return made
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError([Problem(path, error.lineno, error.message or "syntax error")]) from None
    except jinja2.UndefinedError as error:
        message = f"{error.message}{_suggestion(error.message or '', variables)}"
        raise ConfigError(
            [Problem(path, line_of(error, "<template>"), message)], f"variables: {', '.join(sorted(variables))}"
        ) from None
    except jinja2.exceptions.SecurityError as error:
        raise ConfigError(
            [Problem(path, line_of(error, "<template>"), f"not allowed in a template: {error}")]
        ) from None
    except (MemoryError, RecursionError) as error:
        what = "needs more memory than it may have" if isinstance(error, MemoryError) else "is nested too deeply"
        raise ConfigError([Problem(path, line_of(error, "<template>"), what)]) from None
    except UnicodeEncodeError as error:
        message = f"makes half a character, {error.object[error.start]!a}, which cannot be written"
        raise ConfigError([Problem(path, line_of(error, "<template>"), message)]) from None
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise ConfigError([Problem(path, line_of(error, "<template>"), str(error))]) from None


def _suggestion(message: str, variables: Mapping[str, Any]) -> str:
    name = message.split("'")[1] if message.count("'") >= 2 else ""
    return did_you_mean(name, list(variables))


if __name__ == "__main__":
    serve(_answer)
