# SPDX-License-Identifier: LGPL-2.1-or-later
"""Options whose text is a size or a time."""

from __future__ import annotations

from typing import Any

import click


def parsed(parse: Any) -> Any:
    """The callback of an option that ``parse`` reads; its ValueError is one of usage."""

    def read(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return read
