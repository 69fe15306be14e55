# SPDX-License-Identifier: LGPL-2.1-or-later
"""Limits that the kernel keeps for all processes of a cage together: a systemd scope, where there is a systemd to ask.

See systemd-run(1) and systemd.resource-control(5). Where there is none (a container, a plain shell), the watch of
``planex.cage.limits`` alone keeps memory, and setrlimit(2) the number of processes.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from planex.cage.ids import is_root
from planex.cage.limits import Limits
from planex.errors import PlanexError
from planex.run import find, run

BUS = frozenset({"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"})
"""By which systemd-run finds the user's own manager."""
BOOTED = Path("/run/systemd/system")
"""There where systemd is the machine's first process (sd_booted(3))."""
_PATIENCE = 10.0


def in_scope(argv: list[str], limits: Limits) -> list[str]:
    """``argv`` in a scope of its own; unchanged where no scope can be made."""
    if not scopes_work():
        return argv
    properties = {
        "MemoryMax": str(limits.memory),
        "MemorySwapMax": "0",
        "TasksMax": str(limits.processes),
        "OOMPolicy": "kill",
    }
    return [*_words(), *(f"--property={name}={value}" for name, value in properties.items()), "--", *argv]


def _words() -> list[str]:
    # --collect: a scope that failed is forgotten as well
    return ["systemd-run", *([] if is_root() else ["--user"]), "--scope", "--quiet", "--collect"]


@cache
def scopes_work() -> bool:
    """Whether systemd makes scopes with limits for this user."""
    if not BOOTED.is_dir() or find("systemd-run") is None:
        return False
    argv = [*_words(), "--property=MemoryMax=1G", "--property=TasksMax=16", "--", "true"]
    try:
        return run(argv, inherit=BUS, check=False, timeout=_PATIENCE).returncode == 0
    except PlanexError:
        return False
