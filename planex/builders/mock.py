# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds with the real mock, as a subprocess: one ``mock --rebuild`` a package, each in a root of its own."""

from __future__ import annotations

from pathlib import Path

from planex.builders.job import Job
from planex.builders.state import mock_phase
from planex.errors import CommandFailed, PlanexError
from planex.report import Task
from planex.run import require, run_logged

# mock's documented exit statuses (mockbuild/exception.py); a failed %build gives rpmbuild's own, mostly 1.
_MEANINGS = {
    2: "mock was started without its set-user-id wrapper",
    3: "mock does not accept the configuration",
    5: "mock does not accept the command line",
    6: "this machine cannot build for the target's architecture",
    10: "the build failed",
    11: "the build took too long",
    20: "the buildroot could not be set up",
    30: "the package manager failed; see root.log",
    40: "the SRPM is not usable",
    50: "mock's own files are missing",
    60: "the buildroot is in use by another mock",
    70: "the result folder cannot be written",
    80: "no namespace could be made",
    90: "the bootstrap buildroot failed",
}


def mock_argv(config: Path, job: Job) -> list[str]:
    """The complete command; mock takes all else from its configuration."""
    words = ["mock", "--root", str(config), "--uniqueext", f"planex-{job.package.name}"]
    words += ["--resultdir", str(job.results)]
    words += ["--addrepo", f"file://{job.dependencies}"] if job.dependencies else []
    return [*words, "--rebuild", str(job.srpm)]


class MockBuilder:
    """See ``planex.builders.job.Builder``."""

    name = "mock"

    def __init__(self, config: Path) -> None:
        self._config = config.resolve()

    def prepare(self, task: Task) -> None:
        require("mock", "build packages (or take --builder sandbox)")

    def build(self, job: Job, task: Task) -> None:
        """Run mock; its exit status alone proves nothing, so the caller checks that the RPMs are there."""

        def on_line(line: str) -> None:
            if phase := mock_phase(line):
                task.phase(phase)

        try:
            run_logged(mock_argv(self._config, job), job.logs / "mock.log", on_line=on_line)
        except CommandFailed as error:
            raise self._explain(error, job) from None
        finally:
            _keep_logs(job)

    def _explain(self, error: CommandFailed, job: Job) -> PlanexError:
        log = job.results / ("root.log" if error.returncode in (20, 30) else "build.log")
        shown = job.logs / log.name if log.exists() else error.log
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else error.tail
        hint = _MEANINGS.get(error.returncode)
        return CommandFailed(error.argv, error.returncode, tail, shown, hint)


def _keep_logs(job: Job) -> None:
    for log in sorted(job.results.glob("*.log")) if job.results.is_dir() else []:
        log.replace(job.logs / log.name)
