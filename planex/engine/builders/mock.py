# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds with the real mock, as a subprocess: one ``mock --rebuild`` a package, each in a root of its own."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from planex.cage.limits import Watch
from planex.content import shelf
from planex.engine.builders.job import Job
from planex.engine.builders.state import mock_phase
from planex.errors import CommandFailed, PlanexError
from planex.report import Task
from planex.rpm.mockconfig import MockConfig
from planex.rpm.mockroots import CALLER, MockFolders, find_folders, holder, in_use, scrub, wait_until_free
from planex.run import NETWORK, require, run, run_logged, tail

# mock's documented exit statuses (mockbuild/exception.py); a failed %build gives rpmbuild's own, mostly 1.
_MEANINGS = {
    2: "mock was started without its set-user-id wrapper",
    3: "mock does not accept the configuration",
    5: "mock does not accept the command line",
    6: "this machine cannot build for the target's architecture",
    10: "the build failed",
    11: "the build took too long",
    20: "the buildroot could not be set up",
    30: "the package manager failed",
    40: "the SRPM is not usable",
    50: "mock's own files are missing",
    60: "the buildroot is in use by another mock",
    70: "the result folder cannot be written",
    80: "no namespace could be made",
    90: "the bootstrap buildroot failed",
}
_LOCKED = 60
_PRINT_ALL = ("--config-opts", "print_main_output=True")
"""What rpmbuild and dnf say is printed as well as logged, though nobody looks: for phases, limits and errors."""


def mock_argv(config: MockConfig, root: str, job: Job, *, offline: bool = False) -> list[str]:
    """The complete command; mock takes all else from its configuration."""
    words = ["mock", "--root", str(config.path), "--config-opts", f"root={root}", *_PRINT_ALL]
    words += ["--config-opts", f"rpmbuild_command=env SOURCE_DATE_EPOCH={job.epoch} {config.rpmbuild}"]
    words += ["--uniqueext", _extension(job)]
    words += ["--offline"] if offline else []
    words += ["--resultdir", str(job.results)]
    words += ["--addrepo", f"file://{job.dependencies}"] if job.dependencies else []
    return [*words, *job.with_conditions, "--rebuild", str(job.srpm)]


class MockBuilder:
    """See ``planex.engine.builders.job.Builder``."""

    name = "mock"

    def __init__(self, config: MockConfig, digest: str, target: Path, *, offline: bool = False) -> None:
        """``digest`` decides what is in a new root; ``target``: the folder of the target below ``_build``."""
        self._config = config
        self._digest = digest
        self._target = target
        self._offline = offline

    @cached_property
    def _folders(self) -> MockFolders:
        return find_folders(self._config.path, self._config.root, self._target)

    @property
    def _root(self) -> str:
        return self._folders.root(self._digest)

    def prepare(self, task: Task) -> None:
        """Look whether mock can run, and take away what runs that were killed, or were on another base, left."""
        require("mock", "build packages (or take --builder sandbox)")
        refuse_unfit_machine()
        wait_until_free(self._folders.roots, lambda pid: task.phase(f"wait for mock, process {pid}"))
        scrub(self._folders, self._folders.all, keep=self._root)

    def build(self, job: Job, task: Task) -> Path:
        """Run mock; its exit status alone proves nothing, so the caller checks that the RPMs are there."""

        told = _Told(task)
        _hand_over(job.results)
        try:
            run_logged(
                mock_argv(self._config, self._root, job, offline=self._offline),
                job.logs / "mock.log",
                inherit=NETWORK | CALLER,
                on_line=told,
                watch=Watch(job.limits, usage=job.usage),
                leash=True,
            )
        except CommandFailed as error:
            root = self._folders.basedir / f"{self._root}-{_extension(job)}"
            if error.returncode == _LOCKED and (pid := holder(root)):
                raise in_use(root, pid) from None
            raise _explained(error, job, told) from None
        finally:
            _keep_logs(job)
        return job.results

    def generate(self, job: Job, task: Task) -> Path | None:
        return None


class _Told:
    """What mock's output told so far."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self.rpmbuild = False
        """rpmbuild was started, so build.log, which always has a line of mock's own, tells why it failed."""

    def __call__(self, line: str) -> None:
        if phase := mock_phase(line):
            self.rpmbuild = self.rpmbuild or phase == "rpmbuild"
            self._task.phase(phase)
        self._task.said(line)


def _explained(error: CommandFailed, job: Job, told: _Told) -> PlanexError:
    log = job.results / "build.log"
    built = told.rpmbuild and log.exists()
    text = tail(log.read_text(errors="replace")) if built else error.tail
    shown = job.logs / log.name if built else error.log
    return CommandFailed(error.argv, error.returncode, text, shown, _MEANINGS.get(error.returncode))


def refuse_unfit_machine() -> None:
    """PlanexError where mock would not run, or make roots whose list of packages nobody finds."""
    if os.geteuid() == 0 and not {"SUDO_UID", "USERHELPER_UID"} & os.environ.keys():
        message = "mock does not run for root alone: it builds as the user who called it, known by SUDO_UID"
        raise PlanexError(message, "be a user of the group mock, or call planex by sudo as one, or: --builder sandbox")
    database = run(["rpm", "--eval", "%_dbpath"]).stdout.strip()
    if database.endswith("/.rpmdb"):
        message = f"rpm on this machine keeps its database in the user's home ({database}), and mock's roots would too"
        hint = "as root, once: mkdir -p /etc/rpm && echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros"
        raise PlanexError(message, f"{hint}; or: --builder sandbox")


def _extension(job: Job) -> str:
    return f"planex-{job.package.name}"


def _hand_over(folder: Path) -> None:
    """Under sudo, mock drops to the user who called it, and that user must be able to write there."""
    caller = os.environ.get("SUDO_UID")
    if caller and os.geteuid() == 0:
        os.chown(folder, int(caller), -1)


def _keep_logs(job: Job) -> None:
    for log in sorted(job.results.glob("*.log")) if job.results.is_dir() else []:
        shelf.publish(log, job.logs / log.name)
