# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of a git tree as they lie there, committed or not, and how they come into a folder of a cage."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.disk import write
from planex.errors import PlanexError
from planex.git.files import EXECUTABLE, FILE, SYMLINK
from planex.git.pipes import Changed, Objects
from planex.git.repository import Repository
from planex.git.trees import Entries

_FOLDED = re.compile(r"^(?:fixup|squash|amend)! ", re.MULTILINE)
# Of a file that became a folder, or a folder that became a file, the old goes first.
UNPACK = 'cd "$0" && xargs -0 -r rm -rf <"$2" && tar -x -m -f "$1"'
"""Shell line that brings a folder ($0) up to date from the files of ``Difference.pack`` ($1, $2)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What has to change in a folder that holds one of some trees: path to mode and blob, or None for what goes."""

    repository: Repository
    entries: Entries

    def pack(self, archive: Path, names: Path) -> None:
        """Write the new files as a tar archive, and the names of all, each with a null byte behind it."""
        text = "".join(f"./{path}\0" for path in self.entries)
        write(names, text.encode("utf-8", "surrogateescape"))
        with Objects(self.repository) as objects, tarfile.open(archive, "w", errors="surrogateescape") as tar:
            for path, entry in self.entries.items():
                if entry and entry[0] in (FILE, EXECUTABLE, SYMLINK):
                    _add(tar, path, entry[0], objects.content(entry[1]) or b"")


def _add(tar: tarfile.TarFile, path: str, mode: str, data: bytes) -> None:
    info = tarfile.TarInfo(f"./{path}")
    info.mode = 0o755 if mode == EXECUTABLE else 0o644
    if mode == SYMLINK:
        info.type, info.linkname = tarfile.SYMTYPE, data.decode("utf-8", "surrogateescape")
        tar.addfile(info)
    else:
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))


def files_now(tree: Repository) -> str:
    """The git tree of all files that git does not ignore, as they lie there; the person's own index is left alone."""
    index = tree.git_dir / "planex" / "index"
    shutil.copyfile(tree.git_dir / "index", index)
    env = {"GIT_INDEX_FILE": str(index.absolute())}
    tree.git("add", "--all", env=env)
    return tree.git("write-tree", env=env)


def difference(tree: Repository, held: Iterable[str], wanted: str) -> Difference:
    """From a folder that may hold the files of any of these trees to the one that is wanted."""
    entries: dict[str, tuple[str, str] | None] = {}
    with Changed(tree) as changed:
        for old in held:
            entries |= changed.between(old, wanted)
    return Difference(tree, entries)


def fold_fixups(tree: Repository, base: str) -> bool:
    """Put commits whose subject begins with ``fixup!`` or ``squash!`` into theirs; whether there were any."""
    if not _FOLDED.search(tree.git("log", "--format=%s", f"{base}..HEAD")):
        return False
    env = {"GIT_SEQUENCE_EDITOR": "true"}
    status, out, err = tree.attempt("rebase", "--quiet", "--interactive", "--autosquash", base, env=env)
    if status:
        files = tree.git("diff", "--name-only", "--diff-filter=U").split("\n")
        tree.attempt("rebase", "--abort")
        where = f" (conflict in {', '.join(files)})" if any(files) else f": {(err or out).strip()}"
        message = f"a fixup does not go into its commit{where}; nothing was changed"
        raise PlanexError(message, f"do it by hand: git -C {tree.path} rebase -i --autosquash upstream")
    return True


def unsaved(tree: Repository, base: str, saved: str) -> Mapping[str, int]:
    """What is not in the queue: number of files and of commits."""
    files = tree.git("status", "--porcelain", "--untracked-files=normal").splitlines()
    commits = tree.git("rev-list", "HEAD", f"^{saved}", f"^{base}").splitlines()
    return {"file": len(files), "commit": len(commits)}


def other_work(tree: Repository) -> list[str]:
    """What a person may have put beside the queue's branch."""
    refs = tree.git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags", "refs/stash").splitlines()
    own = {"refs/heads/queue", "refs/heads/upstream"}
    return [f"{name.removeprefix('refs/').removeprefix('heads/')} is there" for name in refs if name not in own]
