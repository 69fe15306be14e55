# SPDX-License-Identifier: LGPL-2.1-or-later
"""Repositories, made by the real createrepo_c from tiny packages by the real rpmbuild."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from planex import repo
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
    index = repo.read_index(tmp_path / "repo")
    for name in ("one", "virtual-two", "/usr/bin/one"):
        assert index.offers(name)
    for name in ("three", "/usr/share/one", "/usr/bin/three"):
        assert not index.offers(name)
