# SPDX-License-Identifier: LGPL-2.1-or-later
"""A worker's part: one order carried out, in a process of its own (``python -m planex.engine.farm.labour``).

``carry_out`` is called by the worker and starts that process, which ends with it, or when the order is called off.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from planex.content import shelf
from planex.content.copies import copy_file, link_or_copy
from planex.content.locks import WAITING, hold
from planex.content.records import Damaged
from planex.disk import DiskError, explain
from planex.drafts import write_atomic
from planex.engine.builders.job import Builder, Job
from planex.engine.builders.mock import MockBuilder
from planex.engine.builders.sandbox import SandboxBuilder
from planex.engine.exchange import LOGS
from planex.engine.farm.orders import Blame, Order, Reply, read_bundle, read_order, text_of
from planex.engine.observed import take_generated
from planex.engine.outputs import Rules, accept
from planex.errors import LimitReached, LoggedError, MissingTool, PlanexError
from planex.events import Event, PhaseBegan
from planex.report import Reporter, Task
from planex.rpm import repo
from planex.rpm.mockconfig import load_mock_config
from planex.run import run_logged, tail
from planex.sharing.depot import BadEntry, Depot, shared_file
from planex.sharing.opening import open_depots
from planex.sharing.place import Unreachable
from planex.sharing.record import Files, SharedFile
from planex.sharing.settings import StoreSettings
from planex.workspace import Workspace

_ORDER, _REPLY, _LOG = "order.json", "reply.json", "labour.log"
_PHASE = "phase "
_KEPT = 3
"""Workspaces of bundles kept at most."""
_UNUSED = 3 * 86400.0
"""Seconds after which a file that no order asked for is deleted; the store has it."""
LEAST_DISK = 64 << 20
"""Bytes free below which a worker that failed has no room, whatever the package says."""


class Unfit(PlanexError):
    """This worker cannot do what another one may."""


def carry_out(text: str, folder: Path, cancelled: Callable[[], bool], told: Callable[[str], None]) -> str:
    """Carry out an order, in ``folder``, which is the worker's; the text of its reply. ``told``: is told of phases."""

    def on_line(line: str) -> None:
        if line.startswith(_PHASE):
            told(line.removeprefix(_PHASE))

    try:
        with shelf.draft(folder / "work" / "order") as place:
            (place / _ORDER).write_text(text)
            argv: list[str | Path] = [sys.executable, "-P", "-m", "planex.engine.farm.labour", place, folder]
            done = run_logged(
                argv,
                place / _LOG,
                env=dict(os.environ),
                on_line=on_line,
                check=False,
                leash=True,
                watch=lambda *_: "called off" if cancelled() else None,
            )
            if (place / _REPLY).exists():
                return (place / _REPLY).read_text()
            said = tail((place / _LOG).read_text(errors="replace"), 1)
            return text_of(Reply(Blame.WORKER, message=f"its process ended with {done.returncode}: {said}"))
    except LimitReached:
        return text_of(Reply(Blame.WORKER, message="called off"))
    except (PlanexError, OSError) as error:
        cause = explain(error) if isinstance(error, OSError) else error
        return text_of(Reply(Blame.WORKER, message=cause.message, hint=cause.hint))


@dataclass(frozen=True)
class Labour:
    """One order in the making. ``place``: a folder for it alone; ``folder``: the worker's."""

    order: Order
    depot: Depot
    place: Path
    folder: Path

    def run(self, task: Task) -> Reply:
        """Fetch what it takes, build, push what was made."""
        task.phase("fetch from the store")
        root = self._workspace()
        builder = self._builder(root)
        job = self._job()
        task.phase("buildroot")
        with hold(self.folder / "prepare.lock", patience=WAITING):
            builder.prepare(task)
        made = builder.generate(job, task) if self.order.generate else builder.build(job, task)
        task.phase("outputs")
        results = _new(self.place / "made")
        if made is not None:
            self._take(job, made, results)
        return Reply(Blame.NOBODY, files=self._push(results.iterdir()), usage=job.usage)

    def _take(self, job: Job, made: Path, results: Path) -> None:
        if self.order.generate:
            take_generated(made, job.work, results / f"{job.package.name}.buildreqs.nosrc.rpm")
        else:
            accept(made, job.work, job.package, results, Rules())

    def _push(self, paths: Iterator[Path]) -> Files:
        found = {}
        for path in sorted(paths):
            found[path.name] = shared_file(path)
            self.depot.put(path, found[path.name])
        return found

    def push_logs(self) -> Files:
        """Also where the package failed: that is when they are wanted."""
        return self._push(path for name in LOGS if (path := self.place / "logs" / name).is_file())

    def have(self, file: SharedFile) -> Path:
        """A file of the store, from this machine if it is here already."""
        path = self.folder / "files" / file.sha256
        if not path.exists():
            with shelf.draft(path) as draft:
                self.depot.get(file, draft / "file")
                shelf.publish(draft / "file", path)
        os.utime(path)
        return path

    def _workspace(self) -> Path:
        """The bundle, laid out as a workspace."""
        root = self.folder / "workspaces" / self.order.bundle.sha256[:16]
        with hold(self.folder / "bundle.lock", patience=WAITING):
            if not root.exists():
                bundle = read_bundle(self.have(self.order.bundle).read_bytes())
                with shelf.draft(root) as draft:
                    made = _new(draft / "made")
                    for name, file in bundle.files.items():
                        (made / name).parent.mkdir(parents=True, exist_ok=True)
                        link_or_copy(self.have(file), made / name)
                    shelf.publish(made, root)
            os.utime(root)
            shelf.prune(root.parent.glob("[!.]*"), _KEPT)
            for path in (self.folder / "files").glob("[!.]*"):
                if time.time() - path.stat().st_mtime > _UNUSED:
                    path.unlink()
        return root

    def _builder(self, root: Path) -> Builder:
        order, workspace = self.order, Workspace(root)
        config = load_mock_config(workspace.mock_configs / f"{order.target}.cfg", self.folder / "mock-configs")
        if config.digest != order.config:
            raise Unfit("mock's own configurations (/etc/mock) are others here than where the build was planned")
        target = workspace.target(order.target)
        if order.builder == "mock":
            return MockBuilder(config, order.buildroot, target, offline=order.offline)
        return SandboxBuilder(config, order.buildroot, target / "buildroots", offline=order.offline)

    def _job(self) -> Job:
        order = self.order
        ((name, file),) = order.srpm.items()
        copy_file(self.have(file), self.place / name)
        dependencies = None
        if order.rpms:
            dependencies = _new(self.place / "dependencies")
            for rpm, each in order.rpms.items():
                copy_file(self.have(each), dependencies / rpm)
            repo.create_repo(dependencies)
        work = _new(self.place / "builder")
        return Job(
            package=order.package,
            build_requires=order.build_requires,
            srpm=self.place / name,
            dependencies=dependencies,
            dependencies_digest=order.dependencies_digest,
            work=work,
            results=_new(work / "results"),
            logs=_new(self.place / "logs"),
            epoch=order.epoch,
            limits=order.limits,
            conditions=order.conditions,
        )


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def open_store(order: Order) -> Depot:
    """The store of an order, which is believed nothing but by digest."""
    store = order.store
    where = {"variable": store.variable, "file": store.file} if store.variable or store.file else None
    settings = {"url": store.url, "push": True, "trusted": True, "credentials": where, "timeout": f"{store.timeout:g}s"}
    return open_depots([StoreSettings.model_validate(settings)], Workspace(Path()), signs=False)[0]


def judged(error: PlanexError | OSError, folder: Path, *, oom: bool = False) -> Reply:
    """Who is to blame for an order that was not carried out. ``oom``: meanwhile the kernel had to kill for memory."""
    cause = explain(error) if isinstance(error, OSError) else error
    tail = cause.tail if isinstance(cause, LoggedError) else ""
    said = Reply(Blame.PACKAGE, message=cause.message, hint=cause.hint, tail=tail)
    status = os.statvfs(folder)
    if isinstance(cause, DiskError | MissingTool | Unfit | Unreachable | Damaged):
        return replace(said, blame=Blame.WORKER)
    if status.f_bavail * status.f_frsize < LEAST_DISK:
        return replace(said, blame=Blame.WORKER, message=f"its disk is full: {cause.message}")
    if oom and not isinstance(cause, LimitReached):
        return replace(said, blame=Blame.WORKER, message=f"its memory ran out: {cause.message}")
    return said


def killed_for_memory() -> int:
    """Processes that the kernel killed on this machine because memory ran out (proc(5))."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def main(place: Path, folder: Path) -> None:
    """Carry out the order in ``place``."""

    def tell(event: Event) -> None:
        if isinstance(event, PhaseBegan):
            print(f"{_PHASE}{event.phase}", flush=True)

    labour, killed = None, killed_for_memory()
    with Reporter(tell).task("order") as task:
        try:
            order = read_order((place / _ORDER).read_text())
            labour = Labour(order, open_store(order), place, folder)
            reply = labour.run(task)
        except BadEntry as error:
            reply = Reply(Blame.STORE, message=error.message)
        except Unreachable as error:
            text = f"it does not reach store {order.store.url}: {error.message}"
            reply = Reply(Blame.WORKER, message=text, hint=error.hint)
        except (PlanexError, OSError) as error:
            reply = replace(judged(error, folder, oom=killed_for_memory() > killed), phase=task.current_phase)
        try:
            reply = replace(reply, logs=labour.push_logs() if labour else {})
        except (PlanexError, OSError) as error:
            reply = judged(error, folder) if reply.blame is Blame.NOBODY else reply
    write_atomic(place / _REPLY, text_of(reply))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
