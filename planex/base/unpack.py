# SPDX-License-Identifier: LGPL-2.1-or-later
"""Unpacks .debs into a tree with merged /usr, and records owners and modes that an ordinary user cannot set."""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
import shutil
import tarfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from planex.base.definition import Contents
from planex.disk import naming
from planex.errors import PlanexError
from planex.run import run, spawn
from planex.sources.tarballs import content_of, read_stream, reading

MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Top-level folders that are symbolic links into /usr on a merged system."""


@dataclass(frozen=True, slots=True)
class PackagePath:
    """One path of a package. ``mode`` holds the permission bits with setuid, setgid and sticky."""

    path: str
    kind: Literal["file", "folder", "link"]
    mode: int
    user: str = "root"
    group: str = "root"
    config: bool = False


@dataclass(slots=True)
class Tree:
    """A package's files below ``root``, their entries by path, and the paths they had before the /usr merge."""

    root: Path
    entries: dict[str, PackagePath] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)
    newest: int = 0
    """Latest modification time, seconds since 1970."""

    def sorted_entries(self) -> list[PackagePath]:
        return [self.entries[path] for path in sorted(self.entries)]


def merge_path(path: str) -> str:
    """Where an absolute path lies once /usr is merged: ``/bin/sh`` is ``/usr/bin/sh``."""
    first, _, _ = path.lstrip("/").partition("/")
    return f"/usr{path}" if first in MERGED else path


def merge_link(path: str, target: str) -> str:
    """What a symbolic link at ``path`` must point at once it has moved by the /usr merge."""
    if target.startswith("/") or merge_path(path) == path:
        return target
    aim = merge_path(posixpath.normpath(posixpath.join(posixpath.dirname(path), target)))
    return posixpath.relpath(aim, posixpath.dirname(merge_path(path)))


def unpack(deb: Path, root: Path, drop: Iterable[str] = (), keep: Iterable[str] = ()) -> Tree:
    """Unpack a .deb below ``root``, an empty folder.

    Paths that match a pattern of ``drop`` and none of ``keep`` are left out.
    """
    tree = Tree(root)
    dropped, kept = _matcher(drop), _matcher(keep)
    with reading(str(deb)):
        for member, archive in _entries(deb):
            _take(archive, member, tree, lambda path: bool(dropped.match(path)) and not kept.match(path))
    for path in _config_files(deb):
        if path in tree.entries:
            tree.entries[path] = replace(tree.entries[path], config=True)
    return tree


def _entries(deb: Path) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """The entries of a .deb's files, within the limits of every tarball."""
    with spawn(["dpkg-deb", "--fsys-tarfile", deb]) as process:
        assert process.stdout is not None
        try:
            yield from read_stream(process.stdout, str(deb), deb.stat().st_size)
        except PlanexError as error:
            error.hint = f"delete it and try again: rm {deb}"
            raise


def _matcher(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns) or r"(?!)")


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, tree: Tree, dropped: Callable[[str], bool]) -> None:
    old = posixpath.normpath("/" + member.name)
    path = merge_path(old)
    if old == "/" or (member.isdir() and old.lstrip("/") in MERGED) or dropped(path):
        return
    if member.isfile() and old != path:
        tree.moved.append(old)
    destination = _destination(tree.root, path)
    user, group = member.uname or "root", member.gname or "root"
    tree.newest = max(tree.newest, int(member.mtime))
    if member.isdir():
        destination.mkdir(exist_ok=True)
        tree.entries[path] = PackagePath(path, "folder", member.mode & 0o7777, user, group)
    elif member.issym():
        destination.symlink_to(merge_link(old, member.linkname))
        tree.entries[path] = PackagePath(path, "link", 0o777, user, group)
        tree.moved += [old] if old != path else []
    elif member.isfile() or member.islnk():
        _write(archive, member, tree.root, destination)
        tree.entries[path] = PackagePath(path, "file", member.mode & 0o7777, user, group)
    else:
        raise PlanexError(f"{path}: devices and pipes cannot be packaged")


def _destination(root: Path, path: str) -> Path:
    """Where ``path`` goes; its folders are made. Never through a symbolic link out of the tree."""
    destination = root / path.lstrip("/")
    destination.parent.mkdir(parents=True, exist_ok=True)
    if not destination.parent.resolve().is_relative_to(root.resolve()):
        raise PlanexError(f"{path} leads out of the package")
    return destination


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, root: Path, destination: Path) -> None:
    if member.islnk():
        os.link(_destination(root, merge_path(posixpath.normpath("/" + member.linkname))), destination)
        return
    source = archive.extractfile(member)
    assert source is not None
    with source, naming(destination, "write"), destination.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    destination.chmod(0o755 if member.mode & 0o111 else 0o644)
    os.utime(destination, (member.mtime, member.mtime))


def _config_files(deb: Path) -> list[str]:
    return [merge_path(line) for line in control_file(deb, "conffiles").splitlines() if line.startswith("/")]


def control_file(deb: Path, name: str) -> str:
    """One of a .deb's control files, such as a maintainer script; empty where there is none."""
    return run(["dpkg-deb", "--info", deb, name], check=False).stdout


def add_contents(tree: Tree, contents: Contents) -> None:
    """Put links, files, copies, folders and modes of the definition into a tree."""
    for path, mode in contents.folders.items():
        _destination(tree.root, path).mkdir(exist_ok=True)
        tree.entries[path] = PackagePath(path, "folder", int(mode, 8))
    for path, text in contents.files.items():
        _place(tree, path, text.encode())
    for path, source in contents.copies.items():
        origin = tree.root / source.lstrip("/")
        if not origin.is_file():
            raise PlanexError(f"{source}, to be copied to {path}, is not in its package", "correct repos/<base>.yaml")
        _place(tree, path, origin.read_bytes())
    for path, target in contents.links.items():
        _destination(tree.root, path).symlink_to(target)
        tree.entries[path] = PackagePath(path, "link", 0o777)
    _set_modes(tree, contents.modes)


def add_alternatives(tree: Tree, links: Mapping[str, str]) -> None:
    """Put links to files of a package into its tree, where these are in it and nothing else is in their place."""
    for link, path in links.items():
        if path in tree.entries and link not in tree.entries:
            _destination(tree.root, link).symlink_to(posixpath.relpath(path, posixpath.dirname(link)))
            tree.entries[link] = PackagePath(link, "link", 0o777)


def _place(tree: Tree, path: str, data: bytes) -> None:
    _destination(tree.root, path).write_bytes(data)
    os.utime(tree.root / path.lstrip("/"), (tree.newest, tree.newest))
    tree.entries[path] = PackagePath(path, "file", 0o644, config=path.startswith("/etc/"))


def _set_modes(tree: Tree, modes: Mapping[str, str]) -> None:
    for path, mode in modes.items():
        if path not in tree.entries:
            raise PlanexError(f"{path} is not in its package; no mode can be set", "correct repos/<base>.yaml")
        bits, _, owner = mode.partition(" ")
        user, _, group = (owner or "root:root").partition(":")
        tree.entries[path] = replace(tree.entries[path], mode=int(bits, 8), user=user, group=group)


def pick(deb: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """The contents of single files of a .deb, by their path before the /usr merge; shell patterns are allowed."""
    found: dict[str, bytes] = {}
    matcher = _matcher(wanted)
    for member, archive in _entries(deb):
        path = posixpath.normpath("/" + member.name)
        if matcher.match(path) and (data := content_of(member, archive, str(deb))) is not None:
            found[path] = data
    return found
