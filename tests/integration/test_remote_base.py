# SPDX-License-Identifier: LGPL-2.1-or-later
"""A base that is not made here: what its repositories offer is read by dnf, and what they change is seen."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from planex.rpm.repo import create_repo
from planex.run import Completed, run
from tests.integration.conftest import Planex, write_package

pytestmark = [pytest.mark.tools("rpmbuild", "dnf", "bwrap", "createrepo_c")]

SPEC = """\
Name: foo
Version: 1
Release: 1
Summary: x
License: MIT
BuildArch: noarch
Source0: %{name}-%{version}.tar
BuildRequires: extra@WANTED@
%description
x
%prep
%autosetup
%install
install -D -m 644 data %{buildroot}/usr/share/foo/data
%files
/usr/share/foo
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
EXTRA = "Name: {}\nVersion: {}\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n%files\n"


def offer(mirror: Path, name: str, version: str) -> None:
    """Put a package on the mirror."""
    spec = mirror.parent / f"{name}.spec"
    spec.write_text(EXTRA.format(name, version))
    defines = ["--define", f"_topdir {mirror.parent}/rpmbuild", "--define", f"_rpmdir {mirror}"]
    run(["rpmbuild", "-bb", "--quiet", *defines, spec])
    create_repo(mirror, groups=mirror.parent / "comps.xml")


COMPS = """<comps><group><id>build</id><name>build</name><default>true</default><uservisible>false</uservisible>
<packagelist><packagereq type="mandatory">buildsys-build</packagereq></packagelist></group></comps>
"""


@pytest.fixture
def mirror(workspace: Path, tmp_path: Path) -> Path:
    """The base's repository at another place, with a group, and a workspace whose target names that place."""
    folder = tmp_path / "mirror"
    shutil.copytree(workspace / "_build" / "base" / "bookworm" / "repo", folder)
    shutil.copytree(workspace / "_build" / "base" / "bookworm" / "rpmconfig", tmp_path / "rpmconfig")
    (tmp_path / "comps.xml").write_text(COMPS)
    config = (workspace / "mock-configs" / "bookworm.cfg").read_text()
    config = config.replace("bookworm.repo", "far.repo").replace("install buildsys-build", "groupinstall build")
    (workspace / "mock-configs" / "far.cfg").write_text(config)
    text = (workspace / "repos" / "bookworm.repo").read_text()
    (workspace / "repos" / "far.repo").write_text(text.replace("$workspace/_build/base/bookworm/repo", str(folder)))
    (workspace / "planex.yaml").write_text(
        "name: test\nversion: '1'\nvendor: tests\ntargets: {far: {base: far, builder: sandbox}}\n"
    )
    write_package(workspace, "foo", SPEC.replace("@WANTED@", ""), {"data": "x\n"}, {})
    offer(folder, "extra", "1")
    return folder


def reasons(done: Completed) -> dict[str, list[str]]:
    assert done.returncode == 0, done.stderr
    return {step["package"]: step["reasons"] for step in json.loads(done.stdout)["steps"]}


def test_a_mirror_that_moves_is_seen_where_it_matters(mirror: Path, workspace: Path, planex: Planex) -> None:
    def plan(*words: str) -> dict[str, list[str]]:
        return reasons(planex("build", "--dry-run", "--json", *words))

    assert planex("graph").stdout == "foo\n", "which asks no mirror"
    assert plan() == {"foo": ["new"]}
    done = planex("build")
    assert done.returncode == 0, done.stderr
    assert plan() == {"foo": ["up to date"]}

    offer(mirror, "unrelated", "1")
    assert plan() == {"foo": ["up to date"]}

    offer(mirror, "extra", "2")
    assert plan("--offline") == {"foo": ["up to date"]}, "what was read last"
    assert plan() == {"foo": ["base package extra 1-1 -> 2-1"]}

    done = planex("build")
    assert done.returncode == 0, done.stderr
    assert "extra-2-1" in (workspace / "_build/far/logs/foo/installed_pkgs.log").read_text()
    assert plan() == {"foo": ["up to date"]}

    (workspace / "specs/foo/foo.spec.j2").write_text(SPEC.replace("@WANTED@", " >= 3"))
    done = planex("build")
    assert done.returncode == 2
    assert (
        "BuildRequires extra >= 3: nothing here or in the base provides it, but the base has extra = 2-1" in done.stderr
    )

    (workspace / "specs/foo/foo.spec.j2").write_text(SPEC.replace("@WANTED@", ""))
    shutil.rmtree(mirror / "repodata")
    done = planex("build", "--dry-run", "--json")
    assert reasons(done) == {"foo": ["up to date"]}
    assert "warning: planned with what the mirrors of the base offered last: " in done.stderr
    shutil.rmtree(mirror)
    assert reasons(planex("build", "--dry-run", "--json", "--offline")) == {"foo": ["up to date"]}
    (workspace / "_build" / "far" / "base.json").write_text("{")
    done = planex("build", "--dry-run")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: the base 'far' cannot be read: a baseurl names what is no folder here: {mirror}\n" in done.stderr


def test_a_buildroot_that_starts_with_nothing_that_is_there_is_refused(
    mirror: Path, workspace: Path, planex: Planex
) -> None:
    """dnf knows the repositories' groups only when it has read them."""
    config = workspace / "mock-configs" / "far.cfg"
    config.write_text(config.read_text().replace("groupinstall build", "install @builds bash nonsuch buildsys-build"))
    done = planex("build", "--dry-run")
    assert (done.returncode, done.stdout) == (1, "")
    assert "chroot_setup_cmd of the mock configuration names what is not there: @builds, nonsuch\n" in done.stderr
    assert "hint:    correct it in mock-configs/, or repos/\n" in done.stderr


def test_what_is_read_is_what_dnf_would_take(mirror: Path, workspace: Path, planex: Planex) -> None:
    """A repository of a smaller priority goes before a newer version elsewhere; older versions are there as well."""
    first = workspace.parent / "first"
    shutil.copytree(mirror, first)
    offer(mirror, "extra", "2")
    offer(first, "other", "1")
    offer(first, "other", "2")
    with (workspace / "repos" / "far.repo").open("a") as file:
        file.write(f"\n[first]\nname=first\nbaseurl=file://{first}\ngpgcheck=0\npriority=10\nmetadata_expire=0\n")
    spec = SPEC.replace("@WANTED@", "\nBuildRequires: other < 2")
    (workspace / "specs/foo/foo.spec.j2").write_text(spec)
    done = planex("build")
    assert done.returncode == 0, done.stderr
    installed = (workspace / "_build/far/logs/foo/installed_pkgs.log").read_text()
    assert "extra-1-1" in installed and "other-1-1" in installed
    packages = dict(json.loads((workspace / "_build/far/store/foo/current/base.json").read_text())["packages"])
    assert packages["extra"].startswith("1-1 ")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder at a URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_offline_builds_with_what_was_fetched(mirror: Path, workspace: Path, planex: Planex) -> None:
    offer(mirror, "unfetched", "1")
    with served(mirror) as url:
        config = workspace / "repos" / "far.repo"
        config.write_text(config.read_text().replace(f"file://{mirror}", url))
        done = planex("build")
        assert done.returncode == 0, done.stderr
    spec = workspace / "specs/foo/foo.spec.j2"
    spec.write_text(spec.read_text().replace("%install", "%build\n: changed\n%install"))
    shutil.rmtree(next((workspace / "_build/far/buildroots").glob("deps-*")))
    done = planex("build", "--offline")
    assert done.returncode == 0, done.stderr
    assert "built      foo" in done.stderr

    spec.write_text(spec.read_text().replace("BuildRequires: extra", "BuildRequires: extra, unfetched"))
    done = planex("build", "--offline")
    assert done.returncode == 1
    assert "hint:    with --offline only what was fetched before is there" in done.stderr
