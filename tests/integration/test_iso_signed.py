# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex iso build that signs, on a host of one package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from planex.checksums import digest_of, digest_of_text
from planex.content import shelf
from planex.distro.project import Project
from planex.errors import ConfigError, PlanexError
from planex.host.build import build_iso
from planex.host.check import check_iso
from planex.host.plan import load_manifest
from planex.host.signing import signature_path
from planex.medium.sums import SIGNATURE, SUMS
from planex.medium.xorriso import open_image
from planex.report import Reporter
from planex.rpm.repo import compose
from planex.trust.gpg import complaint
from planex.trust.provenance import SLSA
from planex.trust.repository import seal_of, signed_copies
from planex.trust.statement import Statement, Subject
from tests.integration import tiny_iso
from tests.integration.test_iso_build import PLANEX_YAML, load, made, make_project  # noqa: F401
from tests.unit.keys import Keys, made_keys

pytestmark = pytest.mark.tools(
    *tiny_iso.TOOLS, "rpmbuild", "dnf", "bwrap", "unshare", "mksquashfs", "gpg", "gpgv", "rpmkeys"
)
Made = tuple[Path, Path]


@pytest.fixture(scope="module")
def home() -> Iterator[Keys]:
    with made_keys() as keys:
        yield keys


@pytest.fixture
def keys(home: Keys, monkeypatch: pytest.MonkeyPatch) -> Keys:
    monkeypatch.setenv("GNUPGHOME", str(home.home))
    return home


@pytest.fixture
def project(made: Made, keys: Keys, tmp_path: Path) -> Project:  # noqa: F811
    """A workspace that signs, and whose repository is signed."""
    return signing_project(made, keys, tmp_path / "workspace")


def signing_project(made: Made, keys: Keys, root: Path) -> Project:  # noqa: F811
    make_project(made, root)
    (root / "release.asc").write_text(keys.key("release").text)
    (root / "planex.yaml").write_text(f"{PLANEX_YAML}sign: {{key: release.asc}}\n")
    project = load(root)
    sign_repository(project, made[1])
    return project


def sign_repository(project: Project, rpm: Path) -> None:
    assert project.signer is not None
    if not project.repository.is_symlink():
        shelf.remove(project.repository)
    copies = signed_copies(project.signer, project.signed / "rpms", {digest_of(rpm, "SHA256"): rpm})
    (signed,) = copies
    statement = Statement((Subject(rpm.name, {"sha256": signed}),), SLSA, {}).to_json()
    seal = seal_of(project.signer, "tiny", {"tiny-host": statement})
    compose(project.repository, copies, epoch=project.epoch, seal=seal)


def build(project: Project, force: bool = False) -> Path:
    return build_iso(load(project.workspace.root), Reporter(), force=force).iso


def test_all_of_a_signed_iso_is_signed(project: Project, made: Made, keys: Keys, tmp_path: Path) -> None:  # noqa: F811
    iso = build(project)
    key = keys.key("release")
    assert check_iso(iso) == []
    assert complaint(key, signature_path(iso).read_text(), iso) == ""
    names = {SUMS: tmp_path / "sums", SIGNATURE: tmp_path / "sums.asc", "/RPM-GPG-KEY-tiny": tmp_path / "key"}
    repomd = {f"/planex/repodata/repomd.xml{end}": tmp_path / f"repomd{end}" for end in ("", ".asc")}
    rpm = {"/planex/tiny-host-1-1.noarch.rpm": tmp_path / "tiny.rpm", "/planex/RPM-GPG-KEY-tiny": tmp_path / "key2"}
    tiny_iso.extract(iso, names | repomd | rpm)
    assert complaint(key, (tmp_path / "sums.asc").read_text(), tmp_path / "sums") == ""
    assert complaint(key, (tmp_path / "repomd.asc").read_text(), tmp_path / "repomd") == ""
    assert (tmp_path / "key").read_text() == (tmp_path / "key2").read_text() == key.text
    assert b"(unsigned)" not in iso.read_bytes()
    manifest = load_manifest(iso)
    assert manifest.key == key.fingerprint
    assert manifest.inputs["signing key"] == digest_of_text(key.text)
    (shipped,) = manifest.rpms
    assert digest_of(tmp_path / "tiny.rpm", "SHA256") == shipped.sha256 == manifest.packages[0].sha256
    assert shipped.unsigned == digest_of(made[1], "SHA256") != shipped.sha256


def test_signing_twice_gives_the_same_bytes(project: Project) -> None:
    first = build(project).read_bytes()
    assert build(project, force=True).read_bytes() == first


def test_an_iso_that_is_not_signed_says_so(made: Made, tmp_path: Path) -> None:  # noqa: F811
    project = make_project(made, tmp_path / "workspace")
    iso = build(project)
    assert not {SIGNATURE, "/RPM-GPG-KEY-tiny"} & open_image(iso).files.keys()
    image = open_image(iso)
    assert "  menu label Tiny (unsigned)\n" in image.read("/isolinux/isolinux.cfg").decode()
    assert 'menuentry "Tiny (unsigned)" --id xen' in image.read("/EFI/BOOT/grub.cfg").decode()
    assert not signature_path(iso).exists()


def test_a_repository_that_is_not_signed_makes_no_signed_iso(made: Made, keys: Keys, tmp_path: Path) -> None:  # noqa: F811
    project = make_project(made, tmp_path / "workspace")
    root = project.workspace.root
    (root / "release.asc").write_text(keys.key("release").text)
    (root / "planex.yaml").write_text(f"{PLANEX_YAML}sign: {{key: release.asc}}\n")
    with pytest.raises(PlanexError, match=r"the repository is not signed by release .*: it is not signed") as caught:
        build(project)
    assert "planex build" in str(caught.value.hint) and "--no-sign" in str(caught.value.hint)
    (root / "release.asc").write_text(keys.key("old").text)
    with pytest.raises(ConfigError, match="cannot sign: it expired on 2020-01-02"):
        build(project)


def test_a_repository_whose_metadata_were_changed_makes_no_signed_iso(project: Project) -> None:
    repomd = project.repository.resolve() / "repodata" / "repomd.xml"
    repomd.chmod(0o644)
    repomd.write_text(f"{repomd.read_text()}<!-- changed -->\n")
    with pytest.raises(PlanexError, match=r"the repository is not signed by release .*: it was changed after it was"):
        build(project)
    assert not list(project.folder.glob("iso/*.iso"))


def test_another_key_makes_another_iso(project: Project, made: Made, keys: Keys) -> None:  # noqa: F811
    build(project)
    (project.workspace.root / "release.asc").write_text(keys.key("other").text)
    with pytest.raises(PlanexError, match="it is signed with another key"):
        build(project)
    sign_repository(load(project.workspace.root), made[1])
    reasons = build_iso(load(project.workspace.root), Reporter()).reasons
    assert "signing key changed" in reasons and "repository changed" in reasons
