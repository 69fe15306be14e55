# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other commands of ``planex patchqueue``: status, check, checkout, refresh, forecast, import, bisect."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from planex.content.locks import hold
from planex.run import Completed, run
from tests.integration.patch_factory import (
    Tree,
    diff_text,
    mail,
    numbered,
    read_tree,
    replace_line,
    steps,
    write_tarball,
)
from tests.integration.patch_workspace import PatchWorkspace

pytestmark = [pytest.mark.tools("git", "patch", "bwrap", "rpmbuild")]

OLD: Tree = {"a.c": numbered(40), "b.c": numbered(30, "row")}
ONE = replace_line(OLD, "a.c", "line 10", "one")
TWO = replace_line(ONE, "a.c", "line 30", "two")
PATCHES = {**steps([OLD, ONE, TWO]), "guarded.patch": mail("guarded", diff_text(TWO, {**TWO, "g.c": "g\n"}))}
SERIES = "# --- Section\np1.patch\n\np2.patch # why\nguarded.patch #+extra\n"


@pytest.fixture
def workspace(tmp_path: Path) -> PatchWorkspace:
    return PatchWorkspace.create(tmp_path / "w", OLD, PATCHES, SERIES)


def git(folder: Path, *words: str) -> str:
    env = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_EDITOR": "true"}
    return run(["git", "-c", "user.name=P", "-c", "user.email=p@q", *words], cwd=folder, env=env).stdout


def test_status(workspace: PatchWorkspace) -> None:
    text = workspace.planex("pq", "status", "pkg").stdout
    assert text.startswith("# Section\n")
    assert re.search(r"3 +guarded\.patch +#\+extra +not applied", text)
    rows = json.loads(workspace.planex("patchqueue", "status", "pkg", "--guard", "extra", "--json").stdout)
    assert [row["applied"] for row in rows] == [True, True, True]
    assert rows[0]["author"] == "A U Thor <author@example.org>"
    unknown = workspace.planex("pq", "status", "pgk")
    assert (unknown.returncode, "did you mean 'pkg'?" in unknown.stderr) == (2, True)


def test_status_and_check_warn_of_what_chooses_nothing(workspace: PatchWorkspace) -> None:
    (workspace.queue / "spare.patch").write_text(PATCHES["p1.patch"])
    settings = workspace.recipe / "package.yaml"
    settings.write_text(settings.read_text() + "guards: [nobody]\n")
    for command in ("status", "check"):
        done = workspace.planex("pq", command, "pkg", "--guard", "extr")
        assert done.returncode == 0
        assert "pkg: no patch has the guard 'extr' (did you mean 'extra'?)" in done.stderr
        assert "pkg: no patch has the guard 'nobody'" in done.stderr
        assert "pkg: not in series, so never applied: spare.patch" in done.stderr
    (workspace.queue / "series").write_text(SERIES + "# spare.patch waits for upstream\n")
    assert "spare.patch" not in workspace.planex("pq", "status", "pkg").stderr
    assert workspace.planex("pq", "status", "pkg", "--guard", "extra").stderr.count("no patch has the guard") == 1


def commit_all(folder: Path, date: str) -> None:
    git(folder, "add", "-A", "patchqueues")
    day = f"{date}T12:00:00Z"
    env = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_COMMITTER_DATE": day, "GIT_AUTHOR_DATE": day}
    run(["git", "-c", "user.name=P", "-c", "user.email=p@q", "commit", "-qm", date], cwd=folder, env=env)


def test_stats_over_time(workspace: PatchWorkspace) -> None:
    series = workspace.queue / "series"
    alone = workspace.planex("pq", "stats", "pkg", "--over-time")
    assert (alone.returncode, "is in no git repository" in alone.stderr) == (1, True)
    git(workspace.folder, "init", "-q")
    for date, text in (
        ("2025-01-03", "p1.patch -p9x\n"),
        ("2025-02-01", "p1.patch\n"),
        ("2025-02-20", "# Section\np1.patch\n# Other\np2.patch\n"),
        ("2025-05-01", SERIES),
    ):
        series.write_text(text)
        commit_all(workspace.folder, date)
    done = workspace.planex("pq", "stats", "pkg", "--over-time")
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "pkg: 3 patches, 2 applied"
    assert lines[3] == "2025-01 the series could not be read"
    assert re.match(r"2025-02 2 \+2 -2 (\S+ [dy]|-) ", lines[4]), "the month's last state counts"
    assert lines[5].startswith("2025-05 3 +1 +3 -2 ")
    assert lines[5].endswith(" Section +2, Other -1")
    assert re.match(r"20\d\d-\d\d 3 \+3 -2 ", lines[6]), "now, without a change"
    rows = json.loads(workspace.planex("pq", "stats", "pkg", "--over-time", "--json").stdout)["months"]
    assert [row["month"] for row in rows][:-1] == ["2025-01", "2025-02", "2025-05"]
    assert rows[1]["sections"] == {"Section": 1, "Other": 1}
    assert rows[-1]["authors"] == {"A U Thor": 3}
    assert workspace.planex("pq", "stats", "pkg").stdout.count("\n20") == 1


def test_check(workspace: PatchWorkspace) -> None:
    good = workspace.planex("pq", "check", "pkg")
    assert (good.returncode, "all 2 patches apply" in good.stdout) == (0, True)
    path = workspace.queue / "p2.patch"
    path.write_text(path.read_text().replace(" line 27\n", " line twenty-seven\n"))
    bad = workspace.planex("pq", "check", "pkg")
    assert bad.returncode == 1
    assert re.search(r"fuzz +p2\.patch +a\.c: hunk 1 at line 27: fuzz 1", bad.stdout)
    assert "1 of 2 patches do not apply" in bad.stdout
    rows = json.loads(workspace.planex("pq", "check", "pkg", "--json").stdout)
    assert [row["bad"] for row in rows] == [False, True]


def test_a_series_with_mistakes_is_one_error_each(workspace: PatchWorkspace) -> None:
    (workspace.queue / "series").write_text("p1.patch\nmissing.patch\n../x.patch\np1.patch\n")
    done = workspace.planex("pq", "status", "pkg")
    assert done.returncode == 2
    assert "series:3: '../x.patch' lies outside the patch queue" in done.stderr
    assert "series:4: 'p1.patch' is named twice (first in line 1)" in done.stderr
    (workspace.queue / "series").write_text("p1.patch\nmissing.patch\n")
    assert "series:2: 'missing.patch' is not in the patch queue" in workspace.planex("pq", "status", "pkg").stderr


def checkout(workspace: PatchWorkspace, *words: str) -> Path:
    done = workspace.planex("pq", "checkout", "pkg", *words)
    assert done.returncode == 0, done.stderr
    return workspace.folder / "trees" / "pkg"


def test_checkout_and_refresh_of_nothing(workspace: PatchWorkspace) -> None:
    before = read_tree(workspace.queue)
    tree = checkout(workspace)
    assert git(tree, "log", "--format=%an %ad %s", "--date=iso", "upstream..") == (
        "A U Thor 2024-01-01 10:00:00 +0200 step 2\nA U Thor 2024-01-01 10:00:00 +0200 step 1\n"
    )
    assert (tree / "a.c").read_text() == TWO["a.c"]
    assert workspace.planex("pq", "refresh", "pkg").stdout == ""
    assert read_tree(workspace.queue) == before
    assert checkout(workspace) == tree, "again: nothing is in the way"


def test_refresh_writes_what_was_done(workspace: PatchWorkspace) -> None:
    tree = checkout(workspace)
    (tree / "b.c").write_text(OLD["b.c"].replace("row 5\n", "five\n"))
    git(tree, "commit", "-qam", "b: a new one\n\nBecause.\n\nSigned-off-by: P <p@q>")
    git(tree, "rebase", "-q", "--onto", "upstream", "HEAD~2", "HEAD")
    git(tree, "rebase", "-q", "-x", "sed -i 's/^line 2$/second/' a.c; git commit -qa --amend --no-edit", "HEAD~1")
    done = workspace.planex("pq", "refresh", "pkg")
    assert done.returncode == 0, done.stderr
    assert (
        re.findall(r"(\S+) +(\S+)\n", done.stdout)
        == [
            ("new", "b-a-new-one.patch"),
            ("removed", "p1.patch"),
        ]
        or "removed" in done.stdout
    )
    assert (workspace.queue / "series").read_text() == (
        "# --- Section\n\np2.patch # why\nb-a-new-one.patch\nguarded.patch #+extra\n"
    )
    assert not (workspace.queue / "p1.patch").exists()
    text = (workspace.queue / "b-a-new-one.patch").read_text()
    assert text.startswith("From: P <p@q>\nDate: ")
    assert "Subject: b: a new one\n\nBecause.\n\nSigned-off-by: P <p@q>\n\n---\n\ndiff --git a/a.c b/a.c\n" in text
    again = read_tree(workspace.queue)
    assert workspace.planex("pq", "refresh", "pkg").returncode == 0
    assert read_tree(workspace.queue) == again


def test_guards_of_a_checkout_are_kept(workspace: PatchWorkspace) -> None:
    tree = checkout(workspace, "--guard", "extra")
    assert (tree / "g.c").exists()
    git(
        tree,
        "commit",
        "-q",
        "--amend",
        "-m",
        "guarded, and better\n\nPatch-name: guarded.patch\nPatch-guards: -base +extra",
    )
    assert workspace.planex("pq", "refresh", "pkg").returncode == 0
    assert "guarded.patch #-base #+extra\n" in (workspace.queue / "series").read_text()


def test_unsaved_work_is_never_touched(workspace: PatchWorkspace) -> None:
    tree = checkout(workspace)
    (tree / "a.c").write_text("mine\n")
    for words in (["checkout", "pkg"], ["refresh", "pkg"]):
        done = workspace.planex("pq", *words)
        assert (done.returncode, "has work that is not committed: a.c" in done.stderr) == (1, True)
    git(tree, "commit", "-qam", "mine")
    refused = workspace.planex("pq", "checkout", "pkg")
    assert "has commits that are not in the queue" in refused.stderr
    assert (tree / "a.c").read_text() == "mine\n"
    (workspace.queue / "p1.patch").write_text(PATCHES["p1.patch"] + "\n")
    assert "was changed since" in workspace.planex("pq", "refresh", "pkg").stderr
    other = workspace.folder / "other"
    other.mkdir()
    (other / "file").write_text("x")
    assert "is not a tree that planex checked out" in workspace.planex("pq", "checkout", "pkg", str(other)).stderr


def test_a_broken_patch_can_be_mended_in_a_tree(workspace: PatchWorkspace) -> None:
    broken = PATCHES["p1.patch"].replace("line 10", "line ten")
    (workspace.queue / "p1.patch").write_text(broken)
    done = workspace.planex("pq", "checkout", "pkg")
    assert done.returncode == 0
    assert "p1.patch does not apply and has no commit" in done.stderr
    tree = workspace.folder / "trees" / "pkg"
    (tree / "a.c").write_text(TWO["a.c"])
    git(tree, "commit", "-qam", "step 1\n\nPatch-name: p1.patch")
    assert workspace.planex("pq", "refresh", "pkg").returncode == 0
    assert workspace.planex("pq", "check", "pkg").returncode == 0
    assert (
        workspace.queue / "series"
    ).read_text() == "# --- Section\np2.patch # why\np1.patch\n\nguarded.patch #+extra\n"


def forecast(workspace: PatchWorkspace, *words: str | Path) -> Completed:
    return workspace.planex("pq", "forecast", "pkg", *words)


def test_forecast_baseline_and_page(workspace: PatchWorkspace) -> None:
    two = workspace.source("2", {**OLD, "b.c": "x\n" + OLD["b.c"]})
    three = workspace.source("3", replace_line(OLD, "a.c", "line 30", "<b>upstream</b>"))
    before = read_tree(workspace.folder / "specs"), read_tree(workspace.queue)
    night = workspace.folder / "night.json"
    good = forecast(workspace, "--onto", two, "--save", night)
    assert (good.returncode, "2:  needs nobody  2 clean\n" in good.stdout) == (0, True)
    page = workspace.folder / "page.html"
    bad = forecast(workspace, "--onto", two, "--onto", three, "--baseline", night, "--html", page)
    assert bad.returncode == 1
    assert f"new since {night}: p2.patch on 3: conflict" in bad.stderr
    assert re.search(r"p2\.patch +clean +conflict +first bad: 3", bad.stdout)
    text = page.read_text()
    assert '<i class="clean" title="2">clean</i><i class="conflict" title="3">conflict</i>' in text
    assert f"New trouble since {night}: 1 patch<" in text
    assert "<h3>Section</h3>" in text
    both = forecast(workspace, "--onto", two, "--onto", three, "--save", night, "--json")
    assert both.returncode == 1
    assert json.loads(both.stdout)["first_bad"] == {"p2.patch": "3"}
    same = forecast(workspace, "--onto", two, "--onto", three, "--baseline", night)
    assert same.returncode == 0, "trouble that was known last night is no news"
    assert before == (read_tree(workspace.folder / "specs"), read_tree(workspace.queue))


def test_a_version_number_leads_to_the_source_beside_the_spec(workspace: PatchWorkspace) -> None:
    missing = forecast(workspace, "--onto", "2")
    assert (missing.returncode, "specs/pkg/pkg-2.tar is not there" in missing.stderr) == (1, True), missing.stderr
    path = workspace.recipe / "pkg-2.tar"
    workspace.source("2", {**OLD, "b.c": "x\n" + OLD["b.c"]}).rename(path)
    assert forecast(workspace, "--onto", "2").stdout.endswith("2:  needs nobody  2 clean\n")
    workspace.source("2", replace_line(OLD, "a.c", "line 30", "taken")).rename(path)
    assert forecast(workspace, "--onto", "2").stdout.endswith("2:  1 needs a person  1 clean, 1 conflict\n")
    typo = forecast(workspace, "--onto", "specs/pgk/pkg-2.tar")
    assert (typo.returncode, "specs/pgk/pkg-2.tar: no such file or folder" in typo.stderr) == (1, True)
    assert workspace.planex("pq", "rebase", "pkg", "2", "--without", "p2.patch=taken").returncode == 0
    assert 'version: "2"' in (workspace.recipe / "package.yaml").read_text()
    path.unlink()
    gone = workspace.planex("pq", "check", "pkg")
    assert (gone.returncode, "specs/pkg/pkg-2.tar is not there" in gone.stderr) == (1, True)


def test_a_local_source_without_a_version_in_its_name_is_told(workspace: PatchWorkspace) -> None:
    spec = workspace.recipe / "pkg.spec.j2"
    spec.write_text(spec.read_text().replace("%{name}-%{version}.tar", "pkg.tar"))
    (workspace.recipe / "pkg-1.tar").rename(workspace.recipe / "pkg.tar")
    done = forecast(workspace, "--onto", "2")
    assert (done.returncode, "pkg.tar does not depend on the version" in done.stderr) == (1, True)
    assert forecast(workspace, "--onto", workspace.source("2", OLD)).returncode == 0


def test_a_kept_answer_is_for_the_same_question_only(workspace: PatchWorkspace) -> None:
    source = workspace.source("2", {**OLD, "b.c": "x\n" + OLD["b.c"]})
    first = forecast(workspace, "--onto", source)
    kept = list((workspace.folder / "_build/cache/patchqueue/pkg/answers").glob("*.json"))
    assert len(kept) == 1
    (workspace.folder / "_build/cache/patchqueue/pkg/forecast.json").unlink()
    again = forecast(workspace, "--onto", source)
    assert (again.stdout, again.returncode) == (first.stdout, first.returncode)
    assert (workspace.folder / "_build/cache/patchqueue/pkg/forecast.json").exists()
    assert forecast(workspace, "--onto", source, "--json").stdout.startswith("{")
    workspace.source("2", replace_line(OLD, "a.c", "line 30", "taken"))
    assert "2:  1 needs a person  1 clean, 1 conflict\n" in forecast(workspace, "--onto", source).stdout
    (workspace.queue / "series").write_text("p1.patch\n")
    assert "2:  needs nobody  1 clean\n" in forecast(workspace, "--onto", source).stdout


def test_status_tells_what_the_forecast_found_upstream(workspace: PatchWorkspace) -> None:
    forecast(workspace, "--onto", workspace.source("2", ONE))
    assert "upstreamed in 2" in workspace.planex("pq", "status", "pkg").stdout


def test_import_from_everywhere(workspace: PatchWorkspace, tmp_path: Path) -> None:
    quilt = tmp_path / "quilt" / "debian" / "patches"
    shutil.copytree(workspace.queue, quilt)
    (quilt / "spare.patch").write_text("")
    tarball = write_tarball(tmp_path / "queue.tar", {f"q/{n}": t for n, t in read_tree(workspace.queue).items()}, "top")
    guilt = tmp_path / "repo" / ".git" / "patches" / "master"
    shutil.copytree(workspace.queue, guilt)
    expected = read_tree(workspace.queue)
    for source in (tmp_path / "quilt", tarball, tmp_path / "repo", quilt):
        shutil.rmtree(workspace.queue)
        done = workspace.planex("pq", "import", "pkg", "--from", source)
        assert done.returncode == 0, done.stderr
        assert read_tree(workspace.queue) == expected
    assert "left behind: spare.patch" in done.stderr
    twice = workspace.planex("pq", "import", "pkg", "--from", quilt)
    assert (twice.returncode, "is not empty" in twice.stderr) == (1, True)


def test_import_from_git_and_spec(workspace: PatchWorkspace, tmp_path: Path) -> None:
    tree = checkout(workspace)
    shutil.rmtree(workspace.queue)
    done = workspace.planex("pq", "import", "pkg", "--from", tree, "--range", "upstream..queue")
    assert done.returncode == 0, done.stderr
    assert (workspace.queue / "series").read_text() == "p1.patch\np2.patch\n"
    assert workspace.planex("pq", "check", "pkg").returncode == 0
    spec = tmp_path / "SPECS" / "pkg.spec"
    spec.parent.mkdir()
    (tmp_path / "SOURCES").mkdir()
    spec.write_text("Name: pkg\n# The first\nPatch1: p1.patch\nPatch2: p2.patch\n%prep\n%autosetup -p1\n")
    for name in ("p1.patch", "p2.patch"):
        (tmp_path / "SOURCES" / name).write_text(PATCHES[name])
    shutil.rmtree(workspace.queue)
    assert workspace.planex("pq", "import", "pkg", "--from", spec).returncode == 0
    assert (workspace.queue / "series").read_text() == "# The first\np1.patch\np2.patch\n"
    (tmp_path / "SOURCES" / "p2.patch").unlink()
    shutil.rmtree(workspace.queue)
    missing = workspace.planex("pq", "import", "pkg", "--from", spec)
    assert (missing.returncode, "pkg.spec:4: p2.patch is neither beside" in missing.stderr) == (2, True)


MAINTAINERS = """\
A list. M: Maintainer: FullName <address@domain>

FILE A
M:\tAda Müller <ada@example.org>
L:\ta-list@example.org (moderated)
F:\ta.c

THE REST
M:\tRest <rest@example.org>
L:\tall@example.org
F:\t*
F:\t*/
"""


def test_patches_for_upstream_stand_alone_and_know_whom_to_go_to(workspace: PatchWorkspace) -> None:
    new = workspace.source("2", {"a.c": "first\n" + OLD["a.c"], "b.c": OLD["b.c"], "MAINTAINERS": MAINTAINERS})
    done = workspace.planex("pq", "upstream", "pkg", "p2", "--onto", new)
    assert done.returncode == 0, done.stderr
    (path,) = (workspace.folder / line for line in done.stdout.split())
    mail = path.read_text()
    assert (path.name, "\nSubject: [PATCH] step 2\n" in mail) == ("0001-step-2.patch", True)
    assert "\nFrom: A U Thor <author@example.org>\n" in mail
    assert "\nTo: a-list@example.org,\n    all@example.org\n" in mail
    assert "\nCc: =?utf-8?q?Ada_M=C3=BCller?= <ada@example.org>\n" in mail
    assert "Patch-name" not in mail
    assert "+line one" not in mail, "made on upstream's source, not on the queue"
    assert "@@ -28,7 +28,7 @@" in mail
    assert "cc: Ada Müller <ada@example.org>" in done.stderr
    assert "p2.patch has no Signed-off-by" in done.stderr


def test_a_section_for_upstream_has_a_cover_letter(workspace: PatchWorkspace, tmp_path: Path) -> None:
    words = ("pq", "upstream", "pkg", "--section", "Section", "--again", "3")
    done = workspace.planex(*words)
    assert done.returncode == 0, done.stderr
    names = ["v3-0000-cover-letter.patch", "v3-0001-step-1.patch", "v3-0002-step-2.patch"]
    assert [Path(line).name for line in done.stdout.split()] == names
    assert "\nSubject: [PATCH v3 0/2] Section\n" in (workspace.folder / done.stdout.split()[0]).read_text()
    assert "has no MAINTAINERS" in done.stderr
    assert len(workspace.planex("pq", "upstream", "pkg", "p1").stdout.split()) == 1
    assert not list((workspace.folder / "_build/patchqueue/pkg-upstream").glob("v3-*")), "mails of an earlier time"
    (tmp_path / "mine.patch").write_text("mine")
    full = workspace.planex(*words, "--output", tmp_path)
    assert (full.returncode, "holds other patches: mine.patch" in full.stderr) == (1, True)
    wrong = workspace.planex("pq", "upstream", "pkg", "--section", "Sektion")
    assert (wrong.returncode, "did you mean 'Section'?" in wrong.stderr) == (2, True)
    assert workspace.planex("pq", "upstream", "pkg").returncode == 2


def test_what_cannot_stand_alone_is_not_sent(workspace: PatchWorkspace) -> None:
    three = replace_line(TWO, "a.c", "one", "one, and more")
    workspace.reset(OLD, steps([OLD, ONE, TWO, three]))
    alone = workspace.planex("pq", "upstream", "pkg", "p3")
    assert (alone.returncode, "p3.patch: blocked: needs p1.patch" in alone.stderr) == (1, True), alone.stderr
    assert "name them too" in alone.stderr
    assert len(workspace.planex("pq", "upstream", "pkg", "p3", "p1").stdout.split()) == 3


def test_import_from_mails(workspace: PatchWorkspace, tmp_path: Path) -> None:
    tree, mails = checkout(workspace), tmp_path / "outgoing"
    git(tree, "format-patch", "-q", "--cover-letter", "-v2", "-o", str(mails), "upstream..queue")
    (mails / "notes.patch").write_text("no number")
    shutil.rmtree(workspace.queue)
    done = workspace.planex("pq", "import", "pkg", "--from", mails)
    assert done.returncode == 0, done.stderr
    names = ["v2-0001-step-1.patch", "v2-0002-step-2.patch"]
    assert (workspace.queue / "series").read_text().split() == names
    assert [(workspace.queue / name).read_bytes() for name in names] == [(mails / name).read_bytes() for name in names]
    assert "no patch, so left behind: v2-0000-cover-letter.patch" in done.stderr
    assert "without a number, so left behind: notes.patch" in done.stderr
    assert workspace.planex("pq", "check", "pkg").returncode == 0
    again = workspace.planex("pq", "import", "pkg", "--from", mails)
    assert (again.returncode, "is not empty" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "nowhere"], "no such file or folder"),
        (["--from", ".", "--range", "a...b"], "is not a range"),
        (["--from", "specs"], "holds no series file"),
        (["--from", "planex.yaml"], "cannot be read as a tarball"),
    ],
)
def test_imports_that_cannot_be(workspace: PatchWorkspace, words: list[str], message: str) -> None:
    absolute = [str(workspace.folder / word) if (workspace.folder / word).exists() else word for word in words]
    done = workspace.planex("pq", "import", "pkg", *absolute)
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr


def test_bisect(workspace: PatchWorkspace) -> None:
    found = workspace.planex("pq", "bisect", "pkg", "--run", "! grep -q two a.c")
    assert (found.returncode, found.stdout) == (0, "p2.patch breaks it\n")
    never = workspace.planex("pq", "bisect", "pkg", "--run", "true", "--json")
    assert (never.returncode, json.loads(never.stdout)["answer"]) == (1, "never")
    assert workspace.planex("pq", "bisect", "pkg", "--run", "false").stdout == "it fails without any patch\n"


def test_two_at_once(workspace: PatchWorkspace) -> None:
    home = workspace.folder / "_build/cache/patchqueue/pkg"
    with hold(home / "lock"):
        done = workspace.planex("pq", "checkout", "pkg")
    assert (done.returncode, f"another planex is at work in {home}" in done.stderr) == (1, True)
