# SPDX-License-Identifier: LGPL-2.1-or-later
"""Patches of a queue as mails to upstream: alone on a version of theirs, in the shape of ``git format-patch``."""

from __future__ import annotations

import email.utils
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.drafts import temporary_folder, write_atomic
from planex.errors import ConfigError, PlanexError
from planex.git.pipes import Objects
from planex.git.repository import NOBODY, Repository
from planex.nearest import did_you_mean
from planex.patchqueue.carry.forecast import Column, Version
from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.verdict import KEPT, Fate
from planex.patchqueue.commits.export import Commit, read_commits
from planex.patchqueue.format.maintainers import FILE, Recipients, parse_areas, recipients
from planex.patchqueue.format.queue import Patch, PatchQueue
from planex.rebase.package import PackageQueue
from planex.rebase.versions import Goal

_SUBJECT = "*** SUBJECT HERE ***"


@dataclass(frozen=True, slots=True)
class Letters:
    """What to send: file name to content, in order; to whom; and what upstream will miss."""

    files: dict[str, bytes]
    to: Recipients
    remarks: tuple[str, ...]


def choose(queue: PatchQueue, names: Sequence[str], section: str | None) -> list[Patch]:
    """Patches by name and those of a section, in the order of the queue. Raises ConfigError for an unknown one."""
    chosen = {queue.find(name).name for name in names}
    if section is not None:
        known = list(dict.fromkeys(patch.entry.section for patch in queue.applied if patch.entry.section))
        if section not in known:
            listed = "\n".join(f"  {title}" for title in known)
            raise ConfigError(f"no section '{section}'{did_you_mean(section, known)}", f"sections:\n{listed}")
        chosen |= {patch.name for patch in queue.applied if patch.entry.section == section}
    return [patch for patch in queue.applied if patch.name in chosen]


def letters(found: PackageQueue, patches: Sequence[Patch], old: Version, goal: Goal, again: int | None) -> Letters:
    """Mails for some patches as they go in alone on a version; ``again`` is the round, if it is not the first."""
    column = _alone(found, patches, old, goal)
    repository, base = found.repository, column.commit
    head = column.verdicts[-1].commit
    commits = read_commits(repository, base, head)
    with Objects(repository) as objects:
        areas = parse_areas((objects.content(f"{base}:{FILE}") or b"").decode("utf-8", "replace"))
    to = recipients(areas, sorted({path for patch in patches for path in patch.diff.paths}))
    sections = {patch.entry.section for patch in patches}
    title = next(iter(sections)) if len(sections) == 1 else ""
    files = _format(repository, base, commits, to, title, again, found.home)
    return Letters(files, to, tuple(_remarks(commits, bool(areas))))


def _alone(found: PackageQueue, patches: Sequence[Patch], old: Version, goal: Goal) -> Column:
    """The queue on a version without any other patch. Raises PlanexError if one cannot go that way."""
    names = {patch.name for patch in patches}
    others = {patch.name: "not sent" for patch in found.queue.applied if patch.name not in names}
    commits = found.upstream_commits(old, [goal])
    column = found.forecaster(old, Orders(drop=others), commits).column(goal.version)
    bad = [
        verdict for verdict in column.verdicts if verdict.patch in names and verdict.status not in KEPT - {Fate.EMPTY}
    ]
    if bad:
        lines = "\n".join(f"{verdict.patch}: {verdict.status}: {verdict.why}".rstrip(": ") for verdict in bad)
        raise PlanexError(f"cannot go to {goal.version.label} as it is:\n{lines}", _advice({v.status for v in bad}))
    return column


def _advice(statuses: set[Fate]) -> str:
    if statuses == {Fate.BLOCKED}:
        return "send the patches that it needs along: name them too"
    return "carry it to upstream's newest version first (planex patchqueue rebase), or name a version with --onto"


def _format(
    repository: Repository,
    base: str,
    commits: Sequence[Commit],
    to: Recipients,
    title: str,
    again: int | None,
    scratch: Path,
) -> dict[str, bytes]:
    """git's own mails, of commits without planex's trailers. The cover letter has the section for its subject."""
    head = base
    for commit in commits:
        head = repository.write_commit(commit.tree, [head], commit.author, commit.message.text + "\n")
    author = commits[-1].author
    words = [*(f"--to={_mail(each)}" for each in to.lists), *(f"--cc={_mail(each)}" for each in to.people)]
    words += [f"-v{again}"] if again else []
    words += ["--cover-letter"] if len(commits) > 1 else []
    env = {"GIT_COMMITTER_NAME": author.name, "GIT_COMMITTER_EMAIL": author.email}
    with temporary_folder(scratch, "letters") as folder:
        repository.git("format-patch", "--quiet", f"--output-directory={folder}", *words, f"{base}..{head}", env=env)
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    return {name: _titled(data, title) if "-cover-letter." in name else data for name, data in files.items()}


def _mail(address: str) -> str:
    """As a mail's header has it: only ASCII, quoted where it has to be."""
    name, _, place = address.rpartition(" ")
    return email.utils.formataddr((name, place.strip("<>")), "utf-8")


def _titled(cover: bytes, title: str) -> bytes:
    return cover.replace(_SUBJECT.encode(), title.encode("utf-8", "replace"), 1) if title.isascii() and title else cover


def _remarks(commits: Sequence[Commit], listed: bool) -> Iterator[str]:
    for commit in commits:
        if commit.author.email == NOBODY.email:
            yield f"{commit.message.name} names no author: give it a From: line"
        elif "\nSigned-off-by: " not in commit.message.text:
            yield f"{commit.message.name} has no Signed-off-by: most upstreams want one"
    if not listed:
        yield f"this source has no {FILE}: find out yourself whom to send it to"


def write_letters(found: Letters, folder: Path, *, own: bool) -> list[Path]:
    """Write the mails; ``own``: the folder is planex's, so those of an earlier time may go."""
    before = [path for path in folder.glob("*.patch") if path.name not in found.files]
    if before and not own:
        raise PlanexError(f"{folder} holds other patches: {before[0].name}", "name an empty folder")
    for path in before:
        path.unlink()
    for name, data in found.files.items():
        write_atomic(folder / name, data)
    return [folder / name for name in found.files]
