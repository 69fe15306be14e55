# SPDX-License-Identifier: LGPL-2.1-or-later
"""Twenty kills of scripts/crash-test, always at the same moments; 200 are for running it by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from planex.run import Completed, run
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "mksquashfs", "xorriso", "git", "apt-get"),
]
SEED = "20261124"
RUNS = {
    "build": ("build", "--kills", "5"),
    "base": ("base", "--kills", "5"),
    "iso": ("iso", "--kills", "5"),
    "rebase": ("rebase", "--kills", "5"),
    "stopped": ("rebase", "--kills", "2", "--signals", "term,int"),
}


@pytest.fixture(scope="module")
def runs(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Completed]]]:
    """All runs are under way, two at a time."""

    def crash_test(words: tuple[str, ...], place: Path) -> Completed:
        argv: list[str | Path] = [
            sys.executable,
            ROOT / "scripts" / "crash-test",
            *words,
            "--seed",
            SEED,
            "--folder",
            place,
        ]
        return run(argv, check=False, timeout=600)

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(crash_test, words, tmp_path_factory.mktemp(name)) for name, words in RUNS.items()}


@pytest.mark.parametrize("name", ["build", "base", "iso", "rebase", "stopped"])
def test_what_was_killed_goes_on_to_the_same_bytes(name: str, runs: dict[str, Future[Completed]]) -> None:
    done = runs[name].result()
    assert done.returncode == 0, done.stdout + done.stderr
