# SPDX-License-Identifier: LGPL-2.1-or-later
"""What dnf is told of repositories: this workspace's packages go before all others."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from planex.rpm import dnf, dnf_resolve
from planex.run import Completed

REQUEST: dict[str, Any] = {
    "conf": "[main]\n",
    "cache": "/cache",
    "root": "/buildroot",
    "installed": False,
    "releasever": "9",
    "repos": {"own": "/own/own"},
    "packages": ["gcc"],
    "without": [],
    "offline": False,
}


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """What stands for dnf's library; its Base."""
    base = MagicMock()
    module = ModuleType("dnf")
    module.Base = lambda conf: base  # type: ignore[attr-defined]
    module.conf = MagicMock()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dnf", module)
    monkeypatch.setattr(dnf_resolve, "HOME", str(tmp_path))
    return base


def test_own_repositories_have_priority(library: MagicMock) -> None:
    dnf_resolve._base(REQUEST)
    library.repos.add_new_repo.assert_called_once_with(
        "own", library.conf, baseurl=["file:///own/own"], gpgcheck=False, priority=1
    )
    library.fill_sack.assert_called_once_with(load_system_repo=False)
    assert [call[0] for call in library.method_calls][-1] == "fill_sack", "no repository comes behind"


def test_choose_asks_for_the_own_repositories_and_shows_them_to_the_cage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], dict[str, Any]]] = []
    package = {
        "nevra": "a-1-1.noarch",
        "path": "/own/deps/a.rpm",
        "algorithm": "sha256",
        "digest": "d",
        "buildtime": 1,
        "size": 2,
        "source": "",
        "repository": "deps",
    }

    def run(argv: Any, **more: Any) -> Completed:
        seen.append((list(map(str, argv)), json.loads(more["stdin"])))
        return SimpleNamespace(returncode=0, stdout=json.dumps({"flags": [], "packages": [package]}), stderr="")  # type: ignore[return-value]

    monkeypatch.setattr(dnf, "run", run)
    monkeypatch.setattr(dnf, "caged", lambda cage, argv: [*map(str, cage.readable), *argv])
    monkeypatch.setattr(dnf, "_dnf_python", lambda: "python3")
    own = tmp_path / "dependencies"
    place = "/usr/lib/sysimage/rpm"
    repositories = dnf.Repositories("[main]\n", tmp_path / "cache", {"deps": own}, database=place)
    choice = dnf.choose(repositories, ["a"], tmp_path / "root.log")
    [(argv, request)] = seen
    assert request["repos"] == {"deps": "/own/deps"}
    assert request["packages"] == ["a"]
    assert f"%_dbpath {place}\n" in request["macros"]
    assert choice.database == place
    assert "/own/deps" in argv
    assert [found.path for found in choice.packages] == [own / "a.rpm"]


def test_the_database_is_where_the_rpm_of_the_root_looks_for_it(tmp_path: Path) -> None:
    choice = dnf.Choice((), ("nodocs",), "/usr/lib/sysimage/rpm")
    words = list(dnf._rpm_argv(choice, ["a.rpm"]))
    assert words[words.index("--define") + 1] == "_dbpath /usr/lib/sysimage/rpm"
    assert list(dnf._rpm_argv(choice, [])) == []


def test_one_dnf_at_a_time_works_in_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work: list[int] = []
    most: list[int] = []

    def answer(*_: object, **__: object) -> Completed:
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.05)
        at_work.pop()
        return Completed((), 0, json.dumps({"digest": "d", "setup": [], "packages": None}), "", 0.0)

    monkeypatch.setattr(dnf, "run", answer)
    monkeypatch.setattr(dnf, "_dnf_python", lambda: "/usr/bin/python3")
    repositories = dnf.Repositories("[main]\n", tmp_path / "cache")
    threads = [threading.Thread(target=dnf.read_metadata, args=(repositories, [], "")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]
