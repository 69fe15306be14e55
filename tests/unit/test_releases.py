# SPDX-License-Identifier: LGPL-2.1-or-later
"""Releases that go up by themselves."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.distro.config import load_config
from planex.distro.recipe import find_recipes, render_specs
from planex.distro.releases import release_of, with_releases
from planex.errors import ConfigError
from planex.git import history
from planex.git.door import run_git
from planex.git.head import read_head
from planex.git.history import Walked, climb
from planex.rpm.librpm import compare_versions
from planex.workspace import Workspace

SPEC = "Name: {0}\nVersion: 1\nRelease: {{{{ release }}}}%{{?dist}}\n{{{{ patch_lines }}}}\n%prep\n%autosetup -p1\n"
YAML = "name: d\nversion: '1'\nvendor: v\n{}targets: {{bookworm: {{base: bookworm, embedded: true}}}}\n"
PATCH = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+{}\n"


class Tree:
    """A workspace with the packages ``one`` and ``two``, in a folder of a git repository."""

    def __init__(self, root: Path) -> None:
        self.repository, self.root = root, root / "distro"
        self.ticks = itertools.count(1795910400, 86400)
        run_git(root, ["init", "--quiet", "--initial-branch=main"])
        self.put(".gitignore", "/_build\n")
        self.put("planex.yaml", YAML.format("autorelease: true\n"))
        for name in ("mock-configs/bookworm.cfg", "repos/bookworm.repo", "repos/bookworm.yaml"):
            self.put(name, "")
        for name in ("one", "two"):
            self.put(f"specs/{name}/{name}.spec.j2", SPEC.format(name))
            self.put(f"specs/{name}/package.yaml", "variables: {release: '3'}\n")
        self.commit("begin")

    def put(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def git(self, *words: str) -> str:
        when = f"{next(self.ticks)} +0000"
        env = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        return run_git(self.repository, words, env=env).stdout.strip()

    def commit(self, subject: str) -> None:
        self.git("add", "-A", ".")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)

    def patch(self, package: str, text: str) -> None:
        self.put(f"patchqueues/{package}/a.patch", PATCH.format(text))
        self.put(f"patchqueues/{package}/series", "a.patch\n")

    def releases(self, root: Path | None = None) -> dict[str, str]:
        workspace = Workspace(root or self.root)
        config = load_config(workspace)
        recipes = with_releases(find_recipes(workspace), config, "bookworm", workspace)
        return {name: str(recipe.settings.variables.get("release", "")) for name, recipe in recipes.items()}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "git").mkdir()
    return Tree(tmp_path / "git")


def test_a_release_goes_up_with_each_commit_that_changes_the_package(tree: Tree) -> None:
    assert tree.releases() == {"one": "3.2", "two": "3.2"}, "its own files, and the mock configuration"
    changes: list[Callable[[], object]] = [
        lambda: tree.patch("one", "b"),
        lambda: tree.put("specs/one/unit.service", "x"),
        lambda: (tree.root / "specs/one/unit.service").unlink(),
        lambda: tree.put("specs/one/package.yaml", "variables: {release: '3', other: x}\n"),
    ]
    for number, change in enumerate(changes, 3):
        change()
        tree.commit("one")
        assert tree.releases() == {"one": f"3.{number}", "two": "3.2"}
    tree.put("README.md", "nothing is built of it")
    tree.put("patchqueues/one/rerere/1/preimage", "nor of what was solved once")
    tree.commit("other")
    assert tree.releases() == {"one": "3.6", "two": "3.2"}
    tree.put("mock-configs/bookworm.cfg", "config_opts['x'] = 1")
    tree.commit("all")
    assert tree.releases() == {"one": "3.7", "two": "3.3"}


def test_it_is_on_only_where_asked_for(tree: Tree) -> None:
    tree.put("planex.yaml", YAML.format(""))
    assert tree.releases() == {"one": "3", "two": "3"}
    tree.put("specs/one/package.yaml", "autorelease: true\n")
    tree.commit("one, without a release of its own")
    assert tree.releases() == {"one": "3", "two": "3"}, "two commits and the mock configuration"
    tree.put("planex.yaml", YAML.format("autorelease: true\n"))
    tree.put("specs/two/package.yaml", "autorelease: false\nvariables: {release: '3'}\n")
    assert tree.releases()["two"] == "3"
    workspace = Workspace(tree.root)
    recipes = with_releases(find_recipes(workspace), load_config(workspace), "bookworm", workspace)
    texts = render_specs(recipes, load_config(workspace), "bookworm", workspace.cache)
    assert "Release: 3%{?dist}" in texts["one"]


def test_a_package_that_cannot_ask_for_it_is_told(tree: Tree) -> None:
    (tree.root / "specs/one/one.spec.j2").rename(tree.root / "specs/one/one.spec")
    tree.put("specs/two/two.spec.j2", "Release: 1\n%description\n%{version}-%{release}\n")
    assert tree.releases() == {"one": "3", "two": "3"}, "planex.yaml alone leaves them as they are"
    for name in ("one", "two"):
        tree.put(f"specs/{name}/package.yaml", "autorelease: true\n")
    with pytest.raises(ConfigError) as caught:
        tree.releases()
    assert [problem.path.name for problem in caught.value.problems] == ["one.spec", "two.spec.j2"]
    assert "Release: {{ release }}" in (caught.value.hint or "")


def test_merges_add_nothing_and_both_sides_count(tree: Tree) -> None:
    tree.git("checkout", "--quiet", "-b", "side")
    for text in "bcd":
        tree.patch("one", text)
        tree.commit(f"one {text}")
    tree.git("checkout", "--quiet", "main")
    tree.put("specs/two/x", "x")
    tree.commit("two")
    assert tree.releases() == {"one": "3.2", "two": "3.3"}
    tree.git("merge", "--quiet", "--no-ff", "-m", "merge", "side")
    assert tree.releases() == {"one": "3.5", "two": "3.3"}


def test_other_clones_have_the_same_and_shallow_ones_are_refused(tree: Tree, tmp_path: Path) -> None:
    tree.patch("one", "b")
    tree.commit("one")
    url = f"file://{tree.repository}"
    tree.git("clone", "--quiet", url, str(tmp_path / "whole"))
    tree.git("clone", "--quiet", "--depth=1", url, str(tmp_path / "shallow"))
    assert tree.releases(tmp_path / "whole/distro") == tree.releases() == {"one": "3.3", "two": "3.2"}
    with pytest.raises(ConfigError, match="shallow clone") as caught:
        tree.releases(tmp_path / "shallow/distro")
    assert "git fetch --unshallow" in (caught.value.hint or "")


def test_without_a_commit_it_is_told_what_to_do(tree: Tree, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    (tree.root).rename(copy)
    for _ in range(2):  # in no repository, then in one without a commit
        with pytest.raises(ConfigError, match="at no commit"):
            tree.releases(copy)
        run_git(copy, ["init", "--quiet"])


def test_what_is_in_no_commit_is_marked_above_the_commit_and_below_the_next(tree: Tree) -> None:
    clean = tree.releases()
    tree.patch("one", "b")
    dirty = tree.releases()
    commit = tree.git("rev-parse", "HEAD")[:7]
    assert dirty["two"] == clean["two"]
    assert dirty["one"].startswith(f"3.2.0^20261130git{commit}.dirty")
    tree.patch("one", "c")
    other = tree.releases()
    assert other["one"] != dirty["one"], "other contents have another name"
    tree.commit("one")
    committed = tree.releases()
    for dist in ("", ".pl1", ".el9"):
        order = [f"1-{each['one']}{dist}" for each in (clean, dirty, committed)]
        assert [compare_versions(*pair) for pair in itertools.pairwise(order)] == [-1, -1]


def test_what_was_counted_before_is_gone_on_from_only_where_that_is_the_same(tree: Tree) -> None:
    """Counts of the commit before are kept: they must be those of a walk over all."""

    def fresh() -> dict[str, str]:
        (tree.root / "_build/cache/releases.json").unlink()
        return tree.releases()

    tree.put("README.md", "x")
    tree.git("branch", "old")
    for text in "bcd":
        tree.patch("one", text)
        tree.commit(f"one {text}")
        tree.commit("nothing")
        assert tree.releases() == fresh()
    tree.git("checkout", "--quiet", "old")
    assert tree.releases() == {"one": "3.2", "two": "3.2"}, "an older commit"
    tree.put("specs/two/x", "x")
    tree.commit("two")
    assert tree.releases() == fresh() == {"one": "3.2", "two": "3.3"}
    tree.git("checkout", "--quiet", "main")
    assert tree.releases() == {"one": "3.5", "two": "3.2"}, "another branch"
    tree.git("merge", "--quiet", "-m", "merge", "old")
    assert tree.releases() == fresh() == {"one": "3.5", "two": "3.3"}
    tree.git("checkout", "--quiet", "--orphan", "new")
    tree.commit("begin anew")
    assert tree.releases() == fresh() == {"one": "3.2", "two": "3.2"}


def test_a_clone_that_shows_signatures_counts_as_others_do(tree: Tree, tmp_path: Path) -> None:
    plain = run_git(tree.repository, ["cat-file", "commit", "HEAD"]).stdout
    block = "-----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    signed = plain.replace("\n\n", f"\ngpgsig {block}\n\n", 1).encode()
    words = ["hash-object", "-t", "commit", "-w", "--stdin"]
    commit = run_git(tree.repository, words, stdin=signed).stdout.strip()
    (tmp_path / "gpg").write_text("#!/bin/sh\necho gpg: who is that >&2\n")
    (tmp_path / "gpg").chmod(0o755)
    for setting in (["gpg.program", str(tmp_path / "gpg")], ["log.showSignature", "true"]):
        tree.git("config", *setting)
    tree.git("reset", "--quiet", "--hard", commit)
    tree.patch("one", "b")
    when = history.commit_time(tree.root, commit)
    assert f"> {when} +0000" in plain and read_head(tree.root).commit == commit
    assert tree.releases()["one"].startswith("3.2.0^") and tree.releases()["two"] == "3.2"


def test_one_walk_for_all_packages_and_none_where_nothing_is_new(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(folder: Path, words: list[str], **more: object) -> object:
        asked.append(words[0])
        return run_git(folder, words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(history, "run_git", counted)
    for number in range(20):
        tree.put(f"specs/p{number}/p{number}.spec.j2", SPEC.format(f"p{number}"))
    tree.commit("many")
    assert tree.releases()["p7"] == "2"
    assert tree.releases()["p8"] == "2"
    assert asked == ["log", "diff-tree"]
    tree.patch("one", "b")
    tree.commit("one")
    assert tree.releases()["one"] == "3.3"
    assert asked[2:] == ["merge-base", "log", "diff-tree"]


ORDER = [
    release_of("3", (4, 0)),
    release_of("3", (4, 0), day="20261124", commit="f" * 40, changes="0" * 64),
    release_of("3", (5, 1795910400), "0123456789" * 4),
    release_of("3", (5, 0), "0123456789" * 4, day="20261124", commit="0" * 40, changes="a" * 64),
    release_of("3", (6, 1795910400), "9" * 40),
    release_of("3", (7, 0)),
    release_of("3", (10, 0)),
    release_of("4", (2, 0)),
]


def test_marks_are_spelt_by_the_rules_of_rpm() -> None:
    assert ORDER[1] == "3.4.0^20261124gitfffffff.dirty00000000"
    assert ORDER[2] == "3.5^20261129git0123456"


@pytest.mark.parametrize("dist", ["", ".el9", ".pl1", ".fc43"])
def test_rpm_itself_sorts_them(dist: str) -> None:
    labels = [f"1.0-3{dist}", *(f"1.0-{release}{dist}" for release in ORDER)]
    assert [compare_versions(*pair) for pair in itertools.pairwise(labels)] == [-1] * len(ORDER)
    upstream = ["1.0-9", "1.0^20261124git0123456-1", "1.0^20261201git0000000-1", "1.0.1-1"]
    assert [compare_versions(f"{a}{dist}", f"{b}{dist}") for a, b in itertools.pairwise(upstream)] == [-1] * 3


@given(st.data())
def test_a_count_rises_wherever_the_part_is_another_one_and_never_falls(data: st.DataObject) -> None:
    """On any history, with any merges."""
    size = data.draw(st.integers(1, 12))
    contents = [data.draw(st.sampled_from("abc")) for _ in range(size)]
    parents = [
        tuple(data.draw(st.lists(st.integers(0, number - 1), min_size=1, max_size=3, unique=True))) if number else ()
        for number in range(size)
    ]
    counts = {}
    for tip in range(size):
        known = sorted(_ancestors(tip, parents))
        commits = [Walked(str(each), "", each, tuple(map(str, parents[each]))) for each in known]
        edges = [(each, parent) for each in known for parent in parents[each] or (None,)]
        changed = [
            {"part"} if parent is None or contents[each] != contents[parent] else set() for each, parent in edges
        ]
        counts[tip] = climb(commits, changed, {})["part"]
    for child in range(size):
        for parent in parents[child]:
            assert counts[child][0] >= counts[parent][0] + (contents[child] != contents[parent])


def _ancestors(tip: int, parents: list[tuple[int, ...]]) -> set[int]:
    return {tip}.union(*(_ancestors(parent, parents) for parent in parents[tip]))
