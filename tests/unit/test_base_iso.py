# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base ISO of a real EL is the one that planex.yaml gives the SHA-256 of, or none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from planex.distro.config import BaseIso
from planex.distro.project import Project
from planex.errors import PlanexError
from planex.host import plan
from planex.host.baseiso import check_signature
from planex.report import Reporter, Task
from planex.sources.limits import LIMITS, Download, Downloads
from tests.unit.keys import Keys, made_keys

CONTENT = b"an ISO"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """URLs that are downloaded; each gives CONTENT."""
    urls: list[str] = []

    def download(url: str, partial: Path, task: Task, limits: Downloads) -> None:
        urls.append(url)
        partial.write_bytes(CONTENT)

    monkeypatch.setattr("planex.sources.download.download", download)
    return urls


def get(cache: Path, sha256: str) -> Path:
    return plan._downloaded(
        Download(url="https://example.org/base.iso", sha256=sha256), cache, Task(Reporter(), "iso"), LIMITS
    )


def test_it_is_downloaded_once(tmp_path: Path, asked: list[str]) -> None:
    path = get(tmp_path, SHA256)
    assert path.read_bytes() == CONTENT
    assert get(tmp_path, SHA256) == path
    assert asked == ["https://example.org/base.iso"]


def test_another_file_is_refused_and_not_kept(tmp_path: Path, asked: list[str]) -> None:
    for _ in range(2):
        with pytest.raises(PlanexError, match="does not have the SHA-256"):
            get(tmp_path, "0" * 64)
    assert len(asked) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_a_disk_damaged_is_deleted_and_said(tmp_path: Path, asked: list[str]) -> None:
    path = get(tmp_path, SHA256)
    target = SimpleNamespace(embedded=False, base_iso=Download(url="https://example.org/base.iso", sha256=SHA256))
    project = cast(Project, SimpleNamespace(target=target))
    plan._require_whole(project, path, SHA256)
    path.write_bytes(b"")
    with pytest.raises(PlanexError, match="is damaged"):
        plan._require_whole(project, path, hashlib.sha256(b"").hexdigest())
    assert get(tmp_path, SHA256).read_bytes() == CONTENT


NAME = "base.iso"
LIST = f"SHA256 ({NAME}) = {SHA256}\n"


@pytest.fixture(scope="module")
def made() -> Iterator[Keys]:
    with made_keys() as keys:
        yield keys


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose files are what is downloaded by their names."""
    folder = tmp_path / "served"
    folder.mkdir()

    def download(url: str, partial: Path, task: Task, limits: Downloads) -> None:
        partial.write_bytes((folder / url.rsplit("/", 1)[-1]).read_bytes())

    monkeypatch.setattr("planex.sources.download.download", download)
    return folder


def source_of(checksums: bool) -> BaseIso:
    return BaseIso(
        url=f"https://example.org/{NAME}",
        sha256=SHA256,
        key="KEY",
        signature="https://example.org/text.asc",
        checksums="https://example.org/text" if checksums else None,
    )


def check(made: Keys, served: Path, key: str, signed: str, *, checksums: bool) -> Path:
    """An ISO that was downloaded; ``signed``: the text that "release" signed. Where it is remembered."""
    iso, keys = served.parent / f"{SHA256}.iso", served.parent / "repos"
    iso.write_bytes(CONTENT)
    keys.mkdir(exist_ok=True)
    (keys / "KEY").write_text((made.folder / f"{key}.asc").read_text())
    (served / "text").write_text(signed)
    (served / "text.asc").write_text(
        made.gpg("--armor", "--local-user", "release", "-o", "-", "--detach-sign", str(served / "text"))
    )
    check_signature(source_of(checksums), iso, keys, Task(Reporter(), "iso"), LIMITS)
    return iso.with_suffix(".signed")


@pytest.mark.tools("gpg", "gpgv")
@pytest.mark.parametrize(
    ("signed", "checksums"), [(CONTENT.decode(), False), (LIST, True), (f"{SHA256} *{NAME}\n", True)]
)
def test_what_the_distribution_signed_is_taken_once(made: Keys, served: Path, signed: str, checksums: bool) -> None:
    mark = check(made, served, "release", signed, checksums=checksums)
    (served / "text.asc").unlink()
    check_signature(
        source_of(checksums), mark.with_suffix(".iso"), served.parent / "repos", Task(Reporter(), "iso"), LIMITS
    )


@pytest.mark.tools("gpg", "gpgv")
@pytest.mark.parametrize(
    ("key", "signed", "checksums", "reason"),
    [
        ("release", "another ISO", False, "it was changed after it was signed"),
        ("release", LIST.replace(NAME, "other.iso"), True, "the signed list has no such checksum for base.iso"),
        ("release", LIST.replace(SHA256, "0" * 64), True, "the signed list has no such checksum for base.iso"),
        ("other", LIST, True, "it is signed with another key"),
    ],
)
def test_what_it_did_not_sign_is_refused(
    made: Keys, served: Path, key: str, signed: str, checksums: bool, reason: str
) -> None:
    with pytest.raises(PlanexError, match=reason):
        check(made, served, key, signed, checksums=checksums)
    assert not (served.parent / f"{SHA256}.signed").exists()


@pytest.mark.parametrize("keys", [{"key": "K"}, {"signature": "s"}, {"checksums": "c"}])
def test_half_a_proof_is_none(keys: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="belong together"):
        BaseIso(url="https://example.org/base.iso", sha256=SHA256, **keys)
