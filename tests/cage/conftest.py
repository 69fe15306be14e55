# SPDX-License-Identifier: LGPL-2.1-or-later
"""Workspaces for hostile packages, and planex run on them by an ordinary user and by root.

Run by root, the tests also take the part of an ordinary user, TEST_USER, whom ``.ci/run`` makes.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from planex.run import Completed, run
from tests.cage.probes import CANARY
from tests.conftest import ROOT
from tests.integration.conftest import PLANEX_YAML, base  # noqa: F401  (a fixture)

TEST_USER = "planex-test"


@dataclass(frozen=True)
class Caller:
    """Who runs planex, and where."""

    name: str
    workspace: Path
    home: Path

    def planex(self, *words: str, **env: str) -> Completed:
        return self.run([sys.executable, "-m", "planex", "-C", self.workspace, *words], **env)

    def run(self, argv: list[str | Path], **env: str) -> Completed:
        """A command as this caller, with a secret in the environment."""
        become = ["setpriv", "--reuid", TEST_USER, "--regid", TEST_USER, "--init-groups"] if self._other else []
        values = {"HOME": str(self.home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", CANARY: "hunter2"}
        return run([*become, *argv], check=False, env={**values, "TOKEN": CANARY, **env})

    @property
    def _other(self) -> bool:
        return self.name == "user" and os.geteuid() == 0

    def give(self) -> None:
        """Make the caller own the workspace, after the test wrote to it."""
        if self._other:
            places = [path for path in self.workspace.iterdir() if path.name != "_build"]
            run(["chown", "-RhP", TEST_USER, *places])
            run(["chown", TEST_USER, self.workspace, self.workspace / "_build", self.workspace.parent, self.home])


@pytest.fixture(scope="session", params=["root", "user"])
def resident(request: pytest.FixtureRequest, base: Path) -> Iterator[Caller]:  # noqa: F811
    """A workspace of root's, then one of an ordinary user's; kept for all tests, so that one buildroot serves them."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("root's part needs root")
    if request.param == "user" and os.geteuid() == 0:
        require_test_user()
    place = Path(tempfile.mkdtemp(prefix="planex-cage."))
    place.chmod(0o755)
    workspace = place / "workspace"
    (workspace / "_build").mkdir(parents=True)
    (workspace / "_build" / "base").symlink_to(base)
    (workspace / "planex.yaml").write_text(PLANEX_YAML)
    for name in ("repos", "mock-configs"):
        shutil.copytree(ROOT / name, workspace / name)
    home = place / "home"
    home.mkdir()
    (home / f"{CANARY}-home").write_text("private\n")
    resident = Caller(request.param, workspace, home)
    yield resident
    resident.planex("clean", "--all")
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def caller(resident: Caller) -> Caller:
    """Root, then an ordinary user, in a workspace without packages."""
    shutil.rmtree(resident.workspace / "specs", ignore_errors=True)
    (resident.workspace / "specs").mkdir()
    resident.give()
    return resident


def running(mark: str) -> bool:
    """Whether a process of this machine has ``mark`` in its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                return True
    return False


def require_test_user() -> None:
    """Skip, or fail where PLANEX_STRICT=1, without a second user of this machine who can read planex."""
    try:
        pwd.getpwnam(TEST_USER)
        reach = ["setpriv", "--reuid", TEST_USER, "--clear-groups", "test", "-x", sys.executable, "-a", "-r", str(ROOT)]
        if run(reach, check=False).returncode:
            pytest.skip(f"{TEST_USER} cannot read {ROOT}: a folder above it is closed to others")
    except KeyError:
        reason = f"needs a user {TEST_USER} with subordinate ids (useradd -m {TEST_USER})"
        if os.environ.get("PLANEX_STRICT") == "1":
            pytest.fail(f"{reason} (PLANEX_STRICT=1)", pytrace=False)
        pytest.skip(reason)


@pytest.fixture
def outside() -> Iterator[int]:
    """Things of the host that a cage must not show: a process, an abstract socket, a server whose port it gives."""
    marker = subprocess.Popen(["bash", "-c", f"exec -a '{CANARY} sleeps' sleep 600"])
    with socket.socket() as server, socket.socket(socket.AF_UNIX) as abstract:
        server.bind(("127.0.0.1", 0))
        server.listen()
        abstract.bind(f"\0{CANARY}")
        abstract.listen()
        yield server.getsockname()[1]
    marker.kill()
    marker.wait()
