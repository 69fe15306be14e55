# SPDX-License-Identifier: LGPL-2.1-or-later
"""Upstream's git history, where the recipe names its repository: proofs that a patch is upstream, and who broke it."""

from __future__ import annotations

import bisect
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from planex.git.pipes import Differ, Objects
from planex.git.repository import Repository
from planex.patchqueue.carry.commitindex import SHORT, CommitIndex, UpstreamCommit, plain_path, plain_title
from planex.patchqueue.carry.contents import DiffContent, content_of_diff, share
from planex.patchqueue.carry.telling import is_code, is_weak
from planex.patchqueue.carry.verdict import Doubt, Strength, UpstreamProof
from planex.patchqueue.commits.commits import Chain, Link
from planex.run import NETWORK

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_NEARLY = 0.85
"""How alike two subjects have to be, where they are not the same."""
_TELLING_TITLE = 20
"""Characters. A shorter subject says nothing of a commit that shares no file with the patch."""
_ENOUGH_LINES = 4
"""Telling lines that a patch needs for its lines alone to be a proof."""
_DAY = 24 * 3600
_SHOWN = 3


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
    """What upstream did between two versions, as far as it concerns a queue. ``index``: the file of a CommitIndex."""

    def __init__(self, repository: Repository, queue: Chain, old: str, new: str, index: Path | None = None) -> None:
        self._repository = repository
        self._queue = queue
        path = index or repository.path / "planex" / "history.sqlite"
        self._index = CommitIndex(repository, path, f"{old}..{new}")

    def finding(self, link: Link) -> UpstreamProof | Doubt | None:
        """That the patch is part of the new version, by what it says or by a commit that is the same; or that it may
        be, but that the contents do not bear it out."""
        doubt = None
        for look in (self._by_origin, self._by_diff, self._by_subject, self._by_lines):
            found = look(link)
            if isinstance(found, UpstreamProof):
                return found
            doubt = doubt or found
        return doubt

    def _by_origin(self, link: Link) -> UpstreamProof | Doubt | None:
        doubt = None
        for commit, words in self._relations(link):
            found = self._compare_origin(link, commit, words)
            if isinstance(found, UpstreamProof):
                return found
            doubt = doubt or found
        return doubt

    def _relations(self, link: Link) -> Iterator[tuple[UpstreamCommit, str]]:
        """Commits of the range that the patch was taken from, or that were taken from the same one as the patch."""
        told: dict[str, str] = {}
        for origin in link.patch.header.origins:
            if commit := self._in_range(origin):
                told.setdefault(commit, f"it is taken from upstream's {commit[:SHORT]}, which is in")
        for name in self._sources[link.key]:
            if commit := self._in_range(name):
                told.setdefault(commit, f"it is taken from a backport of upstream's {commit[:SHORT]}, which is in")
            for commit, said in self._backports.get(name[:SHORT], ()):
                if said.startswith(name) or name.startswith(said):
                    told.setdefault(
                        commit, f"upstream's {commit[:SHORT]}, which is in, is taken from {said[:SHORT]} as it is"
                    )
        for known in self._standing(told):
            yield known, told[known.id]

    def _compare_origin(self, link: Link, commit: UpstreamCommit, words: str) -> UpstreamProof | Doubt:
        own = self._own[link.key]
        found = share(own, commit.lines)
        if not found.enough:
            found = share(own, commit.lines, *(other.lines for other in self._touching(own)))
        if found.enough:
            remark = f", with {found}; it lacks {found.loss}" if found.lost else ""
            return UpstreamProof(Strength.ORIGIN, words + remark, commit.id)
        lost = f"; taken for upstreamed, it would lose {found.loss}" if found.lost else ""
        says = words if words.startswith("upstream") else f"it says that {words}"
        return Doubt(f"{says}, but upstream has {found}{lost}", commit.id, partly=True)

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
            if commit.id in near or len(title) >= _TELLING_TITLE:
                yield commit, True
        matcher = SequenceMatcher(b=title, autojunk=False)
        for commit in near.values():
            other = plain_title(commit.subject)
            if other == title:
                continue
            matcher.set_seq1(other)
            if matcher.real_quick_ratio() >= _NEARLY and matcher.quick_ratio() >= _NEARLY <= matcher.ratio():
                yield commit, False

    def _by_lines(self, link: Link) -> UpstreamProof | None:
        """All that the patch changes, in what one author did on one day: the patch was split, or is part of more."""
        own = self._own[link.key]
        if sum(_tells(line) for line in own.lines.values()) < _ENOUGH_LINES:
            return None
        for group in _grouped(((c.author, c.author_date // _DAY), c) for c in self._touching(own)).values():
            if share(own, *(commit.lines for commit in group)).lost:
                continue
            parts = [commit for commit in group if not commit.lines.isdisjoint(own.lines)]
            names = ", ".join(f"{commit.short} ({commit.subject})" for commit in parts[:_SHOWN])
            more = f" and {len(parts) - _SHOWN} more of that day" if len(parts) > _SHOWN else ""
            verb = "have" if len(parts) > 1 else "has"
            return UpstreamProof(Strength.LINES, f"upstream's {names}{more} {verb} all its lines", parts[0].id)
        return None

    def _touching(self, own: DiffContent) -> list[UpstreamCommit]:
        found = {commit.id: commit for path in own.files for commit in self._by_file.get(plain_path(path), ())}
        return list(found.values())

    @cached_property
    def _own(self) -> Mapping[str, DiffContent]:
        """What each patch changes, by its link's key."""
        with Differ(self._repository) as differ:
            links = self._queue.links
            return {link.key: content_of_diff(differ.diff(link.parent_tree, link.tree).splitlines()) for link in links}

    @cached_property
    def _sources(self) -> Mapping[str, Sequence[str]]:
        """Commits that each patch was taken from, by its link's key: as it says, and as those say in their turn."""
        named = {name for link in self._queue.links for name in link.patch.header.origins}
        here = self._here(sorted(name for name in named if not self._in_range(name)))
        far = _grouped(self._index.origins_of(here.values()))
        return {
            link.key: [end for name in link.patch.header.origins for end in (name, *far.get(here.get(name, ""), ()))]
            for link in self._queue.links
        }

    def _here(self, names: Sequence[str]) -> dict[str, str]:
        """The whole names of those commits that are here at all."""
        with Objects(self._repository) as objects:
            found = objects.ids([f"{name}^{{commit}}" for name in names])
        return {name: full for name, full in zip(names, found, strict=True) if full}

    @cached_property
    def _backports(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        """Commits of the range that say they were taken from one that the queue's were taken from, by that one."""
        names = {name for some in self._sources.values() for name in some}
        return _grouped((said[:SHORT], (commit, said)) for commit, said in self._index.taken_from(names))

    def _in_range(self, prefix: str) -> str | None:
        """The commit between the two versions that begins with ``prefix``, if there is just one."""
        ids = self._index.ids
        start = bisect.bisect_left(ids, prefix)
        found = [commit for commit in ids[start : start + 2] if commit.startswith(prefix)]
        return found[0] if len(found) == 1 else None

    @cached_property
    def _reverted(self) -> frozenset[str]:
        """Commits that a later one in the range says it reverts."""
        return frozenset(commit for name in self._index.reverted() if (commit := self._in_range(name)))

    @cached_property
    def _near(self) -> Sequence[UpstreamCommit]:
        """Commits that touch a file of the queue, and stand."""
        paths = {path for link in self._queue.links for path in link.patch.diff.paths}
        return self._standing(self._index.touching(paths))

    def _standing(self, ids: Iterable[str]) -> list[UpstreamCommit]:
        return self._index.commits(name for name in ids if name not in self._reverted)

    @cached_property
    def _by_digest(self) -> Mapping[str, UpstreamCommit]:
        return {commit.diff: commit for commit in self._near}

    @cached_property
    def _by_title(self) -> Mapping[str, Sequence[UpstreamCommit]]:
        titles = {plain_title(link.patch.header.subject) for link in self._queue.links} - {""}
        return _grouped((plain_title(item.subject), item) for item in self._standing(self._index.titled(titles)))

    @cached_property
    def _by_file(self) -> Mapping[str, Sequence[UpstreamCommit]]:
        return _grouped((path, commit) for commit in self._near for path in commit.files)


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def _tells(line: str) -> bool:
    code = line[1:].encode()
    return is_code(code) and not is_weak(code)


def commits_on(repository: Repository, old: str, new: str, paths: Sequence[str]) -> list[str]:
    """The newest upstream commits that touched the files: ``<12 digits> <date> <author>: <subject>``."""
    form = "--format=%h %as %an: %s"
    text = repository.git("log", "--max-count=10", "--abbrev=12", form, f"{old}..{new}", "--", *paths)
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
