# SPDX-License-Identifier: LGPL-2.1-or-later
"""Questions about what strangers wrote, answered by a Python child in a cage: no network, no files but those named."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planex.cage.command import PROGRAMS, Cage, caged
from planex.cage.limits import Limits, Watch
from planex.errors import PlanexError
from planex.run import run
from planex.units import GIB, MIB

_CODE = "/opt/planex"
_ENV = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "PYTHONPATH": _CODE}
SECONDS = 20.0
"""Time for one item, far more than the largest spec needs."""
_STARTING = 60.0
"""Seconds for the child to come up, on a machine that is busy."""
ADDRESS_SPACE = GIB
"""What a question may use of memory."""


def ask(
    module: str,
    items: Mapping[str, Any],
    *,
    readable: Mapping[str, Path] | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> dict[str, Any]:
    """Let ``python -m MODULE`` (see ``planex.cage.answer``) answer each item; name to answer.

    ``readable``: paths inside to what the child may read. An item without an answer gets ``{"errors": text}``.
    """
    if not items:
        return {}
    try:
        return _ask(module, items, readable or {}, env or {}, seconds)
    except PlanexError as error:
        if len(items) == 1:
            return {name: {"errors": error.message} for name in items}
    # One of them brought the child down, and the others' answers with it.
    return {
        name: answer
        for name, item in items.items()
        for answer in ask(module, {name: item}, readable=readable, env=env, seconds=seconds).values()
    }


def _ask(
    module: str, items: Mapping[str, Any], readable: Mapping[str, Path], env: Mapping[str, str], seconds: float
) -> dict[str, Any]:
    limits = Limits(
        time=seconds * (len(items) + 1) + _STARTING,
        memory=2 * GIB,
        processes=256,
        disk=64 * MIB,
        address_space=ADDRESS_SPACE,
    )
    cage = Cage(readable={**interpreter(), **readable}, env={**_ENV, **env}, limits=limits)
    request = json.dumps({"seconds": seconds, "items": dict(items)}).encode()
    done = run(
        caged(cage, [sys.executable, "-P", "-m", module]), stdin=request, check=False, program="it", watch=Watch(limits)
    )
    try:
        answers = json.loads(done.stdout)
    except ValueError:
        answers = None
    if not isinstance(answers, dict) or answers.keys() != items.keys():
        lines = done.stderr.strip().splitlines()
        raise PlanexError(lines[-1] if lines else f"ended with exit status {done.returncode}")
    return answers


def interpreter() -> dict[str, Path]:
    """What this Python and planex's own code need, as paths inside to paths outside."""
    prefixes = sorted({Path(sys.prefix), Path(sys.base_prefix)} - {PROGRAMS})
    code = Path(__file__).parents[1]
    for path in (*prefixes, code):
        if not path.stat().st_mode & 0o005 == 0o005:
            raise PlanexError(f"{path} must be readable by all: cages run as another user", f"chmod -R go+rX {path}")
    return {**{str(path): path for path in prefixes}, f"{_CODE}/planex": code}
