# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small sources and patch queues for tests: trees as mappings, patches as git would write them."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import pairwise
from pathlib import Path

from planex.checksums import digest_of
from planex.git.repository import Repository
from planex.patchqueue.carry.forecast import Forecaster, Version
from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.verdict import Fate
from planex.patchqueue.format.queue import PatchQueue, load_queue
from planex.run import run

Tree = Mapping[str, str]


def numbered(count: int, prefix: str = "line") -> str:
    """A text of lines that are all different."""
    return "".join(f"{prefix} {number}\n" for number in range(1, count + 1))


def write_tarball(path: Path, tree: Tree, top: str = "pkg") -> Path:
    """A tarball with one top folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, text in sorted(tree.items()):
            data = text.encode("utf-8", "surrogateescape")
            entry = tarfile.TarInfo(f"{top}/{name}")
            entry.size, entry.mtime = len(data), 1_700_000_000
            archive.addfile(entry, io.BytesIO(data))
    return path


def diff_text(before: Tree, after: Tree, *, context: int = 3, git: bool = True) -> str:
    """A diff between two trees, as git writes it, or (not ``git``) as a person would by diff -u."""
    parts = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if git:
            mode = "new file mode 100644\n" if old is None else "deleted file mode 100644\n" if new is None else ""
            parts.append(f"diff --git a/{name} b/{name}\n{mode}")
        sides = (f"a/{name}" if old is not None else "/dev/null", f"b/{name}" if new is not None else "/dev/null")
        lines = unified_diff(_lines(old), _lines(new), *sides, n=context)
        parts += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
    return "".join(parts)


def _lines(text: str | None) -> list[str]:
    return (text or "").splitlines(keepends=True)


def mail(subject: str, diff: str, *, body: str = "", extra: str = "") -> str:
    """A patch with a header like git format-patch's."""
    head = f"From: A U Thor <author@example.org>\nDate: Mon, 1 Jan 2024 10:00:00 +0200\nSubject: [PATCH] {subject}\n"
    return f"{extra}{head}\n{body}\n---\n{diff}"


def write_queue(folder: Path, patches: Mapping[str, str], series: str | None = None) -> PatchQueue:
    """A queue's folder; the series names all patches in order unless it is given."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in patches.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    (folder / "series").write_text("".join(f"{name}\n" for name in patches) if series is None else series)
    return load_queue(folder)


def steps(trees: Sequence[Tree], context: int = 3) -> dict[str, str]:
    """A patch for each step from one tree to the next."""
    pairs = pairwise(trees)
    return {
        f"p{number}.patch": mail(f"step {number}", diff_text(before, after, context=context))
        for number, (before, after) in enumerate(pairs, 1)
    }


def replace_line(tree: Tree, name: str, old: str, new: str) -> dict[str, str]:
    """The tree with one line of a file changed."""
    assert f"{old}\n" in tree[name]
    return {**tree, name: tree[name].replace(f"{old}\n", f"{new}\n", 1)}


@dataclass(frozen=True)
class Bench:
    """A repository for forecasts below a folder."""

    folder: Path

    @property
    def repository(self) -> Repository:
        return Repository.create(self.folder / "repo.git", bare=True)

    def version(self, label: str, tree: Tree) -> Version:
        path = write_tarball(self.folder / f"pkg-{label}.tar", tree)
        return Version(label, path, digest_of(path, "SHA256"))

    def forecaster(
        self, old: Tree, patches: Mapping[str, str], *, orders: Orders | None = None, rerere: Path | None = None
    ) -> Forecaster:
        queue = write_queue(self.folder / "queue", patches)
        version = self.version("old", old)
        return Forecaster(self.repository, version, queue.applied, orders or Orders(), rerere)

    def fates(self, old: Tree, patches: Mapping[str, str], new: Tree) -> list[Fate]:
        """The status of each patch on ``new``."""
        column = self.forecaster(old, patches).column(self.version("new", new))
        return [verdict.status for verdict in column.verdicts]


def unpack(tarball: Path, folder: Path) -> Path:
    """Unpack without the top folder."""
    folder.mkdir(parents=True)
    run(["tar", "xf", tarball, "-C", folder, "--strip-components=1"])
    return folder


def apply_all(folder: Path, queue: PatchQueue) -> None:
    """Apply a queue to a folder as %autosetup does."""
    for patch in queue.patches:
        run(
            ["patch", f"-p{patch.strip}", "-s", "--fuzz=0", "--no-backup-if-mismatch", "-f", "-i", patch.path],
            cwd=folder,
        )


def read_tree(folder: Path) -> dict[str, str]:
    """All files below a folder, the .git folder aside."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and ".git" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes().decode("utf-8", "surrogateescape") for path in paths}
