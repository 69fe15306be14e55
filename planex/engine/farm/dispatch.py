# SPDX-License-Identifier: LGPL-2.1-or-later
"""The only user of dask.distributed; to be imported where it is used, for it is an extra.

What goes by it are texts: orders, answers, phases. Who holds the farm's keys can have every worker run what they like:
dask carries code.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import dask
from distributed import Client, Future, Scheduler, Security, Worker, get_worker

from planex.engine.farm.address import CERTIFICATE, KEY, Address
from planex.engine.farm.labour import carry_out
from planex.engine.farm.orders import LostWorker
from planex.engine.farm.placing import Allotment, Station
from planex.errors import PlanexError
from planex.run import check_stopped, stop_all

_SETTINGS: dict[str, object] = {
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.allowed-failures": 1_000_000,  # who lost a worker asks another one, and counts for itself
    "distributed.scheduler.no-workers-timeout": None,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.comm.timeouts.connect": "10s",
}
_TOKEN = 0.001
"""Of what a worker has 1 of, to say that it must have it."""
_POLL = 0.5
_MOST = 256
"""Packages at once on one worker, at most."""
_JOINING = 60
"""Seconds in which a worker must have found its scheduler."""
_home = Path()
"""The folder of the worker that this process is."""


def _configure(patience: float = 60.0) -> None:
    """``patience``: seconds after which a silent worker counts as lost."""
    dask.config.set(_SETTINGS | {"distributed.scheduler.worker-ttl": f"{patience:g}s"})
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    for name in names:  # what matters is told by who asked
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _security(address: Address) -> Security | None:
    if address.keys is None:
        return None
    certificate, key = str(address.keys / CERTIFICATE), str(address.keys / KEY)
    roles = {
        f"tls_{role}_{part}": path
        for role in ("scheduler", "worker", "client")
        for part, path in (("cert", certificate), ("key", key))
    }
    return Security(tls_ca_file=certificate, require_encryption=True, **roles)


def serve_scheduler(address: Address, ready: Callable[[str], None], patience: float = 60.0) -> None:
    """Hand out orders until told to stop. ``ready`` is told the address; ``patience``: see ``_configure``."""

    async def serve() -> None:
        async with Scheduler(
            host=address.host,
            port=address.port,
            protocol="tls" if address.keys else "tcp",
            security=_security(address),
            dashboard=False,
            dashboard_address="127.0.0.1:0",
        ) as scheduler:
            ready(f"dask:{scheduler.address.partition('://')[2]}")
            await _until_stopped(scheduler.finished())

    _serve(serve(), address, "name an address of this machine that is free; the keys must be those of a farm", patience)


def serve_worker(
    address: Address, home: Path, name: str, resources: Mapping[str, float], ready: Callable[[], None]
) -> None:
    """Carry out orders until told to stop, or until the scheduler is gone, which is an error."""
    global _home
    _home = home

    async def serve() -> None:
        async with Worker(
            address.url,
            name=name,
            nthreads=_MOST,
            death_timeout=_JOINING,
            resources=dict(resources),
            security=_security(address),
            local_directory=str(home / "dask"),
            memory_limit=0,
            dashboard=False,
            dashboard_address="127.0.0.1:0",
        ) as worker:
            ready()
            if not await _until_stopped(worker.finished()):
                raise PlanexError(f"the scheduler at {address.url} is gone", "start the worker again when it is back")

    try:
        hint = "see whether the scheduler runs there, with the same keys; workers need names of their own: --name"
        _serve(serve(), address, hint)
    finally:
        stop_all()


def _serve(work: Any, address: Address, hint: str, patience: float = 60.0) -> None:
    _configure(patience)
    try:
        asyncio.run(work)
    except (OSError, RuntimeError) as error:  # dask says RuntimeError of all that keeps it from starting
        reason = str(error.__cause__ or error).strip().splitlines()
        raise PlanexError(f"{address.url}: {reason[0] if reason else type(error).__name__}", hint) from None


async def _until_stopped(ended: Awaitable[Any]) -> bool:
    """Wait for a signal; False where the service ended by itself."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    waiting = [asyncio.ensure_future(ended), asyncio.ensure_future(stopped.wait())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for each in waiting:
        each.cancel()
    if stopped.is_set():
        await asyncio.to_thread(stop_all)
    return stopped.is_set()


def _carry_out(text: str, topic: str) -> str:
    """What a worker runs. It is called off when it is no longer wanted: then the worker's own state says so."""
    worker = get_worker()
    key = worker.get_current_task()

    def cancelled() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state != "executing"

    return carry_out(text, _home, cancelled, lambda phase: worker.log_event(topic, {"key": key, "phase": phase}))


@dataclass
class Farm:
    """The way to a scheduler. As a context it takes back at its end what it ordered."""

    address: Address
    _listeners: dict[str, Callable[[str], None]] = field(default_factory=dict)
    _stations: tuple[Station, ...] = ()
    _seen: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _topic: str = field(default_factory=lambda: f"planex-{uuid4()}")

    def __enter__(self) -> Farm:
        _configure()
        try:
            self._client = Client(self.address.url, security=_security(self.address), timeout=10, set_as_default=False)
        except (OSError, ValueError):
            hint = "see whether it runs, and with the same keys; `planex farm up` makes one on this machine"
            raise PlanexError(f"no farm answers at {self.address.url}", hint) from None
        self._client.subscribe_topic(self._topic, self._told)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close(timeout=5)

    def stations(self) -> tuple[Station, ...]:
        """The workers that are there; asked at most once in a while. PlanexError where the scheduler is gone."""
        with self._lock:
            if time.monotonic() - self._seen > 2 * _POLL:
                self._require_scheduler()
                try:
                    known = self._client.sync(self._client.scheduler.identity, n_workers=-1)
                except OSError:
                    raise self._gone() from None
                self._stations = tuple(_station(url, row) for url, row in known["workers"].items())
                self._seen = time.monotonic()
            return self._stations

    def _require_scheduler(self) -> None:
        if self._client.status != "running":
            raise self._gone()

    def _gone(self) -> PlanexError:
        hint = "start it again, and then the workers; what was finished is kept"
        return PlanexError(f"the scheduler of the farm at {self.address.url} does not answer any more", hint)

    def ask(self, text: str, share: Allotment, has: frozenset[str], name: str, told: Callable[[str], None]) -> str:
        """Have a worker carry out an order: its reply. Raises LostWorker; where the run is stopped, PlanexError."""
        station, key, done = share.station, f"planex-{name}-{uuid4()}", threading.Event()
        self._listeners[key] = told
        resources = {"cores": share.cores, "memory": share.memory, **dict.fromkeys(has, _TOKEN)}
        future = self._client.submit(
            _carry_out, text, self._topic, key=key, pure=False, workers=[station.address], resources=resources
        )
        future.add_done_callback(lambda _: done.set())
        try:
            while not done.wait(_POLL):
                check_stopped()
                if station.address not in {each.address for each in self.stations()}:
                    raise LostWorker(f"worker {station.name} is lost")
            return self._result(future, station)
        finally:
            future.cancel()
            del self._listeners[key]

    def _result(self, future: Future, station: Station) -> str:
        if future.status == "finished":
            return str(future.result(timeout=10))
        if future.status == "error":
            raise PlanexError(f"worker {station.name} cannot carry out orders of this planex: {future.exception()}")
        self._require_scheduler()
        raise LostWorker(f"worker {station.name} is lost")

    def _told(self, event: tuple[float, dict[str, str]]) -> None:
        said = event[1]
        if listener := self._listeners.get(said["key"]):
            listener(said["phase"])


def _station(url: str, row: Mapping[str, Any]) -> Station:
    resources = row["resources"]
    has = frozenset(resources) - {"cores", "memory"}
    skew = row["metrics"].get("time", row["last_seen"]) - row["last_seen"]
    return Station(url, str(row["name"]), resources.get("cores", 1.0), int(resources.get("memory", 0)), has, skew)
