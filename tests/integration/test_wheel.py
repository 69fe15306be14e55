# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ``pipx install .`` installs is whole, and works away from this repository."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

from planex.run import run
from tests.conftest import ROOT


def test_a_wheel_has_all_that_the_source_tree_has(tmp_path: Path) -> None:
    source, installed = tmp_path / "source", tmp_path / "installed"
    shutil.copytree(ROOT / "planex", source / "planex", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    # As pip does, with the setuptools that is installed here, so that nothing is downloaded.
    run([sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, source])
    (wheel,) = tmp_path.glob("planex-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    wanted = {path.relative_to(source) for path in (source / "planex").rglob("*") if path.is_file()}
    assert {path.relative_to(installed) for path in (installed / "planex").rglob("*") if path.is_file()} == wanted

    done = run([sys.executable, "-m", "planex", "init", "distro"], cwd=tmp_path, env={"PYTHONPATH": str(installed)})
    assert "next: cd distro && planex base build && planex build" in done.stderr
