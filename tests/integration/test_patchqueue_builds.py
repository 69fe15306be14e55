# SPDX-License-Identifier: LGPL-2.1-or-later
"""A carried queue is built, and the patch that breaks it is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.conftest import Planex, make_tarball, write_package
from tests.integration.patch_factory import diff_text, mail

pytestmark = [pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "patch", "git")]

SPEC = """\
Name:           prog
Version:        {{ version }}
Release:        1%{?dist}
Summary:        A test
License:        MIT
Source0:        %{name}-%{version}.tar
{{ patch_lines }}
%global debug_package %{nil}
%description
x
%prep
%autosetup -p1
%build
sh check.sh
%install
install -D -m 644 a.txt %{buildroot}/usr/share/prog/a.txt
%files
/usr/share/prog
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
OLD = {"a.txt": "one\ntwo\nthree\n", "b.txt": "\n", "c.txt": "\n", "check.sh": "grep -q two a.txt\n"}
NEW = {**OLD, "check.sh": "grep -q two a.txt && ! grep -q stale b.txt\n"}
"""What the second patch adds does not suit the new version, though it applies."""


@pytest.fixture
def queue(workspace: Path) -> Path:
    """A workspace with three patches that go onto version 2 without a conflict; the second breaks its build."""
    steps = [OLD, {**OLD, "c.txt": "first\n"}]
    steps += [{**steps[1], "b.txt": "stale\n"}, {**steps[1], "b.txt": "stale\n", "c.txt": "first\nthird\n"}]
    names = ("first", "second", "third")
    patches = {f"{n}.patch": mail(n, diff_text(*steps[i : i + 2])) for i, n in enumerate(names)}
    write_package(workspace, "prog", SPEC, OLD, patches)
    (workspace / "specs" / "prog" / "package.yaml").write_text('variables: {version: "1"}\n')
    make_tarball(workspace / "prog-2.tar", "prog-2", NEW)
    return workspace


def test_the_patch_that_breaks_the_build(queue: Path, planex: Planex) -> None:
    source = str(queue / "prog-2.tar")
    before = {path: path.read_bytes() for name in ("specs", "patchqueues") for path in (queue / name).rglob("*.*")}
    foretold = planex("pq", "forecast", "prog", "--onto", source, "--build")
    assert foretold.returncode == 1, foretold.stderr
    assert "2:  needs nobody  3 clean" in foretold.stdout
    assert "2: second.patch breaks the build (log: " in foretold.stdout, foretold.stderr
    assert {path: path.read_bytes() for path in before} == before, "nothing of the workspace is changed"
    assert not (queue / "_build" / "bookworm" / "store" / "prog").exists()
    again = planex("pq", "forecast", "prog", "--onto", source, "--build", "--json")
    (proof,) = json.loads(again.stdout)["builds"].values()
    assert (proof["builds"], proof["culprit"]) == (False, "second.patch")
    without = ("--without", "second.patch=stale", "--without", "third.patch=needs it")
    done = planex("pq", "rebase", "prog", source, "--build", *without)
    assert done.returncode == 0, done.stderr
    assert "prog 2: the carried queue builds" in done.stderr
    report = (queue / "_build" / "patchqueue" / "prog-rebase" / "report.txt").read_text()
    assert "Built: the carried queue builds." in report


@pytest.mark.parametrize("stale", [False, True])
def test_what_a_build_proves_of_proposals(queue: Path, planex: Planex, stale: bool) -> None:
    """The second patch conflicts, and what is proposed for it builds or not; the third is not built then."""
    old = {**OLD, "b.txt": "int f(int a, int b);\n", "c.txt": "int g(int a, int b);\n"}
    new = {"check.sh": NEW["check.sh"], "a.txt": OLD["a.txt"]}
    new |= {name: text.replace("int b", "long b") for name, text in old.items() if name in ("b.txt", "c.txt")}
    mine = {**old, "b.txt": old["b.txt"].replace("int a", "stale a" if stale else "char a")}
    steps = [old, mine, {**mine, "c.txt": old["c.txt"].replace("int a", "char a")}]
    patches = {f"{n}.patch": mail(n, diff_text(*steps[i : i + 2])) for i, n in enumerate(("one", "two"))}
    write_package(queue, "prog", SPEC, old, patches)
    (queue / "specs" / "prog" / "package.yaml").write_text('variables: {version: "1"}\n')
    make_tarball(queue / "prog-2.tar", "prog-2", new)
    words = ("pq", "forecast", "prog", "--onto", str(queue / "prog-2.tar"), "--build")
    rows = json.loads(planex(*words, "--json").stdout)["versions"]["2"]
    assert {row["status"] for row in rows.values()} == {"proposal"}
    wanted = ["breaks the build", "not built"] if stale else ["builds", "builds"]
    assert [row["built"] for row in rows.values()] == wanted
    again = planex(*words)
    assert again.returncode == int(stale)
    for patch, built in zip(("one", "two"), wanted, strict=True):
        assert f"in {'b' if patch == 'one' else 'c'}.txt; {built}" in again.stdout
