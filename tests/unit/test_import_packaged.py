# SPDX-License-Identifier: LGPL-2.1-or-later
"""dist-git repositories and SRPMs taken in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from planex.cli import cli
from planex.distro.autospec import filled_in
from tests.unit.test_import_planex4 import PATCH, take

SPEC = """Name: foo
Version: 1.2
Release: %autorelease
Summary: A test
License: MIT
Source0: https://example.org/%{name}-%{version}.tar.gz
Source1: foo.service
Source2: lost.tar.gz
Patch0: one.patch
%bcond docs 0
%description
x
%prep
%autosetup -p1
%files
%changelog
%autochangelog
"""
pytestmark = pytest.mark.tools("rpmbuild", "git")


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", message)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    CliRunner().invoke(cli, ["init", str(tmp_path / "new")])
    return tmp_path / "new"


@pytest.fixture
def distgit(tmp_path: Path) -> Path:
    folder = tmp_path / "rpms" / "foo"
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "foo.spec").write_text(SPEC.replace("1.2", "1.1"))
    (folder / "foo.service").write_text("[Unit]\n")
    (folder / "one.patch").write_bytes(PATCH)
    (folder / "gating.yaml").write_text("x\n")
    commit(folder, "First")
    (folder / "foo.spec").write_text(SPEC)
    (folder / "sources").write_text(f"SHA512 (foo-1.2.tar.gz) = {'a' * 128}\nSHA512 (old.tar.gz) = {'b' * 128}\n")
    commit(folder, "New version 1.2")
    (folder / "foo.service").write_text("[Unit]\nDescription=x\n")
    commit(folder, "Describe 100%")
    return folder


@pytest.mark.parametrize("how", ["folder", "clone"])
def test_a_dist_git_repository(distgit: Path, new: Path, how: str) -> None:
    said = take(new, distgit if how == "folder" else f"file://{distgit}")
    own = new / "specs" / "foo"
    assert (own / "foo.spec").read_text() == SPEC
    assert (own / "sources").read_text() == f"SHA512 (foo-1.2.tar.gz) = {'a' * 128}\n"
    assert (own / "one.patch").read_bytes() == PATCH
    assert "left behind: gating.yaml" in said and "lost.tar.gz is not in" in said
    (own / "lost.tar.gz").write_text("x")
    rendered = CliRunner().invoke(cli, ["-C", str(new), "render", "foo"]).stdout
    assert "Release: %autorelease" in rendered and rendered.startswith("%define autorelease(e:s:pb:n) %{?-p:0.}2%")
    assert "Ann <ann@example.org>\n- Describe 100%%\n" in rendered and "%autochangelog" not in rendered
    built = CliRunner().invoke(cli, ["-C", str(new), "graph", "foo"])
    assert built.exit_code == 0, built.output


def test_the_changelog_that_dist_git_keeps_comes_behind_what_is_newer(distgit: Path, new: Path) -> None:
    (distgit / "changelog").write_text("* Mon Jan 01 2024 Old <o@example.org> - 1.0-1\n- Old\n")
    commit(distgit, "Convert to %autochangelog")
    (distgit / "foo.service").write_text("[Unit]\nDescription=y\n")
    commit(distgit, "Newest")
    take(new, distgit)
    text = (new / "specs/foo/changelog").read_text()
    assert text.index("Newest") < text.index("- Old") and "Describe" not in text


def test_a_name_leads_nowhere_else(distgit: Path, new: Path, tmp_path: Path) -> None:
    spec = distgit / "foo.spec"
    spec.write_text(spec.read_text().replace("Name: foo", "Name: ../../../evil"))
    assert "'../../../evil' cannot be the name of a package" in take(new, distgit, status=1)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_link_takes_no_file_of_this_machine(distgit: Path, new: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    (distgit / "foo.service").unlink()
    (distgit / "foo.service").symlink_to(tmp_path / "secret")
    assert f"foo.service leads out of {distgit}" in take(new, distgit, status=1)
    assert not (new / "specs/foo").exists()


def test_offline_clones_nothing(new: Path) -> None:
    assert "was not fetched (--offline)" in take(new, "http://127.0.0.1:9/x.git", status=1)


def test_sums_of_md5_are_no_checksums(distgit: Path, new: Path) -> None:
    (distgit / "sources").write_text(f"{'0' * 32}  foo-1.2.tar.gz\n")
    assert "no checksum of foo-1.2.tar.gz (it has only MD5 sums): planex fetch --update" in take(new, distgit)


def test_an_srpm_comes_with_its_tarball_and_checksum(
    distgit: Path, new: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("foo-1.2.tar.gz", "lost.tar.gz"):
        (distgit / name).write_bytes(b"some bytes of " + name.encode())
    spec = tmp_path / "foo.spec"
    spec.write_text(SPEC.replace("%autorelease", "3").replace("%autochangelog", ""))
    folders = ["--define", f"_topdir {tmp_path}", "--define", f"_sourcedir {distgit}"]
    subprocess.run(["rpmbuild", "-bs", "--nodeps", *folders, str(spec)], check=True, capture_output=True)
    (srpm,) = (tmp_path / "SRPMS").glob("*.src.rpm")
    take(new, srpm)
    assert (new / "specs/foo/lost.tar.gz").read_bytes() == b"some bytes of lost.tar.gz"
    assert not (new / "specs/foo/foo-1.2.tar.gz").exists()
    monkeypatch.chdir(new)
    fetched = CliRunner().invoke(cli, ["fetch", "--offline", "foo"])
    assert fetched.exit_code == 0, fetched.output
    assert fetched.stdout.startswith("_build/downloads/sha512/")
    assert Path(fetched.stdout.strip()).read_bytes() == b"some bytes of foo-1.2.tar.gz"
    assert take(new, srpm).endswith("1 unchanged\n")


def test_what_is_no_srpm_and_what_has_no_spec(new: Path, tmp_path: Path) -> None:
    (tmp_path / "x.src.rpm").write_text("x")
    assert "cannot be read as an RPM" in take(new, tmp_path / "x.src.rpm", status=1)
    (tmp_path / "empty").mkdir()
    assert "nothing that can be imported" in take(new, tmp_path / "empty", status=1)


def test_options_of_autorelease() -> None:
    text = filled_in("Release: %autorelease -e rc1\n", "7", "")
    assert text.endswith("Release: %autorelease -e rc1\n") and "}7%{?-e:.%{-e*}}" in text
    assert filled_in("%changelog\n%{?autochangelog}\n", "7", "* x\n") == "%changelog\n* x\n"
    assert filled_in("Release: 1\n", "7", "x") == "Release: 1\n"
