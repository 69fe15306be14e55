# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds that explain themselves: why, log, shell, diff and what comes with them, on small packages and real tools."""

from __future__ import annotations

import json
import os
import pty
import sys
from pathlib import Path

import pytest

from planex.run import run
from tests.conftest import ROOT
from tests.integration.conftest import Planex, write_package
from tests.integration.talk import talk
from tests.integration.test_build import CHANGELOG, PREAMBLE

pytestmark = [pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "patch")]

SPEC = (
    PREAMBLE
    + """\
BuildArch: noarch
@NEEDS@
%description
x
%prep
%autosetup -p1
%build
@BUILD@
%install
install -D -m 644 text %{buildroot}/usr/share/%{name}/text
%files
/usr/share/%{name}
"""
    + CHANGELOG
)


def spec(needs: str = "", build: str = "true") -> str:
    return SPEC.replace("@NEEDS@", needs).replace("@BUILD@", build)


@pytest.fixture
def packages(workspace: Path) -> Path:
    """``words``, and ``reader`` which needs it."""
    write_package(workspace, "words", spec(), {"text": "one\n"}, {})
    write_package(workspace, "reader", spec("BuildRequires: words"), {"text": "two\n"}, {})
    return workspace


def commit(workspace: Path) -> None:
    (workspace / ".gitignore").write_text("/_build\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        run([*git, *words], cwd=workspace)


def test_why_compares_with_the_last_result_and_with_a_commit(packages: Path, planex: Planex) -> None:
    assert planex("why", "words").stdout == "words is to be built: no result of it is here.\n"
    assert planex("build").returncode == 0
    commit(packages)
    assert planex("why", "reader").stdout.startswith("reader is up to date.\n  made from the same: ")
    assert planex("why", "reader", "--since", "HEAD").stdout.startswith("reader and all that it needs are what")
    write_package(packages, "words", spec(), {"text": "three\n"}, {})
    told = planex("why", "reader").stdout
    assert "reader itself has not changed; it is built again if what it needs comes out otherwise: words." in told
    assert "words is to be built: file words-1.tar changed." in told
    own, needed = planex("why", "reader", "--since", "HEAD").stdout.splitlines()
    assert own.startswith("reader itself is what it was at HEAD (")
    assert needed == "words, which it needs, changed: file words-1.tar changed."
    lost = planex("why", "reader", "--since", "nowhere")
    assert lost.returncode == 1 and "has no commit 'nowhere'" in lost.stderr


def test_logs_of_the_last_build_are_shown_whole_or_by_their_errors(packages: Path, planex: Planex) -> None:
    assert "was not built here" in planex("log", "words").stderr
    write_package(packages, "words", spec(build="echo 'x.c:1: error: no'; false"), {"text": "one\n"}, {})
    assert planex("build", "words").returncode == 1
    assert "Executing(%build)" in planex("log", "words").stdout
    assert "Start: buildroot" in planex("log", "words", "--phase", "state").stdout
    (line,) = planex("log", "words", "--errors").stdout.splitlines()
    assert line.endswith(": x.c:1: error: no")
    assert "(did you mean 'words'?)" in planex("log", "word").stderr
    broken = "--- a/no\n+++ b/no\n@@ -1 +1 @@\n-a\n+b\n"
    write_package(packages, "words", spec(), {"text": "one\n"}, {"none.patch": broken})
    assert "failed in patches" in planex("build", "words").stderr
    early = planex("log", "words").stderr
    assert "stopped before it wrote a log" in early and "see why: planex build words" in early


def test_a_shell_is_where_the_build_is(packages: Path, planex: Planex) -> None:
    early = planex("shell", "reader", "--", "true")
    assert early.returncode == 1 and "planex build words" in early.stderr
    assert planex("build", "words").returncode == 0
    seen = planex("shell", "reader", "--", "sh", "-c", "id -u; pwd; ls; rpm -q words; cat /proc/net/dev; env; exit 7")
    assert seen.returncode == 7, seen.stderr
    lines = seen.stdout.splitlines()
    assert lines[:4] == ["1000", "/builddir/build/SPECS", "reader.spec", "words-1-1.pl1.noarch"]
    assert {"HOME=/builddir", "TERM=dumb"} <= {*lines} and not [line for line in lines if "eth" in line]
    assert "Wrote: " in planex("shell", "reader", "--", "rpmbuild", "-bb", "reader.spec").stdout
    assert not list((packages / "_build/bookworm/work/aside").iterdir())


def test_the_tree_of_a_failed_build_is_kept_until_it_is_built_well(packages: Path, planex: Planex) -> None:
    kept = packages / "_build/bookworm/kept"
    broken = spec(build="echo half >done; test -e mended")
    write_package(packages, "words", broken, {"text": "one\n"}, {})
    assert planex("build", "words").returncode == 1 and not kept.exists()
    failed = planex("build", "--keep", "words")
    assert failed.returncode == 1 and "hint:    look around in what it left: planex shell words" in failed.stderr
    assert planex("shell", "words", "--", "sh", "-c", "cat done; touch mended; rm done").stdout == "half\n"
    assert planex("shell", "words", "--", "ls").stdout == "mended\ntext\n"
    assert planex("shell", "words", "--fresh", "--", "ls").stdout == "words.spec\n"
    write_package(packages, "words", spec(), {"text": "one\n"}, {})
    assert planex("build", "words").returncode == 0 and not list(kept.iterdir())
    write_package(packages, "words", broken, {"text": "one\n"}, {})
    assert planex("build", "--keep", "words").returncode == 1 and list(kept.iterdir())
    assert planex("clean").returncode == 0 and not kept.exists()


def test_a_shell_on_a_terminal_has_job_control(packages: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(packages)
        os.execve(
            sys.executable, [sys.executable, "-m", "planex", "shell", "words"], {**os.environ, "PYTHONPATH": str(ROOT)}
        )
    loop = "sh -c 'trap \"exit 3\" INT; echo began; while :; do :; done'\r"
    said = talk(terminal, [(r"\$ ", loop), (r"began\r\n", "\x03"), (r"\^C[^$]*\$ ", "echo $?-$TERM; exit 5\r")])
    assert "\r\n3-" in said
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    assert f"3-{os.environ.get('TERM', 'dumb')}" in said


def test_two_results_are_compared_and_the_cause_is_named(packages: Path, planex: Planex) -> None:
    assert planex("build", "words").returncode == 0
    assert "one result of words only" in planex("diff", "words").stderr
    more = spec("Requires: words-of-others").replace(
        "/text\n%files", "/text\ninstall -m 600 text %{buildroot}/etc-x\n%files"
    )
    more = more.replace("%files\n", "%post\ntrue\n%files\n/etc-x\n")
    write_package(packages, "words", more, {"text": "three\n"}, {})
    assert planex("build", "words").returncode in (0, 1)  # the repository is not closed
    first, name, *lines = planex("diff", "words").stdout.splitlines()
    assert first.endswith(": file words-1.tar changed; spec changed") and name == "words-1-1.pl1.noarch.rpm"
    assert {*lines} == {
        "  + /etc-x",
        "  ! /usr/share/words/text: content, 4 -> 6 bytes",
        "  + requires /bin/sh",
        "  + requires words-of-others",
        "  + scriptlet %post",
        "  ! installed size 4 -> 12 bytes (+8)",
    }
    assert "no result whose key begins with 'zz'" in planex("diff", "words", "zz").stderr
    assert "no package 'word' in specs/ (did you mean 'words'?)" in planex("diff", "word").stderr


def test_a_build_is_proved_to_be_reproducible_or_told_where_it_is_not(packages: Path, planex: Planex) -> None:
    good = planex("build", "words", "--verify")
    assert good.returncode == 0 and "words is reproducible" in good.stderr
    write_package(packages, "words", spec(build="echo %{_smp_mflags} >text"), {"text": "one\n"}, {})
    bad = planex("build", "words", "--verify")
    assert bad.returncode == 1 and "not reproducible: words" in bad.stderr
    assert "  ! /usr/share/words/text: content" in bad.stdout


def test_a_run_leaves_a_timeline_events_and_junit(packages: Path, planex: Planex) -> None:
    logs = packages / "_build/bookworm/logs/build"
    assert planex("build", "--dry-run").returncode == 0 and not logs.exists()
    done = planex("-v", "build")
    assert done.returncode == 0 and "timeline: " in done.stderr
    page = (logs / "timeline.html").read_text()
    assert "2 built in " in page and "words, then reader." in page
    assert {"package_planned", "phase_began", "package_ended"} <= {
        json.loads(line)["event"] for line in (logs / "events.jsonl").read_text().splitlines()
    }
    assert 'tests="2"' in (logs / "junit.xml").read_text()
    assert planex("build").returncode == 0
    assert (logs / "timeline.html").read_text() == page, "a run with nothing to do leaves the last one"
