# SPDX-License-Identifier: LGPL-2.1-or-later
"""Patch headers: mails, DEP-3, free text, none; and the way to a commit message and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.git.repository import NOBODY
from planex.patchqueue.format.header import Header, parse_header, split_patch
from planex.patchqueue.format.message import (
    CommitMessage,
    format_date,
    format_header,
    format_message,
    message_of,
    normalize,
    parse_message,
    signature_of,
)
from planex.patchqueue.format.queue import Patch
from planex.patchqueue.format.series import Entry

DIFF = b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"
SHA = "0123456789abcdef0123456789abcdef01234567"
MAIL = f"""From {SHA} Mon Sep 17 00:00:00 2001
From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>
Date: Tue, 2 Jan 2024 03:04:05 +0100
Subject: [PATCH v2 03/10] xen: do a thing
 that is long

Because.

(cherry picked from commit 1234567890abcdef)
Signed-off-by: J <j@example.org>
---
 f | 2 +-
 1 file changed

"""


def test_a_mail() -> None:
    header = parse_header(MAIL.encode() + DIFF)
    assert header.subject == "xen: do a thing that is long"
    assert header.author == "Jürgen <j@example.org>"
    assert header.body == "Because.\n\n(cherry picked from commit 1234567890abcdef)\nSigned-off-by: J <j@example.org>"
    assert header.origins == (SHA, "1234567890abcdef")
    assert header.when is not None
    assert header.when.isoformat() == "2024-01-02T03:04:05+01:00"


def test_dep3() -> None:
    text = b"Description: fix it\n First.\n .\n Second.\nAuthor: X <x@y>\nLast-Update: 2020-03-04\n\n"
    header = parse_header(text + DIFF)
    assert (header.subject, header.body) == ("fix it", "First.\n\nSecond.")
    assert header.author == "X <x@y>"
    assert header.when is not None
    assert header.when.year == 2020


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        (b"", ""),
        (b"# a remark\n", "a remark"),
        (b"A title\n\nmore\n", "A title"),
        (b"Note: this: that\n", "Note: this: that"),
    ],
)
def test_free_text_and_none(text: bytes, subject: str) -> None:
    assert parse_header(text + DIFF).subject == subject


def test_latin_1_is_read() -> None:
    assert parse_header(b"caf\xe9\n" + DIFF).subject == "café"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("[ Upstream commit abcdef0123456789 ]", "abcdef0123456789"),
        ("commit abcdef0123456789 upstream.", "abcdef0123456789"),
        ("Origin: upstream, https://x/commit/?id=abcdef0123456789", "abcdef0123456789"),
        ("(backported from commit abcdef0123456789 somewhere)", "abcdef0123456789"),
        ("master commit: abcdef0123456789", "abcdef0123456789"),
    ],
)
def test_origins(text: str, origin: str) -> None:
    assert parse_header(f"Subject: x\n\n{text}\n".encode() + DIFF).origins == (origin,)


def test_origin_in_the_file_name_and_zero_hash() -> None:
    data = f"From {'0' * 40} Mon Sep 17 00:00:00 2001\nSubject: x\n\n".encode() + DIFF
    assert parse_header(data, "backport-abcdef012345.patch").origins == ("abcdef012345",)


@pytest.mark.parametrize(
    "start",
    [b"diff --git a/f b/f\n", b"Index: f\n", b"--- a/f\n+++ b/f\n", b"--- a/f\r\n+++ b/f\r\n", b"*** a/f\n--- b/f\n"],
)
def test_where_the_diff_begins(start: bytes) -> None:
    header, diff = split_patch(b"Title\n---\n f | 2\n\n" + start + b"rest")
    assert header == b"Title\n---\n f | 2\n\n"
    assert diff == start + b"rest"


def test_no_diff() -> None:
    assert split_patch(b"# only a comment\n--- not a diff\n") == (b"# only a comment\n--- not a diff\n", b"")


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
NAMES = st.from_regex(r"[a-z][a-z0-9/-]{0,8}\.patch", fullmatch=True)


@given(
    lines=st.lists(st.one_of(WORDS, st.just(""), st.just("Signed-off-by: X <x@y>")), max_size=6),
    name=NAMES,
    guards=st.lists(st.sampled_from(["+a", "-b", "+c.d"]), unique=True),
    strip=st.integers(0, 3),
)
def test_messages_keep_name_guards_and_strip_level(lines: list[str], name: str, guards: list[str], strip: int) -> None:
    message = CommitMessage(normalize("\n".join(["subject", "", *lines])), name, tuple(guards), strip)
    assert parse_message(format_message(message)) == message


def test_trailers_join_the_trailers_that_are_there() -> None:
    text = format_message(CommitMessage("s\n\nbody\n\nSigned-off-by: X <x@y>", "a.patch"))
    assert text == "s\n\nbody\n\nSigned-off-by: X <x@y>\nPatch-name: a.patch\n"
    assert format_message(CommitMessage("s: t", "a.patch")) == "s: t\n\nPatch-name: a.patch\n"


def test_a_patch_as_a_commit() -> None:
    patch = Patch(Entry("a.patch", 0, ("+g",)), Path("a.patch"), MAIL.encode() + DIFF)
    assert str(signature_of(patch.header)) == "Jürgen <j@example.org> 1704161045 +0100"
    assert message_of(patch).guards == ("+g",)
    assert message_of(patch).strip == 0


@pytest.mark.parametrize("author", ["", "<>", "Nobody", "x@y"])
def test_odd_authors_give_a_signature_git_takes(author: str) -> None:
    signature = signature_of(Header(author=author))
    assert signature.name
    assert signature.email
    assert not set("<>\n") & set(signature.name + signature.email)


def test_a_new_header_can_be_read_again() -> None:
    old = parse_header(MAIL.encode() + DIFF)
    signature = signature_of(old)
    made = format_header(CommitMessage(f"{old.subject}\n\n{old.body}"), signature)
    again = parse_header(made + b"\n" + DIFF)
    assert (again.subject, again.body, again.author) == (old.subject, old.body, old.author)
    assert signature_of(again) == signature
    assert format_date(signature) == "Tue, 02 Jan 2024 03:04:05 +0100"


def test_nobody_is_not_written() -> None:
    assert format_header(CommitMessage("title"), NOBODY) == b"Subject: title\n\n---\n"
