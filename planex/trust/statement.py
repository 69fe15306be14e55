# SPDX-License-Identifier: LGPL-2.1-or-later
"""in-toto statements, version 1: what is said of some files, known by their digests. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from planex.content import records

_TYPE = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True, slots=True)
class Subject:
    """A file. ``digest``: algorithm to value in hexadecimal."""

    name: str
    digest: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """``predicate``: what is said, of the shape that its type gives."""

    subject: tuple[Subject, ...]
    predicateType: str
    predicate: Mapping[str, Any]

    def to_json(self) -> bytes:
        """The same bytes for the same statement."""
        return (json.dumps({"_type": _TYPE, **asdict(self)}, indent=1, sort_keys=True) + "\n").encode()

    def names(self, sha256: str) -> Sequence[str]:
        """Subjects with a digest."""
        return [each.name for each in self.subject if each.digest.get("sha256") == sha256]


def parse_statement(data: bytes, kind: str) -> Statement:
    """The statement in some bytes. Raises records.Damaged where it is none, or says something of another kind."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        raise records.Damaged("it is not JSON") from None
    if not isinstance(raw, dict) or raw.get("_type") != _TYPE:
        raise records.Damaged("it is no in-toto statement of version 1")
    found = records.from_plain(raw, Statement)
    if found.predicateType != kind:
        raise records.Damaged(f"it is no statement of the type {kind}")
    return found
