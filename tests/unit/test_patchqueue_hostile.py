# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is no patch is told so, and no patch takes long to read: each of a megabyte within seconds."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from planex.errors import ConfigError
from planex.patchqueue.apply.check import Fit, check_queue, require_applies
from planex.patchqueue.format.header import parse_header
from planex.patchqueue.format.message import format_message, message_of, parse_message, signature_of
from planex.patchqueue.format.queue import Patch, PatchQueue, load_queue
from planex.patchqueue.format.series import make_entry

MEGABYTE = 1 << 20


def queue_with(folder: Path, data: bytes, series: str = "x.patch\n") -> PatchQueue:
    (folder / "queue").mkdir()
    (folder / "queue" / "series").write_text(series)
    (folder / "queue" / "x.patch").write_bytes(data)
    (folder / "source").mkdir()
    (folder / "source" / "f").write_bytes(b"text\n")
    return load_queue(folder / "queue")


NO_PATCHES = {
    "random bytes": random.Random(1).randbytes(5000),
    "a few bytes": b"\xff\xfe\xfd",
    "NULs": b"\0" * 100,
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03abc",
    "a long line": b"a" * 100_000,
    "text and a NUL": b"Subject: x\n\0\n",
}


@pytest.mark.parametrize("data", NO_PATCHES.values(), ids=NO_PATCHES.keys())
def test_what_is_no_patch_is_told_so(tmp_path: Path, data: bytes) -> None:
    queue = queue_with(tmp_path, data)
    assert len(queue.patches) == 1
    outcomes = check_queue(queue, tmp_path / "source", tmp_path / "cache")
    assert outcomes[0].state is Fit.FAILED
    with pytest.raises(Exception, match=r"queue/x\.patch:1: is not a patch: it holds no diff, and is not a text"):
        require_applies(outcomes, "x", queue)


@pytest.mark.parametrize("data", [b"", b"# comment\n", b"Subject: x\n\nM\xfcller says so\n", "Grüße\n".encode()])
def test_a_text_without_a_diff_is_empty(tmp_path: Path, data: bytes) -> None:
    queue = queue_with(tmp_path, data)
    assert check_queue(queue, tmp_path / "source", tmp_path / "cache")[0].state is Fit.EMPTY


def test_a_hundred_megabytes_of_one_line(tmp_path: Path) -> None:
    started = time.monotonic()
    queue = queue_with(tmp_path, b"a" * 100_000_000)
    assert check_queue(queue, tmp_path / "source", tmp_path / "cache")[0].state is Fit.FAILED
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ("n" * 300 + ".patch\n", "series:1: '" + "n" * 40 + "...' is too long for a file's name"),
        ("a\0b.patch\n", "series:1: 'a\0b.patch' is not in the patch queue"),
        ("pipe\n", "series:1: 'pipe' is not a file"),
        ("zero\n", "series:1: 'zero' is not a file"),
        (f"x.patch -p{'1' * 5000}\n", "series:1: unexpected '-p1"),
        ("x.patch -p١\n", "series:1: unexpected '-p١'"),
    ],
    ids=lambda text: text[:10],
)
def test_hostile_names_are_mistakes_of_the_series(tmp_path: Path, series: str, message: str) -> None:
    (tmp_path / "queue").mkdir()
    os.mkfifo(tmp_path / "queue" / "pipe")
    (tmp_path / "queue" / "zero").symlink_to("/dev/zero")
    (tmp_path / "queue" / "x.patch").touch()
    (tmp_path / "queue" / "series").write_text(series)
    with pytest.raises(ConfigError) as caught:
        load_queue(tmp_path / "queue")
    assert message in caught.value.message


def repeated(head: bytes, piece: bytes) -> bytes:
    return head + piece * (MEGABYTE // len(piece))


HOSTILE = {
    "newlines": repeated(b"", b"\n"),
    "blanks": repeated(b"", b" "),
    "a folded field": repeated(b"From: a\n", b" x\n"),
    "encoded words without end": repeated(b"Subject: ", b"=?a?q?"),
    "origins": repeated(b"", b"origin:"),
    "blanks before the colon": repeated(b"origin", b" "),
    "hexadecimal": repeated(b"Origin: ", b"a"),
    "open comments": repeated(b"From: ", b"("),
    "open quotes": repeated(b"From: ", b'"\\'),
    "a date": repeated(b"Date: ", b"1 "),
    "tags": repeated(b"Subject: ", b"[PATCH]"),
    "open tags": repeated(b"Subject: ", b"[PATCH"),
    "old names only": repeated(b"", b"--- a\n"),
    "context names": repeated(b"", b"*** a\n"),
    "hunks without lines": repeated(b"--- a\n+++ b\n", b"@@ -1,9999999999 +1 @@\n"),
    "a number without end": repeated(b"--- a\n+++ b\n@@ -", b"1") + b" +1 @@\n",
    "names of git": repeated(b"diff --git ", b"a ") + b"\n",
    "octal names": repeated(b'diff --git "', rb"\777") + b'" "\n',
    "renames": repeated(b"diff --git a/x b/x\n", b"rename from x\n"),
    "picks": repeated(b"", b"(cherry picked from commit "),
    "words": repeated(b"", b"A-"),
    "carriage returns": repeated(b"--- a", b"\r"),
    "files": repeated(b"", b"--- a\n+++ b\n"),
    "modes": repeated(b"diff --git a/x b/x\nnew file mode", b" mode "),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_megabyte_is_read_within_seconds(data: bytes) -> None:
    started = time.monotonic()
    patch = Patch(make_entry("x.patch"), Path("x.patch"), data)
    assert patch.empty in (True, False)
    assert patch.damage is None or patch.damage.line > 0
    assert patch.diff.added >= 0
    assert signature_of(patch.header).name
    assert parse_message(format_message(message_of(patch))).name == "x.patch"
    assert time.monotonic() - started < 10


def test_a_long_folded_subject_is_still_joined() -> None:
    header = parse_header(b"From: A <a@b>\nSubject: [PATCH] one\n two\n three\n\nbody\n")
    assert header.subject == "one two three"
    assert header.body == "body"
