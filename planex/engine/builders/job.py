# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a builder is asked, and what it must be able to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from planex.cage.limits import Limits, Usage
from planex.report import Task
from planex.rpm.capability import Capability
from planex.rpm.spec import Package


@dataclass(frozen=True, slots=True)
class Job:
    """Turn one SRPM into RPMs."""

    package: Package
    build_requires: tuple[Capability, ...]
    """What the buildroot must have: by the spec, and what %generate_buildrequires is known to ask for."""
    srpm: Path
    dependencies: Path | None
    """Repository with the packages of this workspace that the build may use; None if it needs none."""
    dependencies_digest: str
    work: Path
    """An empty folder for the builder's own use."""
    results: Path
    """An empty folder below ``work``, where a builder may leave the RPMs."""
    logs: Path
    """Where root.log, build.log, state.log and installed_pkgs.log go."""
    epoch: int
    """SOURCE_DATE_EPOCH, in seconds since 1970."""
    limits: Limits = field(default_factory=Limits)
    step: str = ""
    """The package's name in the plan, which is another one where it is built with ``bootstrap``."""
    conditions: tuple[str, ...] = ()
    """Build conditions (%bcond) that are on."""
    processors: int | None = None
    """At most so many are used, where it is to be shown that this does not matter; None: all there are."""

    usage: Usage = field(default_factory=Usage)
    """Is told what the build used."""

    @property
    def with_conditions(self) -> list[str]:
        """For rpmbuild's command line, and mock's."""
        return [word for name in self.conditions for word in ("--with", name)]


class Builder(Protocol):
    """A way to build in a clean buildroot made from the target's mock configuration."""

    name: str

    def prepare(self, task: Task) -> None:
        """Make what all jobs share, once, before any job."""

    def build(self, job: Job, task: Task) -> Path:
        """Do a job: the folder, below ``job.work``, in which the RPMs are. Nothing in it is believed.

        Raises CommandFailed (with the log) or another PlanexError.
        """

    def generate(self, job: Job, task: Task) -> Path | None:
        """Run %generate_buildrequires: the folder, below ``job.work``, in which a source RPM that has them is.

        None where the builder itself installs what a spec asks for in this way. Raises as ``build`` does.
        """
