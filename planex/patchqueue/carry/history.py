# SPDX-License-Identifier: LGPL-2.1-or-later
"""Upstream's git history, where the recipe names its repository: proofs that a patch is upstream, and who broke it."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from planex.checksums import digest_of_text
from planex.content import records
from planex.git.pipes import DIFF_FLAGS, Differ, Pipe
from planex.git.repository import Repository
from planex.patchqueue.carry.verdict import Strength, UpstreamProof
from planex.patchqueue.commits.commits import Chain, Link
from planex.run import NETWORK

ALIKE = 0.8
"""Of the changed lines of two diffs, how many must be the same where subject and author date are."""
_SHORT = 12
_FORMAT = 2


@dataclass(frozen=True, slots=True)
class UpstreamCommit:
    """A commit of upstream's. ``lines`` are its added and removed lines, ``diff`` names all of its diff."""

    id: str
    subject: str
    author_date: int
    diff: str
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Commits:
    """What is kept of upstream's history between two versions."""

    commits: list[UpstreamCommit]


def fetch_tags(repository: Repository, url: str, tags: Iterable[str]) -> dict[str, str]:
    """Tag to commit, fetched from ``url`` (unless empty) if not here yet; those that cannot be had are left out."""
    found: dict[str, str] = {}
    for tag in dict.fromkeys(tags):
        ref = f"refs/upstream/{tag}"
        commit = repository.resolve(f"{ref}^{{commit}}")
        if commit is None and url:
            repository.attempt("fetch", "--quiet", "--no-tags", url, f"+refs/tags/{tag}:{ref}", inherit=NETWORK)
            commit = repository.resolve(f"{ref}^{{commit}}")
        if commit:
            found[tag] = commit
    return found


class UpstreamHistory:
    """What upstream did between two versions, as far as it touches the files of a queue."""

    def __init__(self, repository: Repository, chain: Chain, old: str, new: str) -> None:
        self._repository = repository
        self._chain = chain
        self._old, self._new = old, new

    def proof(self, link: Link) -> UpstreamProof | None:
        """That the patch is part of the new version, by what it says or by a commit that is the same."""
        return self._by_origin(link) or self._by_diff(link) or self._by_subject(link)

    def _by_origin(self, link: Link) -> UpstreamProof | None:
        for origin in link.patch.header.origins:
            if (commit := self._in_range(origin)) and commit not in self._reverted:
                return UpstreamProof(
                    Strength.ORIGIN, f"it is taken from upstream's {commit[:_SHORT]}, which is in", commit
                )
        return None

    def _by_diff(self, link: Link) -> UpstreamProof | None:
        digest, _ = self._own(link)
        commit = self._by_digest.get(digest)
        if commit is None or commit.id in self._reverted:
            return None
        return UpstreamProof(
            Strength.PATCH_ID, f"upstream's {commit.id[:_SHORT]} ({commit.subject}) is the same diff", commit.id
        )

    def _by_subject(self, link: Link) -> UpstreamProof | None:
        header = link.patch.header
        moment = header.when
        _, own = self._own(link)
        for commit in self._by_title.get(header.subject, ()):
            same_date = moment is not None and int(moment.timestamp()) == commit.author_date
            if same_date and commit.id not in self._reverted and likeness(own, commit.lines) >= ALIKE:
                text = f"upstream's {commit.id[:_SHORT]} has its subject, author date and nearly its diff"
                return UpstreamProof(Strength.SUBJECT, text, commit.id)
        return None

    def _own(self, link: Link) -> tuple[str, list[str]]:
        with Differ(self._repository) as differ:
            return digest_diff(differ.diff(link.parent_tree, link.tree).splitlines())

    @cached_property
    def _range(self) -> list[str]:
        return sorted(self._repository.git("rev-list", f"{self._old}..{self._new}").split())

    def _in_range(self, prefix: str) -> str | None:
        """The commit between the two versions that begins with ``prefix``, if there is just one."""
        start = bisect.bisect_left(self._range, prefix)
        found = [commit for commit in self._range[start : start + 2] if commit.startswith(prefix)]
        return found[0] if len(found) == 1 else None

    @cached_property
    def _reverted(self) -> frozenset[str]:
        """Commits that a later one in the range says it reverts."""
        text = self._repository.git("log", "--format=%B", "--grep=^This reverts commit ", f"{self._old}..{self._new}")
        words = [line.split()[3].rstrip(".") for line in text.splitlines() if line.startswith("This reverts commit ")]
        return frozenset(commit for word in words if (commit := self._in_range(word)))

    @cached_property
    def _commits(self) -> list[UpstreamCommit]:
        paths = sorted({path for link in self._chain.links for path in link.patch.diff.paths})
        name = digest_of_text("\0".join([str(_FORMAT), self._old, self._new, *paths]))
        store = self._repository.path / "planex" / "history" / f"{name}.json"
        known = records.load(store, Commits, _FORMAT)
        if known is None:
            known = Commits(list(read_history(self._repository, f"{self._old}..{self._new}", paths)))
            records.save(store, known, _FORMAT)
        return known.commits

    @cached_property
    def _by_digest(self) -> Mapping[str, UpstreamCommit]:
        return {commit.diff: commit for commit in self._commits}

    @cached_property
    def _by_title(self) -> Mapping[str, Sequence[UpstreamCommit]]:
        titles: dict[str, list[UpstreamCommit]] = {}
        for commit in self._commits:
            titles.setdefault(commit.subject, []).append(commit)
        return titles


class _Log(Pipe):
    """``git log -p`` with each commit's facts on a line that begins with a NUL."""

    def __init__(self, repository: Repository, span: str, paths: Sequence[str]) -> None:
        words = ["log", "--no-merges", "--full-diff", "--format=%x00%H %at %s", *DIFF_FLAGS, span, "--", *paths]
        super().__init__(repository, words)


def read_history(repository: Repository, span: str, paths: Sequence[str]) -> Iterable[UpstreamCommit]:
    """Commits of a range that touch one of the paths, each with its whole diff."""
    if not paths:
        return
    with _Log(repository, span, paths) as log:
        facts, diff = b"", list[bytes]()
        for line in log.out:
            if line.startswith(b"\0"):
                if facts:
                    yield _upstream_commit(facts, diff)
                facts, diff = line[1:].rstrip(b"\n"), []
            else:
                diff.append(line.rstrip(b"\n"))
        if facts:
            yield _upstream_commit(facts, diff)


def _upstream_commit(facts: bytes, diff: Sequence[bytes]) -> UpstreamCommit:
    commit, date, subject = facts.decode("utf-8", "replace").split(" ", 2)
    digest, lines = digest_diff(diff)
    return UpstreamCommit(commit, subject, int(date), digest, lines)


def digest_diff(lines: Iterable[bytes]) -> tuple[str, list[str]]:
    """A name for a diff, whatever its line numbers, blob ids and white space; and its changed lines, hashed."""
    digest = hashlib.sha256()
    changed: list[str] = []
    for line in lines:
        if line.startswith((b"index ", b"@@ -")):
            continue
        squeezed = b"".join(line.split())
        if squeezed:
            digest.update(squeezed + b"\n")
        if line[:1] in (b"+", b"-") and not line.startswith((b"+++ ", b"--- ")) and len(squeezed) > 1:
            changed.append(hashlib.blake2b(squeezed, digest_size=8).hexdigest())
    return digest.hexdigest(), changed


def likeness(one: Collection[str], other: Collection[str]) -> float:
    """How many of the changed lines of two diffs are the same: 0 none, 1 all."""
    left, right = set(one), set(other)
    return len(left & right) / len(left | right) if left | right else 0.0


def commits_on(repository: Repository, old: str, new: str, paths: Sequence[str], limit: int = 10) -> list[str]:
    """The newest upstream commits that touched the files: ``<12 digits> <date> <author>: <subject>``."""
    form = "--format=%h %as %an: %s"
    text = repository.git("log", f"--max-count={limit}", "--abbrev=12", form, f"{old}..{new}", "--", *paths)
    return text.splitlines()
