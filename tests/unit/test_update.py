# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is new upstream, where that is a folder of this machine or a git repository; carried over without a build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from planex.checksums import digest_of
from planex.cli import cli
from planex.rebase.newer import _at_commit, _by_address, _tagged
from tests.unit.test_import_packaged import commit, git
from tests.unit.test_import_planex4 import tarball

SPEC = """Name: foo
Version: {{ version }}
Release: 1
Summary: A test
License: MIT
Source0: file://HERE/foo-%{version}.tar.gz
{{ patch_lines }}

%description
x
%prep
%autosetup -p1
%files
"""
PATCH = "Subject: Bee\n\n--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n-a\n+b\n x\n y\n"
pytestmark = pytest.mark.tools("rpmbuild", "git")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A workspace with foo 1.9 and its one patch, whose upstream has 1.10 and a candidate of 2.0."""
    folder = tmp_path / "new"
    CliRunner().invoke(cli, ["init", str(folder)])
    for version, text in {"1.9": "a\nx\ny\n", "1.10": "a\nx\ny\nz\n", "2.0rc1": "gone\n"}.items():
        tarball(tmp_path / f"foo-{version}.tar.gz", {f"foo-{version}/f": text.encode()})
    links = "".join(f'<a href="{path.name}">x</a>' for path in tmp_path.glob("*.tar.gz"))
    (tmp_path / "index.html").write_text(links)
    own = folder / "specs" / "foo"
    own.mkdir()
    (own / "foo.spec.j2").write_text(SPEC.replace("HERE", str(tmp_path)))
    page = f"update:\n  page: file://{tmp_path}/index.html\n"
    (own / "package.yaml").write_text(f'variables:\n  version: "1.9" # ours\n{page}')
    (own / "sources").write_text(f"SHA512 (foo-1.9.tar.gz) = {digest_of(tmp_path / 'foo-1.9.tar.gz')}\n")
    queue = folder / "patchqueues" / "foo"
    queue.mkdir(parents=True)
    (queue / "series").write_text("bee.patch\n")
    (queue / "bee.patch").write_text(PATCH)
    git(folder, "init", "-q")
    commit(folder, "first")
    return folder


def run(new: Path, *words: str, status: int = 0, command: tuple[str, ...] = ("update",)) -> str:
    result = CliRunner().invoke(cli, ["-C", str(new), *command, *words])
    assert result.exit_code == status, result.output + str(result.exception)
    return result.stdout + str(result.exception or "")


def test_what_is_new_is_told_with_the_forecast_of_the_queue(new: Path) -> None:
    said = run(new, "foo")
    assert "foo: 1.9 -> 1.10 (file://" in said and "its queue: 1 clean" in said
    (row,) = json.loads(run(new, "foo", "--json"))
    assert (row["version"], row["newest"], row["queue"]) == ("1.9", "1.10", "1 clean")


def test_it_is_carried_over_and_the_commit_tells_the_story(new: Path, tmp_path: Path) -> None:
    run(new, "foo", "--apply", "--no-build")
    message = git(new, "log", "-1", "--format=%B")
    assert message.startswith("foo: 1.9 -> 1.10\n\nPatch queue: 1 clean.\n\nFound at file://")
    assert message.endswith("index.html; not built.")
    assert 'version: "1.10" # ours' in (new / "specs/foo/package.yaml").read_text()
    assert digest_of(tmp_path / "foo-1.10.tar.gz") in (new / "specs/foo/sources").read_text()
    assert git(new, "status", "--porcelain", "specs", "patchqueues") == ""
    assert "foo: 1.10 is the newest" in run(new, "foo")


def test_changes_in_no_commit_are_not_mixed_in(new: Path) -> None:
    (new / "specs/foo/note").write_text("mine")
    assert "has changes that are in no commit" in run(new, "foo", "--apply", "--no-build", status=1)
    assert 'version: "1.9"' in (new / "specs/foo/package.yaml").read_text()


def test_a_page_that_is_not_there_is_told_and_others_are_looked_at(new: Path, tmp_path: Path) -> None:
    (tmp_path / "index.html").unlink()
    assert "could not be told of foo" in run(new, "foo", status=1)


def test_a_repository_that_is_not_there_is_told_by_what_git_says_first(new: Path, tmp_path: Path) -> None:
    (new / "specs/foo/package.yaml").write_text(f"variables: {{version: '1.9'}}\nupdate: {{git: {tmp_path}/gone}}\n")
    result = CliRunner().invoke(cli, ["-C", str(new), "update", "foo"])
    assert f"foo: {tmp_path}/gone: fatal: '{tmp_path}/gone' does not appear to be a git repository\n" in result.output


def test_one_place_only(new: Path) -> None:
    (new / "specs/foo/package.yaml").write_text("update: {pypi: a, debian: b}\n")
    assert "give one of git" in run(new, "foo", status=1)


def test_the_queue_is_forecast_on_the_newest_and_asked_anew_each_time(new: Path) -> None:
    forecast = ("pq", "forecast", "foo", "--onto", "newest")
    said = run(new, command=forecast)
    assert "1.10:  needs nobody  1 clean\n" in said and said.endswith("\n1.10 is out: 1 patch clean\n")
    assert "nobody can be asked" in run(new, "--offline", command=forecast, status=1)
    settings = new / "specs/foo/package.yaml"
    settings.write_text(settings.read_text().replace("1.9", "1.10"))
    assert run(new, command=forecast).startswith("foo: 1.10 is the newest (file://")
    found = json.loads(run(new, "--json", command=forecast))
    assert (found["from"], found["versions"], found["sentence"]) == ("1.10", {}, "")


def test_a_version_of_a_source_out_of_git_is_judged_at_its_own_commit() -> None:
    old = f"git+https://h/x.git?commit={'1' * 40}#/x-1.9.tar"
    assert _at_commit(old, "2" * 40, "1.9", "1.10") == f"git+https://h/x.git?commit={'2' * 40}#/x-1.10.tar"
    assert _at_commit("https://h/x-1.9.tar", "2" * 40, "1.9", "1.10") == ""
    assert _at_commit(old, "", "1.9", "1.10") == ""


@pytest.fixture
def of_git(new: Path, tmp_path: Path) -> Path:
    """The same, where foo's source is a commit of upstream's git; the tag of 1.10 is on another."""
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    git(upstream, "init", "-q")
    for version, text in {"1.9": "a\nx\ny\n", "1.10": "a\nx\ny\nz\n"}.items():
        (upstream / "f").write_text(text)
        commit(upstream, version)
        git(upstream, "tag", f"v{version}")
    spec = new / "specs/foo/foo.spec.j2"
    source = f"git+file://{upstream}?commit={{{{ commit }}}}#/foo-%{{version}}.tar"
    spec.write_text(spec.read_text().replace(f"file://{tmp_path}/foo-%{{version}}.tar.gz", source))
    settings = f"variables: {{version: '1.9', commit: {git(upstream, 'rev-parse', 'v1.9')}}}\n"
    (new / "specs/foo/package.yaml").write_text(settings)
    assert CliRunner().invoke(cli, ["-C", str(new), "fetch", "--update", "foo"]).exit_code == 0
    commit(new, "out of git")
    return new


def test_a_source_out_of_git_is_carried_to_the_commit_of_the_tag(of_git: Path, tmp_path: Path) -> None:
    run(of_git, "foo", "--apply", "--no-build")
    text = (of_git / "specs/foo/package.yaml").read_text()
    assert "1.10" in text and git(tmp_path / "upstream", "rev-parse", "v1.10") in text
    assert git(of_git, "log", "-1", "--format=%s") == "foo: 1.9 -> 1.10"
    assert "foo: 1.10 is the newest" in run(of_git, "foo")


@pytest.mark.parametrize("command", ["forecast", "rebase"])
def test_a_version_of_a_source_out_of_git_wants_its_commit(command: str, of_git: Path, tmp_path: Path) -> None:
    words = ("pq", command, "foo", *(("--onto", "1.10") if command == "forecast" else ("1.10",)))
    assert "foo-1.10.tar would be of the same commit as foo-1.9.tar" in run(of_git, command=words, status=1)
    new = git(tmp_path / "upstream", "rev-parse", "v1.10")
    run(of_git, "--set", f"commit={new}", command=words)


def test_where_to_look_follows_from_the_address() -> None:
    found = _by_address("debian:pool/main/y/yajl/yajl_2.1.0.orig.tar.gz")
    assert found is not None and found.debian == "yajl"
    python, tags = _by_address("pypi:toml/toml-0.1.tar.gz"), _by_address("git+https://h/x.git?commit=1#/x-1.tar")
    assert python is not None and python.pypi == "toml" and tags is not None and tags.git == "https://h/x.git"
    assert _by_address("https://example.org/x-1.tar.gz") is None


def test_tags_by_pattern() -> None:
    assert _tagged("RELEASE-4.20.1", "RELEASE-{version}", "xen") == "4.20.1"
    assert _tagged("v1", "RELEASE-{version}", "xen") is None
    assert _tagged("v1.2", "", "foo") == "1.2"
