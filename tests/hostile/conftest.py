# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the cases that were chosen beforehand, several at once, and counts tracebacks and hangs over all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from planex.rpm.repo import create_repo
from planex.run import find
from tests.hostile.attack import Ending, carry_out
from tests.hostile.case import USUAL_SECONDS, Case, find_cases, load_case
from tests.hostile.server import serving
from tests.unit.rpm_factory import make_rpm

PER_CORE = 1.5
"""Cases at once; a little more than one, for each waits for its disk now and then."""
WAITERS = 16
"""Cases at once of those that wait for time to pass, such as for a server that says nothing."""
ENDINGS = pytest.StashKey[dict[str, Ending]]()
CHOSEN = pytest.StashKey[list[str]]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "attack" in metafunc.fixturenames:
        everything = os.environ.get("PLANEX_HOSTILE") == "all"
        names = [name for name, folder in find_cases().items() if everything or not load_case(folder).rare]
        metafunc.parametrize("attack", names)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ENDINGS] = {}


def pytest_collection_finish(session: pytest.Session) -> None:
    calls = [getattr(item, "callspec", None) for item in session.items]
    session.config.stash[CHOSEN] = [call.params["attack"] for call in calls if call and "attack" in call.params]


@pytest.fixture(scope="session")
def futures(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Ending]]]:
    """Every chosen case is under way, or will be."""
    folders = find_cases()
    at_once = int((os.cpu_count() or 1) * PER_CORE)
    cases = {name: load_case(folders[name]) for name in request.config.stash[CHOSEN]}
    base = tmp_path_factory.mktemp("base")
    shutil.move(make_rpm(tmp_path_factory.mktemp("rpm"), "bash"), base)
    create_repo(base)
    with serving() as server, ThreadPoolExecutor(at_once) as busy, ThreadPoolExecutor(WAITERS) as idle:

        def submit(case: Case) -> Future[Ending]:
            return (idle if case.seconds > USUAL_SECONDS else busy).submit(carry_out, case, server, base)

        yield {name: submit(case) for name, case in cases.items() if not missing_tools(case)}
        for pool in (busy, idle):
            pool.shutdown(cancel_futures=True)


def missing_tools(case: Case) -> list[str]:
    return [tool for tool in case.needs if find(tool) is None]


@pytest.fixture
def ending(attack: str, futures: dict[str, Future[Ending]], request: pytest.FixtureRequest) -> Ending:
    """How the case ended."""
    if attack not in futures:
        pytest.skip("needs other programs")
    ending = futures[attack].result()
    request.config.stash[ENDINGS][attack] = ending
    return ending


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    endings = config.stash[ENDINGS]
    if not endings:
        return
    traced = [name for name, ending in endings.items() if ending.traced]
    hung = [name for name, ending in endings.items() if ending.hung]
    cpu = sum(ending.cpu for ending in endings.values())
    counts = f"{len(endings)} cases, {len(traced)} tracebacks, {len(hung)} hangs; {cpu:.0f} s of processor time"
    terminalreporter.section("hostile input")
    terminalreporter.line("\n".join([counts, *(f"  traceback: {n}" for n in traced), *(f"  hang: {n}" for n in hung)]))
