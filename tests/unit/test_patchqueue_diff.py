# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reading diffs: git's, hand-made ones, and damaged ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.git.files import File, FileSet
from planex.patchqueue.apply.exact import apply_exactly
from planex.patchqueue.format.diff import DiffError, Kind, parse_diff, strip_path
from planex.patchqueue.format.queue import Patch
from planex.patchqueue.format.series import Entry

GIT = b"""diff --git a/d/old.c b/d/new.c
similarity index 90%
rename from d/old.c
rename to d/new.c
index 1111111..2222222 100644
--- a/d/old.c
+++ b/d/new.c
@@ -1,2 +1,2 @@ int f
 a
-b
+c
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
diff --git a/empty b/empty
new file mode 100644
index 0000000..e69de29
diff --git a/gone b/gone
deleted file mode 100644
index 1..0
--- a/gone
+++ /dev/null
@@ -1 +0,0 @@
-x
"""


def test_git_headers() -> None:
    rename, mode, empty, gone = parse_diff(GIT).files
    assert (rename.kind, rename.old, rename.new) == (Kind.RENAME, "d/old.c", "d/new.c")
    assert (mode.kind, mode.path, mode.new_mode) == (Kind.MODIFY, "run.sh", "100755")
    assert (empty.kind, empty.path, empty.hunks) == (Kind.ADD, "empty", [])
    assert (gone.kind, gone.path) == (Kind.DELETE, "gone")
    diff = parse_diff(GIT)
    assert (diff.added, diff.removed) == (1, 2)
    assert diff.paths == ("d/new.c", "d/old.c", "empty", "gone", "run.sh")


@pytest.mark.parametrize(
    ("lines", "strip", "path"),
    [
        ("--- a/f.c\t2024-01-01 00:00:00\n+++ b/f.c\t2024-01-02 00:00:00\n", 1, "f.c"),
        ("--- f.c 2024-01-01\n+++ f.c 2024-01-02\n", 0, "f.c"),
        ("--- xen-4.17.orig/x/f.c\n+++ xen-4.17/x/f.c\n", 1, "x/f.c"),
        ("--- a//x/f.c\n+++ b//x/f.c\n", 2, "f.c"),
        ("--- a/name with space\t\n+++ b/name with space\t\n", 1, "name with space"),
        ('--- "a/t\\303\\244b"\n+++ "b/t\\303\\244b"\n', 1, "täb"),
        ("--- a/f.c\r\n+++ b/f.c\r\n", 1, "f.c"),
    ],
)
def test_names(lines: str, strip: int, path: str) -> None:
    (file,) = parse_diff(lines.encode() + b"@@ -1 +1 @@\n-a\n+b\n", strip).files
    assert file.paths == (path,)


def test_names_of_git_diffs_without_hunks() -> None:
    text = b'diff --git "a/t\\tb" "b/t\\tb"\nold mode 100644\nnew mode 100755\n'
    assert parse_diff(text).paths == ("t\tb",)
    assert parse_diff(b"diff --git a/x y b/x y\nold mode 100644\nnew mode 100755\n").paths == ("x y",)


def test_a_context_diff_is_left_to_patch() -> None:
    text = b"*** a/f.c\n--- b/f.c\n***************\n*** 1,2 ****\n! a\n  b\n--- 1,2 ----\n! c\n  b\n"
    (file,) = parse_diff(text).files
    assert file.opaque
    assert file.paths == ("f.c",)


def test_binary() -> None:
    text = b"diff --git a/x.bin b/x.bin\nnew file mode 100644\nindex 0..1\nGIT binary patch\nliteral 3\nKcmZ\n\n"
    assert parse_diff(text).binary


def test_dashes_inside_a_hunk_are_lines() -> None:
    (file,) = parse_diff(b"--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n--- x\n+++ y\n z\n").files
    assert file.hunks[0].lines == (b"--- x", b"+++ y", b" z")


@pytest.mark.parametrize(
    ("body", "line"),
    [("@@ -1,2 +1,2 @@\n a\n*b\n", 5), ("@@ -1,9 +1,9 @@\n a\n", 5), ("@@ -1,2 +1,2 @@\n a\n-b\n-c\n+d\n+e\n", 3)],
)
def test_damage_is_named_with_its_line(body: str, line: int) -> None:
    with pytest.raises(DiffError) as caught:
        parse_diff(f"--- a/f\n+++ b/f\n{body}".encode())
    assert caught.value.line == line


def test_damage_counts_lines_of_the_whole_patch() -> None:
    patch = Patch(Entry("a.patch"), Path("q/a.patch"), b"Title\n\nmore\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n*b\n")
    assert patch.damage is not None
    assert str(patch.damage) == "q/a.patch:8: the hunk ends too soon"


@pytest.mark.parametrize(
    ("path", "strip", "result"), [("a/b/c", 1, "b/c"), ("a/b", 2, ""), ("/dev/null", 1, "/dev/null")]
)
def test_strip(path: str, strip: int, result: str) -> None:
    assert strip_path(path, strip) == result


def diff(body: str) -> bytes:
    return f"diff --git a/f b/f\n--- a/f\n+++ b/f\n{body}".encode()


def applied(data: bytes, text: str) -> str | None:
    result = apply_exactly(parse_diff(data), data, FileSet({"f": File(text.encode())}.get))
    file = result.changes["f"] if result else None
    return file.data.decode() if file else None


def test_a_hunk_that_moved_goes_to_its_only_place() -> None:
    data = diff("@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n")
    assert applied(data, "x\ny\na\nb\nc\n") == "x\ny\na\nB\nc\n"
    assert applied(data, "x\na\nb\nc\na\nb\nc\n") is None
    assert applied(data, "a\nb\nc\na\nb\nc\n") == "a\nB\nc\na\nb\nc\n"


def test_doubtful_cases_are_left_to_patch() -> None:
    assert applied(diff("@@ -1,2 +1,2 @@\n-b\n+B\n c\n"), "x\nb\nc\n") is None
    assert applied(diff("@@ -0,0 +1 @@\n+B\n"), "x\n") is None
    assert applied(diff("@@ -1,2 +1,2 @@\n a\n-b\n+B\n"), "a\nb\nc\n") is None


def test_blob_ids_are_gits() -> None:
    assert File(b"hello\n").blob_id == "ce013625030ba8dba906f756967f9e9ca394464a"


@pytest.mark.parametrize("digits", [19, 5000])
def test_numbers_that_patch_refuses_are_damage(digits: int) -> None:
    with pytest.raises(DiffError, match="too large") as caught:
        parse_diff(b"--- a/f\n+++ b/f\n@@ -" + b"9" * digits + b",1 +1,1 @@\n-a\n+b\n")
    assert caught.value.line == 3
