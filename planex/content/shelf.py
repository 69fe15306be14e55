# SPDX-License-Identifier: LGPL-2.1-or-later
"""How every result comes and goes. It has a name that says what went into it: whoever finds it there takes it.

It is made in a draft beside its place, put there by one rename, and never written to again; of old ones a few are kept.
What a killed run left is a draft that nobody has a lock on, so whoever comes next may sweep it, and no other.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from planex.cage.trees import remove_tree
from planex.content.copies import sync, sync_tree
from planex.drafts import DRAFT, abandoned, temporary_folder

_HERE = -100
"""AT_FDCWD of fcntl.h: paths are as they are written."""
_RENAME_EXCHANGE = 2


@contextmanager
def draft(final: Path) -> Iterator[Path]:
    """A new folder in which to make ``final``; what of it was not published is gone at the end."""
    with temporary_folder(final.parent, final.name) as folder:
        try:
            yield folder
        finally:
            remove_tree(folder)


def publish(made: Path, final: Path, *, durable: bool = False) -> None:
    """Put a file or a folder in its place; what was there is replaced. With ``durable`` it outlives a power cut.

    A rename over a file waits until the disk has most of the new one (ext4, btrfs); two that change places do not.
    """
    if durable:
        sync_tree(made)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.is_dir():
        remove(final)
    if durable or not _exchange(made, final):
        made.rename(final)
    else:
        made.unlink()
    if durable:
        sync([final.parent])


def _exchange(one: Path, other: Path) -> bool:
    """Whether two regular files have changed places, which renameat2 does in one step where the file system can."""
    if not other.is_file() or one.is_dir():
        return False
    exchange = getattr(ctypes.CDLL(None), "renameat2", None)
    return bool(exchange and exchange(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _RENAME_EXCHANGE) == 0)


def remove(path: Path) -> None:
    """Delete a file, a link or a tree, whoever owns what is in it; out of the way first, so that nobody finds half."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if not path.name.endswith(DRAFT):
        with suppress(OSError):  # a mount point, or a name that is too long: deleted where it is
            doomed = path.with_name(f".{path.name}{DRAFT}")
            remove_tree(doomed)
            path = path.rename(doomed)
    remove_tree(path)


def fresh(folder: Path) -> Path:
    """An empty folder at this place, whatever was there."""
    remove(folder)
    folder.mkdir(parents=True)
    return folder


def prune(paths: Iterable[Path], keep: int, age: Callable[[Path], Any] = lambda path: path.stat().st_mtime) -> None:
    """Delete all but the ``keep`` newest; ``age`` sorts from old to new."""
    found = sorted(paths, key=age)
    for path in found[: max(0, len(found) - keep)]:
        remove(path)


def sweep(folders: Iterable[Path]) -> bool:
    """Delete the drafts in these folders that nobody is at work on any more; True if there were any."""
    swept = False
    for draft in [path for folder in folders for path in folder.glob(f".*{DRAFT}")]:
        with abandoned(draft) as free:
            if free:
                remove(draft)
                swept = True
    return swept
