# SPDX-License-Identifier: LGPL-2.1-or-later
"""Repositories, made by the real createrepo_c from tiny packages by the real rpmbuild."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.regular import NotRegular
from planex.rpm import repo
from planex.rpm.capability import Capability
from planex.run import run

pytestmark = pytest.mark.tools("createrepo_c", "rpmbuild")

SPEC = """\
Name: {name}
Version: 1
Release: 1
Summary: x
License: MIT
BuildArch: noarch
Provides: virtual-{name} = 1
%description
x
%install
mkdir -p %{{buildroot}}/usr/bin %{{buildroot}}/usr/share/{name}
touch %{{buildroot}}/usr/bin/{name}
%files
/usr/bin/{name}
%dir /usr/share/{name}
"""


@pytest.fixture(scope="module")
def rpms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("rpms")
    found = {}
    for name in ("one", "two"):
        spec = folder / f"{name}.spec"
        spec.write_text(SPEC.format(name=name))
        run(["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}", spec])
        path = folder / "RPMS" / "noarch" / f"{name}-1-1.noarch.rpm"
        found[hashlib.sha256(path.read_bytes()).hexdigest()] = path
    return found


def test_the_repository_is_switched_as_a_whole(rpms: dict[str, Path], tmp_path: Path) -> None:
    link = tmp_path / "repo"
    first = dict(list(rpms.items())[:1])
    assert repo.compose(link, first, epoch=1)
    before = link.resolve()
    assert [path.name for path in link.glob("*.rpm")] == ["one-1-1.noarch.rpm"]
    assert not repo.compose(link, first, epoch=1)
    assert repo.compose(link, rpms, epoch=1)
    assert len(list(link.glob("*.rpm"))) == 2
    assert len(list(before.glob("*.rpm"))) == 1, "readers of the old repository still see it whole"


def test_the_same_rpms_give_the_same_metadata(rpms: dict[str, Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        repo.compose(tmp_path / name / "repo", rpms, epoch=86400)
    assert repo.digest(tmp_path / "a" / "repo") == repo.digest(tmp_path / "b" / "repo")


def test_the_index_knows_names_provides_and_files(rpms: dict[str, Path], tmp_path: Path) -> None:
    repo.compose(tmp_path / "repo", rpms, epoch=1)
    index = repo.read_index(tmp_path / "repo", tmp_path / "cache")
    repo._read_index.cache_clear()
    again = repo.read_index(tmp_path / "repo", tmp_path / "cache")
    assert again.packages == index.packages
    for name in ("one", "virtual-two", "/usr/bin/one"):
        assert index.offers(Capability(name))
    for name in ("three", "/usr/share/one", "/usr/bin/three"):
        assert not index.offers(Capability(name))


@pytest.mark.parametrize("text", ["{", "null", "[1, 2]", '[1, [["one"]]]'])
def test_a_damaged_cache_of_an_index_is_read_anew(rpms: dict[str, Path], tmp_path: Path, text: str) -> None:
    repo.compose(tmp_path / "repo", rpms, epoch=1)
    before = repo.read_index(tmp_path / "repo", tmp_path / "cache").packages
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_text(text)
    repo._read_index.cache_clear()
    assert repo.read_index(tmp_path / "repo", tmp_path / "cache").packages == before


def test_the_repository_shares_no_inode_with_the_store_and_is_read_only(rpms: dict[str, Path], tmp_path: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, path.stat().st_nlink) for path in rpms.values()}
    repo.compose(tmp_path / "repo", rpms, epoch=1)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_nlink) for path in rpms.values()} == before
    files = [path for path in (tmp_path / "repo").resolve().rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o444}
    assert {path.stat().st_mtime for path in files if path.suffix == ".rpm"} == {1}


@pytest.mark.parametrize("change", ["delete", "add", "link", "flip", "repomd", "lost repomd", "record", "lost record"])
def test_damage_of_the_repository_is_named_and_it_is_composed_anew(
    rpms: dict[str, Path], tmp_path: Path, change: str
) -> None:
    link = tmp_path / "repo"
    repo.compose(link, rpms, epoch=1)
    whole = repo.digest(link)
    folder = link.resolve()
    rpm, metadata, record = folder / "one-1-1.noarch.rpm", folder / "repodata" / "repomd.xml", repo._record(folder)
    words = {
        "delete": f"{rpm.name} is missing",
        "add": "evil.rpm was added",
        "link": "evil.rpm was added",
        "flip": f"{rpm.name} is damaged",
        "repomd": "repodata/repomd.xml is damaged",
        "lost repomd": "repodata/repomd.xml is missing",
        "record": "the record of its files is damaged",
        "lost record": "the record of its files is missing",
    }
    if change == "add":
        (folder / "evil.rpm").write_text("x")
    elif change == "link":
        (folder / "evil.rpm").symlink_to("/etc/passwd")
    elif change in ("delete", "lost repomd", "lost record"):
        {"delete": rpm, "lost repomd": metadata, "lost record": record}[change].unlink()
    else:
        path = {"flip": rpm, "repomd": metadata, "record": record}[change]
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert str(repo.fault(folder)) == words[change]
    assert repo.compose(link, rpms, epoch=1)
    assert repo.fault(link.resolve()) is None
    assert repo.digest(link) == whole
    assert not repo.compose(link, rpms, epoch=1)
    assert link.resolve() != folder, "readers of the old one see no change under their hands"


def test_a_repository_that_was_moved_is_read_once_and_stays(rpms: dict[str, Path], tmp_path: Path) -> None:
    link = tmp_path / "repo"
    repo.compose(link, rpms, epoch=1)
    for path in link.resolve().rglob("*.rpm"):
        os.utime(path, (5, 5))
    assert not repo.compose(link, rpms, epoch=1)
    assert repo.fault(link.resolve()) is None


def test_an_rpm_that_is_not_what_was_built_is_not_published(rpms: dict[str, Path], tmp_path: Path) -> None:
    bad = tmp_path / "one-1-1.noarch.rpm"
    digest, good = next(iter(rpms.items()))
    bad.write_bytes(good.read_bytes()[:-1] + b"!")
    with pytest.raises(repo.DamagedFile) as caught:
        repo.compose(tmp_path / "repo", rpms | {digest: bad}, epoch=1)
    assert caught.value.path == bad
    assert not (tmp_path / "repo").is_symlink()
    assert not [path for path in tmp_path.iterdir() if path != bad]


@pytest.mark.parametrize("step", ["copy_file", "run", "shelf.publish", "_write_record", "switch_link"])
def test_a_full_disk_leaves_the_old_repository(
    rpms: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    link = tmp_path / "repo"
    repo.compose(link, dict(list(rpms.items())[:1]), epoch=1)
    old = link.resolve()

    def full(*words: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"planex.rpm.repo.{step}", full)
        with pytest.raises(OSError, match="No space left"):
            repo.compose(link, rpms, epoch=1)
    assert link.resolve() == old
    assert repo.fault(old) is None
    assert not list(tmp_path.glob(".*.draft"))
    assert repo.compose(link, rpms, epoch=1)
    assert repo.fault(link.resolve()) is None


def test_times_are_never_set_through_a_link(rpms: dict[str, Path], tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    before = outside.stat().st_mtime_ns
    (tmp_path / "rpms").mkdir()
    (tmp_path / "rpms" / "evil.rpm").symlink_to(outside)
    with pytest.raises(PlanexError, match=r"evil.rpm is a symbolic link"):
        repo.create_repo(tmp_path / "rpms", epoch=1)
    assert outside.stat().st_mtime_ns == before


@pytest.mark.parametrize("change", ["delete", "cut", "garbage", "primary"])
def test_what_a_repository_lost_is_seen_without_reading_its_rpms(
    rpms: dict[str, Path], tmp_path: Path, change: str
) -> None:
    repo.compose(tmp_path / "repo", rpms, epoch=1)
    folder = (tmp_path / "repo").resolve()
    assert repo.lost(folder) is None
    rpm = folder / "two-1-1.noarch.rpm"
    if change == "delete":
        rpm.unlink()
    elif change == "cut":
        rpm.chmod(0o644)
        os.truncate(rpm, 100)
    else:
        pattern = "repomd.xml" if change == "garbage" else "*primary*"
        for path in (folder / "repodata").glob(pattern):
            path.chmod(0o644)
            path.write_text("garbage")
    repo._read_index.cache_clear()
    words = {"delete": f"{rpm.name} is missing", "cut": f"{rpm.name} is damaged"}
    assert str(repo.lost(folder)).startswith(words.get(change, "its metadata cannot be read: "))


def test_the_index_knows_who_has_what(rpms: dict[str, Path], tmp_path: Path) -> None:
    repo.compose(tmp_path / "repo", rpms, epoch=1)
    index = repo.read_index(tmp_path / "repo")
    assert index.names == {"one", "two"}
    assert index.providers["virtual-one"] == {"one"}
    assert index.owners == {"/usr/bin/one": {"one"}, "/usr/bin/two": {"two"}}


def test_groups_that_are_no_utf_8_are_named(tmp_path: Path) -> None:
    (tmp_path / "comps.xml").write_bytes(b"<comps>\n\xff</comps>\n")
    with pytest.raises(NotRegular, match=r"comps\.xml:2: is not UTF-8 text"):
        repo.compose(tmp_path / "repo", {}, epoch=0, groups=tmp_path / "comps.xml")
