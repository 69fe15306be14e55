# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared fixtures. ``@pytest.mark.tools("xorriso")``: skip without the program, or fail when PLANEX_STRICT=1."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from planex.run import find

ROOT = Path(__file__).resolve().parent.parent

# On CI every run tries the same examples, so that a change is judged by itself and not by luck.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if {"CI", "PLANEX_STRICT"} & os.environ.keys() else "local")


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [name for mark in item.iter_markers("tools") for name in mark.args if find(name) is None]
    if not missing:
        return
    reason = f"needs {', '.join(missing)}"
    # mock is in no package index of Debian, so no machine of that kind can be asked to have it.
    if os.environ.get("PLANEX_STRICT") == "1" and missing != ["mock"]:
        pytest.fail(f"{reason} (PLANEX_STRICT=1)", pytrace=False)
    pytest.skip(reason)


def pytest_configure() -> None:
    """A test that would eat all memory fails by itself, with the line that did it, and leaves the machine alone."""
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 3 // 4
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


@pytest.fixture
def fake_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Make a program that comes first on PATH: ``fake_tool("mock", "#!/bin/sh ...")`` gives its path."""
    folder = tmp_path / "fake-bin"

    def make(name: str, script: str) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(script)
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return path

    return make


@pytest.fixture
def data() -> Path:
    """Folder of test data."""
    return ROOT / "tests" / "data"


@pytest.fixture
def copy_of_repository(tmp_path: Path) -> Path:
    """The repository's own workspace files in a folder of their own, without anything built."""
    destination = tmp_path / "workspace"
    destination.mkdir()
    for name in ("planex.yaml", "specs", "patchqueues", "repos", "mock-configs", "iso"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, destination / name)
    return destination
