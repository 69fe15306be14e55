# SPDX-License-Identifier: LGPL-2.1-or-later
"""Downloads over HTTP, resumed, retried and limited."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.disk import naming
from planex.errors import PlanexError
from planex.events import Unit
from planex.report import Task
from planex.run import check_stopped
from planex.sources.limits import LIMITS, Downloads
from planex.sources.transfer import BUSY, BrokenOff, Head, TransferError, transfer
from planex.units import size_text

_TRIES = 4
_PAUSE = 0.5
"""Seconds before the second try; twice as many before each that follows."""
_OK, _PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 200, 206, 416
_GONE = frozenset({404, 410})
_ORIGIN_FORMAT = 1
_RANGE = re.compile(r"bytes (\d{1,19})-\d{1,19}/(\d{1,19}|\*)$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a ``.part`` file is a part of, kept beside it: whoever goes on with it must get the rest of the same."""

    url: str
    validator: str
    """What to ask If-Range with; empty if the server gave nothing for that."""
    total: int
    """Bytes of the whole; 0 if the server did not say."""


class NotThere(PlanexError):
    """The server has no such file."""


def download(url: str, partial: Path, task: Task | None = None, limits: Downloads = LIMITS) -> None:
    """Fetch ``url`` into ``partial``, going on where an earlier try stopped.

    Raises PlanexError if the server refuses, is too slow or sends too much, or if the connection breaks more often
    than it is retried.
    """
    with naming(partial, "write"):
        partial.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + limits.seconds
    for attempt in range(_TRIES):
        check_stopped()
        try:
            _try(url, partial, task, limits, deadline)
            return _origin_path(partial).unlink(missing_ok=True)
        except TransferError as error:
            if not error.retry or attempt == _TRIES - 1:
                hint = "check the network and try again; what came is kept" if error.retry else None
                kind = NotThere if error.status in _GONE else PlanexError
                raise kind(f"{url}: {error.message}", hint) from None
        time.sleep(_PAUSE * 2**attempt)
    return None


def _try(url: str, partial: Path, task: Task | None, limits: Downloads, deadline: float) -> None:
    have, origin = _begun(url, partial)
    headers = {"Range": f"bytes={have}-"} if origin else {}
    if origin and origin.validator:
        headers["If-Range"] = origin.validator
    with transfer(url, headers, limits, deadline) as (head, pieces):
        _require_ok(head, partial, asked_part=bool(origin))
        start = have if origin and head.status == _PARTIAL_CONTENT else 0
        if start and not _goes_on(head, have, origin):
            _forget(partial)
            raise TransferError("the server's file is another now than when the download began", retry=True)
        total = start + head.length if head.length is not None else 0
        _require_size(max(total, start), limits, partial)
        records.save(_origin_path(partial), Origin(url, head.validator, total), _ORIGIN_FORMAT)
        _write(pieces, partial, start, total, task, limits)


def _begun(url: str, partial: Path) -> tuple[int, Origin | None]:
    """How many bytes are here and what they are of; none if nothing is here that can be gone on with."""
    have = partial.stat().st_size if partial.is_file() else 0
    origin = records.load(_origin_path(partial), Origin, _ORIGIN_FORMAT)
    if not have or origin is None or origin.url != url or not (origin.validator or origin.total):
        return 0, None
    return have, origin


def _origin_path(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.origin")


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _origin_path(partial).unlink(missing_ok=True)


def _require_ok(head: Head, partial: Path, *, asked_part: bool) -> None:
    if asked_part and head.status == _RANGE_NOT_SATISFIABLE:
        _forget(partial)
        raise TransferError("the server does not have the rest of the file", retry=True)
    if head.status == _OK or (asked_part and head.status == _PARTIAL_CONTENT):
        return
    answer = f"HTTP {head.status} {head.reason}".strip()
    raise TransferError(answer, retry=head.status in BUSY, status=head.status)


def _goes_on(head: Head, have: int, origin: Origin | None) -> bool:
    """Whether a 206 answer is the rest of the same file."""
    match = _RANGE.match(head.content_range)
    if origin is None or match is None or int(match[1]) != have:
        return False
    whole = 0 if match[2] == "*" else int(match[2])
    if not origin.total or not whole:
        return bool(origin.validator)
    return whole == origin.total


def _require_size(size: int, limits: Downloads, partial: Path) -> None:
    if size > limits.size:
        _forget(partial)
        raise TransferError(
            f"larger than {size_text(limits.size)} (the limit: downloads.size in planex.yaml)", retry=False
        )


def _write(pieces: Iterator[bytes], partial: Path, done: int, total: int, task: Task | None, limits: Downloads) -> None:
    with naming(partial, "write"), partial.open("ab" if done else "wb") as file:
        for piece in _until_broken(pieces, told=bool(total)):
            file.write(piece)
            done += len(piece)
            _require_size(done, limits, partial)
            if task:
                task.progress(done, total, Unit.BYTES)
    if total and done != total:
        raise TransferError(f"ended after {done} of {total} bytes", retry=True)


def _until_broken(pieces: Iterator[bytes], told: bool) -> Iterator[bytes]:
    """The pieces; where the server ``told`` the length, whoever counts them finds out what is missing."""
    try:
        yield from pieces
    except BrokenOff:
        if not told:
            raise
