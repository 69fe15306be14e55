# SPDX-License-Identifier: LGPL-2.1-or-later
"""Renders Jinja2 templates, sandboxed and strict: an unknown variable is an error. The only user of jinja2."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from planex.errors import ConfigError, Problem
from planex.schema import did_you_mean


def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )


def render(path: Path, variables: Mapping[str, Any]) -> str:
    """The text that a template file makes of ``variables``. ConfigError names the template's line."""
    try:
        return render_text(path.read_text(), variables, path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(path, 0, f"cannot be read: {error}")]) from None


def render_text(text: str, variables: Mapping[str, Any], path: Path) -> str:
    """As render, from a text; ``path`` names it in errors."""
    environment = _environment()
    try:
        return environment.from_string(text).render(variables)
    except jinja2.TemplateSyntaxError as error:
        raise ConfigError([Problem(path, error.lineno, error.message or "syntax error")]) from None
    except jinja2.UndefinedError as error:
        message = f"{error.message}{_suggestion(error.message or '', variables)}"
        raise ConfigError(
            [Problem(path, _line(error), message)], f"variables: {', '.join(sorted(variables))}"
        ) from None
    except jinja2.exceptions.SecurityError as error:
        raise ConfigError([Problem(path, _line(error), f"not allowed in a template: {error}")]) from None
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise ConfigError([Problem(path, _line(error), str(error))]) from None


def _suggestion(message: str, variables: Mapping[str, Any]) -> str:
    name = message.split("'")[1] if message.count("'") >= 2 else ""
    return did_you_mean(name, list(variables))


def _line(error: BaseException) -> int:
    """Line of the template: the innermost frame that Jinja2 compiled from it."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
