# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rootless plumbing: user namespaces, overlays and bubblewrap cages, as argv lists to be run by ``planex.run``.

An ordinary user becomes root of a user namespace whose other ids are that user's subordinate range (subuid(5)).
Real root, who has no such range as a rule, needs no user namespace and gets a private mount namespace only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.errors import PlanexError
from planex.run import run

_OVERLAY = 'mount -t overlay overlay -o "$1" "$2" && shift 2 && exec "$@"'
BUILDER_ID = 1000
"""User and group that builds run as inside a cage, mock's ``chrootuid`` by convention."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """Read-only layers, topmost first, with a writable ``upper`` on top, seen at ``target``."""

    lowers: tuple[Path, ...]
    upper: Path
    work: Path
    target: Path

    def make_folders(self) -> None:
        for folder in (self.upper, self.work, self.target):
            folder.mkdir(parents=True, exist_ok=True)


def is_root() -> bool:
    return os.geteuid() == 0


def as_root(argv: Sequence[str | Path]) -> list[str]:
    """``argv`` run as root of a namespace (or as real root), with mounts that nobody else sees."""
    words = [str(word) for word in argv]
    if is_root():
        return ["unshare", "--mount", "--", *words]
    return ["unshare", "--user", "--map-auto", "--map-root-user", "--mount", "--", *words]


def overlay_argv(overlay: Overlay, argv: Sequence[str | Path]) -> list[str]:
    """Mount an overlay, then run ``argv``; to be wrapped by as_root."""
    lowers = ":".join(str(path).replace("\\", "\\\\").replace(":", "\\:") for path in overlay.lowers)
    options = f"lowerdir={lowers},upperdir={overlay.upper},workdir={overlay.work}"
    if not is_root():
        options += ",userxattr"
    return ["sh", "-c", _OVERLAY, "sh", options, str(overlay.target), *(str(word) for word in argv)]


def installer_argv(root: Path, argv: Sequence[str | Path]) -> list[str]:
    """Run a package manager on ``root`` with a /dev and /proc for its scriptlets; the rest of the machine as it is."""
    words = [
        "bwrap",
        "--dev-bind",
        "/",
        "/",
        "--dev",
        root / "dev",
        "--proc",
        root / "proc",
        "--die-with-parent",
    ]
    return [str(word) for word in [*words, "--", *argv]]


def cage_argv(
    root: Path,
    argv: Sequence[str | Path],
    *,
    binds: Mapping[str, Path] | None = None,
    env: Mapping[str, str] | None = None,
    chdir: str = "/",
    builder: bool = True,
) -> list[str]:
    """Run ``argv`` with ``root`` as the whole file system: no network, no other process, nothing of the host.

    ``binds`` maps folders inside to writable folders of the host. With ``builder`` it runs as an ordinary
    user inside (BUILDER_ID), as mock does, else as root of the cage.
    """
    words: list[str | Path] = [
        "bwrap",
        "--bind",
        root,
        "/",
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "--tmpfs",
        "/tmp",
    ]
    words += ["--tmpfs", "/dev/shm", "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    words += ["--hostname", "planex", "--die-with-parent", "--new-session", "--clearenv"]
    if builder:
        words += ["--unshare-user", "--uid", str(BUILDER_ID), "--gid", str(BUILDER_ID)]
    for inside, outside in (binds or {}).items():
        words += ["--bind", outside, inside]
    for name, value in (env or {}).items():
        words += ["--setenv", name, value]
    return [str(word) for word in [*words, "--chdir", chdir, "--", *argv]]


def remove_tree(path: Path) -> None:
    """Delete a tree, also where parts belong to subordinate ids or are unreadable to this user."""
    shutil.rmtree(path, ignore_errors=True)
    if path.exists() and not is_root():
        run(as_root(["rm", "-rf", "--", path]), check=False)
    if path.exists():
        raise PlanexError(f"{path} cannot be deleted", f"look who owns it: ls -ln {path}")


def problem() -> str | None:
    """Why rootless builds cannot work here, or None."""
    done = run(as_root(["true"]), check=False, timeout=20)
    if done.returncode == 0:
        return None
    reason = done.stderr.strip().splitlines()
    return reason[-1] if reason else "user namespaces are not available"


def overlay_works(folder: Path) -> bool:
    """Whether an overlay can have its upper layer in ``folder`` (not where that lies on an overlay itself)."""
    probe = folder / f".overlay-probe.{os.getpid()}"
    overlay = Overlay((probe / "lower",), probe / "upper", probe / "work", probe / "merged")
    try:
        (probe / "lower").mkdir(parents=True)
        overlay.make_folders()
        done = run(as_root(overlay_argv(overlay, ["touch", overlay.target / "file"])), check=False, timeout=20)
        return done.returncode == 0
    finally:
        remove_tree(probe)
