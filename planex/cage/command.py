# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cages as values, and the argv lists that run a command in one, to be run by ``planex.run``.

Three things stand one in another: ``enter.py`` makes a user namespace whose ids own nothing outside, bubblewrap makes
the rest (its own processes, network, IPC and host name, a root that holds what is named here and no more), a filter
refuses the system calls that no build needs. For root and for an ordinary user they are the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from planex.cage import enter
from planex.cage.enter import BUILDER, STAGE
from planex.cage.ids import GIVE_IDS, NO_IDS, is_root, own_ids
from planex.cage.limits import Limits
from planex.errors import PlanexError
from planex.run import NETWORK, require

PROGRAMS = Path("/usr")
_ROOT_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = ("ld.so.cache", "alternatives")
_NETWORK_ETC = (
    *("resolv.conf", "hosts", "host.conf", "gai.conf", "nsswitch.conf", "services", "protocols"),
    *("ssl", "pki", "ca-certificates", "crypto-policies"),
)
_DATA = Path(__file__).parents[1] / "data" / "cage"
# What rpm and the scriptlets of packages need as root of a buildroot; all of it reaches the cage's own files only.
_ROOT_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETFCAP", "SETGID", "SETUID", "SYS_CHROOT", "MKNOD")


@dataclass(frozen=True, slots=True)
class Overlay:
    """Read-only layers, topmost first, and a folder ``scratch`` that takes what is written in its ``upper``."""

    lowers: tuple[Path, ...]
    scratch: Path

    @property
    def upper(self) -> Path:
        return self.scratch / "upper"


@dataclass(frozen=True, slots=True)
class Cage:
    """What a caged command sees and may do. ``root`` is its whole file system, or None for this machine's /usr.

    ``readable`` and ``writable`` map paths inside to what is outside. ``devices``: folders inside that get a ``dev``
    and a ``proc``. ``superuser``: it runs as root of the cage, else as an ordinary user there. ``network``: it shares
    the machine's network, which nothing that strangers wrote may.
    """

    root: Overlay | Path | None = None
    readable: Mapping[str, Path] = field(default_factory=dict)
    writable: Mapping[str, Path | Overlay] = field(default_factory=dict)
    devices: tuple[str, ...] = ("/",)
    env: Mapping[str, str] = field(default_factory=dict)
    chdir: str = "/"
    superuser: bool = False
    network: bool = False
    limits: Limits = field(default_factory=Limits)


def caged(cage: Cage, argv: Sequence[str | Path]) -> list[str]:
    """The words that run ``argv`` in a cage."""
    stage = _Stage()
    words = [*_root_words(cage, stage), *_folder_words(cage, stage), *_alone_words(cage), *_user_words(cage)]
    for name, value in cage.env.items():
        words += ["--setenv", name, value]
    words += ["--chdir", cage.chdir, "--", *(str(word) for word in argv)]
    options = ["--filter", *stage.options, *_limit_options(cage.limits)]
    entered = _entered([*options, *([] if cage.superuser else ["--builder"])])
    return [*entered, require("bwrap", "keep builds in cages"), *words]


def as_owner(argv: Sequence[str | Path]) -> list[str]:
    """``argv``, a trusted program, with rights over the files of cages and this machine's files as they are.

    For what belongs to subordinate ids and lies in no cage, as a buildroot that is to be deleted.
    """
    program, *words = map(str, argv)
    words = [require(program, "work on buildroots"), *words]
    return words if is_root() else [*_entered([]), *words]


def _entered(options: Sequence[str]) -> list[str]:
    ids = own_ids()
    if ids is None:
        raise PlanexError(NO_IDS, GIVE_IDS)
    script = [sys.executable, "-I", "-S", str(Path(enter.__file__))]
    return [*script, "--ids", f"{ids.users},{ids.groups}", *options, "--"]


class _Stage:
    """Names below STAGE for the folders that a cage shows, and the options that put them there."""

    def __init__(self) -> None:
        self.options: list[str] = []
        self._count = 0

    def show(self, path: Path, *, own: bool = False) -> str:
        """Where ``path`` will be; ``own``: the namespace's root becomes its owner."""
        name = self._name()
        self.options += ["--mount", f"{name}={path.absolute()}", *(["--own", name] if own else [])]
        return f"{STAGE}/{name}"

    def overlay(self, overlay: Overlay) -> str:
        """Where the overlay will be."""
        scratch = self.show(overlay.scratch, own=True)
        lowers = [self.show(lower) for lower in overlay.lowers]
        names = [self._name(), *(path.removeprefix(f"{STAGE}/") for path in (scratch, *lowers))]
        self.options += ["--overlay", ",".join(names)]
        return f"{STAGE}/{names[0]}"

    def place(self, what: Path | Overlay) -> str:
        return self.overlay(what) if isinstance(what, Overlay) else self.show(what, own=True)

    def _name(self) -> str:
        self._count += 1
        return f"m{self._count}"


def _root_words(cage: Cage, stage: _Stage) -> Iterator[str]:
    if cage.root is not None:
        yield from ("--bind", stage.place(cage.root), "/")
        return
    yield from ("--ro-bind", str(PROGRAMS), str(PROGRAMS))
    # What an administrator put there is no part of the system's programs.
    yield from ("--tmpfs", f"{PROGRAMS}/local", "--tmpfs", f"{PROGRAMS}/src")
    for path in (Path("/") / name for name in _ROOT_LINKS):
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    yield from ("--perms", "0755", "--dir", "/etc")
    for name in _ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for path in sorted(_DATA.iterdir()):
        yield from ("--ro-bind", stage.show(path), f"/etc/{path.name}")


def _folder_words(cage: Cage, stage: _Stage) -> Iterator[str]:
    half = str(cage.limits.memory // 2)
    yield from ("--perms", "1777", "--size", half, "--tmpfs", "/tmp")
    for inside, outside in cage.readable.items():
        yield from ("--ro-bind", stage.show(outside), inside)
    for inside, place in cage.writable.items():
        yield from ("--bind", stage.place(place), inside)
    for folder in cage.devices:
        top = folder.rstrip("/")
        yield from ("--dev", f"{top}/dev", "--proc", f"{top}/proc", "--ro-bind", "/proc/sys", f"{top}/proc/sys")
        yield from ("--perms", "1777", "--size", half, "--tmpfs", f"{top}/dev/shm")


def _alone_words(cage: Cage) -> Iterator[str]:
    yield from ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "planex")
    yield from ("--die-with-parent", "--new-session", "--clearenv")
    yield from _network_words() if cage.network else ["--unshare-net"]


def _network_words() -> Iterator[str]:
    """What it takes to reach a mirror: names of hosts, certificates, the proxy."""
    for name in _NETWORK_ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for name in sorted(NETWORK & os.environ.keys()):
        value = os.environ[name]
        yield from ("--setenv", name, value)
        if value.startswith("/"):
            yield from ("--ro-bind-try", value, value)


def _user_words(cage: Cage) -> Iterator[str]:
    if cage.superuser:
        yield from ("--cap-drop", "ALL")
        for name in _ROOT_CAPABILITIES:
            yield from ("--cap-add", f"CAP_{name}")
    else:
        yield from ("--unshare-user", "--uid", str(BUILDER), "--gid", str(BUILDER))


def _limit_options(limits: Limits) -> Iterator[str]:
    for name, value in (("core", 0), ("nproc", limits.processes), ("fsize", limits.disk)):
        yield from ("--limit", f"{name}={value}")
    if limits.address_space is not None:
        yield from ("--limit", f"as={limits.address_space}")
