# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where everything is. The only place that spells a path of the workspace."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from planex.disk import naming
from planex.errors import ConfigError

CONFIG_NAME = "planex.yaml"
AWKWARD = ":,%'\"\\"
DRAFT = ".draft"
"""How the hidden name of a file or folder ends that is about to be renamed, or to go."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with a planex.yaml. Everything that planex makes is below ``build``."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> Workspace:
        """The workspace that ``start`` lies in: the nearest folder upwards with a planex.yaml."""
        for folder in (behind(start), *behind(start).parents):
            if (folder / CONFIG_NAME).is_file():
                refuse_awkward(folder)
                return cls(folder)
        raise ConfigError(
            f"no {CONFIG_NAME} in {behind(start)} or any folder above it",
            "change into a workspace, name one with `planex -C DIR`, or make one with `planex init DIR`",
        )

    @property
    def config(self) -> Path:
        return self.root / CONFIG_NAME

    @property
    def specs(self) -> Path:
        return self.root / "specs"

    @property
    def patchqueues(self) -> Path:
        return self.root / "patchqueues"

    @property
    def repos(self) -> Path:
        return self.root / "repos"

    @property
    def mock_configs(self) -> Path:
        return self.root / "mock-configs"

    @property
    def iso(self) -> Path:
        return self.root / "iso"

    @property
    def build(self) -> Path:
        return self.root / "_build"

    @property
    def lock(self) -> Path:
        """Held shared by whoever works below ``build``, alone by whoever deletes there."""
        return self.build / ".lock"

    @property
    def trees(self) -> Path:
        """Git trees that people work in (``planex patchqueue checkout`` and ``rebase``). Never cleaned."""
        return self.root / "trees"

    @property
    def downloads(self) -> Path:
        """Content-addressed cache of sources: one file per checksum."""
        return self.build / "downloads"

    @property
    def cache(self) -> Path:
        """Things that can be made again from their key: touched source files, parsed specs, git imports."""
        return self.build / "cache"

    def base(self, name: str) -> Path:
        """An embedded base: ``repo/`` (its repository), ``base.iso``, ``debs/``."""
        return self.build / "base" / name

    def target(self, name: str) -> Path:
        """Everything made for one target: ``rendered/``, ``store/``, ``repo``, ``logs/``, ``iso/``, ``work/``."""
        return self.build / name

    def logs(self, target: str, package: str) -> Path:
        return self.target(target) / "logs" / package

    def relative(self, path: Path) -> str:
        """``path`` as a person would type it from the current folder, where that is shorter."""
        relative = os.path.relpath(path)
        return relative if len(relative) < len(str(path)) else str(path)


def refuse_awkward(folder: Path) -> None:
    """ConfigError for a workspace's path that tools would split.

    rpm does so at white space and colons, overlays at commas and colons.
    """
    awkward = sorted({character for character in str(folder) if character in AWKWARD or character.isspace()})
    if awkward:
        raise ConfigError(
            f"{folder}: rpm and overlays cannot work in a path with {' '.join(map(repr, awkward))}",
            "move the workspace to a path without it",
        )


def write_atomic(path: Path, data: str | bytes, *, durable: bool = False) -> None:
    """Write a file so that it appears whole or not at all; with ``durable`` it then outlives a power cut.

    Raises DiskError, which names the file.
    """
    with naming(path, "write"):
        temporary, handle = _begin_draft(path.parent, path.name, folder=False)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                if durable:
                    os.fsync(file.fileno())
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        if durable:
            sync_folder(path.parent)


def _begin_draft(parent: Path, name: str, *, folder: bool) -> tuple[Path, int]:
    """A new draft, and an open file on it that has its lock: what nobody has a lock on, anybody may sweep."""
    while True:
        parent.mkdir(parents=True, exist_ok=True)
        # A short name of its own: the file's may be as long as a name can be.
        path = parent / f".{name[:50]}.{secrets.token_hex(4)}{DRAFT}"
        if folder:
            path.mkdir()
        with suppress(FileNotFoundError):  # it or its parent was swept away before it had its lock
            handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with suppress(OSError):  # a file system without locks: nothing can be swept there either
                fcntl.flock(handle, fcntl.LOCK_SH)
            if path.exists():
                return path, handle
            os.close(handle)


@contextmanager
def abandoned(draft: Path) -> Iterator[bool]:
    """Whether nobody is at work on a draft any more; nobody begins to be while the context lasts."""
    try:
        handle = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        yield error.errno == errno.ELOOP  # a link of an older planex
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except OSError:
        free = False
    try:
        yield free
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder, as they are now, on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def behind(link: Path) -> Path:
    """Where a link leads. One that leads to itself stays as it is, and is then found to be no file or folder."""
    return Path(os.path.realpath(link))


@contextmanager
def temporary_folder(parent: Path, name: str = "tmp") -> Iterator[Path]:
    """A new folder below ``parent``, gone at the end unless it was renamed away."""
    folder, handle = _begin_draft(parent, name, folder=True)
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def switch_link(link: Path, destination: Path) -> None:
    """Point a symbolic link at a sibling in one step; readers see the old or the new, never neither."""
    with temporary_folder(link.parent, link.name) as folder:
        (folder / "link").symlink_to(os.path.relpath(destination, link.parent))
        (folder / "link").replace(link)
    sync_folder(link.parent)
