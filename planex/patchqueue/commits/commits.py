# SPDX-License-Identifier: LGPL-2.1-or-later
"""A patch queue as commits on its upstream source: one per patch, the same ids on every machine.

Each patch is applied as the build applies it, so the trees are those that the build compiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from planex.checksums import digest_of_text
from planex.content import records
from planex.git.pipes import Importer, Objects
from planex.git.repository import Repository
from planex.git.trees import Entry, TreeFiles
from planex.patchqueue.apply.check import Fit, PatchOutcome, apply_patch
from planex.patchqueue.commits.sourcecommit import ImportedSource
from planex.patchqueue.format.message import format_message, message_of, signature_of
from planex.patchqueue.format.queue import Patch

CHAIN_FORMAT = 4


Steps = Mapping[str, tuple[Entry | None, Entry | None]]
"""Path to its entry before and after; None where there is no such file."""


@dataclass(frozen=True, slots=True)
class Link:
    """A patch as a commit. A patch that does not apply has its predecessor's commit and tree."""

    patch: Patch
    key: str
    """Names this patch and all before it, and the source they are applied to."""
    parent: str
    commit: str
    parent_tree: str
    tree: str
    state: Fit
    reason: str = ""
    """Why it does not apply."""
    changes: Steps = field(default_factory=dict)
    """What the commit changes."""

    @property
    def applies(self) -> bool:
        return self.state not in (Fit.FAILED, Fit.FUZZ)


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """What is kept of a link: what cannot be read from the patch."""

    commit: str
    tree: str
    state: Fit
    reason: str
    changes: Steps


@dataclass(frozen=True, slots=True)
class Records:
    """Links by their key, as they are kept."""

    links: Mapping[str, LinkRecord]


@dataclass(frozen=True, slots=True)
class Chain:
    """The whole queue as commits."""

    base: ImportedSource
    links: tuple[Link, ...]

    @property
    def head(self) -> str:
        return self.links[-1].commit if self.links else self.base.commit


def chain_keys(base_key: str, patches: Sequence[Patch]) -> list[str]:
    """For each patch, a key of all that its commit depends on."""
    keys: list[str] = []
    previous = f"{CHAIN_FORMAT} {base_key}"
    for patch in patches:
        words = [previous, patch.name, patch.key, " ".join(patch.entry.guards)]
        previous = digest_of_text("\0".join(words))
        keys.append(previous)
    return keys


def build_chain(repository: Repository, base: ImportedSource, patches: Sequence[Patch]) -> Chain:
    """Commit each patch on top of the one before, beginning where an earlier call already came to."""
    store = repository.path / "planex" / "chains" / f"{base.key}.json"
    keys = chain_keys(base.key, patches)
    known = _known(repository, store, keys)
    links: list[Link] = []
    for patch, key, record in zip(patches, keys, known, strict=False):
        commit, tree = _head(base, links)
        state, reason, steps = record.state, record.reason, record.changes
        links.append(Link(patch, key, commit, record.commit, tree, record.tree, state, reason, steps))
    if len(links) < len(patches):
        links += _commit(repository, base, links, patches, keys)
        records.save(store, Records({link.key: _record(link) for link in links}), CHAIN_FORMAT)
    return Chain(base, tuple(links))


def _record(link: Link) -> LinkRecord:
    return LinkRecord(link.commit, link.tree, link.state, link.reason, link.changes)


def _known(repository: Repository, store: Path, keys: Sequence[str]) -> list[LinkRecord]:
    """Records of the first patches, as far as they were committed before."""
    kept = records.load(store, Records, CHAIN_FORMAT) or Records({})
    found = []
    for key in keys:
        if key not in kept.links:
            break
        found.append(kept.links[key])
    return found if not found or repository.has(found[-1].commit, found[-1].tree) else []


def _head(base: ImportedSource, links: Sequence[Link]) -> tuple[str, str]:
    return (links[-1].commit, links[-1].tree) if links else (base.commit, base.tree)


def _commit(
    repository: Repository, base: ImportedSource, done: Sequence[Link], patches: Sequence[Patch], keys: Sequence[str]
) -> list[Link]:
    ref = f"refs/planex/chain/{keys[-1]}"
    start, start_tree = _head(base, done)
    outcomes: list[PatchOutcome] = []
    steps: list[Steps] = []
    marks: list[int] = []
    with Objects(repository) as objects:
        files = TreeFiles(repository, objects, start_tree)
        latest: dict[str, Entry | None] = {}
        with Importer(repository) as out:
            for patch in patches[len(done) :]:
                outcome, changes = apply_patch(patch, files, repository.path / "planex" / "scratch")
                outcomes.append(outcome)
                new = {path: (file.mode, file.blob_id) if file else None for path, file in changes.items()}
                steps.append({path: (latest.get(path, files.entry(path)), entry) for path, entry in new.items()})
                if not outcome.changes_nothing:
                    files.update(changes)
                    latest |= new
                    parent = marks[-1] if marks else start
                    text = format_message(message_of(patch))
                    marks.append(out.begin_commit(ref, parent, signature_of(patch.header), text))
                    out.change(changes)
            commits = iter(out.commit_ids(marks))
        heads = _heads(outcomes, commits, start)
        trees = objects.ids([f"{commit}^{{tree}}" for commit in heads])
    made = list(zip(heads, outcomes, steps, strict=True))
    return _links(patches[len(done) :], keys[len(done) :], made, trees, start, start_tree)


def _heads(outcomes: Sequence[PatchOutcome], commits: Iterator[str], start: str) -> list[str]:
    """The top commit after each patch: a new one, or the one before where the patch did not apply."""
    heads: list[str] = []
    for outcome in outcomes:
        heads.append((heads[-1] if heads else start) if outcome.changes_nothing else next(commits))
    return heads


def _links(
    patches: Sequence[Patch],
    keys: Sequence[str],
    made: Sequence[tuple[str, PatchOutcome, Steps]],
    trees: Sequence[str | None],
    parent: str,
    parent_tree: str,
) -> list[Link]:
    links = []
    for patch, key, (commit, outcome, steps), tree in zip(patches, keys, made, trees, strict=True):
        assert tree is not None
        reason = "; ".join(str(note) for note in outcome.notes if note.failed or outcome.state is Fit.FUZZ)
        links.append(Link(patch, key, parent, commit, parent_tree, tree, outcome.state, reason, steps))
        parent, parent_tree = commit, tree
    return links


def related(links: Sequence[Link], position: int) -> list[int]:
    """The patch at ``position`` and those before it that it may rest on: they share files with it, or with one that
    does. Numbers of links, in order."""
    files = set(links[position].changes)
    found: list[int] = []
    for number in range(position, -1, -1):
        if links[number].applies and not files.isdisjoint(links[number].changes):
            files |= links[number].changes.keys()
            found.append(number)
    return found[::-1]
