# SPDX-License-Identifier: LGPL-2.1-or-later
"""mock's folders outside the workspace: roots and their caches, which of them are ours, who holds one, and their end.

A root's name says what is in it and whose it is: mock itself takes a cached root by its name and the times of files.
"""

from __future__ import annotations

import ast
import fcntl
import os
import re
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from planex.checksums import digest_of_text
from planex.content import records
from planex.errors import PlanexError
from planex.run import Completed, run

CALLER = frozenset(
    {"HOME", "USER", "LOGNAME", "SUDO_UID", "SUDO_GID", "SUDO_USER", "USERHELPER_UID", "XDG_CONFIG_HOME"}
)
"""By which mock finds who called it and that user's configuration; it builds under an environment of its own."""
RECORD = "mock.json"
PATIENCE = 60.0
"""Seconds that a mock may take to end whose planex was killed."""
_FORMAT = 1
_DIGITS = 12
_OPTION = re.compile(r"^config_opts\['(basedir|cache_topdir)'\] = ('[^']*')$", re.MULTILINE)
_FLOCK = "hhqqi"
"""struct flock of fcntl(2): type, whence, start, length, process."""


@dataclass(frozen=True, slots=True)
class MockFolders:
    """Where mock keeps roots and caches, and how the names of a target's begin. ``config``: the configuration."""

    config: Path
    prefix: str
    basedir: Path
    cache_topdir: Path

    def root(self, digest: str) -> str:
        """Name of the root with this in it."""
        return f"{self.prefix}{digest[:_DIGITS]}"

    @property
    def roots(self) -> list[Path]:
        """Chroots, of runs that were killed or are under way."""
        return sorted(self.basedir.glob(f"{self.prefix}*"))

    @property
    def all(self) -> list[Path]:
        return [*self.roots, *sorted(self.cache_topdir.glob(f"{self.prefix}*"))]


def find_folders(config: Path, root: str, target: Path) -> MockFolders:
    """Ask mock, and keep the answer in the target's folder, for ``planex clean``."""
    answer = _mock(config, "--debug-config-expanded").stdout
    places = {name: Path(ast.literal_eval(text)) for name, text in _OPTION.findall(answer)}
    if len(places) < 2:
        raise PlanexError("mock does not say where its folders are", f"look: mock -r {config} --debug-config-expanded")
    folders = MockFolders(config, f"{root}-{digest_of_text(str(target))[:8]}-", **places)
    records.save(target / RECORD, folders, _FORMAT)
    return folders


def known_folders(target: Path) -> MockFolders | None:
    """What was found by the target's last build with mock; None where there was none."""
    return records.load(target / RECORD, MockFolders, _FORMAT)


def scrub(folders: MockFolders, paths: Iterable[Path], keep: str = "") -> None:
    """Let mock delete these, as only it may; of the root ``keep`` the cache stays."""
    seen = set()
    for path in paths:
        root, extension = _parts(path.name, folders.prefix)
        if (root == keep and path.parent == folders.cache_topdir) or (root, extension) in seen:
            continue
        seen.add((root, extension))
        words = ["--config-opts", f"root={root}", *(["--uniqueext", extension] if extension else [])]
        _mock(folders.config, *words, "--scrub=chroot" if root == keep else "--scrub=all")


def _parts(name: str, prefix: str) -> tuple[str, str]:
    """``planex-el9-PLACE-DIGEST[-bootstrap][-EXTENSION]``: the root's name, and what --uniqueext added to it."""
    root = name[: len(prefix) + _DIGITS]
    return root, name[len(root) :].removeprefix("-bootstrap").removeprefix("-")


def wait_until_free(roots: Iterable[Path], tell: Callable[[int], None]) -> None:
    """Wait for a mock at work in one of these, as that of a planex killed just now is. PlanexError if it stays."""
    patience = time.monotonic() + PATIENCE
    for root in roots:
        while pid := holder(root):
            tell(pid)
            if time.monotonic() > patience:
                raise in_use(root, pid)
            time.sleep(0.2)


def in_use(root: Path, pid: int) -> PlanexError:
    message = f"another mock is at work in {root} (process {pid})"
    return PlanexError(message, f"wait until it has ended, or end it: kill {pid}")


def holder(root: Path) -> int | None:
    """The process that has mock's lock on a root (fcntl(2), F_GETLK)."""
    try:
        handle = os.open(root / "buildroot.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, *_, pid = struct.unpack(_FLOCK, fcntl.fcntl(handle, fcntl.F_GETLK, asked))
        return None if kind == fcntl.F_UNLCK else pid
    finally:
        os.close(handle)


def _mock(config: Path, *words: str) -> Completed:
    return run(["mock", "--root", config, *words], inherit=CALLER)
