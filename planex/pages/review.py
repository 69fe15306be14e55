# SPDX-License-Identifier: LGPL-2.1-or-later
"""What needs a person, a patch at a time, for the terminal. Pure: values in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from planex.pages.table import broken
from planex.patchqueue.carry.matters import Clash, Matter, Review
from planex.patchqueue.carry.offers import Offer
from planex.printable import shortened

_LINES = 40
"""Of one side of a conflict, or of a patch, that are shown."""


def matter_texts(review: Review, width: int) -> list[str]:
    """A text for each matter."""
    total = len(review.matters)
    return ["\n".join(_matter(m, review, n, total, width)) for n, m in enumerate(review.matters, 1)]


def screens(texts: Sequence[str], height: int) -> list[tuple[int, str]]:
    """Texts in pieces of at most so many lines, each with the number of its text and its first line above."""
    found: list[tuple[int, str]] = []
    for number, text in enumerate(texts):
        head, *lines = text.split("\n")
        room = max(height - 1, 1)
        for start in range(0, max(len(lines), 1), room):
            more = " (goes on)" if start else ""
            found.append((number, "\n".join([head + more, *lines[start : start + room]])))
    return found


def _matter(matter: Matter, review: Review, number: int, total: int, width: int) -> Iterator[str]:
    yield f"{number} of {total}  {matter.verdict.status}  {matter.patch}"
    yield from _text(f"{matter.subject}{f'  {matter.author}' if matter.author else ''}", width)
    yield from _text(matter.verdict.why, width)
    for path in matter.gone:
        yield f"  {path} is not in {review.new}: deleted, or moved"
    for clash in matter.clashes:
        yield from _clash(clash, review, width)
    if matter.offer:
        yield from _offer(matter.offer, review)
    if matter.clashes and not review.history:
        yield ""
        yield from _text(
            "Who changed it upstream is not known: package.yaml names no upstream git, or no such tag.", width
        )
    if matter.diff:
        yield ""
        yield from _lines(matter.diff.splitlines(), "  ")


def _clash(clash: Clash, review: Review, width: int) -> Iterator[str]:
    yield ""
    yield f"{clash.path}:{clash.line}"
    yield from _lines(clash.before, "      ")
    sides = ((f"{review.new} has", clash.theirs), (f"{review.old} had", clash.was), ("the patch has", clash.ours))
    for title, lines in sides:
        yield f"  {title}" if lines else f"  {title} nothing there"
        yield from _lines(lines, "    | ")
    for commit in clash.commits:
        yield from _text(f"upstream's {commit}", width)


def _offer(offer: Offer, review: Review) -> Iterator[str]:
    for title, text in ((f"proposed for {review.new}", offer.change), ("beside the patch as it is", offer.beside)):
        yield ""
        yield f"  {title}"
        yield from _lines(text.splitlines(), "    ")


def _lines(lines: Sequence[str], margin: str) -> Iterator[str]:
    for line in shortened("\n".join(lines), _LINES).split("\n") if lines else ():
        yield f"{margin}{line}".rstrip()


def _text(text: str, width: int) -> Iterator[str]:
    yield from (f"  {line}" for line in broken(text, width - 2))
