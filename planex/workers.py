# SPDX-License-Identifier: LGPL-2.1-or-later
"""Threads that share out the work of one run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from planex.run import stop_all


@contextmanager
def workers(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Threads for a run; when the user interrupts, what they started is stopped, or they would be waited for."""
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield pool
        except BaseException:
            stop_all()
            raise
