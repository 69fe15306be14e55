# SPDX-License-Identifier: LGPL-2.1-or-later
"""Merging line by line: what one side changed is in the result, whatever the other did elsewhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from planex.patchqueue.carry.lines import Block, blocks_of, merge_lines, split_lines
from planex.patchqueue.format.diff import parse_diff
from tests.integration.patch_factory import diff_text

BASE = [f"call_{n}();\n".encode() for n in range(12)]


@st.composite
def sides(draw: st.DrawFn) -> tuple[list[Block], list[Block]]:
    """Changes of two people."""
    made: list[list[Block]] = []
    for who in ("ours", "theirs"):
        blocks, at = list[Block](), 0
        while at < len(BASE) and draw(st.booleans()):
            start = draw(st.integers(at, len(BASE)))
            end = draw(st.integers(start, min(start + 3, len(BASE))))
            added = draw(st.integers(0 if end > start else 1, 2))
            blocks.append(Block(start, end, tuple(f"{who}_{start}_{n}();\n".encode() for n in range(added))))
            at = end + 1
        made.append(blocks)
    return made[0], made[1]


def apply(blocks: list[Block]) -> list[bytes]:
    merged = merge_lines(BASE, [], blocks)
    assert merged is not None
    return merged


@given(case=sides())
def test_both_changes_are_in_or_it_is_a_conflict(case: tuple[list[Block], list[Block]]) -> None:
    ours, theirs = case
    merged = merge_lines(BASE, ours, theirs)
    fresh = [block for block in theirs if block not in ours]
    touched = [set(range(block.start, block.end)) for block in (*ours, *fresh)]
    if merged is None:
        assert any(one.start <= other.end and other.start <= one.end for one in ours for other in fresh), "they touch"
        forced = merge_lines(BASE, ours, theirs, force=True)
        assert forced is not None
        assert set(apply(theirs)) - set(BASE) <= set(forced)
        return
    assert sum(map(len, touched)) == len(set().union(*touched))
    gone = {BASE[n] for lines in touched for n in lines}
    assert set(merged) == (set(BASE) - gone) | {line for blocks in case for block in blocks for line in block.lines}
    assert len(merged) == len(set(merged))
    for side in map(apply, case):
        kept = [line for line in side if line in merged]
        assert [line for line in merged if line in side] == kept, "the order of either side stays"


def test_the_same_change_is_taken_once() -> None:
    block = Block(3, 4, (b"new();\n",))
    assert merge_lines(BASE, [block], [block, Block(8, 8, (b"more();\n",))]) == [
        *BASE[:3],
        b"new();\n",
        *BASE[4:8],
        b"more();\n",
        *BASE[8:],
    ]


TEXTS = st.lists(st.sampled_from(["a", "b", "c", "}", ""]), max_size=12).flatmap(
    lambda lines: st.sampled_from(["\n".join(lines), "".join(f"{line}\n" for line in lines)])
)


@given(old=TEXTS, new=TEXTS)
def test_the_blocks_of_a_diff_make_the_new_file_of_the_old(old: str, new: str) -> None:
    diff = parse_diff(diff_text({"f": old}, {"f": new}).encode())
    hunks = diff.files[0].hunks if diff.files else []
    lines = split_lines(old.encode())
    merged = merge_lines(lines, [], blocks_of(hunks), force=True)
    assert merged is not None
    assert b"".join(merged) == new.encode()
