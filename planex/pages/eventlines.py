# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events as lines of JSON, for programs that follow a run or look back at it."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from enum import Enum
from typing import Any

from planex.events import Event
from planex.printable import printable, without_passwords

_INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def event_line(event: Event) -> str:
    """One JSON object without a line end: ``event`` (``package_ended``), ``time``, ``monotonic``, and its fields.

    Texts hold no password of a URL, and controls escaped as on the terminal.
    """
    names = [field.name for field in fields(event)]
    return json.dumps({"event": event_name(event)} | {name: _plain(getattr(event, name)) for name in names})


def event_name(event: Event) -> str:
    """``package_ended`` for a PackageEnded."""
    return _INNER_CAPITAL.sub("_", type(event).__name__).lower()


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return printable(without_passwords(value)) if isinstance(value, str) else value
