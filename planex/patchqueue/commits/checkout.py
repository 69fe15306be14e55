# SPDX-License-Identifier: LGPL-2.1-or-later
"""A queue as a git tree to work in, and back: one commit per patch on top of the upstream source."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from planex.content import records
from planex.errors import PlanexError
from planex.git.repository import Repository
from planex.patchqueue.commits.commits import Chain
from planex.patchqueue.commits.export import Exported, export, read_commits
from planex.patchqueue.commits.writeback import carry_out, queue_writes, removed
from planex.patchqueue.format.queue import PatchQueue

BRANCH, UPSTREAM = "queue", "upstream"
_RECORD = Path(".git/planex/checkout.json")
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class CheckoutRecord:
    """What was checked out, kept inside the tree's .git folder."""

    package: str
    version: str
    guards: list[str]
    base: str
    """Commit of the upstream source."""
    head: str
    patches: list[str]
    """Patches that have a commit, in order."""
    left_out: list[str]
    """Patches that did not apply."""
    queue: str
    """Digest of the queue's folder when tree and queue were last the same."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What ``refresh`` wrote."""

    exported: tuple[Exported, ...]
    removed: tuple[str, ...]


def checkout(cache: Repository, chain: Chain, queue: PatchQueue, package: str, folder: Path) -> CheckoutRecord:
    """Make or update the tree in ``folder``. A tree with work that is not in the queue is left alone (PlanexError)."""
    fresh = _must_be_free(folder, package)
    tree = Repository.create(folder, bare=False)
    tree.copy_objects(cache)
    tree.set_ref(f"refs/heads/{UPSTREAM}", chain.base.commit)
    words = ["checkout", "--quiet", *(["--force"] if fresh else []), "-B", BRANCH, chain.head]
    tree.git(*words)
    record = _record(chain, queue, package)
    _save(folder, record)
    return record


def refresh(folder: Path, queue: PatchQueue) -> Refreshed:
    """Write the tree's commits back into the queue that it came from."""
    record = read_record(folder)
    tree = Repository(folder)
    require_committed(tree)
    if queue_digest(queue) != record.queue:
        raise PlanexError(
            f"{queue.folder} was changed since {folder} was checked out; refresh would undo that",
            "check the queue out into another folder and bring your commits over: git cherry-pick",
        )
    head = tree.git("rev-parse", "HEAD")
    exported, worked_on = _export(tree, record, queue, head)
    carry_out(queue.folder, queue_writes(queue, worked_on, exported))
    return Refreshed(tuple(exported), tuple(removed(worked_on, exported)))


def after_refresh(folder: Path, queue: PatchQueue, refreshed: Refreshed) -> None:
    """Record that tree and queue (read again) are the same now."""
    old = read_record(folder)
    head = Repository(folder).git("rev-parse", "HEAD")
    names = [item.entry.name for item in refreshed.exported]
    left_out = [name for name in old.left_out if name not in names]
    _save(folder, replace(old, head=head, patches=names, left_out=left_out, queue=queue_digest(queue)))


def is_checkout(folder: Path) -> bool:
    """Whether ``checkout`` made this tree."""
    return (folder / _RECORD).is_file()


def read_record(folder: Path) -> CheckoutRecord:
    """The record of a tree that ``checkout`` made."""
    path, hint = folder / _RECORD, "make one: planex patchqueue checkout PACKAGE"
    if not is_checkout(folder):
        raise PlanexError(f"{folder} is not a tree that planex checked out", hint)
    return records.require(
        path, CheckoutRecord, _FORMAT, f"{hint}, in another folder; your commits are safe in this one"
    )


def queue_digest(queue: PatchQueue) -> str:
    """Names the bytes of the series and of every patch in it."""
    digest = hashlib.sha256(queue.series.text().encode("utf-8", "surrogateescape"))
    for patch in sorted((*queue.applied, *queue.skipped), key=lambda patch: patch.name):
        digest.update(f"\0{patch.name}\0{patch.sha256}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _export(tree: Repository, record: CheckoutRecord, queue: PatchQueue, head: str) -> tuple[list[Exported], list[str]]:
    """The patches to be, and the names of those they replace: all that had a commit, and those mended since."""
    commits = read_commits(tree, record.base, head)
    mended = {commit.message.name for commit in commits} & set(record.left_out)
    worked_on = [patch for patch in queue.applied if patch.name in {*record.patches, *mended}]
    outside = [patch for patch in (*queue.applied, *queue.skipped) if patch not in worked_on]
    known = PatchQueue(queue.folder, queue.guards, queue.series, tuple(worked_on), tuple(outside))
    exported = export(tree, tree.git("rev-parse", f"{record.base}^{{tree}}"), commits, known)
    return exported, [patch.name for patch in worked_on]


def _record(chain: Chain, queue: PatchQueue, package: str) -> CheckoutRecord:
    return CheckoutRecord(
        package=package,
        version=chain.base.label,
        guards=sorted(queue.guards),
        base=chain.base.commit,
        head=chain.head,
        patches=[link.patch.name for link in chain.links if link.applies],
        left_out=[link.patch.name for link in chain.links if not link.applies],
        queue=queue_digest(queue),
    )


def _save(folder: Path, record: CheckoutRecord) -> None:
    records.save(folder / _RECORD, record, _FORMAT)


def _must_be_free(folder: Path, package: str) -> bool:
    """Raise if the folder holds anything that a person made; whether it has to be filled from nothing."""
    if not folder.exists() or not any(folder.iterdir()):
        return True
    record = read_record(folder)
    if record.package != package:
        raise PlanexError(f"{folder} is a tree of {record.package}, not of {package}", "name another folder")
    tree = Repository(folder)
    require_committed(tree)
    if tree.git("rev-parse", "HEAD") != record.head:
        raise PlanexError(
            f"{folder} has commits that are not in the queue",
            f"write them back first: planex patchqueue refresh {package} {folder}",
        )
    return False


def require_committed(tree: Repository) -> None:
    """PlanexError where a tree has work that is not committed."""
    changes = [line for line in tree.git("status", "--porcelain", "--untracked-files=normal").splitlines() if line]
    if changes:
        some = ", ".join(line[3:] for line in changes[:5]) + (", ..." if len(changes) > 5 else "")
        raise PlanexError(
            f"{tree.path} has work that is not committed: {some}",
            f"commit it (git -C {tree.path} add -A; git -C {tree.path} commit), or put it aside (git stash -u)",
        )
