# SPDX-License-Identifier: LGPL-2.1-or-later
"""What builds ask for: by %generate_buildrequires, by BuildConflicts, and in circles."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.integration.conftest import Planex, write_package

pytestmark = [pytest.mark.tools("rpmbuild", "dnf", "bwrap", "createrepo_c")]

SPEC = """\
Name: {name}
Version: 1
Release: 1
Summary: x
License: MIT
BuildArch: noarch
Source0: %{{name}}-%{{version}}.tar
%description
x
%prep
%autosetup
%generate_buildrequires
cat needs
test ! -e /usr/share/lib/data || cat more
%build
{build}
%install
install -D -m 644 needs %{{buildroot}}/usr/share/{name}/data
%files
/usr/share/{name}
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""


def write(workspace: Path, name: str, needs: str, more: str = "", build: str = "") -> None:
    write_package(workspace, name, SPEC.format(name=name, build=build), {"needs": needs, "more": more}, {})


def plan(planex: Planex) -> dict[str, tuple[str, list[str]]]:
    done = planex("build", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    return {step["package"]: (step["action"], step["needs"]) for step in json.loads(done.stdout)["steps"]}


LATE = "app also needs lib >= 1, which lib makes: only its %generate_buildrequires could tell"


def test_what_a_build_asks_for_is_installed_and_known_afterwards(workspace: Path, planex: Planex) -> None:
    """The first plan has app alone: the run plans again with what it learned."""
    write(workspace, "app", "lib >= 1\n", "bison\n", "test -e /usr/share/lib/data && bison --version")
    write(workspace, "lib", "")
    junit = workspace / "junit.xml"
    done = planex("build", "app", "--jobs", "1", "--junit", str(junit))
    assert done.returncode == 0, done.stderr
    assert f"postponed  {LATE}" in done.stderr
    assert "2 built in" in done.stderr
    cases = {case.get("name"): list(case) for case in ElementTree.parse(junit).iter("testcase")}
    assert cases == {"app": [], "lib": []}
    assert plan(planex) == {"lib": ("keep", []), "app": ("keep", ["lib"])}
    installed = (workspace / "_build/bookworm/logs/app/installed_pkgs.log").read_text()
    assert "lib-1-1" in installed and "bison-" in installed
    record = json.loads((workspace / "_build/bookworm/store/app/current/base.json").read_text())
    assert "bison" in dict(record["packages"]), "what was asked for in the second round is in the key too"

    write(workspace, "lib", "", build=": changed")
    assert plan(planex)["app"][0] == "build"
    write(workspace, "app", "", build=": asks for nothing any more")
    done = planex("build")
    assert done.returncode == 0, done.stderr
    assert plan(planex) == {"lib": ("keep", []), "app": ("keep", [])}


def test_what_is_learned_late_holds_up_nobody_else_and_nothing_is_built_twice(workspace: Path, planex: Planex) -> None:
    write(workspace, "app", "lib >= 1\n")
    write(workspace, "lib", "more >= 1\n")
    write(workspace, "more", "")
    write(workspace, "bad", "", build="exit 1")
    spec = SPEC.format(name="user", build="").replace("Summary: x", "Summary: x\nBuildRequires: app", 1)
    write_package(workspace, "user", spec, {"needs": "", "more": ""}, {})
    done = planex("build", "user", "bad", "--keep-going", "--force", "--json", "--jobs", "1")
    assert done.returncode == 1
    rows = {row["package"]: row["status"] for row in json.loads(done.stdout)["packages"]}
    assert rows == {"app": "built", "lib": "built", "more": "built", "user": "built", "bad": "failed"}
    ended = [line.split()[1] for line in done.stderr.splitlines() if line.startswith("built ")]
    assert sorted(ended) == ["app", "lib", "more", "user"]
    assert done.stderr.count("bad failed in") == 2, "as an event and at the end, so it was tried once"


def test_a_failure_ends_the_rounds_unless_all_else_is_wanted(workspace: Path, planex: Planex) -> None:
    write(workspace, "app", "lib >= 1\n")
    write(workspace, "lib", "", build="exit 1")
    done = planex("build", "app")
    assert done.returncode == 1
    assert "lib failed in" in done.stderr and f"postponed  {LATE}" in done.stderr


def test_what_nothing_provides_is_told_by_name(workspace: Path, planex: Planex) -> None:
    write(workspace, "app", "no-such-thing >= 2\n")
    for _ in range(2):
        done = planex("build")
        assert done.returncode == 1
        assert "no package provides no-such-thing >= 2" in done.stderr


def test_a_section_that_fails_shows_its_log(workspace: Path, planex: Planex) -> None:
    write_package(workspace, "app", SPEC.format(name="app", build=""), {"other": ""}, {})
    done = planex("build")
    assert done.returncode == 1
    assert "cat: needs: No such file or directory" in done.stderr


def test_a_circle_is_opened_by_a_package_that_is_built_twice(workspace: Path, planex: Planex) -> None:
    """lib's documents are made by doc, which needs lib; with ``bootstrap``, lib has none."""
    conditional = "%bcond bootstrap 0\n%if %{without bootstrap}\nBuildRequires: doc\n%endif\n"
    build = "%if %{without bootstrap}\ncp /usr/share/doc/data needs\n%else\necho early > needs\n%endif"
    spec = SPEC.format(name="lib", build=build).replace("%description", f"{conditional}%description", 1)
    write_package(workspace, "lib", spec, {"needs": ""}, {})
    spec = SPEC.format(name="doc", build="grep early /usr/share/lib/data\necho made-by-doc > needs")
    spec = spec.replace("Summary: x", "Summary: x\nBuildRequires: lib", 1)
    write_package(
        workspace, "doc", spec.replace("/usr/share/doc\n", "/usr/share/doc/data\n"), {"needs": "", "more": ""}, {}
    )
    done = planex("build")
    assert done.returncode == 2
    assert "split the package, or give one `bootstrap: true`" in done.stderr

    (workspace / "specs/lib/package.yaml").write_text("bootstrap: true\n")
    done = planex("build")
    assert done.returncode == 0, done.stderr
    steps = plan(planex)
    assert steps == {"lib~bootstrap": ("keep", []), "doc": ("keep", ["lib~bootstrap"]), "lib": ("keep", ["doc"])}
    rpms = sorted(path.name for path in (workspace / "_build/bookworm/repo").rglob("*.rpm") if "src" not in path.name)
    assert rpms == ["doc-1-1.noarch.rpm", "lib-1-1.noarch.rpm"]
    (lib,) = (workspace / "_build/bookworm/repo").rglob("lib-1-1.noarch.rpm")
    (early,) = (workspace / "_build/bookworm/store/lib~bootstrap/current").glob("lib-1-1.noarch.rpm")
    assert lib.read_bytes() != early.read_bytes(), "what is published was built for real"


def test_build_conflicts_keep_a_package_out(workspace: Path, planex: Planex) -> None:
    for name in ("one", "two"):
        spec = SPEC.format(name=name, build="").replace("Summary: x", "Summary: x\nProvides: either", 1)
        write_package(workspace, name, spec, {"needs": ""}, {})
    tags = "Summary: x\nBuildRequires: either\nBuildConflicts: one"
    spec = SPEC.format(name="app", build="test -e /usr/share/two && test ! -e /usr/share/one")
    write_package(workspace, "app", spec.replace("Summary: x", tags, 1), {"needs": ""}, {})
    done = planex("build")
    assert done.returncode == 0, done.stderr

    write_package(workspace, "app", spec.replace("Summary: x", f"{tags} >= 1, two", 1), {"needs": ""}, {})
    done = planex("build")
    assert done.returncode == 1
    assert "; its BuildConflicts keep out one >= 1, two" in done.stderr


def test_own_packages_are_seen_whatever_the_clock_says(workspace: Path, planex: Planex) -> None:
    """Own repositories have one name to dnf in all buildroots, and it counts the age of its copy in seconds."""
    for name in ("one", "two"):
        write(workspace, name, "")
    for name, needs in (("first", "one"), ("second", "two")):
        spec = SPEC.format(name=name, build="").replace("Summary: x", f"Summary: x\nBuildRequires: {needs}", 1)
        write_package(workspace, name, spec, {"needs": "", "more": ""}, {})
    assert planex("build", "first").returncode == 0
    tomorrow = time.time() + 86400
    for path in (workspace / "_build/bookworm/buildroots/dnf-cache").rglob("*"):
        os.utime(path, (tomorrow, tomorrow), follow_symlinks=False)
    done = planex("build", "second")
    assert done.returncode == 0, done.stderr
