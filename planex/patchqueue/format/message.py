# SPDX-License-Identifier: LGPL-2.1-or-later
"""A patch's header as a git commit message, and back. Pure.

File name, guards and strip level travel in trailers at the end of the message, so that they survive a rebase or
an amend: ``Patch-name: a.patch``, ``Patch-guards: +el9 -debug``, ``Patch-strip: 0``.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from planex.git.repository import NOBODY, Signature
from planex.patchqueue.format.header import Header
from planex.patchqueue.format.queue import Patch
from planex.patchqueue.format.series import DEFAULT_STRIP

_TRAILER = re.compile(r"Patch-(name|guards|strip): *(.*)$")
_ANY_TRAILER = re.compile(r"[A-Za-z0-9-]+: \S|\(cherry picked from commit ")
_MAX_AUTHOR = 1000
"""Characters."""
_BAD = re.compile(r"[<>\n\0]")


@dataclass(frozen=True, slots=True)
class CommitMessage:
    """A commit message without the trailers of planex, and what they said."""

    text: str
    name: str = ""
    guards: tuple[str, ...] = ()
    strip: int = DEFAULT_STRIP

    @property
    def subject(self) -> str:
        return self.text.partition("\n")[0]

    @property
    def body(self) -> str:
        return self.text.partition("\n")[2].strip("\n")


def message_of(patch: Patch) -> CommitMessage:
    """The commit message for a patch."""
    header = patch.header
    text = f"{patch.subject}\n\n{header.body}" if header.body else patch.subject
    return CommitMessage(normalize(text), patch.name, patch.entry.guards, patch.strip)


def signature_of(header: Header) -> Signature:
    """Author and date for the commit; NOBODY's where the header gives none."""
    name, address = email.utils.parseaddr(header.author[:_MAX_AUTHOR])
    name, address = _BAD.sub("", name).strip(), _BAD.sub("", address).strip()
    moment = header.when
    seconds = int(moment.timestamp()) if moment else 0
    offset = moment.utcoffset() if moment else None
    if seconds < 0:
        seconds, offset = 0, None
    return Signature(name or address or NOBODY.name, address or NOBODY.email, seconds, _zone(offset or timedelta()))


def _zone(offset: timedelta) -> str:
    minutes = int(offset.total_seconds()) // 60
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def format_message(message: CommitMessage) -> str:
    """The whole message, trailers included."""
    trailers = [f"Patch-name: {message.name}"] if message.name else []
    trailers += [f"Patch-guards: {' '.join(message.guards)}"] if message.guards else []
    trailers += [f"Patch-strip: {message.strip}"] if message.strip != DEFAULT_STRIP else []
    if not trailers:
        return message.text + "\n"
    last = message.text.rsplit("\n\n", 1)[-1].split("\n") if "\n\n" in message.text else [""]
    gap = "\n" if all(_ANY_TRAILER.match(line) for line in last) else "\n\n"
    return message.text + gap + "\n".join(trailers) + "\n"


def accepted_by(message: CommitMessage, rules: Sequence[str]) -> CommitMessage:
    """The message with a trailer that names the rules of a proposal that was taken."""
    if not rules:
        return message
    trailer = f"Resolved-by: planex ({', '.join(rules)})"
    kept = [line for line in message.text.split("\n") if not line.startswith("Resolved-by: planex (")]
    text = "\n".join(kept).rstrip("\n")
    last = text.rsplit("\n\n", 1)[-1].split("\n") if "\n\n" in text else [""]
    gap = "\n" if all(_ANY_TRAILER.match(line) for line in last) else "\n\n"
    return replace(message, text=f"{text}{gap}{trailer}")


def parse_message(text: str) -> CommitMessage:
    """Take the trailers out of a commit message."""
    found: dict[str, str] = {}
    kept = []
    for line in text.split("\n"):
        if match := _TRAILER.match(line):
            # planex writes the name first: what stands before it is of another patch, or of the message itself.
            found = {} if match[1] == "name" else found
            found[match[1]] = match[2].strip()
        else:
            kept.append(line)
    strip = found.get("strip", "")
    return CommitMessage(
        normalize("\n".join(kept)),
        found.get("name", ""),
        tuple(word for word in found.get("guards", "").split() if word[:1] in "+-" and len(word) > 1),
        int(strip) if strip.isdigit() else DEFAULT_STRIP,
    )


def normalize(text: str) -> str:
    """As git cleans a message: no trailing blanks, no blank lines at the ends, one at a time between."""
    lines = [line.rstrip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def format_header(message: CommitMessage, author: Signature) -> bytes:
    """A header for a patch that has none yet, which ``git am`` reads. No name or date is written for NOBODY."""
    lines = []
    if (author.name, author.email) != (NOBODY.name, NOBODY.email):
        lines.append(f"From: {email_name(author.name)} <{author.email}>")
    if author.seconds:
        lines.append(f"Date: {format_date(author)}")
    lines += [f"Subject: {message.subject}", ""]
    lines += [message.body, ""] if message.body else []
    return "\n".join([*lines, "---", ""]).encode("utf-8", "surrogateescape")


def email_name(name: str) -> str:
    """A display name, quoted where a mail header needs it."""
    return f'"{name}"' if re.search(r'[,;:@"()\[\]\\]', name) and not name.startswith('"') else name


def format_date(author: Signature) -> str:
    """RFC 5322, in the author's own time zone."""
    sign = -1 if author.zone.startswith("-") else 1
    local = author.seconds + sign * (int(author.zone[1:3]) * 3600 + int(author.zone[3:5]) * 60)
    return email.utils.formatdate(local, usegmt=False).removesuffix("-0000") + author.zone
