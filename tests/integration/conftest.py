# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real tools on small packages. The embedded base is the repository's own, made once and cached below _build/."""

from __future__ import annotations

import io
import shutil
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from planex.rpm.mockroots import CALLER
from planex.run import Completed, run
from tests.conftest import ROOT

Planex = Callable[..., Completed]

PLANEX_YAML = "name: test\nversion: '1'\nvendor: tests\ntargets: {bookworm: {base: bookworm, embedded: true}}\n"


def run_planex(folder: Path, *words: str) -> Completed:
    """The command line in a process of its own, as a user runs it."""
    argv: list[str | Path] = [sys.executable, "-m", "planex", "-C", folder, *words]
    return run(argv, check=False, env={"PYTHONPATH": str(ROOT)}, inherit=CALLER)


@pytest.fixture(scope="session")
def base() -> Path:
    """The embedded base, made if need be."""
    done = run_planex(ROOT, "base", "build")
    assert done.returncode == 0, done.stderr
    return ROOT / "_build" / "base"


def make_workspace(folder: Path, base: Path) -> Path:
    """An empty workspace that shares the base."""
    (folder / "specs").mkdir(parents=True)
    (folder / "_build").mkdir()
    (folder / "_build" / "base").symlink_to(base)
    (folder / "planex.yaml").write_text(PLANEX_YAML)
    for name in ("repos", "mock-configs"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.fixture
def workspace(tmp_path: Path, base: Path) -> Path:
    """An empty workspace that shares the base."""
    return make_workspace(tmp_path / "workspace", base)


@pytest.fixture
def planex(workspace: Path) -> Planex:
    """Run planex in the workspace."""
    return lambda *words: run_planex(workspace, *words)


def make_tarball(path: Path, top: str, files: dict[str, str]) -> None:
    """A tarball with one top folder, the same bytes for the same files."""
    with tarfile.open(path, "w") as tar:
        for name, text in sorted(files.items()):
            info = tarfile.TarInfo(f"{top}/{name}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))


def write_package(workspace: Path, name: str, spec: str, files: dict[str, str], patches: dict[str, str]) -> None:
    """A package whose Source0 is a local tarball of ``files``; ``patches`` is its queue, in order."""
    folder = workspace / "specs" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.spec.j2").write_text(spec)
    make_tarball(folder / f"{name}-1.tar", f"{name}-1", files)
    queue = workspace / "patchqueues" / name
    if patches:
        queue.mkdir(parents=True, exist_ok=True)
        (queue / "series").write_text("".join(f"{patch}\n" for patch in patches))
    for patch, text in patches.items():
        (queue / patch).write_text(text)
