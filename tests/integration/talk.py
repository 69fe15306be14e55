# SPDX-License-Identifier: LGPL-2.1-or-later
"""A person at a terminal: waits for what is said, and answers."""

from __future__ import annotations

import os
import re
import select
import time
from collections.abc import Iterable, Iterator

_PATIENCE = 60.0


def talk(terminal: int, answers: Iterable[tuple[str, str]]) -> str:
    """Type each answer once its regular expression has come since the last; all that was said, until the terminal is
    closed. A failure with what was said, where nothing more comes for a minute."""
    heard = _Heard(terminal)
    for wanted, answer in answers:
        heard.until(wanted)
        os.write(terminal, answer.encode())
    return heard.until(None)


class _Heard:
    def __init__(self, terminal: int) -> None:
        self.text, self._seen, self._chunks = "", 0, _chunks(terminal)

    def until(self, wanted: str | None) -> str:
        while wanted is None or not re.search(wanted, self.text[self._seen :]):
            chunk = next(self._chunks, None)
            if chunk is None and wanted is None:
                break
            assert chunk, f"no {wanted or 'end'!r} in {self.text!r}"
            self.text += chunk
        self._seen = len(self.text)
        return self.text


def _chunks(terminal: int) -> Iterator[str]:
    """What comes, as it comes; one that is empty where nothing does."""
    until = time.monotonic() + _PATIENCE
    while select.select([terminal], [], [], max(0.0, until - time.monotonic()))[0]:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # EIO: the last one has closed it
            return
        if not data:
            return
        until = time.monotonic() + _PATIENCE
        yield data.decode(errors="replace")
    yield ""
