# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several shared stores in order, near ones first: asked one after the other, and given what was built meanwhile.

A store that does not answer is told once and left alone from then on; an entry that does not serve is told once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from planex.disk import explain
from planex.errors import PlanexError
from planex.report import Reporter
from planex.run import check_stopped, stop_all
from planex.sharing import record
from planex.sharing.depot import BadEntry, Depot
from planex.sharing.place import Unreachable
from planex.sharing.record import SharedResult

Sign = Callable[[bytes], str]
"""Gives a detached, armoured signature."""
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Held:
    """A result, and the store that has it."""

    depot: Depot
    result: SharedResult


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be pushed: a result, and where the files are that it speaks of."""

    result: SharedResult
    paths: Mapping[str, Path]


class Depots:
    """The stores of one run. As a context it sees to it that pushing has ended, or was given up, at its end."""

    def __init__(self, depots: Sequence[Depot], reporter: Reporter, sign: Sign | None = None) -> None:
        self.depots = tuple(depots)
        self._reporter = reporter
        self._sign = sign
        self._silent: set[str] = set()
        self._full: set[str] = set()
        self._rejected: set[tuple[str, str]] = set()
        self._known: dict[str, Held | None] = {}
        self._pool = ThreadPoolExecutor(_AT_ONCE, "push")
        self._pushes: list[Future[bool]] = []
        self._lock = threading.RLock()

    def find(self, key: str, package: str) -> Held | None:
        """The first result of a key that is believed."""
        with self._lock:
            if key not in self._known:
                found = (self._look(depot, key, package) for depot in self.depots)
                self._known[key] = next(filter(None, found), None)
            return self._known[key]

    def _look(self, depot: Depot, key: str, package: str) -> Held | None:
        if depot.name in self._silent or (depot.name, key) in self._rejected:
            return None
        try:
            result = depot.lookup(key, package)
        except (BadEntry, Unreachable) as error:
            self._tell(depot, key, error)
            return None
        return Held(depot, result) if result else None

    def reject(self, found: Held, error: PlanexError) -> None:
        """What was found does not serve, or cannot be had: another store may have it."""
        with self._lock:
            self._tell(found.depot, found.result.key, error)
            self._known.pop(found.result.key, None)

    def _tell(self, depot: Depot, key: str, error: PlanexError) -> None:
        hint = f"; {error.hint}" if error.hint else ""
        if not isinstance(error, Unreachable):
            if (depot.name, key) not in self._rejected:
                self._rejected.add((depot.name, key))
                self._reporter.warn(f"{error.message}{hint}")
        elif depot.name not in self._silent:
            self._silent.add(depot.name)
            if depot.name not in self._full:  # else it was told already
                self._reporter.warn(f"store {depot.name} is left alone from here on: {error.message}{hint}")

    def push(self, make: Callable[[], Parcel], source: Depot | None = None) -> None:
        """Have a result brought, in the background, to each store that takes some, but for the one it came from."""
        for depot in self.depots:
            if depot.push and depot is not source:
                self._pushes.append(self._pool.submit(self._send, depot, make))

    def _send(self, depot: Depot, make: Callable[[], Parcel]) -> bool:
        """Whether it is there now."""
        if depot.name in self._full | self._silent:
            return False
        parcel = None
        try:
            self._deliver(depot, parcel := make())
        except BadEntry as error:
            if parcel:
                with self._lock:
                    self._tell(depot, parcel.result.key, error)
            return False
        except (PlanexError, OSError) as error:
            with suppress(PlanexError):
                check_stopped()  # who interrupts knows that no more is pushed
                self._give_up(depot, explain(error) if isinstance(error, OSError) else error)
            return False
        return True

    def _deliver(self, depot: Depot, parcel: Parcel) -> None:
        result = parcel.result
        for name, file in result.blobs.items():
            depot.put(parcel.paths[name], file)
        text = record.text_of(result)
        sealed = record.seal(text, self._sign(text.encode()) if self._sign else "")
        if differing := depot.publish(result, sealed):
            names = ", ".join(differing)
            text = f"{result.package} is not reproducible: {depot.name} has another result of the same key"
            self._reporter.warn(f"{text}, which differs in {names}; this one is kept beside it")

    def _give_up(self, depot: Depot, error: PlanexError) -> None:
        with self._lock:
            if depot.name not in self._full:
                self._full.add(depot.name)
                hint = f"; {error.hint}" if error.hint else ""
                self._reporter.warn(f"no more is pushed to {depot.name}: {error.message}{hint}")

    def finish(self) -> int:
        """Wait until all is pushed; how many results are where they should be."""
        if not self._pushes:
            return 0
        with self._reporter.task("store") as task:
            task.phase("push")
            for done, push in enumerate(self._pushes, 1):
                push.result()
                task.progress(done, len(self._pushes))
        pushed = sum(push.result() for push in self._pushes)
        self._pushes.clear()
        return pushed

    def __enter__(self) -> Depots:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        interrupted = error is not None and not isinstance(error, Exception)
        if interrupted:
            stop_all()
        self._pool.shutdown(cancel_futures=interrupted)
