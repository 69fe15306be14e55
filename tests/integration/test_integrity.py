# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing is believed that was not proved, and nothing is lost: real builds with hostile outputs, damage and kills."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from planex.rpm import repo
from planex.run import Completed, Process, run, spawn
from tests.conftest import ROOT
from tests.integration.conftest import Planex, write_package

pytestmark = [pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "patch")]

SPEC = """\
Name:           {{ package.name }}
Version:        1
Release:        1
Summary:        A test
License:        MIT
BuildArch:      noarch
Source0:        %{name}-%{version}.tar
@TAGS@
%description
x
%prep
%autosetup -p1
%build
@BUILD@
%install
install -D -m 644 data %{buildroot}/usr/share/%{name}/data
@INSTALL@
%files
/usr/share/%{name}
@FILES@
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
RPM = "foo-1-1.noarch.rpm"
RPMS = "/builddir/build/RPMS"


def package(
    workspace: Path, name: str = "foo", *, tags: str = "", build: str = ":", install: str = "", files: str = ""
) -> None:
    spec = SPEC.replace("@TAGS@", tags).replace("@BUILD@", build).replace("@INSTALL@", install)
    write_package(workspace, name, spec.replace("@FILES@", files), {"data": "x\n"}, {})


def target(workspace: Path) -> Path:
    return workspace / "_build" / "bookworm"


def stored(workspace: Path, name: str = "foo") -> Path:
    return (target(workspace) / "store" / name / "current").resolve()


def reasons(done: Completed) -> dict[str, list[str]]:
    assert done.returncode == 0, done.stderr
    return {step["package"]: step["reasons"] for step in json.loads(done.stdout)["steps"] if step["action"] == "build"}


def ok(done: Completed) -> Completed:
    assert done.returncode == 0, done.stderr
    return done


def change(path: Path) -> None:
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def change_unseen(path: Path) -> None:
    """Change a file whose size, time and inode stay as they were."""
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_building(workspace: Path, name: str = "foo") -> bool:
    log = target(workspace) / "logs" / name / "build.log"
    return log.exists() and "sleep" in log.read_text(errors="replace")


def start(workspace: Path, *words: str) -> contextlib.AbstractContextManager[Process[bytes]]:
    return spawn([sys.executable, "-m", "planex", "-C", workspace, *words], cwd=ROOT)


# ---- what leaves a build

# The spec's own RPMs go to a folder below; the build has put what it wants where the promised one would be.
ELSEWHERE = "%global _rpmfilename sub/%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (f"ln -s /etc/passwd {RPMS}/{RPM}", f"{RPM} is a symbolic link, not a file"),
        (f"mkfifo {RPMS}/{RPM}", f"{RPM} is a FIFO, not a file"),
        (f"echo hello worl >{RPMS}/{RPM}", f"{RPM}: it ends within its lead: truncated, or no RPM"),
        (f"truncate -s 100G {RPMS}/{RPM}", f"{RPM} is too large: 107374182400 bytes"),
        (f"echo >{RPMS}/x; ln {RPMS}/x {RPMS}/{RPM}", f"{RPM} is a hard link"),
        (f"echo >{RPMS}/bar-1-1.noarch.rpm", "bar-1-1.noarch.rpm is no RPM that the spec promises"),
    ],
)
def test_what_a_build_leaves_is_not_believed(workspace: Path, planex: Planex, build: str, words: str) -> None:
    package(workspace, tags=ELSEWHERE, build=f"mkdir -p {RPMS}\n{build}")
    done = planex("build")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"foo failed in outputs: {words}" in done.stderr
    assert not (target(workspace) / "store" / "foo").exists()
    assert not list(target(workspace).glob("repo/*.rpm"))
    assert not (target(workspace) / "work" / "build" / "foo").exists(), "the work folder of a failed package goes"
    assert (target(workspace) / "logs" / "foo" / "build.log").exists()


def test_a_folder_of_rpms_that_became_a_link_is_not_entered(workspace: Path, planex: Planex) -> None:
    # rpmbuild has opened nothing there yet; what it writes goes through the link, inside the cage
    package(workspace, build=f"mkdir /tmp/rpms; mkdir -p {RPMS}; rmdir {RPMS}; ln -s /tmp/rpms {RPMS}")
    done = planex("build")
    assert done.returncode == 1
    assert "the build left no folder RPMS with RPMs" in done.stderr


def test_files_over_the_bases_are_refused_or_allowed_by_name(workspace: Path, planex: Planex) -> None:
    package(workspace, install="install -D -m 755 data %{buildroot}/usr/bin/bash", files="/usr/bin/bash")
    done = planex("build")
    assert done.returncode == 1
    assert f"{RPM} has /usr/bin/bash, a file of the base's bash" in done.stderr
    assert "replaces: [bash]" in done.stderr
    (workspace / "specs/foo/package.yaml").write_text("replaces: [bash]\n")
    ok(planex("build", "foo"))


def test_names_of_the_base_are_refused_while_planning(workspace: Path, planex: Planex) -> None:
    package(workspace, tags="Provides: bash = 99")
    package(workspace, "sed")
    done = planex("build", "--dry-run")
    assert done.returncode == 2
    assert "specs/foo: foo provides bash, the name of a package of the base" in done.stderr
    assert "specs/sed: sed has the name of a package of the base" in done.stderr
    (workspace / "specs/foo/package.yaml").write_text("replaces: bash\n")
    done = planex("build", "--dry-run")
    assert done.returncode == 2
    assert "package.yaml:1: 'replaces'" in done.stderr
    (workspace / "specs/foo/package.yaml").write_text("replaces: [bash]\n")
    (workspace / "specs/sed/package.yaml").write_text("replaces: [sed]\n")
    assert set(reasons(planex("build", "--dry-run", "--json"))) == {"foo", "sed"}


# ---- what is stored and published


def test_a_damaged_result_is_built_again_and_the_plan_says_so(workspace: Path, planex: Planex) -> None:
    package(workspace)
    ok(planex("build"))
    good = (target(workspace) / "repo" / RPM).read_bytes()
    change(stored(workspace) / RPM)
    assert (target(workspace) / "repo" / RPM).read_bytes() == good, "store and repository share no file"
    assert reasons(planex("build", "--dry-run", "--json")) == {"foo": [f"the stored {RPM} is damaged"]}
    assert "built      foo" in ok(planex("build")).stderr
    assert (stored(workspace) / RPM).read_bytes() == good
    assert "nothing to do" in planex("build").stderr


def test_verify_finds_what_left_no_trace_and_the_next_build_mends_it(workspace: Path, planex: Planex) -> None:
    package(workspace)
    ok(planex("build"))
    rpm = stored(workspace) / RPM
    change_unseen(rpm)
    assert "nothing to do" in planex("build").stderr, "size, time and inode are as they were"
    done = planex("store", "verify")
    assert done.returncode == 1
    assert f"foo: the stored {RPM} is damaged" in done.stderr
    assert planex("store", "list").stdout.startswith("! foo")
    assert reasons(planex("build", "--dry-run", "--json")) == {"foo": [f"the stored {RPM} is damaged"]}
    ok(planex("build"))
    assert planex("store", "verify").stdout == "1 results whole\n"
    assert planex("store", "list").stdout.startswith("* foo")

    change(stored(workspace) / RPM)
    assert planex("store", "verify", "--repair").stdout == "0 results whole, 1 deleted\n"
    assert json.loads(planex("store", "list", "--json").stdout) == []


def test_a_stored_rpm_that_cannot_be_read_is_a_result_that_is_not_there(workspace: Path, planex: Planex) -> None:
    package(workspace)
    ok(planex("build"))
    rpm = stored(workspace) / RPM
    change_unseen(rpm)
    (rpm.parent / "made.json").unlink()
    assert reasons(planex("build", "--dry-run", "--json")) == {"foo": [f"the stored {RPM} is damaged"]}
    assert "built      foo" in ok(planex("build")).stderr
    assert planex("store", "verify").stdout == "1 results whole\n"


def test_what_is_published_is_read_whole_before(workspace: Path, planex: Planex) -> None:
    package(workspace)
    ok(planex("build"))
    rpm = stored(workspace) / RPM
    change_unseen(rpm)
    (target(workspace) / "repo").resolve().joinpath(RPM).unlink()
    done = planex("build")
    assert done.returncode == 1
    assert f"the stored {RPM} is damaged" in done.stderr
    assert "planex build foo" in done.stderr
    assert "built      foo" in ok(planex("build", "foo")).stderr
    assert repo.fault((target(workspace) / "repo").resolve()) is None


def test_damage_of_the_repository_is_said_and_it_is_composed_anew(workspace: Path, planex: Planex) -> None:
    package(workspace)
    ok(planex("build"))
    for name, words in ((RPM, "is missing"), ("repodata/repomd.xml", "is damaged")):
        file = (target(workspace) / "repo").resolve() / name
        file.unlink()
        if words == "is damaged":
            file.write_text("garbage")
        assert f"the repository is composed anew: {name} {words}" in ok(planex("build")).stderr
        assert repo.fault((target(workspace) / "repo").resolve()) is None
    assert "nothing to do" in planex("build").stderr


def test_a_base_that_lost_something_is_named_and_made_again(workspace: Path, planex: Planex, base: Path) -> None:
    package(workspace)
    own = workspace / "_build" / "base"
    own.unlink()
    shutil.copytree(base, own, symlinks=True)
    next((own / "bookworm" / "repo").resolve().glob("zlib1g-1*.rpm")).unlink()
    done = planex("build")
    assert done.returncode == 1
    assert "the base 'bookworm' is damaged: zlib1g-1" in done.stderr
    assert "planex base build" in done.stderr
    assert "the base is composed anew: zlib1g-1" in ok(planex("base", "build")).stderr
    ok(planex("build", "--dry-run"))


# ---- clean


@pytest.fixture
def building(workspace: Path) -> Iterator[Process[bytes]]:
    """A build that takes some seconds, and has come to its %build."""
    package(workspace, build="sleep 3")
    with start(workspace, "build") as process:
        wait_for(lambda: is_building(workspace) or process.poll() is not None)
        yield process


@pytest.mark.parametrize("words", [["clean"], ["clean", "--all"], ["clean", "--what", "store"]])
def test_clean_does_not_touch_a_running_build(
    workspace: Path, planex: Planex, building: Process[bytes], words: list[str]
) -> None:
    done = planex(*words)
    assert done.returncode == 1
    assert "another planex is at work in" in done.stderr
    assert f"process {building.pid}, since " in done.stderr
    assert "--wait" in done.stderr
    assert building.wait(60) == 0
    assert (stored(workspace) / RPM).exists()


def test_clean_can_wait_for_a_running_build(workspace: Path, planex: Planex, building: Process[bytes]) -> None:
    done = ok(planex("clean", "--all", "--wait"))
    assert f"waiting: another planex is at work in {workspace}/_build (process {building.pid}" in done.stderr
    assert building.wait(1) == 0, "it had ended when clean began"
    assert not (workspace / "_build").exists()


def test_a_second_build_waits_where_it_is_told_to(workspace: Path, planex: Planex, building: Process[bytes]) -> None:
    assert planex("build").returncode == 1
    done = ok(planex("build", "--wait"))
    assert f"process {building.pid}" in done.stderr
    assert "nothing to do, 1 up to date" in done.stderr


def test_clean_shows_what_there_is_and_deletes_just_that(workspace: Path, planex: Planex) -> None:
    package(workspace)
    ok(planex("build"))
    table = planex("clean", "--what").stdout
    assert {"downloads", "base", "buildroots", "store", "repo", "logs", "cache"} <= {
        line.split()[0] for line in table.splitlines()
    }
    done = planex("clean", "--what", "stor")
    assert (done.returncode, "did you mean 'store'" in done.stderr) == (2, True)
    assert ok(planex("clean", "--what", "logs")).stdout == f"deleted {target(workspace)}/logs\n"
    assert "nothing to do" in planex("build").stderr
    ok(planex("clean", "--what", "store"))
    assert reasons(planex("build", "--dry-run", "--json")) == {"foo": ["new"]}
    base = (workspace / "_build" / "base").resolve()
    ok(planex("clean", "--all"))
    assert not (workspace / "_build").exists()
    assert (base / "bookworm" / "repo").exists(), "what a link points to is not this workspace's"


# ---- kills


def test_what_a_killed_build_left_is_swept_by_the_next_one(workspace: Path, planex: Planex) -> None:
    package(workspace, build="sleep 3")
    with start(workspace, "build") as process:
        wait_for(lambda: is_building(workspace))
        process.kill()
        process.wait()
    place = target(workspace)
    for name in (
        "buildroots/.closure.x.draft/x",
        "buildroots/.deps-0.x.draft",
        ".repo-1.x.draft",
        "store/foo/.x.draft",
    ):
        (place / name).mkdir(parents=True)
    (place / "..closed.x.draft").write_text("")
    assert (place / "work" / "build" / "foo").exists()
    ok(planex("build"))
    assert not [path for pattern in (".*.draft", "*/.*.draft", "*/*/.*.draft") for path in place.glob(pattern)]
    assert not list((place / "work" / "build").glob("*"))


def test_a_build_that_is_interrupted_ends_with_130_and_is_gone_on_with(workspace: Path, planex: Planex) -> None:
    package(workspace, build="sleep 3")
    with start(workspace, "build") as process:
        wait_for(lambda: is_building(workspace))
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    ok(planex("build"))


# ---- a full disk

PROVE = """\
import sys
from pathlib import Path
from planex.rpm import repo
sys.exit(repo.fault(Path(sys.argv[1]).resolve()) and 1)
"""


@pytest.fixture
def small_disk(workspace: Path) -> Iterator[Callable[..., Completed]]:
    """Run commands where the target's folder is a small file system of its own, in a mount namespace of its own."""
    if os.geteuid() != 0:
        pytest.skip("planex in a user namespace of a test's would be another planex; write faults are injected as well")
    target(workspace).mkdir(parents=True)
    mount = f"mount -t tmpfs -o size=1g tmpfs {target(workspace)} && echo mounted && sleep 600"
    with spawn(["unshare", "--mount", "--propagation", "private", "sh", "-c", mount]) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mounted\n"

        def inside(*words: str | Path) -> Completed:
            argv = ["nsenter", "--mount", "--target", str(holder.pid), "--", *words]
            return run(argv, check=False, env={"PYTHONPATH": str(ROOT)})

        yield inside


def test_the_same_command_goes_on_after_a_full_disk(workspace: Path, small_disk: Callable[..., Completed]) -> None:
    def planex(*words: str) -> Completed:
        return small_disk(sys.executable, "-m", "planex", "-C", workspace, *words)

    def leave(size: int) -> None:
        filler = target(workspace) / "filler"
        free = int(small_disk("stat", "-f", "-c", "%a", target(workspace)).stdout) * 4096
        ok(small_disk("fallocate", "-l", str(max(free - size, 1)), filler))

    def free() -> None:
        ok(small_disk("rm", "-f", target(workspace) / "filler"))

    package(workspace, "good")
    ok(planex("build"))
    # a build that fills the disk does not take it from the next one
    package(workspace, "hog", build="dd if=/dev/zero of=zero bs=1M")
    before = small_disk("stat", "-f", "-c", "%a", target(workspace)).stdout
    done = planex("build", "hog")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    after = small_disk("stat", "-f", "-c", "%a", target(workspace)).stdout
    assert int(before) - int(after) < 1000, "blocks of 4 KiB: logs only"
    shutil.rmtree(workspace / "specs" / "hog")
    # whatever there is left, nothing is half published, and with room the same command ends well
    failures = 0
    for size in (0, 64 << 10, 1 << 20, 3 << 20, 6 << 20, 9 << 20, 12 << 20, 15 << 20, 40 << 20):
        words = f"head -c 3000000 /dev/urandom >data; : {size}"
        package(workspace, build=words)
        leave(size)
        done = planex("build")
        failures += done.returncode != 0
        assert done.returncode in (0, 1)
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or "No space left" in done.stderr, done.stderr
        ok(planex("store", "verify"))
        free()
        ok(planex("build"))
        ok(small_disk(sys.executable, "-c", PROVE, target(workspace) / "repo"))
    assert failures > 3
