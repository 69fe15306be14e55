# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build from a mirror, without a network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.rpm.mockroots import CALLER
from planex.run import Completed, run
from tests.conftest import ROOT
from tests.integration.conftest import Planex, make_tarball, make_workspace, write_package
from tests.integration.test_snapshot import SPEC

pytestmark = [pytest.mark.slow, pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "git")]


def offline(folder: Path, *words: str) -> Completed:
    """planex in a namespace with no network but a loopback device that is down."""
    argv = ["unshare", "--net", sys.executable, "-m", "planex", "-C", str(folder), *words]
    return run(argv, check=False, env={"PYTHONPATH": str(ROOT)}, inherit=CALLER)


@pytest.fixture
def remote(workspace: Path, tmp_path: Path) -> Path:
    """A workspace with a package whose source is elsewhere."""
    if run(["unshare", "--net", "true"], check=False).returncode:
        pytest.skip("this user may make no network namespace")
    far = tmp_path / "far" / "one-1.tar"
    far.parent.mkdir()
    make_tarball(far, "one-1", {"file": "x\n"})
    spec = SPEC.format(name="one", build="true").replace("%{name}-%{version}.tar", f"file://{far}")
    write_package(workspace, "one", spec, {}, {})
    (workspace / "specs/one/one-1.tar").unlink()
    (workspace / "specs/one/sources").write_text(f"SHA512 ({far.name}) = {digest_of(far)}\n")
    return far


def test_a_build_from_a_mirror_needs_nothing_else(
    workspace: Path, planex: Planex, remote: Path, tmp_path: Path, base: Path
) -> None:
    assert planex("lock", "--output", str(tmp_path / "first")).returncode == 0
    assert planex("lock", "--output", str(tmp_path / "again")).returncode == 0
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()
    mirror = tmp_path / "mirror"
    made = planex("fetch", "--all", "--into", str(mirror), "--lock", str(tmp_path / "first"))
    assert made.returncode == 0, made.stderr
    assert (mirror / "planex.lock").read_bytes() == (tmp_path / "first").read_bytes()

    remote.unlink()
    other = make_workspace(tmp_path / "other", base)
    (other / "specs").rmdir()
    (workspace / "specs").rename(other / "specs")
    refused = offline(other, "build")
    assert (refused.returncode, "one-1.tar" in refused.stderr) == (1, True)
    done = offline(other, "build", "--hermetic", str(mirror))
    assert done.returncode == 0, done.stderr
    assert (other / "_build/bookworm/repo/one-1-1.noarch.rpm").exists()

    sources = other / "specs/one/sources"
    sources.write_text(sources.read_text().replace("= ", "= 0")[:-2] + "\n")
    lacking = offline(other, "build", "--hermetic", str(mirror))
    assert "the lock has not what this workspace needs: one-1.tar (one)" in lacking.stderr
