# SPDX-License-Identifier: LGPL-2.1-or-later
"""Patches as they come: every odd kind works, through check, checkout, refresh and rebase, or gets its own error."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.errors import PlanexError
from planex.patchqueue.apply.check import Fit, PatchError, check_queue, require_applies
from planex.patchqueue.commits.checkout import checkout, refresh
from planex.patchqueue.commits.commits import build_chain
from planex.patchqueue.commits.export import Change
from planex.patchqueue.commits.sourcecommit import import_source
from planex.patchqueue.format.queue import load_queue
from planex.run import run
from tests.integration.patch_factory import (
    Bench,
    Tree,
    apply_all,
    diff_text,
    mail,
    numbered,
    read_tree,
    replace_line,
    unpack,
    write_queue,
    write_tarball,
)

pytestmark = [pytest.mark.tools("git", "patch", "tar")]

OLD: Tree = {
    "a.c": numbered(30),
    "dos.c": numbered(20).replace("\n", "\r\n"),
    "latin.c": "caf\udce9\n" + numbered(10),
    "sub dir/name with space.c": numbered(10),
    "src/deep/x.c": numbered(10),
    "gone.c": numbered(5),
    "run.sh": "#!/bin/sh\n" + numbered(5),
}
AFTER = replace_line(OLD, "a.c", "line 10", "ten")
PLAIN = diff_text(OLD, AFTER)
BINARY = (
    "diff --git a/logo.bin b/logo.bin\nnew file mode 100644\n"
    "index 0000000000000000000000000000000000000000..eaf36c1daccfdf325514461cd1a2ffbc139b5464\n"
    "GIT binary patch\nliteral 4\nLcmZQzWMT#Y01f~L\n\nliteral 0\nHcmV?d00001\n\n"
)
RENAME = (
    "diff --git a/run.sh b/bin/run.sh\nold mode 100644\nnew mode 100755\nsimilarity index 80%\n"
    "rename from run.sh\nrename to bin/run.sh\n--- a/run.sh\n+++ b/bin/run.sh\n"
    "@@ -3,4 +3,4 @@\n line 2\n line 3\n line 4\n-line 5\n+five\n"
)
ODD: dict[str, str] = {
    "git.patch": mail("from git", PLAIN),
    "hand.patch": diff_text(OLD, replace_line(OLD, "a.c", "line 20", "twenty"), git=False),
    "tabs.patch": diff_text(OLD, replace_line(OLD, "gone.c", "line 3", "three"), git=False)
    .replace("--- a/gone.c", "--- xen.orig/gone.c\t2024-01-01 10:00:00.000000000 +0000")
    .replace("+++ b/gone.c", "+++ xen/gone.c\t2024-01-01 10:00:01.000000000 +0000"),
    "p0.patch": diff_text(OLD, replace_line(OLD, "src/deep/x.c", "line 5", "five"), git=False)
    .replace("--- a/", "--- ")
    .replace("+++ b/", "+++ "),
    "latin.patch": "caf\udce9 in the header\n" + diff_text(OLD, {**OLD, "latin.c": "th\udce9\n" + numbered(10)}),
    "crlf-file.patch": mail("CRLF", diff_text(OLD, {**OLD, "dos.c": OLD["dos.c"].replace("line 5\r", "5\r")})),
    "crlf-all.patch": diff_text(OLD, replace_line(OLD, "a.c", "line 28", "28"), git=False).replace("\n", "\r\n"),
    "space.patch": mail("space", diff_text(OLD, replace_line(OLD, "sub dir/name with space.c", "line 3", "3"))
        .replace("name with space.c\n", "name with space.c\t\n").replace("space.c\t\n--- ", "space.c\n--- ")),
    "rename.patch": mail("rename, mode and change", RENAME),
    "binary.patch": mail("binary", BINARY),
    "empty.patch": "",
    "comment.patch": "# only words\nno diff here\n",
    "delete.patch": mail("delete", diff_text({"src/deep/x.c": numbered(10).replace("line 5\n", "five\n")}, {})),
    "no-newline.patch": mail("no newline", diff_text({}, {"new.c": "first\nlast"})),
    "context.patch": "*** a/a.c\n--- b/a.c\n***************\n*** 1,4 ****\n  line 1\n! line 2\n  line 3\n  line 4\n"
    "--- 1,4 ----\n  line 1\n! two\n  line 3\n  line 4\n",
}  # fmt: skip
SERIES = "".join(f"{name}{' -p0' if name == 'p0.patch' else ''}\n" for name in ODD)


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    return write_tarball(tmp_path / "pkg-1.tar", OLD)


@pytest.mark.parametrize("name", [name for name in ODD if name != "delete.patch"])
def test_each_applies_alone(tmp_path: Path, tarball: Path, name: str) -> None:
    series = f"{name}{' -p0' if name == 'p0.patch' else ''}\n"
    queue = write_queue(tmp_path / "q", {name: ODD[name]}, series)
    (outcome,) = check_queue(queue, tarball, tmp_path / "cache")
    assert outcome.state is (Fit.EMPTY if name in ("empty.patch", "comment.patch") else Fit.APPLIED), outcome.notes


def test_all_together_check_checkout_refresh_and_apply(tmp_path: Path, tarball: Path) -> None:
    queue = write_queue(tmp_path / "q", ODD, SERIES)
    outcomes = check_queue(queue, tarball, tmp_path / "cache")
    assert not [outcome for outcome in outcomes if outcome.bad]
    repository = Bench(tmp_path).repository
    chain = build_chain(repository, import_source(repository, tarball, "1"), queue.applied)
    folder = tmp_path / "tree"
    checkout(repository, chain, queue, "pkg", folder)
    before = read_tree(queue.folder)
    assert {item.change for item in refresh(folder, queue).exported} == {Change.SAME}
    assert read_tree(queue.folder) == before
    plain = unpack(tarball, tmp_path / "plain")
    text_only = write_queue(
        tmp_path / "text", {n: t for n, t in ODD.items() if n != "binary.patch"}, SERIES.replace("binary.patch\n", "")
    )
    apply_all(plain, text_only)
    (folder / "logo.bin").unlink()
    assert read_tree(plain) == read_tree(folder)
    assert (folder / "bin/run.sh").stat().st_mode & 0o100


def test_changed_odd_patches_keep_what_they_can(tmp_path: Path, tarball: Path) -> None:
    """A new diff under the old header, with the old strip level; a new header keeps the diff."""
    names = ["latin.patch", "p0.patch", "hand.patch"]
    series = "latin.patch\np0.patch -p0\nhand.patch\n"
    queue = write_queue(tmp_path / "q", {name: ODD[name] for name in names}, series)
    repository = Bench(tmp_path).repository
    chain = build_chain(repository, import_source(repository, tarball, "1"), queue.applied)
    folder = tmp_path / "tree"
    checkout(repository, chain, queue, "pkg", folder)
    script = (
        "git config user.name t; git config user.email t@t; export GIT_EDITOR=true\n"
        "GIT_SEQUENCE_EDITOR='sed -i s/^pick/edit/' git rebase -q -i upstream\n"
        "sed -i 's/^line 8$/eight/' latin.c; git commit -qa --amend --no-edit; git rebase --continue\n"
        "sed -i 's/^line 9$/nine/' src/deep/x.c; git commit -qa --amend --no-edit; git rebase --continue\n"
        "git log -1 --format=%B | sed '1s/.*/A better title/' | git commit -q --amend -F -; git rebase --continue\n"
    )
    run(["sh", "-c", script], cwd=folder)
    result = refresh(folder, queue)
    assert [item.change for item in result.exported] == [Change.DIFF, Change.DIFF, Change.HEADER]
    written = {item.entry.name: (queue.folder / item.entry.name).read_bytes() for item in result.exported}
    assert written["latin.patch"].startswith(b"caf\xe9 in the header\ndiff --git a/latin.c b/latin.c\n")
    assert b"\n--- src/deep/x.c\n+++ src/deep/x.c\n" in written["p0.patch"]
    assert b"Subject: A better title\n" in written["hand.patch"]
    assert written["hand.patch"].endswith(ODD["hand.patch"].encode())
    assert (queue.folder / "series").read_text() == series
    again = check_queue(load_queue(queue.folder), tarball, tmp_path / "cache")
    assert not [outcome for outcome in again if outcome.bad]


def wrong(diff: str) -> dict[str, str]:
    return {"good.patch": ODD["git.patch"], "wrong.patch": mail("wrong", diff), "after.patch": ODD["hand.patch"]}


@pytest.mark.parametrize(
    ("diff", "words"),
    [
        (PLAIN, "wrong.patch: a.c: hunk 1 at line 7: does not match"),
        (PLAIN.replace("a.c", "nope.c"), "wrong.patch: nope.c: no such file in the source"),
        ("--- a/a.c\n+++ b/a.c\n@@ -1,3 +1,3 @@\n line 1\n?\n", "wrong.patch:11: the hunk ends too soon"),
        (
            PLAIN.replace(" line 7\n", " LINE 7\n").replace("line 10", "ten").replace("+ten", "+10"),
            "rpm allows no fuzz",
        ),
        (BINARY.replace("LcmZQzWMT#Y01f~L", "LcmZQzWMT#Y01f~M"), "wrong.patch"),
    ],
)
def test_a_patch_that_does_not_apply_is_named_with_file_and_hunk(
    tmp_path: Path, tarball: Path, diff: str, words: str
) -> None:
    queue = write_queue(tmp_path / "q", wrong(diff))
    outcomes = check_queue(queue, tarball, tmp_path / "cache")
    assert [outcome.bad for outcome in outcomes] == [False, True, False], "the rest of the queue is tried without it"
    with pytest.raises(PatchError) as caught:
        require_applies(outcomes, "pkg", queue)
    assert words in caught.value.message
    assert caught.value.exit_code == 1
    checksum = digest_of(tarball, "SHA256")
    assert check_queue(queue, tmp_path / "moved", tmp_path / "cache", checksum=checksum) == outcomes, "from the cache"


def test_check_of_a_folder_and_of_links(tmp_path: Path, tarball: Path) -> None:
    folder = unpack(tarball, tmp_path / "folder")
    queue = write_queue(tmp_path / "q", {"a.patch": ODD["git.patch"]})
    assert check_queue(queue, folder, tmp_path / "cache")[0].state is Fit.APPLIED
    (folder / "a.c").rename(folder / "real.c")
    (folder / "a.c").symlink_to("real.c")
    (outcome,) = check_queue(queue, folder, tmp_path / "cache")
    assert outcome.state is Fit.FAILED
    assert "refusing to patch" in str(outcome.notes[0])


@pytest.mark.parametrize("content", [b"", b"not a tarball", b"\xfd7zXZ\x00 broken"])
def test_a_source_that_is_no_tarball(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tar.xz"
    path.write_bytes(content)
    queue = write_queue(tmp_path / "q", {"a.patch": ODD["git.patch"]})
    with pytest.raises(PlanexError, match=r"x\.tar\.xz"):
        check_queue(queue, path, tmp_path / "cache")
    with pytest.raises(PlanexError, match=r"x\.tar\.xz"):
        import_source(Bench(tmp_path).repository, path, "1")


def test_imports_are_the_same_everywhere(tmp_path: Path, tarball: Path) -> None:
    first = import_source(Bench(tmp_path / "one").repository, tarball, "1")
    second = import_source(Bench(tmp_path / "two").repository, tarball, "other label")
    assert first.commit == second.commit
    assert first.commit == "5694d69d4b5451519a9239386eed6827a19ce104"
