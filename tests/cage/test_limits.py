# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build that uses more than it may is ended, named, and leaves nothing running."""

from __future__ import annotations

import pytest

from tests.cage import table
from tests.cage.conftest import Caller, running
from tests.cage.test_probes import write

pytestmark = pytest.mark.tools("bwrap", "dnf", "rpmbuild", "setpriv")
MARK = "987.25"
"""Seconds that only sleeping processes of these tests sleep."""

HUNGRY = {
    "time": ("never end", "time: 3s", f"sleep {MARK}", "took longer than 3 s (limit 'time')"),
    "memory": (
        "take all memory",
        "memory: 300M",
        "perl -e '$x = \"a\" x 2**29; sleep 60'",
        "more than 300 MiB of memory (limit 'memory')",
    ),
    "shared-memory": (
        "take all memory by files in memory",
        "memory: 300M",
        "head -c 600M /dev/zero > /dev/shm/x; sleep 60",
        "No space left on device",
    ),
    "output": ("fill the disk by its log", "output: 10M", "yes", "printed more than 10 MiB (limit 'output')"),
    "one-line": (
        "fill planex's memory by a line without an end",
        "output: 10M",
        "tr '\\0' x < /dev/zero",
        "printed more than 10 MiB (limit 'output')",
    ),
    "disk": (
        "fill the disk by one file",
        "disk: 50M",
        "head -c 80M /dev/zero > big || { echo cut short; exit 1; }",
        "cut short",
    ),
    "many-files": (
        "fill the disk by many files",
        "disk: 50M",
        "for n in $(seq 80); do head -c 1M /dev/zero > $n; done; sleep 60",
        "wrote more than 50 MiB (limit 'disk')",
    ),
    "fork-bomb": ("multiply without end", "processes: 64\n  time: 20s", "f() { f | f & }; f; sleep 60", ""),
    "processes": (
        "start more processes than it may",
        "processes: 64",
        f"for n in $(seq 200); do sleep {MARK} & done; sleep 60",
        "",  # who is refused first says it in its own words
    ),
}
"""Name to: what is tried, the limit in package.yaml, the build, what planex says."""


@pytest.mark.parametrize("name", HUNGRY)
def test_a_hungry_build_is_ended(caller: Caller, name: str) -> None:
    _, limits, build, expected = HUNGRY[name]
    write(caller, "hungry", sections=f"%build\n{build}\n", **{"package.yaml": f"limits:\n  {limits}\n"})
    done = caller.planex("build")
    assert done.returncode == 1, done.stderr
    assert "hungry failed in %build" in done.stderr
    assert expected in done.stderr
    assert not running(MARK)


def test_a_limit_without_a_unit_is_refused(caller: Caller) -> None:
    write(caller, "hungry", **{"package.yaml": "limits:\n  memory: 8\n"})
    done = caller.planex("build", "--dry-run")
    assert done.returncode == 2
    assert "specs/hungry/package.yaml:2: 'limits.memory': 8 has no unit: write it as a text such as 8G" in done.stderr


def test_the_page_on_security_has_the_table_of_these_tests() -> None:
    text = table.PAGE.read_text()
    assert table.page(text) == text, "write it anew: python -m tests.cage.table"
