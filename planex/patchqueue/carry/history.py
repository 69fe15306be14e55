# SPDX-License-Identifier: LGPL-2.1-or-later
"""Upstream's git history, where the recipe names its repository: proofs that a patch is upstream, and who broke it."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import chain

from planex.checksums import digest_of_text
from planex.content import records
from planex.git.pipes import DIFF_FLAGS, Differ, Pipe
from planex.git.repository import Repository
from planex.patchqueue.carry.contents import DiffContent, content_of_diff, share
from planex.patchqueue.carry.verdict import Doubt, Strength, UpstreamProof
from planex.patchqueue.commits.commits import Chain, Link
from planex.run import NETWORK

_SHORT = 12
_FORMAT = 3
_NEARLY = 0.85
"""How alike two subjects have to be, where they are not the same."""
_TITLE_NOISE = re.compile(r"^(?:\[[^]]*\]|(?:upstream|backport|fromlist|fromgit)\b[ :]*)\s*|\.$", re.IGNORECASE)
_TELLING_TITLE = 20
"""Characters. A shorter subject says nothing of a commit that shares no file with the patch."""


@dataclass(frozen=True, slots=True)
class UpstreamCommit:
    """A commit of upstream's. ``lines`` are the hashes of what it adds and removes, ``diff`` names all of its diff."""

    id: str
    subject: str
    author_date: int
    diff: str
    files: tuple[str, ...]
    lines: frozenset[str]

    @property
    def short(self) -> str:
        return self.id[:_SHORT]


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

    def __init__(self, repository: Repository, queue: Chain, old: str, new: str) -> None:
        self._repository = repository
        self._queue = queue
        self._old, self._new = old, new

    def finding(self, link: Link) -> UpstreamProof | Doubt | None:
        """That the patch is part of the new version, by what it says or by a commit that is the same; or that it may
        be, but that the contents do not bear it out."""
        found = (self._by_origin(link), self._by_diff(link), self._by_subject(link))
        proofs = [item for item in found if isinstance(item, UpstreamProof)]
        return next(iter(proofs), None) or next((item for item in found if item), None)

    def _by_origin(self, link: Link) -> UpstreamProof | Doubt | None:
        for origin in link.patch.header.origins:
            if (commit := self._in_range(origin)) and commit not in self._reverted:
                return self._compare_origin(link, self._commit(commit))
        return None

    def _compare_origin(self, link: Link, commit: UpstreamCommit) -> UpstreamProof | Doubt:
        own = self._own[link.key]
        found = share(own, commit.lines)
        if not found.enough:
            found = share(own, commit.lines, *(other.lines for other in self._touching(own)))
        if found.enough:
            remark = f", with {found}; it lacks {found.loss}" if found.lost else ""
            return UpstreamProof(
                Strength.ORIGIN, f"it is taken from upstream's {commit.short}, which is in{remark}", commit.id
            )
        text = f"it says that it is taken from upstream's {commit.short}, which is in, but upstream has {found}"
        lost = f"; taken for upstreamed, it would lose {found.loss}" if found.lost else ""
        return Doubt(text + lost, commit.id, partly=True)

    def _by_diff(self, link: Link) -> UpstreamProof | None:
        commit = self._by_digest.get(self._own[link.key].name)
        if commit is None or commit.id in self._reverted:
            return None
        text = f"upstream's {commit.short} ({commit.subject}) is the same diff"
        return UpstreamProof(Strength.PATCH_ID, text, commit.id)

    def _by_subject(self, link: Link) -> UpstreamProof | Doubt | None:
        own, header = self._own[link.key], link.patch.header
        doubt = None
        for commit, same in self._of_that_name(plain_title(header.subject), own):
            found = share(own, commit.lines)
            words = "its subject" if same else f"nearly its subject ({commit.subject})"
            if found.enough:
                date = header.when is not None and int(header.when.timestamp()) == commit.author_date
                how = f"{words}, author date and nearly its diff" if date else f"{words} and nearly its diff"
                return UpstreamProof(Strength.SUBJECT, f"upstream's {commit.short} has {how}", commit.id)
            if same or found.had * 2 > found.all:
                lost = f"; taken for upstreamed, it would lose {found.loss}"
                doubt = doubt or Doubt(f"upstream's {commit.short} has {words}, but {found}{lost}", commit.id)
        return doubt

    def _of_that_name(self, title: str, own: DiffContent) -> Iterator[tuple[UpstreamCommit, bool]]:
        """Commits with the subject of a patch (True) or nearly (False)."""
        if not title:
            return
        near = {commit.id: commit for commit in self._touching(own)}
        for commit in self._by_title.get(title, ()):
            if commit.id not in self._reverted and (commit.id in near or len(title) >= _TELLING_TITLE):
                yield commit, True
        matcher = SequenceMatcher(b=title, autojunk=False)
        for commit in near.values():
            other = plain_title(commit.subject)
            if other == title or commit.id in self._reverted:
                continue
            matcher.set_seq1(other)
            if matcher.real_quick_ratio() >= _NEARLY and matcher.quick_ratio() >= _NEARLY <= matcher.ratio():
                yield commit, False

    def _touching(self, own: DiffContent) -> list[UpstreamCommit]:
        found = {commit.id: commit for path in own.files for commit in self._by_file.get(path, ())}
        return [commit for commit in found.values() if commit.id not in self._reverted]

    def _commit(self, name: str) -> UpstreamCommit:
        """A commit of the range; one that touches no file of the queue is not in ``_commits``."""
        known = (commit for commit in self._commits if commit.id == name)
        nothing = UpstreamCommit(name, "", 0, "", (), frozenset())
        return next(chain(known, read_history(self._repository, f"{name}^!", ["."])), nothing)

    @cached_property
    def _own(self) -> Mapping[str, DiffContent]:
        """What each patch changes, by its link's key."""
        with Differ(self._repository) as differ:
            links = self._queue.links
            return {link.key: content_of_diff(differ.diff(link.parent_tree, link.tree).splitlines()) for link in links}

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
        paths = sorted({path for link in self._queue.links for path in link.patch.diff.paths})
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
        return _grouped((plain_title(commit.subject), commit) for commit in self._commits)

    @cached_property
    def _by_file(self) -> Mapping[str, Sequence[UpstreamCommit]]:
        return _grouped((path, commit) for commit in self._commits for path in commit.files)


def _grouped(pairs: Iterable[tuple[str, UpstreamCommit]]) -> Mapping[str, Sequence[UpstreamCommit]]:
    groups: dict[str, list[UpstreamCommit]] = {}
    for key, commit in pairs:
        groups.setdefault(key, []).append(commit)
    return groups


def plain_title(subject: str) -> str:
    """A subject without tags in front, case and full stop."""
    return " ".join(_TITLE_NOISE.sub("", subject.strip()).lower().split())


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
    content = content_of_diff(diff)
    return UpstreamCommit(commit, subject, int(date), content.name, content.files, frozenset(content.lines))


def commits_on(repository: Repository, old: str, new: str, paths: Sequence[str], limit: int = 10) -> list[str]:
    """The newest upstream commits that touched the files: ``<12 digits> <date> <author>: <subject>``."""
    form = "--format=%h %as %an: %s"
    text = repository.git("log", f"--max-count={limit}", "--abbrev=12", form, f"{old}..{new}", "--", *paths)
    return text.splitlines()


def commits_of_lines(repository: Repository, old: str, new: str, path: str, line: int, count: int) -> list[str]:
    """Upstream's commits between two that touched lines of a file, as ``commits_on`` tells them; newest first."""
    span = ["-L", f"{line},+{count}", f"{old}..{new}", "--", path]
    status, text, _ = repository.attempt("blame", "--porcelain", *span)
    known = re.findall(r"(?m)^([0-9a-f]{40}) \d+ \d+ \d+$", text) if status == 0 else []
    boundary = set(re.findall(r"(?m)^([0-9a-f]{40}) [^\t]*?^boundary$", text, re.DOTALL))
    commits = [commit for commit in dict.fromkeys(known) if commit not in boundary]
    if not commits:
        return []
    words = ["log", "--no-walk", "--abbrev=12", "--format=%h %as %an: %s", *commits]
    return repository.git(*words).splitlines()
