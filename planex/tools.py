# SPDX-License-Identifier: LGPL-2.1-or-later
"""What planex needs from this machine, and whether it is there. The list is data/system-packages.tsv."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planex.cage import trees
from planex.cage.ids import GIVE_IDS, NO_IDS, own_ids
from planex.distro.config import Target, unmet_needs
from planex.run import find
from planex.toolversion import version_of

LIST = Path(__file__).parent / "data" / "system-packages.tsv"


@dataclass(frozen=True, slots=True)
class Tool:
    """A thing that planex uses, its package for apt and dnf (``-``: none) and its purpose."""

    name: str
    probes: tuple[str, ...]
    """Programs, or patterns of paths; any one of them will do."""
    apt: str
    dnf: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Check:
    """One row of ``planex doctor``. ``found``: version or path, None if missing; ``remedy``: how to get it."""

    name: str
    found: str | None
    purpose: str
    remedy: str


def read_tools() -> tuple[Tool, ...]:
    """The list of tools, in its order."""
    lines = (line for line in LIST.read_text().splitlines() if line and not line.startswith("#"))
    rows = (line.split("\t") for line in lines)
    return tuple(Tool(name, tuple(probes.split("|")), apt, dnf, purpose) for name, probes, apt, dnf, purpose in rows)


def check_machine(targets: dict[str, Target]) -> list[Check]:
    """Look for every tool, then for what no package gives: user namespaces and overlays."""
    return [*(_check_tool(tool) for tool in read_tools()), *_check_kernel(), *_check_targets(targets)]


def _check_tool(tool: Tool) -> Check:
    if tool.name == "python3":
        return Check("python3", sys.version.split()[0], tool.purpose, "")
    found = next((path for probe in tool.probes if (path := _look_for(probe))), None)
    if found is None:
        return Check(tool.name, None, tool.purpose, _remedy(tool))
    return Check(tool.name, version_of(tool.name, found) if Path(found).is_file() else "present", tool.purpose, "")


def _look_for(probe: str) -> str | None:
    if probe.startswith("/"):
        return next((str(path) for path in sorted(Path("/").glob(probe[1:]))), None)
    return find(probe)


def _remedy(tool: Tool) -> str:
    if find("apt-get") and tool.apt != "-":
        return f"apt-get install {tool.apt}"
    return f"dnf install {tool.dnf}" if tool.dnf != "-" else f"not on this system; it is in Debian's package {tool.apt}"


def _check_kernel() -> Iterator[Check]:
    reason = trees.problem() if find("bwrap") else "bwrap is missing"
    remedy = f"{NO_IDS}; {GIVE_IDS}" if own_ids() is None else reason or ""
    yield Check("cages", None if reason else "hold", "run what strangers wrote", remedy)
    works = reason is None and trees.overlay_works(Path.cwd())
    note = "put the workspace on ext4, xfs or btrfs; until then buildroots are copied, which is slower"
    yield Check("overlay here", "works" if works else None, "fast buildroots", "" if works else note)


def _check_targets(targets: dict[str, Target]) -> Iterator[Check]:
    for name, target in targets.items():
        missing = unmet_needs(target)
        yield Check(
            f"target {name}", None if missing else "can be built", "see planex.yaml", f"needs {', '.join(missing)}"
        )
