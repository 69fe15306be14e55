# SPDX-License-Identifier: LGPL-2.1-or-later
"""Carries one patch after the other to a new upstream tree, in memory, and says what becomes of each.

A patch is merged three-way: the base is the tree before it in the old queue, one side the new tree so far, the
other side the patch. A merge is never guessed: what cannot be merged is a conflict, and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from planex.git.files import Changes
from planex.git.pipeset import PipeSet
from planex.git.trees import Entries, TreeFiles
from planex.patchqueue.apply.check import Fit
from planex.patchqueue.apply.exact import apply_exactly, cannot_apply
from planex.patchqueue.apply.gnupatch import apply_with_tool
from planex.patchqueue.carry.doubles import find_double, remainder
from planex.patchqueue.carry.mergers import merge_patch, sides_of
from planex.patchqueue.carry.needs import Needs
from planex.patchqueue.carry.stand import Attempt, Attempts, Stand
from planex.patchqueue.carry.verdict import Doubt, Fate, Strength, UpstreamProof, Verdict
from planex.patchqueue.commits.commits import Chain, Link
from planex.patchqueue.commits.sourcecommit import ImportedSource
from planex.patchqueue.format.message import accepted_by, format_message, message_of, signature_of

ProofFinder = Callable[[Link], UpstreamProof | Doubt | None]


@dataclass(frozen=True, slots=True)
class Orders:
    """What a person decided beforehand."""

    keep: frozenset[str] = frozenset()
    """Patches that are not upstream, whatever the proofs say."""
    drop: Mapping[str, str] = field(default_factory=dict)
    """Patches to take out, each with the reason."""
    skip: frozenset[str] = frozenset()
    """Patches to leave out for now."""
    accept: frozenset[str] = frozenset()
    """Rules whose proposals are taken unseen."""


class Judge:
    """Walks a chain onto a new base."""

    def __init__(
        self,
        pipes: PipeSet,
        chain: Chain,
        base: ImportedSource,
        *,
        orders: Orders | None = None,
        proof: ProofFinder | None = None,
        attempts: Attempts | None = None,
    ) -> None:
        self.pipes = pipes
        self.chain = chain
        self.base = base
        self.commit, self.tree = base.commit, base.tree
        self.verdicts: list[Verdict] = []
        self._orders = orders or Orders()
        self._proof = proof
        self._attempts = attempts or Attempts()
        self._known: dict[str, Entries] = {}
        """What changes to come to these trees."""
        self.files = TreeFiles(pipes.repository, pipes.objects, self.tree)
        self._needs = Needs(pipes.repository, pipes.objects, chain.links, base.tree)

    def resume(self, verdicts: Sequence[Verdict]) -> None:
        """Go on behind verdicts that were reached before."""
        self.verdicts += verdicts
        if verdicts:
            self._move(verdicts[-1])

    def run(self) -> list[Verdict]:
        """Judge all patches that are left."""
        while (link := self.next_link) is not None:
            self.accept(self.judge(link))
        return self.verdicts

    @property
    def next_link(self) -> Link | None:
        """The patch to judge next."""
        return self.chain.links[len(self.verdicts)] if len(self.verdicts) < len(self.chain.links) else None

    def accept(self, verdict: Verdict) -> None:
        """Take a verdict as the fate of the next patch."""
        self.verdicts.append(verdict)
        self._move(verdict)

    def _move(self, verdict: Verdict) -> None:
        if verdict.tree != self.tree:
            changes = self._known.get(verdict.tree)
            self.files.follow(
                verdict.tree, self.pipes.changed.between(self.tree, verdict.tree) if changes is None else changes
            )
        self._known.clear()
        self.commit, self.tree = verdict.commit, verdict.tree

    def judge(self, link: Link) -> Verdict:
        """What becomes of the next patch, if nobody interferes."""
        name = link.patch.name
        if name in self._orders.drop:
            return self.out(link, Fate.DROPPED, reason=self._orders.drop[name])
        if name in self._orders.skip:
            return self.out(link, Fate.SKIPPED)
        if not link.applies:
            return self.out(link, Fate.FAILED, reason=link.reason)
        if link.state is Fit.EMPTY:
            return self.keep(link, Fate.EMPTY, self.tree)
        found = self._proof(link) if self._proof and name not in self._orders.keep else None
        if isinstance(found, UpstreamProof):
            return self.out(link, Fate.UPSTREAMED, proof=found)
        merge = merge_patch(self.pipes, self.files, link)
        if not merge.clean:
            return self._conflict(link, merge.conflicts, found)
        if not merge.changes:
            return self._no_change(link)
        return self._doubted(link, merge.changes, found) if found else self._merged(link, merge.changes)

    def _doubted(self, link: Link, changes: Entries, doubt: Doubt) -> Verdict:
        """Upstream may have the patch: only what it evidently lacks may go in unasked."""
        kept, total = remainder(sides_of(self.pipes.objects, self.files, link, changes), link.patch.diff, changes)
        if not doubt.partly or kept == total:
            return self.out(link, Fate.DOUBTFUL, reason=doubt.text)
        tree = self.files.graft(changes)
        self._known[tree] = changes
        how = f"upstream's {doubt.commit[:12]} has {total - kept} of its {total} changed lines; the rest is kept"
        return self._objection(link, changes) or self.keep(link, Fate.MERGED, tree, how)

    def keep(self, link: Link, status: Fate, tree: str, how: str = "", rules: Sequence[str] = ()) -> Verdict:
        """The verdict on a patch that stays, with its new commit, which tells of the rules of a proposal."""
        text = format_message(accepted_by(message_of(link.patch), rules))
        commit = self.pipes.repository.write_commit(tree, [self.commit], signature_of(link.patch.header), text)
        return Verdict(link.patch.name, status, commit, tree, how=how, rules=tuple(rules))

    def out(
        self,
        link: Link,
        status: Fate,
        *,
        files: Sequence[str] = (),
        proof: UpstreamProof | None = None,
        blockers: tuple[str, ...] = (),
        reason: str = "",
    ) -> Verdict:
        """The verdict on a patch that is not in the new queue."""
        return Verdict(link.patch.name, status, self.commit, self.tree, tuple(files), "", proof, blockers, reason)

    def _merged(self, link: Link, changes: Entries) -> Verdict:
        tree = self.files.graft(changes)
        self._known[tree] = changes
        if objection := self._objection(link, changes):
            return objection
        applied = self._apply(link)
        if applied is None:
            how = "git apply takes it, GNU patch does not" if link.state is Fit.GIT else ""
            return self.keep(link, Fate.MERGED, tree, how)
        status, files = applied
        if {path: (file.mode, file.blob_id) if file else None for path, file in files.items()} != changes:
            return self.keep(link, Fate.MERGED, tree)
        self.files.update(files)
        return self.keep(link, status, tree)

    def _objection(self, link: Link, changes: Entries) -> Verdict | None:
        """What speaks against a merge that has no conflict."""
        if link.patch.name in self._orders.keep:
            return None
        if missing := self._needs.missing(self._stand):
            blockers = tuple(dict.fromkeys(missing.values()))
            return self.out(link, Fate.BLOCKED, blockers=blockers, reason=f"it uses {', '.join(missing)}")
        if gone := self._needs.gone(self._stand):
            lost = f"which its files define in {self.chain.base.label} and {self.base.label} has nowhere"
            return self.out(link, Fate.DOUBTFUL, reason=f"it uses {', '.join(gone)}, {lost}")
        for sides in sides_of(self.pipes.objects, self.files, link, changes):
            if double := find_double(sides, link.patch.diff):
                return self.out(link, Fate.DOUBTFUL, reason=str(double))
        return None

    def _apply(self, link: Link) -> tuple[Fate, Changes] | None:
        """What ``patch`` makes of it: unmoved or moved, and the changed files."""
        patch = link.patch
        if plain := apply_exactly(patch.diff, patch.data, self.files):
            return Fate.OFFSET if plain.moved else Fate.CLEAN, plain.changes
        if cannot_apply(patch.diff, self.files):
            return None
        result = apply_with_tool(patch, self.files, self._scratch)
        moved = any(note.offset for note in result.notes)
        return (Fate.OFFSET if moved else Fate.CLEAN, result.changes) if result.ok else None

    @property
    def _stand(self) -> Stand:
        return Stand(self.chain.links, tuple(self.verdicts), self.tree, self.files)

    @property
    def _scratch(self) -> Path:
        return self.pipes.repository.path / "planex" / "scratch"

    def _no_change(self, link: Link) -> Verdict:
        name = link.patch.name
        if moot := self._attempts.moot(self._stand):
            return self.out(link, Fate.BLOCKED, blockers=moot, reason="changes nothing without them")
        if name in self._orders.keep:
            return self.out(link, Fate.CONFLICT, reason="is to be kept, but nothing is left of it to keep")
        proof = UpstreamProof(Strength.NO_CHANGE, f"merging it leaves {self.base.label} as it is")
        return self.out(link, Fate.UPSTREAMED, proof=proof)

    def _conflict(self, link: Link, files: Sequence[str], doubt: Doubt | None) -> Verdict:
        if link.patch.name not in self._orders.keep and self._has_all(link):
            proof = UpstreamProof(
                Strength.REVERSE, f"all it adds is in {self.base.label}, all it removes is gone there"
            )
            return self.out(link, Fate.UPSTREAMED, proof=proof)
        if doubt:
            return self.out(link, Fate.DOUBTFUL, files=files, reason=doubt.text)
        if attempt := self._attempts.first(self._stand, files):
            return self._attempted(link, attempt)
        if blockers := self._attempts.blockers(self._stand, files):
            return self.out(link, Fate.BLOCKED, files=files, blockers=blockers)
        return self._proposed(link, files) or self.out(link, Fate.CONFLICT, files=files)

    def _proposed(self, link: Link, files: Sequence[str]) -> Verdict | None:
        for proposal in self._attempts.propose(self._stand):
            if self._objection(link, self.pipes.changed.between(self.tree, proposal.tree)):
                continue
            taken = self._orders.accept.issuperset(proposal.rules)
            status = Fate.RESOLVED if taken else Fate.PROPOSAL
            return replace(self.keep(link, status, proposal.tree, proposal.text, proposal.rules), files=tuple(files))
        return None

    def _attempted(self, link: Link, attempt: Attempt) -> Verdict:
        recorded = attempt.status is Fate.RERERE  # a person has judged that
        changes = self.pipes.changed.between(self.tree, attempt.tree)
        if not recorded and (objection := self._objection(link, changes)):
            return objection
        return self.keep(link, attempt.status, attempt.tree, attempt.how)

    def _has_all(self, link: Link) -> bool:
        """Whether the patch can be taken away from the new tree, and not because a patch before it is out."""
        if cannot_apply(link.patch.diff, self.files, reverse=True):
            return False
        reverse = apply_with_tool(link.patch, self.files, self._scratch, reverse=True)
        return reverse.ok and not self._attempts.moot(self._stand)
