# SPDX-License-Identifier: LGPL-2.1-or-later
"""A git tree in memory: which file is where, their contents on demand, and the ids of the trees that changes make.

Tree objects are written here and not by a git process: they are short lists, and a queue makes many of them.
Format: git's tree objects, entries ``mode SP name NUL id`` sorted by name, where a folder's name counts as ``name/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from planex.errors import PlanexError
from planex.git.files import EXECUTABLE, FILE, File, FileSet
from planex.git.pipes import Objects
from planex.git.repository import Repository

Entry = tuple[str, str]
"""Mode and object id."""
Entries = Mapping[str, Entry | None]
"""Path to entry; None: gone."""
FOLDER = "040000"
REGULAR = frozenset({FILE, EXECUTABLE})


@dataclass(slots=True)
class _Graft:
    """New folders that changes make, and the root's id."""

    root: str
    folders: dict[str, dict[str, Entry]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


class TreeFiles(FileSet):
    """The files of a tree, and then of trees that follow it."""

    def __init__(self, repository: Repository, objects: Objects, tree: str) -> None:
        super().__init__(self._load)
        self._repository = repository
        self._objects = objects
        self._tree = tree
        self._unstored: set[str] = set()
        """Folders that changed since the tree was stored; those above them are among them."""
        self._folders: dict[str, dict[str, Entry]] = {"": {}}
        self._grafts: dict[str, _Graft] = {}
        for record in repository.git("ls-tree", "-r", "-t", "-z", "--full-tree", tree).split("\0"):
            if record:
                fields, _, path = record.partition("\t")
                try:
                    mode, _, oid = fields.split(" ")
                except ValueError:
                    raise PlanexError("git ls-tree answers as git does not", "run `planex doctor`") from None
                parent, _, name = path.rpartition("/")
                self._folders[parent][name] = mode, oid
                if mode == FOLDER:
                    self._folders[path] = {}

    def entry(self, path: str) -> Entry | None:
        """Mode and id of a file (or link); None where there is none."""
        parent, _, name = path.rpartition("/")
        found = self._folders.get(parent, {}).get(name)
        return None if found is None or found[0] == FOLDER else found

    def has_folder(self, path: str) -> bool:
        return path in self._folders

    @property
    def tree(self) -> str:
        """The tree's id; its objects are stored."""
        if self._unstored:
            changed = _Graft("", {folder: self._folders[folder] for folder in self._unstored})
            self._write(changed)
            self._unstored.clear()
            self._tree = changed.root
        return self._tree

    def take(self, changes: Entries) -> None:
        """Become the tree that the changes make, of which nothing is stored before somebody asks for its id."""
        for path, entry in changes.items():
            parent, _, name = path.rpartition("/")
            self._touch(parent)
            if entry is None:
                self._folders[parent].pop(name, None)
            else:
                self._folders[parent][name] = entry
        for path in (path for path, entry in changes.items() if entry is None):
            self._drop_if_empty(path.rpartition("/")[0])
        self._forget(changes)

    def graft(self, changes: Entries) -> str:
        """The id of the tree with these changes; its objects are stored."""
        graft = _Graft(self.tree)
        for path, entry in changes.items():
            parent, _, name = path.rpartition("/")
            self._copy(graft, parent)
            if entry is None:
                graft.folders[parent].pop(name, None)
            else:
                graft.folders[parent][name] = entry
        self._write(graft)
        self._grafts[graft.root] = graft
        return graft.root

    def follow(self, tree: str, changes: Entries) -> None:
        """Become the tree that the changes make."""
        if tree not in self._grafts:
            self.graft(changes)
        graft = self._grafts[tree]  # a KeyError: git and planex do not agree on a tree
        self._folders.update(graft.folders)
        for folder in graft.gone:
            self._folders.pop(folder, None)
        self._grafts.clear()
        self._tree = tree
        self._forget(changes)

    def _touch(self, folder: str) -> None:
        """Have a folder, and remember that it and those above it change."""
        self._unstored.add(folder)
        if folder:
            parent, _, name = folder.rpartition("/")
            self._touch(parent)
            if folder not in self._folders:
                self._folders[folder] = {}
                self._folders[parent][name] = FOLDER, ""

    def _drop_if_empty(self, folder: str) -> None:
        if not folder or self._folders.get(folder, True):
            return
        parent, _, name = folder.rpartition("/")
        del self._folders[folder], self._folders[parent][name]
        self._unstored.discard(folder)
        self._drop_if_empty(parent)

    def _forget(self, changes: Entries) -> None:
        self.forget(path for path, entry in changes.items() if self._stale(path, entry))

    def _copy(self, graft: _Graft, folder: str) -> None:
        """Make a folder and those above it ready to be changed."""
        while folder not in graft.folders:
            graft.folders[folder] = dict(self._folders.get(folder, {}))
            if not folder:
                return
            folder = folder.rpartition("/")[0]

    def _write(self, graft: _Graft) -> None:
        """Store the changed folders from the deepest up; empty ones vanish."""
        for folder in sorted(graft.folders, key=lambda path: (-path.count("/") - bool(path), path)):
            entries = graft.folders[folder]
            if not folder:
                graft.root = self._repository.write_object("tree", encode_tree(entries))
                continue
            parent, _, name = folder.rpartition("/")
            if entries:
                graft.folders[parent][name] = FOLDER, self._repository.write_object("tree", encode_tree(entries))
            else:
                graft.folders[parent].pop(name, None)
                graft.gone.add(folder)

    def _load(self, path: str) -> File | None:
        entry = self.entry(path)
        data = self._objects.content(entry[1]) if entry else None
        return None if entry is None or data is None else File(data, entry[0])

    def _stale(self, path: str, entry: Entry | None) -> bool:
        known = self.known(path)
        return known is None or entry is None or (known.mode, known.blob_id) != entry


def encode_tree(entries: Mapping[str, Entry]) -> bytes:
    """A tree object's bytes."""
    rows = sorted((_sort_key(name, mode), name, mode, oid) for name, (mode, oid) in entries.items())
    return b"".join(
        b"%s %s\0%s" % (mode.lstrip("0").encode(), name.encode("utf-8", "surrogateescape"), bytes.fromhex(oid))
        for _, name, mode, oid in rows
    )


def decode_tree(data: bytes) -> dict[str, Entry]:
    """The reverse of encode_tree."""
    entries: dict[str, Entry] = {}
    at = 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].partition(b" ")
        oid = data[end + 1 : end + 21].hex()
        entries[name.decode("utf-8", "surrogateescape")] = mode.decode().rjust(6, "0"), oid
        at = end + 21
    return entries


def _sort_key(name: str, mode: str) -> bytes:
    return name.encode("utf-8", "surrogateescape") + (b"/" if mode == FOLDER else b"")
