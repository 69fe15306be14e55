# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which patch of a queue breaks a command: bisection over the queue, in a tree that keeps its files' times."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from planex.bisection import Conclusion, Judgement, judge, search
from planex.drafts import temporary_folder
from planex.git.repository import Repository
from planex.patchqueue.commits.commits import Chain


@dataclass(frozen=True, slots=True)
class Culprit:
    """The answer; ``patches`` holds the patch, or those that are left where it is unsure."""

    answer: Conclusion
    patches: tuple[str, ...] = ()


def bisect(
    cache: Repository, chain: Chain, command: str, scratch: Path, log: Path, on_try: Callable[[str, Judgement], None]
) -> Culprit:
    """Run ``command`` (a shell line) in a tree with more or fewer patches. ``on_try`` hears of each run."""
    names = [link.patch.name for link in chain.links]
    known: dict[int, Judgement] = {}
    with _tree(cache, scratch, chain.base.commit) as tree:

        def attempt(count: int) -> Judgement:
            if count not in known:
                tree.git(
                    "checkout",
                    "--quiet",
                    "--force",
                    "--detach",
                    chain.links[count - 1].commit if count else chain.base.commit,
                )
                known[count] = judge(command, tree.path, log)
                on_try(f"with {names[count - 1]}" if count else "without any patch", known[count])
            return known[count]

        answer, low, high = search(len(names), attempt)
    return Culprit(answer, tuple(names[low:high]))


@contextmanager
def _tree(cache: Repository, scratch: Path, commit: str) -> Iterator[Repository]:
    with temporary_folder(scratch, "bisect") as folder:
        cache.git("worktree", "add", "--quiet", "--detach", folder / "tree", commit)
        try:
            yield Repository(folder / "tree")
        finally:
            cache.attempt("worktree", "remove", "--force", folder / "tree")
