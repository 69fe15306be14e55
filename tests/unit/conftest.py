# SPDX-License-Identifier: LGPL-2.1-or-later
"""What several unit tests start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.engine.builders.job import Job
from tests.unit.factories import package


@pytest.fixture
def job(tmp_path: Path) -> Job:
    for name in ("work", "results", "logs"):
        (tmp_path / name).mkdir()
    return Job(
        package=package("foo"),
        build_requires=(),
        srpm=tmp_path / "foo-1-1.src.rpm",
        dependencies=Path("/deps"),
        dependencies_digest="",
        work=tmp_path / "work",
        results=tmp_path / "results",
        logs=tmp_path / "logs",
        epoch=7,
    )
