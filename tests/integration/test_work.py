# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex work``: what is edited in a tree is compiled, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from planex.distro.config import load_config
from planex.distro.project import load_project
from planex.engine.workshop import Workshop
from planex.report import Reporter
from planex.run import Completed, attended, run
from planex.work.opening import open_bench
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.integration.conftest import Planex, run_planex, write_package
from tests.integration.patch_factory import diff_text, mail
from tests.integration.talk import talk

pytestmark = [pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "patch", "git")]

SPEC = """\
Name:           prog
Version:        1
Release:        1%{?dist}
Summary:        A test
License:        MIT
Source0:        %{name}-%{version}.tar
{{ patch_lines }}
BuildRequires:  make
%global debug_package %{nil}
%description
x
%prep
%autosetup -p1
echo prepared >>prepared
%build
cat prepared
make
%install
install -D -m 644 a.o %{buildroot}/usr/share/prog/a.o
%check
! grep -q untested a.o
%files
/usr/share/prog
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
# The compiler is cat, and says what it compiled.
MAKEFILE = "all: a.o b.o\n%.o: %.c\n\t! grep -q mistake $<\n\tcat $< >$@\n\techo $< >>compiled\n"
FILES = {"Makefile": MAKEFILE, "a.c": "one\ntwo\n", "b.c": "b\n", ".gitignore": "*.log\n"}
PATCHED = {**FILES, "a.c": "one\nsecond\n"}


@pytest.fixture
def tree(workspace: Path) -> Path:
    """The tree of a package with one patch, compiled."""
    write_package(workspace, "prog", SPEC, FILES, {"p1.patch": mail("second", diff_text(FILES, PATCHED))})
    opened = run_planex(workspace, "work", "prog")
    assert (opened.returncode, opened.stdout) == (0, f"{workspace}/trees/prog\n"), opened.stderr
    assert work(workspace / "trees" / "prog", "build").returncode == 0
    return workspace / "trees" / "prog"


def work(tree: Path, *words: str) -> Completed:
    """Typed in the tree."""
    argv = [sys.executable, "-m", "planex", "work", *words]
    return run(argv, cwd=tree, check=False, env={"PYTHONPATH": str(ROOT)})


def git(tree: Path, *words: str) -> str:
    return run(["git", "-c", "user.name=P", "-c", "user.email=p@q", *words], cwd=tree).stdout


def compiled(tree: Path) -> str:
    return work(tree, "shell", "cat", "compiled").stdout.replace("\n", " ")


def test_only_what_was_edited_is_compiled(tree: Path) -> None:
    (tree / "a.c").write_text("third\n")  # nothing is committed
    assert work(tree, "build").returncode == 0
    assert compiled(tree) == "a.c b.c a.c "
    assert work(tree, "build").returncode == 0
    assert compiled(tree) == "a.c b.c a.c ", "nothing was edited"
    assert work(tree, "shell", "cat", "a.o", "prepared").stdout == "third\nprepared\n"
    assert git(tree, "status", "--porcelain") == " M a.c\n", "what is compiled is not in the tree"


def test_a_mistake_that_was_taken_back_is_gone(tree: Path) -> None:
    (tree / "b.c").write_text("mistake\n")
    failed = work(tree, "build")
    assert failed.returncode == 1
    assert "prog failed in %build" in failed.stderr
    assert "not compiled as it is" in work(tree, "status").stdout
    git(tree, "checkout", "b.c")
    assert work(tree, "build").returncode == 0
    assert work(tree, "shell", "cat", "b.o").stdout == "b\n"


def test_files_that_come_go_and_change_their_kind(tree: Path) -> None:
    (tree / "new").mkdir()
    (tree / "new" / "file with space").write_text("x\n")
    (tree / "link").symlink_to("a.c")
    (tree / "run.sh").write_text("echo ran\n")
    (tree / "run.sh").chmod(0o755)
    (tree / "my.log").write_text("ignored\n")
    seen = work(tree, "shell", "sh", "-c", "cat link 'new/file with space'; ./run.sh; ls -A my.log .git .gitignore")
    assert seen.stdout == "one\nsecond\nx\nran\n.gitignore\n", "and nothing of .git, where a build could plant hooks"
    (tree / "new" / "file with space").unlink()
    (tree / "new").rmdir()
    (tree / "new").write_text("a file\n")
    (tree / "link").unlink()
    (tree / "link").mkdir()
    (tree / "link" / "inside").write_text("in\n")
    assert work(tree, "shell", "cat", "new", "link/inside").stdout == "a file\nin\n"


def test_check_and_packages(tree: Path, workspace: Path) -> None:
    (tree / "a.c").write_text("untested\n")
    tested = work(tree, "test")
    assert (tested.returncode, "prog failed in %check" in tested.stderr) == (1, True), tested.stderr
    made = work(tree, "build", "--rpms")
    assert made.returncode == 0, made.stderr
    (rpm,) = (tree / line for line in made.stdout.splitlines())
    assert rpm.resolve().parent == workspace / "_build" / "bookworm" / "work" / "trees" / "prog" / "rpms"
    assert run(["sh", "-c", f"rpm2cpio {rpm} | cpio -i --to-stdout --quiet"]).stdout == "untested\n"
    assert "rpmlib(ShortCircuited)" not in run(["rpm", "-qp", "--requires", rpm]).stdout
    assert list((workspace / "_build" / "bookworm").glob("store/*/*")) == [], "no result of the workspace"


def test_a_fixup_goes_into_its_patch(tree: Path, workspace: Path) -> None:
    (tree / "a.c").write_text("one\nmended\n")
    refused = work(tree, "save")
    assert (refused.returncode, "has work that is not committed: a.c" in refused.stderr) == (1, True)
    git(tree, "commit", "-qa", "--fixup", "HEAD")
    (tree / "b.c").write_text("new\n")
    git(tree, "commit", "-qam", "change b")
    assert "  2 commits not in the queue\n" in work(tree, "status").stdout
    saved = work(tree, "save")
    assert saved.returncode == 0, saved.stderr
    queue = workspace / "patchqueues" / "prog"
    assert (queue / "series").read_text() == "p1.patch\nchange-b.patch\n"
    assert "+mended" in (queue / "p1.patch").read_text()
    assert "  all is in the queue\n" in work(tree, "status").stdout
    assert work(tree, "build").returncode == 0
    assert work(tree, "shell", "cat", "prepared").stdout == "prepared\n", "a saved tree is not prepared again"
    built = run_planex(workspace, "build", "prog")
    assert built.returncode == 0, built.stderr


def test_a_fixup_in_conflict_changes_nothing(tree: Path) -> None:
    (tree / "a.c").write_text("one\nthird\n")
    git(tree, "commit", "-qam", "third")
    (tree / "a.c").write_text("one\nfourth\n")
    git(tree, "commit", "-qa", "--fixup", "HEAD~1")
    before = git(tree, "rev-parse", "HEAD")
    saved = work(tree, "save")
    assert (saved.returncode, "(conflict in a.c); nothing was changed" in saved.stderr) == (1, True), saved.stderr
    assert (git(tree, "rev-parse", "HEAD"), git(tree, "status", "--porcelain")) == (before, "")


def test_done(tree: Path, workspace: Path) -> None:
    (tree / "new").write_text("x\n")
    refused = work(tree, "done", "--tree")
    assert (refused.returncode, "1 file not committed" in refused.stderr) == (1, True), refused.stderr
    opened = run_planex(workspace, "work", "prog")
    assert (opened.returncode, "left as it is: 1 file not committed" in opened.stderr) == (0, True)
    assert (tree / "new").exists()
    (tree / "new").unlink()
    git(tree, "tag", "mine")
    assert "tags/mine is there" in work(tree, "done", "--tree").stderr
    git(tree, "tag", "-d", "mine")
    assert run_planex(workspace, "work", "done", "prog", "--tree").returncode == 0
    assert (tree.exists(), (workspace / "_build/bookworm/work/trees/prog").exists()) == (False, False)


def test_which_tree(tree: Path, workspace: Path, planex: Planex, tmp_path: Path) -> None:
    nowhere = work(workspace / "specs", "build")
    assert (nowhere.returncode, "planex work build xen" in nowhere.stderr) == (1, True)
    assert planex("work", "build", "prgo").returncode == 2
    other = tmp_path / "elsewhere"
    assert planex("work", "prog", str(other)).returncode == 0
    assert f"prog 1 in {other}" in planex("work", "status", "prog").stdout, "it is remembered"
    (other / "a.c").write_text("elsewhere\n")
    assert planex("work", "build", "prog").returncode == 0
    assert planex("work", "shell", "-p", "prog", "cat", "a.o").stdout == "elsewhere\n"


def test_packages_of_the_same_files_serve_again(tree: Path, workspace: Path) -> None:
    def packed() -> tuple[str, int]:
        """What is in the package, and how much was printed by all builds until then."""
        place = Workspace(workspace)
        workshop = Workshop(load_project(place, load_config(place), "bookworm"))
        bench = open_bench(workshop, "prog", tree)
        (rpm,) = bench.ready(task).packages(task, again=False)
        said = run(["sh", "-c", f"rpm2cpio {rpm} | cpio -i --to-stdout --quiet"]).stdout
        return said, (bench.logs / "build.log").stat().st_size

    with Reporter().task("prog") as task:
        first = packed()
        assert packed() == first, "nothing was run"
        (tree / "a.c").write_text("edited\n")
        assert packed()[0] == "edited\n"
        git(tree, "checkout", "a.c")
        assert packed()[0] == first[0]


def test_a_shell_on_a_terminal(tree: Path) -> None:
    argv = ["env", "-C", str(tree), f"PYTHONPATH={ROOT}", sys.executable, "-m", "planex", "-q", "work", "shell"]
    # the program itself says that it has begun: until then, Ctrl-C would be the shell's
    sleeper = "sh -c 'echo begun; exec sleep 1000'\n"
    with attended(argv, terminal=True) as (process, terminal):
        said = talk(terminal, [(r"prog-1\$ ", sleeper), ("\nbegun", "\x03"), (r"prog-1\$ ", "echo $((6*7)); exit 4\n")])
    assert "\n42\r" in said, "Ctrl-C ended the program, not the shell"
    assert process.wait() == 4
