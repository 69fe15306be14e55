# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base ISO of a real EL is the one that planex.yaml gives the SHA-256 of, or none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.host import build
from planex.report import Reporter, Task
from planex.sources.limits import LIMITS, Download, Downloads

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
    return build._downloaded(
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
