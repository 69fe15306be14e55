# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a worker is asked, and what it answers: texts, which are all that goes by the dispatcher.

Files are named by digest, and lie in the shared store. A worker needs no workspace: of that it gets a *bundle*, which
has the mock configurations, ``repos/`` and the embedded base in the same places; of the package, the source RPM.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from planex.cage.limits import Limits, Usage
from planex.content import records
from planex.content.stamps import Inside
from planex.errors import PlanexError
from planex.rpm.capability import Capability
from planex.rpm.spec import Package
from planex.sharing.record import Files, SharedFile

FORMAT = 1
"""Raise it when a field, or what a worker does with it, changes: workers of another one are not asked."""
ORDERS = f"orders {FORMAT}"
"""The word by which a worker says so."""


class LostWorker(PlanexError):
    """A worker is gone, or its connection is."""


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """The store that files go by. Of credentials only where they are on the worker: ``variable`` or ``file``."""

    url: str
    variable: str | None = None
    file: str | None = None
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files of a workspace by their path in it."""

    files: dict[Inside, SharedFile]


@dataclass(frozen=True, slots=True)
class Order:
    """Build a package. ``generate``: only run its %generate_buildrequires; other fields: see ``builders.Job``."""

    store: StoreAddress
    target: str
    builder: str
    config: str
    """Digest of the mock configuration: one that reads otherwise on the worker builds something else."""
    buildroot: str
    """What decides the content of an empty buildroot."""
    bundle: SharedFile
    package: Package
    build_requires: tuple[Capability, ...]
    srpm: Files
    rpms: Files
    """Of this workspace, that the build may use."""
    dependencies_digest: str
    epoch: int
    limits: Limits
    conditions: tuple[str, ...] = ()
    generate: bool = False
    offline: bool = False


class Blame(StrEnum):
    """Who is to blame for an order that was not carried out."""

    NOBODY = "nobody"
    """It was."""
    PACKAGE = "package"
    STORE = "store"
    """It has not all that the order speaks of."""
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of an order. ``files``: RPMs; ``phase``: where it stopped."""

    blame: Blame
    files: Files = field(default_factory=dict)
    logs: Files = field(default_factory=dict)
    message: str = ""
    hint: str | None = None
    tail: str = ""
    phase: str = ""
    usage: Usage = field(default_factory=Usage)


def text_of(value: Order | Reply | Bundle) -> str:
    return records.text(value, FORMAT)


def read_order(text: str) -> Order:
    """Raises Damaged for an order of another planex."""
    return records.parse(text.encode(), Order, FORMAT)


def read_reply(text: str) -> Reply:
    return records.parse(text.encode(), Reply, FORMAT)


def read_bundle(data: bytes) -> Bundle:
    return records.parse(data, Bundle, FORMAT)
