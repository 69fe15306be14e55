# SPDX-License-Identifier: LGPL-2.1-or-later
"""What happens in a run, as values. Who works tells them to a Reporter; terminal, files and pages are made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from time import monotonic as _monotonic
from time import time as _time

FORMAT = 1
"""Of events as they are written to files; raise it when a name or a meaning changes."""


class Level(Enum):
    """What a message is for."""

    REMARK = "remark"
    """Only the curious want it (``-v``)."""
    INFO = "info"
    """A step began or ended."""
    SUCCESS = "success"
    FAILURE = "failure"
    """Something went wrong that is explained later."""
    WARNING = "warning"
    ERROR = "error"
    PLAIN = "plain"
    """Text as it is, whatever the verbosity: a hint, what to type next."""


class Unit(Enum):
    """What progress is counted in."""

    BYTES = "bytes"
    ITEMS = "items"


class Status(Enum):
    """What became of a package. ``postponed``: it needs what only its build could tell; the run plans again."""

    BUILT = "built"
    TAKEN = "taken"
    """From a shared store."""
    REUSED = "reused"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    SKIPPED = "skipped"
    POSTPONED = "postponed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened. ``time``: seconds since 1970; ``monotonic``: seconds of a clock that nobody sets."""

    time: float = field(default_factory=_time)
    monotonic: float = field(default_factory=_monotonic)


@dataclass(frozen=True, slots=True)
class RunBegan(Event):
    """``planex``: the version; ``command``: the words behind ``planex``; ``format``: see FORMAT."""

    planex: str
    command: tuple[str, ...]
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class RunFailed(Event):
    """The error that ends the run. ``problems``: each mistake, where there are several in what the user wrote.

    ``tail``: the last lines of output; ``log``: the file with all of it; ``hint``: what to do or type next.
    """

    message: str
    problems: tuple[str, ...] = ()
    tail: str = ""
    log: str = ""
    command: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class RunEnded(Event):
    """``status``: the exit status."""

    status: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TaskEvent(Event):
    """Something of a task, which is work that is shown while it is under way. ``task`` is its number in this run."""

    task: int
    name: str


@dataclass(frozen=True, slots=True)
class TaskBegan(TaskEvent):
    """A package is worked on, a file is fetched."""


@dataclass(frozen=True, slots=True)
class PhaseBegan(TaskEvent):
    """``phase``: ``fetch x.tar``, ``buildroot``, ``%build``; it lasts until the task's next or its end."""

    phase: str


@dataclass(frozen=True, slots=True)
class TaskAdvanced(TaskEvent):
    """``done`` of ``total`` in the phase under way; ``total`` is 0 where nobody knows it."""

    done: int
    total: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class TaskSaid(TaskEvent):
    """A program of the task printed a line. For who looks on: logs have them all, and files of events none."""

    line: str


@dataclass(frozen=True, slots=True)
class TaskEnded(TaskEvent):
    """Well or badly; ``seconds`` from its beginning."""

    seconds: float


@dataclass(frozen=True, slots=True)
class PackageEvent(Event):
    """Something of a package."""

    package: str


@dataclass(frozen=True, slots=True)
class PackageLeftOut(PackageEvent):
    """The target cannot have the package."""

    reason: str


@dataclass(frozen=True, slots=True)
class PackagePlanned(PackageEvent):
    """``action``: ``build``, ``take`` (from a store), ``reuse`` (an earlier result) or ``keep`` (as it is), and why.

    ``seconds``: what its last build took, 0 if it is not to be built or nobody knows; ``needs``: packages of the plan
    that must be done before.
    """

    action: str
    reasons: tuple[str, ...]
    seconds: float = 0.0
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildBegan(Event):
    """The packages that are planned are built now, ``jobs`` at once."""

    jobs: int


@dataclass(frozen=True, slots=True)
class PackageEnded(PackageEvent):
    """What became of a package. ``phase``, ``log`` and ``tail`` are set where it has no result.

    ``reason``: why it has none; ``phase``: where it stopped; ``log``: a file; ``tail``: the log's last lines;
    ``store``: which one it was taken from.
    """

    status: Status
    seconds: float
    reason: str = ""
    phase: str = ""
    log: str = ""
    tail: str = ""
    store: str = ""


@dataclass(frozen=True, slots=True)
class BaseMade(Event):
    """The embedded base is up to date, with so many packages."""

    packages: int
    seconds: float


@dataclass(frozen=True, slots=True)
class IsoPlanned(Event):
    """An ISO, by its file's name, is to be made, and why."""

    iso: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IsoMade(Event):
    """``size``: bytes."""

    iso: str
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Message(Event):
    """Something to tell a person."""

    level: Level
    text: str
