# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile input through the real command line: one clear message, the right exit status, no traceback, no hang.

With ``PLANEX_UPDATE_HOSTILE=1`` the expected texts of the chosen cases are written; see README.md.
"""

from __future__ import annotations

import os

import pytest

from tests.hostile.attack import Ending, blessed, faults, mismatch
from tests.hostile.case import ATTACKS, Case, find_cases, load_case, save_expected, waiting
from tests.hostile.conftest import ENDINGS

UPDATE = os.environ.get("PLANEX_UPDATE_HOSTILE") == "1"
WAITING = waiting()


def judge(case: Case, ending: Ending) -> list[str]:
    """Everything that is wrong."""
    wrong = list(faults(case, ending))
    for name, expected, found in (("stdout", case.stdout, ending.stdout), ("stderr", case.stderr, ending.stderr)):
        if mismatch(expected, found):
            wrong.append(f"{name} is not as expected:\n--- expected\n{expected or ''}\n--- found\n{found[:4000]}")
    return wrong


def update(attack: str, case: Case, ending: Ending) -> list[str]:
    """Write the expected texts, unless nobody could want them."""
    wrong = list(faults(case, ending))
    if not wrong and judge(case, ending):
        save_expected(ATTACKS / attack, blessed(ending.stdout), blessed(ending.stderr))
    return [*wrong, *([ending.stdout[:2000] + ending.stderr[:4000]] if wrong else [])]


def test_attack(attack: str, ending: Ending) -> None:
    case = load_case(ATTACKS / attack)
    wrong = update(attack, case, ending) if UPDATE else judge(case, ending)
    if attack in WAITING:
        if wrong:
            pytest.xfail(WAITING[attack])
        pytest.fail(f"{attack} is mended: take it out of tests/hostile/waiting.txt", pytrace=False)
    if wrong:
        pytest.fail("\n".join([case.about, *wrong]), pytrace=False)


def test_what_waits_is_a_case() -> None:
    assert WAITING.keys() - find_cases().keys() == set()


def test_no_case_shows_a_traceback_or_hangs(request: pytest.FixtureRequest) -> None:
    endings = request.config.stash[ENDINGS]
    bad = [name for name, ending in endings.items() if (ending.traced or ending.hung) and name not in WAITING]
    assert bad == []
