# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex build with the real rpmbuild, dnf and bubblewrap, on a library and a program that uses it."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

from planex.checksums import digest_of
from planex.content.locks import hold
from planex.run import Completed, run
from tests.integration.conftest import Planex, make_workspace, run_planex, write_package

pytestmark = [pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "patch")]

PREAMBLE = """\
Name:           {{ package.name }}
Version:        1
Release:        1%{?dist}
Summary:        A test
License:        MIT
Source0:        %{name}-%{version}.tar
{{ patch_lines }}
"""
CHANGELOG = "%changelog\n* Thu Nov 19 2026 t <t@example.org> - 1-1\n- x\n"
GREET_H = 'static const char *greeting = "hello";\n'
LIBRARY = (
    PREAMBLE
    + """\
%description
x
%package devel
Summary: x
%description devel
x
%prep
%autosetup -p1
%install
install -D -m 644 greet.h %{buildroot}/usr/include/greet.h
install -D -m 644 greet.pc %{buildroot}%{_libdir}/pkgconfig/greet.pc
install -D -m 644 greet.h %{buildroot}/usr/share/libgreet/greet.h
%files
/usr/share/libgreet
%files devel
/usr/include/greet.h
%{_libdir}/pkgconfig/*.pc
"""
    + CHANGELOG
)
PROGRAM = (
    PREAMBLE
    + """\
BuildRequires:  gcc
BuildRequires:  pkgconfig(greet)
%global debug_package %{nil}
%description
x
%prep
%autosetup -p1
%build
@ISOLATION@gcc -o greet greet.c $(pkg-config --cflags greet)
%install
install -D greet %{buildroot}/usr/bin/greet
%check
./greet
%files
/usr/bin/greet
"""
    + CHANGELOG
)
ISOLATION = """\
grep -v lo: /proc/net/dev | grep : && exit 1
test ! -e /work && test "$(id -u)" = 1000
"""
GREET_C = "#include <greet.h>\n#include <stdio.h>\nint main(void)\n{\n  puts(greeting);\n  return 0;\n}\n"
GREET_PC = "Name: greet\nDescription: x\nVersion: 1\nCflags: -I/usr/include\n"
OTHER = {"other.h": GREET_H, "other.pc": GREET_PC}
PATCH = """\
Subject: shout

--- a/greet.c
+++ b/greet.c
@@ -2,6 +2,6 @@
 #include <stdio.h>
 int main(void)
 {
-  puts(greeting);
+  puts(greeting); puts("!");
   return 0;
 }
"""


def program(isolation: str = ISOLATION) -> str:
    """The program's spec; its %build fails where it sees a network or the host's files, or runs as root."""
    return PROGRAM.replace("@ISOLATION@", isolation)


@pytest.fixture
def packages(workspace: Path) -> Path:
    write_package(workspace, "libgreet", LIBRARY, {"greet.h": GREET_H, "greet.pc": GREET_PC}, {})
    write_package(workspace, "greet", program(), {"greet.c": GREET_C}, {"shout.patch": PATCH})
    return workspace


def statuses(done: Completed) -> dict[str, str]:
    assert done.returncode == 0, done.stderr
    return {row["package"]: row["status"] for row in json.loads(done.stdout)["packages"]}


def plan(done: Completed) -> dict[str, list[str]]:
    assert done.returncode == 0, done.stderr
    return {step["package"]: step["reasons"] for step in json.loads(done.stdout)["steps"] if step["action"] == "build"}


def digests(workspace: Path) -> dict[str, str]:
    return {path.name: digest_of(path, "SHA256") for path in (workspace / "_build/bookworm/repo").glob("*.rpm")}


def test_only_what_changed_is_built_again_and_results_are_the_same_bytes(packages: Path, planex: Planex) -> None:
    assert plan(planex("build", "--dry-run", "--json")) == {
        "libgreet": ["new"],
        "greet": ["new", "dependency libgreet is to be rebuilt"],
    }
    assert statuses(planex("build", "--json")) == {"libgreet": "built", "greet": "built"}
    first = digests(packages)
    assert set(first) == {
        "greet-1-1.pl1.x86_64.rpm",
        "libgreet-1-1.pl1.x86_64.rpm",
        "libgreet-devel-1-1.pl1.x86_64.rpm",
    }
    logs = packages / "_build/bookworm/logs/greet"
    assert {"build.log", "root.log", "state.log", "installed_pkgs.log"} <= {path.name for path in logs.iterdir()}
    assert "libgreet-devel-1-1.pl1" in (logs / "installed_pkgs.log").read_text()

    again = planex("build")
    assert "nothing to do, 2 up to date" in again.stderr

    # the same inputs give the same bytes
    assert statuses(planex("build", "--force", "--json")) == {"libgreet": "built", "greet": "built"}
    assert digests(packages) == first

    # a remark in the library's spec: it is rebuilt, comes out the same, and the program is not built again
    spec = packages / "specs/libgreet/libgreet.spec.j2"
    spec.write_text(spec.read_text().replace("%prep", "# remark\n%prep"))
    assert statuses(planex("build", "--json")) == {"libgreet": "built", "greet": "unchanged"}

    # a patch of the program: the library is left alone
    patch = packages / "patchqueues/greet/shout.patch"
    patch.write_text(patch.read_text().replace('"!"', '"!!"'))
    assert plan(planex("build", "--dry-run", "--json")) == {"greet": ["patch shout.patch changed"]}
    assert statuses(planex("build", "--json")) == {"greet": "built"}

    # back again: the earlier result serves
    patch.write_text(PATCH)
    assert statuses(planex("build", "--json")) == {"greet": "reused"}
    assert digests(packages)["greet-1-1.pl1.x86_64.rpm"] == first["greet-1-1.pl1.x86_64.rpm"]

    deps = run(["rpm", "-qpR", packages / "_build/bookworm/repo/greet-1-1.pl1.x86_64.rpm"]).stdout
    assert "libc.so.6" in deps


def test_a_broken_patch_stops_everything_before_a_buildroot_is_made(packages: Path, planex: Planex) -> None:
    (packages / "patchqueues/greet/shout.patch").write_text(PATCH.replace("int main(void)", "int main()"))
    done = planex("build")
    assert done.returncode == 1
    assert "greet failed in patches" in done.stderr
    assert "shout.patch" in done.stderr
    assert "greet.c" in done.stderr
    assert "hunk" in done.stderr.lower()
    assert not list((packages / "_build/bookworm").glob("buildroots/base-*"))


def test_a_failed_build_shows_where_and_why_and_skips_what_needs_it(packages: Path, planex: Planex) -> None:
    spec = packages / "specs/libgreet/libgreet.spec.j2"
    spec.write_text(spec.read_text().replace("%install\n", "%build\necho the reason; exit 3\n%install\n"))
    files = {name: packages / name for name in ("events.jsonl", "junit.xml")}
    done = planex("--events", files["events.jsonl"], "build", "--junit", files["junit.xml"])
    assert done.returncode == 1
    assert "libgreet failed in %build" in done.stderr
    assert "the reason" in done.stderr
    assert "_build/bookworm/logs/libgreet/build.log" in done.stderr
    assert "planex build libgreet" in done.stderr
    assert not (packages / "_build/bookworm/store/greet").exists()
    assert_told(files["events.jsonl"].read_text())
    cases = {row.get("name"): row for row in ElementTree.parse(files["junit.xml"]).iter("testcase")}
    failure = cases["libgreet"].find("failure")
    assert failure is not None and "the reason" in (failure.text or "")
    assert cases["greet"].find("skipped") is not None

    spec.write_text(LIBRARY)
    assert statuses(planex("build", "--json")) == {"libgreet": "built", "greet": "built"}


def assert_told(events: str) -> None:
    """The run of a library that failed, as lines of JSON: a timeline can be made of them."""
    told = [json.loads(line) for line in events.splitlines()]
    assert (told[0]["event"], told[-1]["event"], told[-1]["status"]) == ("run_began", "run_ended", 1)
    failed, skipped = (row for row in told if row["event"] == "package_ended")
    assert (failed["package"], failed["status"], failed["phase"]) == ("libgreet", "failed", "%build")
    assert failed["seconds"] > 0 and "the reason" in failed["tail"] and failed["log"].endswith("build.log")
    assert (skipped["package"], skipped["status"]) == ("greet", "skipped")
    tasks = {row["task"] for row in told if row["event"] == "task_began" and row["name"] == "libgreet"}
    phases = [row["phase"] for row in told if row["event"] == "phase_began" and row["task"] in tasks]
    assert phases == ["unpack", "patches", "srpm", "buildroot", "rpmbuild", "%prep", "%build"]
    assert tasks <= {row["task"] for row in told if row["event"] == "task_ended"}


def test_unknown_build_requirements_are_found_before_anything_is_done(packages: Path, planex: Planex) -> None:
    (packages / "specs/greet/greet.spec.j2").write_text(program().replace("pkgconfig(greet)", "no-such-thing"))
    done = planex("build")
    assert done.returncode == 2
    assert "specs/greet: BuildRequires no-such-thing" in done.stderr
    assert not (packages / "_build/bookworm/store/libgreet").exists()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("pkgconfig(greet)", "no-such-thing", "specs/greet: BuildRequires no-such-thing"),
        ("%description", "%if", "greet.spec:"),
        ("{{ patch_lines }}", "{{ nothing }}", "greet.spec.j2"),
        ("Source0:", "Source0: nowhere.tar\nSource9:", "nowhere.tar: no such file"),
    ],
)
def test_a_broken_package_holds_up_only_what_needs_it(
    packages: Path, planex: Planex, old: str, new: str, fault: str
) -> None:
    spec = packages / "specs/greet/greet.spec.j2"
    spec.write_text(program().replace(old, new, 1))
    done = planex("build", "libgreet", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.startswith("build   libgreet  new\n")
    for words in ((), ("greet",)):
        done = planex("build", "--dry-run", *words)
        assert done.returncode == 2
        assert fault in done.stderr
    done = planex("build", "--keep-going", "--dry-run")
    assert (done.returncode, fault in done.stderr) == (2, True)
    assert done.stdout.startswith("build   libgreet  new\n")


def test_the_graph_is_seen_before_anything_is_fetched_or_built(packages: Path, planex: Planex) -> None:
    assert planex("graph", "greet").stdout == ("libgreet\ngreet\n  needs libgreet  BuildRequires pkgconfig(greet)\n")
    (row, _) = json.loads(planex("graph", "--json").stdout)
    assert row == {"package": "libgreet", "needs": [], "notes": []}
    assert '"greet" -> "libgreet"' in planex("graph", "--dot").stdout
    assert planex("graph", "--why", "greet", "libgreet").stdout == (
        "greet needs libgreet (BuildRequires pkgconfig(greet))\n"
    )
    done = planex("graph", "--why", "libgreet", "greet")
    assert (done.returncode, "libgreet does not need greet" in done.stderr) == (1, True)


def test_a_queue_that_the_spec_does_not_name_is_an_error(packages: Path, planex: Planex) -> None:
    (packages / "specs/greet/greet.spec.j2").write_text(program().replace("{{ patch_lines }}\n", ""))
    done = planex("build")
    assert done.returncode == 2
    assert "greet.spec.j2: does not name the patches of its queue: shout.patch" in done.stderr


def test_what_is_edited_during_a_build_is_built_by_the_next_one(packages: Path, planex: Planex) -> None:
    spec = packages / "specs/libgreet/libgreet.spec.j2"
    (spec.parent / "remark.txt").write_text("")
    slow = LIBRARY.replace("{{ patch_lines }}\n", "Source1: remark.txt\n{{ patch_lines }}\n")
    spec.write_text(slow.replace("%install\n", "%build\nsleep 3\n%install\n"))
    with ThreadPoolExecutor(1) as pool:
        building = pool.submit(planex, "build", "libgreet", "--json")
        log = packages / "_build/bookworm/logs/libgreet/build.log"
        while not building.done() and not (log.exists() and "sleep 3" in log.read_text()):
            time.sleep(0.1)
        (spec.parent / "remark.txt").write_text("late")
        assert statuses(building.result()) == {"libgreet": "built"}
    assert plan(planex("build", "libgreet", "--dry-run", "--json")) == {"libgreet": ["file remark.txt changed"]}


def test_a_repository_that_is_not_closed_stays_an_error(packages: Path, planex: Planex) -> None:
    spec = packages / "specs/libgreet/libgreet.spec.j2"
    spec.write_text(LIBRARY.replace("%description\n", "Requires: no-such-thing\n%description\n", 1))
    for _ in range(2):
        done = planex("build")
        assert done.returncode == 1
        assert "the repository is not closed" in done.stderr
        assert "no-such-thing" in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("cycle", "packages need each other in a circle"),
        ("checksum", "wrong checksum of"),
        ("key", "unknown key 'vendr' (did you mean 'vendor'?)"),
        ("missing source", "greet-1.tar: no such file"),
    ],
)
def test_mistakes_are_one_clear_error(packages: Path, planex: Planex, change: str, message: str) -> None:
    spec = packages / "specs/greet/greet.spec.j2"
    status = 2
    if change == "cycle":
        library = packages / "specs/libgreet/libgreet.spec.j2"
        library.write_text(library.read_text().replace("%description\n", "BuildRequires: greet\n%description\n", 1))
    elif change == "checksum":
        tarball = packages / "specs/greet/greet-1.tar"
        spec.write_text(program().replace("%{name}-%{version}.tar", f"file://{tarball}", 1))
        (packages / "specs/greet/sources").write_text(f"SHA512 (greet-1.tar) = {'0' * 128}\n")
        status = 1
    elif change == "key":
        config = packages / "planex.yaml"
        config.write_text(config.read_text().replace("vendor:", "vendr:"))
    else:
        (packages / "specs/greet/greet-1.tar").unlink()
    done = planex("build")
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
    assert message in done.stderr


def test_one_planex_at_a_time(packages: Path, planex: Planex) -> None:
    with hold(packages / "_build/bookworm/.lock"):
        done = planex("build")
    assert done.returncode == 1
    assert "another planex is at work" in done.stderr


@pytest.fixture
def open_workspace(base: Path) -> Iterator[Path]:
    """A workspace that the user whom mock builds as can read, which folders of pytest are not."""
    if os.geteuid() == 0 and "SUDO_UID" not in os.environ:
        pytest.skip("mock does not run for root alone: set SUDO_UID")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        workspace = make_workspace(Path(folder) / "workspace", base)
        write_package(workspace, "libgreet", LIBRARY, {"greet.h": GREET_H, "greet.pc": GREET_PC}, {})
        # mock cuts the network only with systemd-nspawn, which it cannot use everywhere
        write_package(workspace, "greet", program(isolation=""), {"greet.c": GREET_C}, {"shout.patch": PATCH})
        write_package(workspace, "timeless", LIBRARY.partition("%changelog")[0].replace("greet.", "other."), OTHER, {})
        yield workspace
        assert run_planex(workspace, "clean", "--all").returncode == 0


@pytest.mark.tools("mock")
def test_both_builders_make_the_same_bytes(open_workspace: Path) -> None:
    made = {}
    for builder in ("mock", "sandbox"):
        done = run_planex(open_workspace, "build", "--json", "--force", "--builder", builder)
        assert set(statuses(done).values()) == {"built"}
        logs = open_workspace / "_build/bookworm/logs/greet"
        names = {path.name for path in logs.iterdir()}
        assert {"build.log", "root.log", "state.log", "installed_pkgs.log"} <= names
        assert "libgreet-devel-1-1.pl1" in (logs / "installed_pkgs.log").read_text()
        made[builder] = digests(open_workspace)
    assert len(made["mock"]) == 5
    assert made["mock"] == made["sandbox"]


@pytest.mark.tools("mock")
def test_a_failure_in_the_real_mock_shows_phase_and_reason(open_workspace: Path) -> None:
    spec = open_workspace / "specs/libgreet/libgreet.spec.j2"
    spec.write_text(LIBRARY.replace("%install\n", "%build\necho the reason; exit 3\n%install\n"))
    done = run_planex(open_workspace, "build", "libgreet", "--builder", "mock")
    assert done.returncode == 1
    assert "libgreet failed in %build" in done.stderr
    assert "the reason" in done.stderr
    assert "_build/bookworm/logs/libgreet/build.log" in done.stderr


def test_what_autotools_of_an_el_spec_call_is_there(workspace: Path) -> None:
    tools = ["autoconf", "aclocal", "automake", "libtoolize", "autopoint", "msgfmt"]
    needs = [f"BuildRequires: {name}" for name in ("autoconf", "automake", "libtool", "gettext-devel")]
    text = "\n".join(
        [PREAMBLE.rstrip(), *needs, "BuildArch: noarch", "%description", "x", "%prep", "%autosetup -p1", "%build"]
        + [f"{tool} --version" for tool in tools]
        + ["%files", CHANGELOG]
    )
    write_package(workspace, "tools", text, {"x": "x\n"}, {})
    done = run_planex(workspace, "build", "tools")
    assert done.returncode == 0, done.stderr
