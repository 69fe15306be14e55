# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex build that signs: the repository is signed, the store is not, and who has no key is told before the build."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.run import Completed, run
from planex.trust.provenance import Material, parse_provenance
from planex.trust.repository import repomd_complaint
from tests.conftest import ROOT
from tests.integration.conftest import write_package
from tests.unit.keys import Keys, made_keys

pytestmark = pytest.mark.tools("rpmbuild", "dnf", "createrepo_c", "bwrap", "gpg", "gpgv", "rpmkeys")

SPEC = """\
Name: foo
Version: 1
Release: 1
Summary: x
License: MIT
BuildArch: noarch
Source0: foo-1.tar
{{ patch_lines }}
%description
x
%prep
%autosetup -p1
%install
install -D -m 644 x %{buildroot}/opt/x
%files
/opt/x
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""


PATCH = "Subject: [PATCH] Say y\n\n---\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+y\n"


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with made_keys() as keys:
        yield keys


def planex(workspace: Path, home: Path, *words: str) -> Completed:
    argv: list[str | Path] = [sys.executable, "-m", "planex", "-C", workspace, *words]
    return run(argv, check=False, env={"PYTHONPATH": str(ROOT), "GNUPGHOME": str(home)})


def test_the_repository_is_signed_and_the_store_is_not(workspace: Path, keys: Keys, tmp_path: Path) -> None:
    write_package(workspace, "foo", SPEC, {"x": "x\n"}, {"fix.patch": PATCH})
    (workspace / "release.asc").write_text(keys.key("release").text)
    config = workspace / "planex.yaml"
    config.write_text(f"{config.read_text()}sign: {{key: release.asc}}\n")
    repository, nobody = workspace / "_build" / "bookworm" / "repo", tmp_path / "nobody"
    nobody.mkdir(mode=0o700)

    done = planex(workspace, nobody, "build")
    assert done.returncode == 1 and "gpg does not sign" in done.stderr and "import the secret key" in done.stderr
    assert not repository.exists() and "built" not in done.stderr

    done = planex(workspace, keys.home, "build")
    assert done.returncode == 0, done.stderr
    assert repomd_complaint(keys.key("release"), repository) == ""
    (rpm,), (stored,) = (
        repository.glob("*.rpm"),
        (workspace / "_build" / "bookworm" / "store").rglob("foo-1-1.noarch.rpm"),
    )
    database = ["rpmkeys", "--dbpath", str(tmp_path / "db")]
    run([*database, "--import", workspace / "release.asc"])
    assert "Header V4 EdDSA" in run([*database, "--checksig", "--verbose", rpm]).stdout
    assert "Header V4" not in run([*database, "--checksig", "--verbose", stored]).stdout

    done = planex(workspace, nobody, "verify", str(rpm), "--key", str(workspace / "release.asc"))
    assert done.returncode == 0 and done.stdout.count("signed by release") == 2, done.stdout + done.stderr
    assert "\nmade of  source foo-1.tar (sha256:" in done.stdout and "\nmade of  spec (sha256:" in done.stdout
    assert "\nmade of  patch fix.patch: Say y (sha256:" in done.stdout
    statement = parse_provenance("", (repository / "provenance" / "foo.intoto.json").read_bytes()).statement
    assert [each.name for each in statement.subject] == [rpm.name, f"unsigned/{rpm.name}"]
    assert statement.names(digest_of(stored, "SHA256")) == [f"unsigned/{rpm.name}"]
    assert str(workspace) not in statement.to_json().decode()

    assert "nothing to do" in planex(workspace, nobody, "build").stderr, "what is signed needs no key"
    assert planex(workspace, nobody, "build", "--no-sign").returncode == 0
    assert repomd_complaint(keys.key("release"), repository) == "it is not signed"
    assert rpm.name in {path.name for path in repository.glob("*.rpm")}
    done = planex(workspace, nobody, "build")
    assert done.returncode == 0 and repomd_complaint(keys.key("release"), repository) == ""


def test_provenance_names_what_a_result_was_made_of(workspace: Path, keys: Keys) -> None:
    """Whatever became of the workspace since: a file and a patch were changed, and then the file is gone."""
    write_package(workspace, "foo", SPEC, {"x": "x\n"}, {"fix.patch": PATCH})
    write_package(workspace, "other", SPEC.replace("foo", "other"), {"x": "x\n"}, {})
    (workspace / "release.asc").write_text(keys.key("release").text)
    config = workspace / "planex.yaml"
    config.write_text(f"{config.read_text()}sign: {{key: release.asc}}\n")
    assert planex(workspace, keys.home, "build").returncode == 0
    first = materials(workspace)
    source, patch = first[:2]
    assert (source.name, source.uri, patch.name) == ("source foo-1.tar", "foo-1.tar", "patch fix.patch")
    assert patch.annotations and patch.annotations["subject"] == "Say y"

    write_package(workspace, "foo", SPEC, {"x": "x\n", "y": "y\n"}, {"fix.patch": PATCH.replace("Say y", "Say Y")})
    assert planex(workspace, keys.home, "build", "other").returncode == 0
    now = materials(workspace)
    assert [(each.name, each.digest) for each in now] == [(each.name, each.digest) for each in first]
    assert now[1].annotations is None, "the subject is that of another patch"

    (workspace / "specs" / "foo" / "foo-1.tar").unlink()
    write_package(workspace, "other", SPEC.replace("foo", "other"), {"x": "x\n", "y": "y\n"}, {})
    done = planex(workspace, keys.home, "build", "other")
    assert done.returncode == 0, done.stderr
    assert materials(workspace) == now


def materials(workspace: Path) -> list[Material]:
    path = workspace / "_build" / "bookworm" / "repo" / "provenance" / "foo.intoto.json"
    return parse_provenance("", path.read_bytes()).materials()
