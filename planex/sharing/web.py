# SPDX-License-Identifier: LGPL-2.1-or-later
"""A shared store on a server that answers GET, HEAD and PUT."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from planex.sharing.place import Unreachable
from planex.sources.limits import Downloads
from planex.sources.transfer import BUSY, Head, TooSlow, TransferError, transfer

_OK, _NOT_THERE, _TAKEN, _NOT_FIRST = (200,), (404, 410), (200, 201, 204), 412
_CREDENTIALS = "see to 'credentials' of this store in planex.yaml, and that they hold for what is asked"
_HINTS = {401: _CREDENTIALS, 403: _CREDENTIALS, 405: "let the server take PUT, or take 'push' out of planex.yaml"}


@dataclass(frozen=True, slots=True)
class WebPlace:
    """``url`` ends without a slash; ``headers`` have the credentials, if any."""

    url: str
    headers: Mapping[str, str]
    limits: Downloads

    @contextmanager
    def read(self, path: str) -> Iterator[Iterator[bytes] | None]:
        with self._asked("GET", path) as (head, pieces):
            yield pieces if self._there(head) else None

    def has(self, path: str) -> bool:
        with self._asked("HEAD", path) as (head, _):
            return self._there(head)

    def write(self, path: str, content: Path | bytes, *, replace: bool = False) -> bool:
        """Servers that heed If-None-Match settle who was first; of others it is asked before."""
        if not replace and self.has(path):
            return False
        with self._asked("PUT", path, content, {} if replace else {"If-None-Match": "*"}) as (head, _):
            if head.status not in (*_TAKEN, _NOT_FIRST):
                raise _answered(head)
            return head.status in _TAKEN

    def _there(self, head: Head) -> bool:
        if head.status not in (*_OK, *_NOT_THERE):
            raise _answered(head)
        return head.status in _OK

    @contextmanager
    def _asked(
        self, method: str, path: str, content: Path | bytes = b"", more: Mapping[str, str] | None = None
    ) -> Iterator[tuple[Head, Iterator[bytes]]]:
        headers, deadline = {**self.headers, **(more or {})}, time.monotonic() + self.limits.seconds
        try:
            asked = transfer(f"{self.url}/{path}", headers, self.limits, deadline, method=method, upload=content)
            with asked as (head, pieces):
                yield head, pieces
        except TransferError as error:
            raise Unreachable(error.message, retry=error.retry and not isinstance(error, TooSlow)) from None


def _answered(head: Head) -> Unreachable:
    text = f"it answers HTTP {head.status} {head.reason}".rstrip()
    return Unreachable(text, _HINTS.get(head.status), retry=head.status in BUSY)
