# SPDX-License-Identifier: LGPL-2.1-or-later
"""The applier in memory against the real patch program: where it has an opinion, patch must share it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planex.git.files import File, FileSet
from planex.patchqueue.apply.exact import apply_exactly, cannot_apply
from planex.patchqueue.apply.gnupatch import apply_with_tool
from planex.patchqueue.format.queue import Patch
from planex.patchqueue.format.series import Entry
from tests.integration.patch_factory import diff_text

pytestmark = [pytest.mark.tools("patch")]

# Few different lines, so that hunks match in several places and the search matters.
LINES = st.lists(st.sampled_from(["a", "b", "c", "", "}", "x y"]), max_size=14)
END = st.sampled_from(["", "\n"])


def text(lines: list[str], end: str) -> str:
    return "\n".join(lines) + end if lines else ""


@given(
    before=LINES,
    after=LINES,
    found=st.one_of(st.none(), LINES),
    lead=st.integers(0, 3),
    ends=st.tuples(END, END),
    context=st.integers(0, 3),
    git=st.booleans(),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_agrees_with_patch(
    tmp_path: Path,
    before: list[str],
    after: list[str],
    found: list[str] | None,
    lead: int,
    ends: tuple[str, str],
    context: int,
    git: bool,
) -> None:
    old, new = text(before, ends[0]), text(after, ends[1])
    diff = diff_text({"f": old}, {"f": new}, context=context, git=git)
    present = old if found is None else text(found, ends[0])
    content = "q\n" * lead + present
    patch = Patch(Entry("p.patch"), Path("p.patch"), diff.encode())
    source = {"f": File(content.encode())}
    if patch.empty:
        return
    files = FileSet(source.get)
    real = apply_with_tool(patch, files, tmp_path)
    applied = apply_exactly(patch.diff, patch.data, files)
    if applied is not None:
        assert real.ok
        assert {**source, **applied.changes} == {**source, **real.changes}
        assert bool(applied.moved) == any(note.offset for note in real.notes)
    if cannot_apply(patch.diff, files):
        assert not real.ok


@given(before=LINES, after=LINES, lead=st.integers(0, 2), context=st.integers(1, 3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_refuses_to_reverse_only_what_patch_refuses(
    tmp_path: Path, before: list[str], after: list[str], lead: int, context: int
) -> None:
    diff = diff_text({"f": text(before, "\n")}, {"f": text(after, "\n")}, context=context)
    patch = Patch(Entry("p.patch"), Path("p.patch"), diff.encode())
    files = FileSet({"f": File(("q\n" * lead + text(before, "\n")).encode())}.get)
    if not patch.empty and cannot_apply(patch.diff, files, reverse=True):
        assert not apply_with_tool(patch, files, tmp_path, reverse=True).ok
