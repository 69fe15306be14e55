# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a shared store says of a key: which files were built of what, and who vouches for that. Pure.

The record is one text, and the signature is of this text as it is: nobody has to write JSON twice in the same way.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from planex.cage.limits import Usage
from planex.content import records
from planex.content.key import Inputs
from planex.content.records import Damaged
from planex.content.stamps import Sha256

FORMAT = 1
LIMIT = 16 << 20
"""Bytes of a sealed record; one of a package with 400 patches has 60,000."""
BESIDE = ("base.json", "made.json")
"""What lies beside the RPMs of a result: what its buildroot had of the base, and what the RPMs provide and require."""

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][^/\x00]{0,254}$")]
_Size = Annotated[int, Field(strict=True, ge=0)]
_Number = Annotated[float, Field(strict=True, ge=0, le=1e11)]


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file by its digest; ``size`` in bytes."""

    sha256: Sha256
    size: _Size


Files = dict[_Name, SharedFile]


@dataclass(frozen=True, slots=True)
class SharedResult:
    """A finished build. ``inputs``: the rows that the key is of; ``finished``: seconds since 1970."""

    key: Sha256
    package: str
    inputs: tuple[tuple[str, str], ...]
    rpms: Files
    srpm: Files
    seconds: _Number
    builder: str
    finished: _Number
    beside: Files = field(default_factory=dict)
    logs: Files = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    @property
    def files(self) -> Files:
        """All that a build made, which is the same whenever it is built."""
        return self.rpms | self.srpm

    @property
    def blobs(self) -> Files:
        """All that the record speaks of."""
        return self.files | self.beside | self.logs


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """As it lies in the store. ``record``: text of a SharedResult; ``signature``: detached, armoured, or empty."""

    record: str
    signature: str = ""


def seal(text: str, signature: str) -> bytes:
    """The bytes that are stored."""
    return records.text(SealedRecord(text, signature), FORMAT).encode()


def text_of(result: SharedResult) -> str:
    return records.text(result, FORMAT)


def unseal(data: bytes) -> SealedRecord:
    """Raises Damaged for what is none."""
    return records.parse(data, SealedRecord, FORMAT)


def parse(text: str, package: str, key: str) -> SharedResult:
    """The result in a record. Raises Damaged where it is not that of this package and key."""
    found = records.parse(text.encode("utf-8", "surrogateescape"), SharedResult, FORMAT)
    if (found.package, found.key) != (package, key):
        raise Damaged(f"it is that of another package or key: {found.package[:60]}")
    if Inputs(found.inputs).key != key:
        raise Damaged("its rows are not those of its key")
    if not set(found.beside) <= set(BESIDE):
        raise Damaged("it has files that no result has")
    return found


def rival_key(key: str) -> str:
    """Where a second result of the same key is kept that differs from the first."""
    return hashlib.sha256(f"rival {key}".encode()).hexdigest()


def unlike(first: SharedResult, second: SharedResult) -> tuple[str, ...]:
    """Names of files in which two results of one key differ."""
    one, other = first.files, second.files
    return tuple(name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name))
