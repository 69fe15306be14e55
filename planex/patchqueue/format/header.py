# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a patch says about itself above its first diff line. Pure: bytes in, values out.

Understood: ``git format-patch`` mails, DEP-3 headers (``Author:``, ``Description:``, ``Origin:``), quilt's free
text, and no header at all. Text that is not UTF-8 is read as Latin-1, which never fails.
"""

from __future__ import annotations

import email.errors
import email.header
import email.utils
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

_DIFF_START = re.compile(rb"^(?:diff -|Index: \S|--- \S.*\r?\n\+\+\+ \S|\*\*\* \S.*\r?\n--- \S)", re.MULTILINE)
_FIELD = re.compile(r"([A-Za-z][A-Za-z-]*):(?:[ \t]+(.*))?$")
_MAIL_START = re.compile(r"From ([0-9a-f]{40}) ")
_HASH = r"([0-9a-f]{12,40})\b"
_ORIGINS = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        rf"\(cherry[- ]picked from commit {_HASH}",
        rf"\(backported from commit {_HASH}",
        rf"^\[?[ \t]*upstream commit:? {_HASH}",
        rf"^\[?[ \t]*commit {_HASH} upstream",
        rf"^(?:upstream-commit|origin|git-commit|backport-of|master commit)[ \t]*:.*?\b{_HASH}",
    )
)
_MAX_HEADER = 1 << 20
"""Bytes of a header that are read."""
_MAX_FIELD, _MAX_DATE = 10_000, 200
"""Characters of a field that are decoded: the mail library's reading of longer ones takes too long."""
_MAX_LINE = 10_000
"""Bytes of a line that a person may have written."""
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_NAME_ORIGIN = re.compile(rf"(?:^|/)backport-{_HASH}")
_FIELDS = {
    "from": "author",
    "author": "author",
    "date": "date",
    "last-update": "date",
    "subject": "subject",
    "description": "subject",
}


@dataclass(frozen=True, slots=True)
class Header:
    """Author, date and message of a patch; empty where the patch does not say."""

    subject: str = ""
    body: str = ""
    """The message below the subject, without blank lines at its ends."""
    author: str = ""
    """``Name <address>``, or whatever stands there."""
    date: str = ""
    """As written in the patch."""
    origins: tuple[str, ...] = ()
    """Commits (12 to 40 hexadecimal digits) that the patch says it was taken from."""

    @property
    def when(self) -> datetime | None:
        """The date with its time zone (UTC where none is given), if it can be read."""
        return _parse_date(self.date.strip())


def split_patch(data: bytes) -> tuple[bytes, bytes]:
    """A patch as (header, diff); the diff begins with the first line that ``patch`` would heed."""
    match = _DIFF_START.search(data)
    return (data[: match.start()], data[match.start() :]) if match else (data, b"")


def is_text(data: bytes) -> bool:
    """Whether a person could have written it: no control characters, no endless line; UTF-8 or mostly ASCII."""
    if _NO_TEXT.search(data) or any(len(line) > _MAX_LINE for line in data.split(b"\n")):
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return sum(byte >= 0x80 for byte in data) * 3 < len(data)
    return True


def parse_header(data: bytes, name: str = "") -> Header:
    """Read the header of a patch; ``data`` is the whole patch or its header, ``name`` its file name."""
    text = _decode(split_patch(data)[0][:_MAX_HEADER]).replace("\r\n", "\n")
    lines = text.split("\n")
    mail = _MAIL_START.match(lines[0])
    fields, rest = _parse_fields(lines[1:] if mail else lines)
    subject, body = _message(fields.get("subject", ""), rest)
    origins = [*([mail[1]] if mail and set(mail[1]) != {"0"} else []), *find_origins(text, name)]
    author = _unfold(fields.get("author", ""))
    return Header(subject, body, author, fields.get("date", ""), tuple(dict.fromkeys(origins)))


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parse_fields(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    """The fields at the top, by what they mean, and the lines after them."""
    fields: dict[str, list[str]] = {}
    last, number = "", 0
    for number, line in enumerate([*lines, ""]):  # noqa: B007
        field = _FIELD.match(line)
        if field:
            last = _FIELDS.get(field[1].lower(), field[1].lower())
            fields.setdefault(last, [field[2] or ""])
        elif last and line[:1] in (" ", "\t") and line.strip():
            fields[last].append(line.strip())
        else:
            break
    if number < len(lines) and not {"author", "date", "subject"} & fields.keys():
        return {}, lines
    return {name: "\n".join(parts) for name, parts in fields.items()}, lines[number:]


def _message(subject: str, rest: list[str]) -> tuple[str, str]:
    """Subject and body; a mail's body ends at its ``---`` line, DEP-3's continuation lines are body."""
    kept = rest[: rest.index("---")] if "---" in rest else rest
    body = "\n".join(line.rstrip() for line in kept).strip("\n")
    if not subject:
        subject, _, body = body.partition("\n")
        return _clean_subject(subject.removeprefix("# ")), body.strip("\n")
    if "\n" in subject and not subject.isprintable() and "[PATCH" not in subject and "=?" not in subject:
        first, _, more = subject.partition("\n")
        unwrapped = more.replace("\n.\n", "\n\n")
        return _clean_subject(first), f"{unwrapped}\n\n{body}".strip("\n")
    return _clean_subject(_unfold(subject)), body


def _unfold(text: str) -> str:
    """A mail field on one line, with its RFC 2047 words decoded."""
    flat = " ".join(text.split())
    if len(flat) > _MAX_FIELD:
        return flat
    try:
        return str(email.header.make_header(email.header.decode_header(flat)))
    except (LookupError, UnicodeDecodeError, email.errors.HeaderParseError):
        return flat


def _clean_subject(subject: str) -> str:
    return re.sub(r"^(?:\[PATCH[^\]]*\]\s*)+", "", subject.strip())


def find_origins(text: str, name: str = "") -> Iterable[str]:
    """Commits that a message, or the file name of a patch, says a change was taken from."""
    for pattern in _ORIGINS:
        yield from pattern.findall(text)
    yield from _NAME_ORIGIN.findall(name)


def _parse_date(text: str) -> datetime | None:
    for parse in (email.utils.parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text[:_MAX_DATE])
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
