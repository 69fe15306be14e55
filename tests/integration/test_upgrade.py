# SPDX-License-Identifier: LGPL-2.1-or-later
"""``dnf upgrade`` from one repository to another, in a root."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.content import shelf
from planex.errors import PlanexError
from planex.rpm import repo
from planex.rpm.dnf import Repositories
from planex.rpm.upgrade import Upgraded, try_upgrade
from tests.unit.rpm_factory import make_rpm

pytestmark = [pytest.mark.slow, pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c")]

CONF = "[main]\nreposdir=/dev/null\nassumeyes=1\n"
FILE = {"install": "install -D /dev/null %{buildroot}/opt/shared", "files": "/opt/shared"}


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    """A repository of RPMs: name to what makes one."""

    def make(name: str, **rpms: dict[str, str]) -> Path:
        files = [make_rpm(tmp_path / f"rpms-{name}", rpm, **how) for rpm, how in rpms.items()]
        repo.compose(tmp_path / name, {digest_of(file, "SHA256"): file for file in files}, epoch=7)
        return tmp_path / name

    return make


@pytest.fixture
def upgrade(tmp_path: Path) -> Callable[[Path, Path, list[str]], Upgraded]:
    def run(old: Path, new: Path, names: list[str]) -> Upgraded:
        with shelf.draft(tmp_path / "root") as folder:
            base = Repositories(CONF, tmp_path / "cache", database="/var/lib/rpm")
            return try_upgrade(base, names, old.resolve(), new.resolve(), folder, tmp_path / "log")

    return run


def test_what_works(made: Callable[..., Path], upgrade: Callable[..., Upgraded]) -> None:
    old = made("old", one={}, two={}, gone={})
    new = made("new", one={"release": "2"}, two={}, instead={"tags": "Obsoletes: gone < 2\nProvides: gone = 2"})
    done = upgrade(old, new, ["one", "two", "gone"])
    assert done.upgraded == ("instead-1-1.noarch", "one-1-2.noarch")
    assert done.removed == ("gone-1-1.noarch", "one-1-1.noarch")
    assert (done.complaints, done.left) == ((), ())


def test_files_in_each_others_way_are_told(made: Callable[..., Path], upgrade: Callable[..., Upgraded]) -> None:
    old, new = made("old", one=FILE, two={}), made("new", one=FILE, two={**FILE, "release": "2"})
    done = upgrade(old, new, ["one", "two"])
    assert done.complaints == (), "the same file, the same bytes: rpm has nothing against that"
    content = {"install": "mkdir -p %{buildroot}/opt\necho x >%{buildroot}/opt/shared", "files": "/opt/shared"}
    with pytest.raises(PlanexError, match=r"(?s)/opt/shared.*conflicts.*one-1-1"):
        upgrade(old, made("other", one=FILE, two={**content, "release": "2"}), ["one", "two"])


def test_a_scriptlet_that_fails_is_told(made: Callable[..., Path], upgrade: Callable[..., Upgraded]) -> None:
    failing = {"release": "2", "files": '%post -p <lua>\nerror("no")'}
    done = upgrade(made("old", one={}), made("new", one=failing), ["one"])
    assert [text for text in done.complaints if "POSTIN" in text and "one" in text]


def test_what_needs_a_package_that_is_nowhere_is_told(
    made: Callable[..., Path], upgrade: Callable[..., Upgraded]
) -> None:
    with pytest.raises(PlanexError, match=r"(?s)nothing provides nowhere"):
        upgrade(made("old", one={}), made("new", one={"release": "2", "tags": "Requires: nowhere"}), ["one"])


def test_what_is_obsolete_and_still_needed_is_told(made: Callable[..., Path], upgrade: Callable[..., Upgraded]) -> None:
    old = made("old", one={}, keeper={"tags": "Requires: one"})
    new = made("new", keeper={"tags": "Requires: one"}, two={"tags": "Obsoletes: one < 2"})
    with pytest.raises(PlanexError, match=r"(?s)keeper.*requires one"):
        upgrade(old, new, ["one", "keeper"])
