# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds a package once more, in another folder here and with another number of jobs, and compares all bytes.

In its cage a build is always in the same folder, so that none can matter there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from planex.content import shelf
from planex.engine.builders import Job
from planex.engine.compared import RpmChange, compare
from planex.engine.outputs import accept, rules_of
from planex.engine.shell import Entrance
from planex.errors import PlanexError


def varied(job: Job) -> Job:
    """The job as it must not matter."""
    return replace(job, processors=1 if (os.cpu_count() or 1) > 1 else 3)


def build_again(entrance: Entrance, *, offline: bool) -> Iterator[RpmChange]:
    """What differs from the result in use, RPM by RPM."""
    workshop, name = entrance.workshop, entrance.name
    result = workshop.store.current(name)
    if result is None:
        raise PlanexError(f"the result of {name} is not whole any more", f"planex build {name}")
    with entrance.fresh(offline=offline) as made, entrance.reporter.task(name) as task:
        job = varied(made)
        folder = entrance.builder.build(job, task)
        task.phase("compare")
        results = shelf.fresh(job.work.parent / "results")
        rules = rules_of(workshop, name)
        again = {file: results / file for file in accept(folder, job.work, job.package, results, rules).rpms}
        yield from compare({file: result.folder / file for file in result.rpms}, again)
