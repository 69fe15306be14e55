# SPDX-License-Identifier: LGPL-2.1-or-later
"""A start that came up is remembered: its pair of hypervisor and kernel is kept, and the menu can go back to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from planex_installer.menu import KEPT, pair_name, read_environment, write_environment, write_menu

_ARGUMENT = "planex.pair="


def running_pair(command_line: str) -> tuple[str, str] | None:
    """Names of the hypervisor's and the kernel's file that this host was started with."""
    for word in command_line.split():
        if word.startswith(_ARGUMENT):
            xen, plus, linux = word.removeprefix(_ARGUMENT).partition("+")
            if plus and xen and linux and "/" not in word:
                return xen, linux
    return None


def mark_good(root: Path, pair: tuple[str, str]) -> None:
    """Keep the pair's files, tell GRUB, and write the menu anew. A power cut in between loses no pair."""
    folder = root / KEPT
    folder.mkdir(parents=True, exist_ok=True)
    for name in pair:
        if not (folder / name).exists():
            os.link(root / "boot" / name, folder / name)
    known, good = read_environment(root), pair_name(*pair)
    # What was tried and did not come up stays known: it is not tried a second time.
    values = {name: value for name, value in known.items() if (name, value) != ("tried", good)} | {"good": good}
    if values != known:
        write_environment(root, values)
    for path in folder.iterdir():
        if path.name not in pair:
            path.unlink()
    write_menu(root)


def main() -> int:
    """``planex-boot-good [ROOT]``: the running pair came up."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "/")
    pair = running_pair((root / "proc/cmdline").read_text())
    if pair is None:
        print("planex-boot-good: the kernel was started by no entry of the menu that names a pair", file=sys.stderr)
        return 1
    try:
        mark_good(root, pair)
    except (OSError, ValueError, TypeError) as error:
        print(f"planex-boot-good: {error}", file=sys.stderr)
        return 1
    print(f"{pair_name(*pair)} came up")
    return 0
