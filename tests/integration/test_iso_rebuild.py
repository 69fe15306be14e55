# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex iso verify --rebuild: from the commit, with real builds, to the same bytes; what differs is named."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from planex.cage.trees import remove_tree
from planex.git.door import run_git
from planex.host.manifest import ON_ISO
from planex.host.verify import manifest_of
from planex.medium.sums import SUMS
from planex.run import Completed, run
from tests.cage.conftest import TEST_USER, require_test_user
from tests.conftest import ROOT
from tests.integration import tiny_iso
from tests.integration.conftest import PLANEX_YAML, make_workspace
from tests.integration.test_iso_build import COMPS, ISO_YAML, SPEC
from tests.unit.keys import Keys, made_keys

LUCKY = """\
Name: lucky
Version: 1
Release: 1
Summary: x
License: MIT
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/opt
@ >%{buildroot}/opt/number
%files
/opt/number
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
STORE = "store: [{{url: 'file:{}', keys: [release.asc], push: true}}]\n"
pytestmark = pytest.mark.tools(*tiny_iso.TOOLS, "rpmbuild", "dnf", "bwrap", "mksquashfs", "gpg", "gpgv", "git")


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with made_keys() as keys:
        yield keys


@pytest.fixture(scope="module")
def released(base: Path, keys: Keys) -> Iterator[Path]:
    """A workspace in git whose ISO was built and signed; its base is the real one with a small ISO."""
    folder = Path(tempfile.mkdtemp(prefix="planex-released."))  # another user reads it, who cannot enter pytest's
    folder.chmod(0o755)
    yield release(folder, base, keys)
    remove_tree(folder)


def release(folder: Path, base: Path, keys: Keys) -> Path:
    small = folder / "base" / "bookworm"
    small.mkdir(parents=True)
    for path in (base / "bookworm").iterdir():
        (small / path.name).symlink_to(path)
    (small / "base.iso").unlink()
    shutil.copy(tiny_iso.make_base(folder), small / "base.iso")
    root = make_workspace(folder / "workspace", small.parent)
    (folder / "store").mkdir()
    texts = {
        "planex.yaml": f"{PLANEX_YAML}sign: {{key: release.asc}}\n{STORE.format(folder / 'store')}",
        "release.asc": keys.key("release").text,
        ".gitignore": "/_build/\n",
        "specs/tiny-host/tiny-host.spec": SPEC,
        "specs/tiny-host/package.yaml": "replaces: [busybox-static]\n",
        "iso/iso.yaml": ISO_YAML,
        "iso/comps.xml": COMPS,
        "iso/initrd/init": "#!/bin/busybox sh\n",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    run_git(root, ["init", "--quiet"])
    build(root, keys)
    return root


def build(root: Path, keys: Keys) -> str:
    """Commit what there is, and build; the ISO's commit."""
    for words in (["add", "."], ["commit", "--quiet", "-m", "x"]):
        run_git(root, words)
    for planex_words in (("build",), ("iso", "build")):
        done = planex(root, keys.home, *planex_words)
        assert done.returncode == 0, done.stderr
    return manifest_of(iso_of(root)).made_from.commit


def planex(folder: Path, home: Path, *words: str, user: str | None = None) -> Completed:
    become = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"] if user else []
    argv: list[str | Path] = [*become, sys.executable, "-m", "planex", "-C", folder, *words]
    env = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "GNUPGHOME": str(home), "HOME": str(home)}
    return run(argv, check=False, env=env)


def iso_of(root: Path) -> Path:
    return root / "_build" / "bookworm" / "iso" / "tiny-1.iso"


def verify(root: Path, elsewhere: Path, *words: str, user: str | None = None) -> Completed:
    """By somebody who has no secret key, and another folder."""
    elsewhere.mkdir(exist_ok=True, mode=0o700)
    inputs = ("--from", str(root), "--inputs", str(root / "_build"))
    words = ("iso", "verify", str(iso_of(root)), "--rebuild", *inputs, *words)
    return planex(elsewhere, elsewhere, *words, user=user)


def test_another_user_elsewhere_gets_the_same_bytes(released: Path, keys: Keys) -> None:
    user = None
    if os.geteuid() == 0:
        require_test_user()
        user = TEST_USER
    with tempfile.TemporaryDirectory(prefix="planex-elsewhere.") as name:
        if user:
            shutil.chown(name, user, user)
        done = verify(released, Path(name), "--key", str(released / "release.asc"), user=user)
    assert done.returncode == 0, done.stdout + done.stderr
    commit = manifest_of(iso_of(released)).made_from.commit
    assert f"bit-identical, from commit {commit[:12]}: 1 RPM" in done.stdout, done.stdout


def test_what_differs_is_named(released: Path, keys: Keys, tmp_path: Path) -> None:
    """A package that is another each time; what it made the first time can be taken, and then all is the same.

    The shared store has it, too: that one is not asked, and gets nothing, least of all with signatures of others.
    """
    text = LUCKY.replace("@", "head -c 8 /dev/urandom | od -x")
    (released / "specs" / "lucky").mkdir()
    (released / "specs" / "lucky" / "lucky.spec").write_text(text)
    build(released, keys)
    shared = contents(released.parent / "store")
    assert sum(name.startswith("ac/") for name in shared) == 2, "the results of both packages"
    work = tmp_path / "work"
    done = verify(released, tmp_path / "elsewhere", "--work", str(work))
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and "not to be trusted" in done.stderr
    wrong = [line.split(maxsplit=2)[1:] for line in lines if line.startswith("wrong")]
    assert wrong[0] == ["/planex/lucky-1-1.noarch.rpm", "files in it differ: /opt/number"]
    assert "/planex/tiny-host-1-1.noarch.rpm" not in done.stdout
    assert {name for name, _ in wrong[1:]} >= {"/planex/repodata/repomd.xml", SUMS, ON_ISO}
    assert (work / "rebuild.log").exists() and list(work.rglob("tiny-1.iso"))
    done = verify(released, tmp_path / "elsewhere", "--work", str(work))
    assert done.returncode == 1 and f"{work} is not empty" in done.stderr
    done = verify(released, tmp_path / "elsewhere", "--results")
    assert done.returncode == 0 and "bit-identical" in done.stdout, done.stdout + done.stderr
    assert contents(released.parent / "store") == shared


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_cannot_be_rebuilt_is_said(released: Path, keys: Keys, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    done = verify(released, tmp_path / "elsewhere", "--from", str(nowhere))
    assert done.returncode == 1 and f"{nowhere} is in no git repository" in done.stderr
    run_git(nowhere, ["init", "--quiet"])
    done = verify(released, tmp_path / "elsewhere", "--from", str(nowhere))
    assert done.returncode == 1 and f" is not in {nowhere}" in done.stderr and "--from" in done.stderr
    done = planex(tmp_path, tmp_path, "iso", "verify", str(iso_of(released)), "--inputs", str(nowhere))
    assert done.returncode == 2 and "--rebuild" in done.stderr
    done = verify(released, tmp_path / "elsewhere", "--commit", "--output=/tmp/x")
    assert done.returncode == 1 and "the commit --output=/tmp/x is not in" in done.stderr
    (released / "iso" / "iso.yaml").write_text(ISO_YAML.replace("title: Tiny", "title: Changed"))
    assert planex(released, keys.home, "iso", "build").returncode == 0
    done = verify(released, tmp_path / "elsewhere")
    assert done.returncode == 1 and "with changes that are in no commit" in done.stderr and "--commit" in done.stderr
