# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who builds what on a farm, and whose fault it is when that fails; with workers that do what a test says."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.farming import Simulation, farm_of, graph_of, possible
from planex.cage.limits import WHOLE, Limits, Usage, Watch
from planex.cli import cli
from planex.disk import DiskError
from planex.engine.build import Build, Options
from planex.engine.farm import labour
from planex.engine.farm.address import CERTIFICATE, KEY, make_keys, read_address
from planex.engine.farm.builder import FarmBuilder
from planex.engine.farm.equipment import equip, found_words
from planex.engine.farm.labour import judged
from planex.engine.farm.orders import ORDERS, Blame, LostWorker, Reply, StoreAddress, read_order, text_of
from planex.engine.farm.placing import Allotment, Need, Places, Station, need_of
from planex.engine.schedule import LocalRooms
from planex.errors import CommandFailed, ConfigError, LimitReached, MissingTool, PlanexError
from planex.events import Event, Level, Message, Status
from planex.processes import seconds_of
from planex.report import Reporter
from planex.rpm import repo
from planex.run import spawn
from planex.sharing.depot import Depot, shared_file
from planex.sharing.folder import FolderPlace
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.unit.test_build import CONFIG, add, rpm, workshop

HAS = frozenset({ORDERS, "arch x86_64", "builder sandbox"})
GIB = 1 << 30


def station(name: str, cores: float = 4, memory: int = 8 * GIB, **more: float) -> Station:
    return Station(f"tcp://{name}", name, cores, memory, HAS, **more)


Answering = Callable[[str, Path], Reply]


@dataclass
class Troupe:
    """Workers; ``plays`` says of each what it does with an order: it gets the package and the store's folder."""

    plays: Mapping[str, Answering]
    store: Path
    skew: Mapping[str, float] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def stations(self) -> tuple[Station, ...]:
        names = [name for name in self.plays if name not in self.gone]
        return tuple(replace(station(name), skew=self.skew.get(name, 0.0)) for name in names)

    def ask(self, text: str, share: Allotment, has: frozenset[str], name: str, told: Callable[[str], None]) -> str:
        assert read_order(text).package.name == name
        self.asked.append((share.station.name, name))
        told("%build")
        try:
            return text_of(self.plays[share.station.name](name, self.store))
        except LostWorker:
            self.gone.add(share.station.name)
            raise


def builds(name: str, store: Path) -> Reply:
    path = store / f"{name}-1-1.noarch.rpm"
    path.write_bytes(rpm(name))
    file = shared_file(path)
    Depot("", FolderPlace(store)).put(path, file)
    return Reply(Blame.NOBODY, files={path.name: file})


def blames(who: Blame, message: str) -> Answering:
    return lambda name, store: Reply(who, message=message)


def vanishes(name: str, store: Path) -> Reply:
    raise LostWorker("worker is lost")


@dataclass
class Stage:
    """A workspace with packages a and b (which needs a), a store, and what was told."""

    workspace: Workspace
    store: Path
    told: list[str] = field(default_factory=list)
    troupe: Troupe | None = None

    def play(
        self, plays: Mapping[str, Answering], skew: Mapping[str, float] | None = None, *, keep_going: bool = False
    ) -> dict[str, tuple[Status, str]]:
        def listen(event: Event) -> None:
            if isinstance(event, Message) and event.level is Level.WARNING:
                self.told.append(event.text)

        shop, reporter, self.troupe = workshop(self.workspace), Reporter(listen), Troupe(plays, self.store, skew or {})
        depot = Depot(f"file:{self.store}", FolderPlace(self.store), trusted=True, push=True)
        digest, address = shop.buildroot_digest, StoreAddress(depot.name)
        need = lambda package: Need()  # noqa: E731
        builder = FarmBuilder(shop.project, "sandbox", digest, depot, address, self.troupe, reporter, need, {})
        done = Build(
            shop, shop.plan(shop.project.built), builder, reporter, Options(1, keep_going), builder.places
        ).run()
        return {each.package: (each.status, each.error.message if each.error else "") for each in done}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr("planex.engine.farm.builder._PAUSE", 0.01)
    monkeypatch.setattr("planex.engine.build._PAUSE", 0.01)
    root = tmp_path / "workspace"
    for name in ("mock-configs", "repos"):
        shutil.copytree(ROOT / name, root / name)
    (root / "planex.yaml").write_text(CONFIG)
    workspace = Workspace(root)
    add(workspace, "a")
    add(workspace, "b", "a")
    repository = workspace.base("bookworm") / "repo"
    repository.mkdir(parents=True)
    repo.create_repo(repository)
    (tmp_path / "store").mkdir()
    return Stage(workspace, tmp_path / "store")


BUILT = {"a": (Status.BUILT, ""), "b": (Status.BUILT, "")}


def test_a_farm_builds_and_the_order_names_what_is_in_the_store(stage: Stage) -> None:
    assert stage.play({"one": builds}) == BUILT
    assert stage.told == []


@pytest.mark.parametrize(
    ("play", "told"),
    [
        (vanishes, "worker is lost while it built a"),
        (blames(Blame.WORKER, "its disk is full"), "worker one is given nothing more: its disk is full"),
    ],
)
def test_a_worker_that_does_not_serve_is_told_once_and_asked_no_more(stage: Stage, play: Answering, told: str) -> None:
    assert stage.play({"one": play, "two": builds}) == BUILT
    assert stage.told == [told]
    assert stage.troupe and stage.troupe.asked == [("one", "a"), ("two", "a"), ("two", "b")]


def test_a_worker_with_a_wrong_clock_is_asked_nothing(stage: Stage) -> None:
    assert stage.play({"one": builds, "two": builds}, skew={"one": -7200.0}) == BUILT
    assert stage.told == ["worker one is given nothing more: its clock is 7200 s behind"]
    assert stage.troupe and {name for name, _ in stage.troupe.asked} == {"two"}


def test_a_package_that_fails_is_tried_once_and_drains_nobody(stage: Stage) -> None:
    found = stage.play({"one": blames(Blame.PACKAGE, "no rule to make target"), "two": builds})
    assert found["a"] == (Status.FAILED, "a failed in bring: no rule to make target")
    assert stage.told == []


def test_where_no_worker_is_left_the_package_fails_and_says_why(stage: Stage) -> None:
    status, message = stage.play({"one": blames(Blame.WORKER, "no dnf")})["a"]
    assert status is Status.FAILED
    assert "no worker is left that can build a: worker one is given nothing more: no dnf" in message


def test_to_keep_going_without_workers_ends(stage: Stage) -> None:
    add(stage.workspace, "c")
    found = stage.play({"one": blames(Blame.WORKER, "no dnf")}, keep_going=True)
    assert {name: status for name, (status, _) in found.items()} == {
        "a": Status.FAILED,
        "b": Status.SKIPPED,
        "c": Status.FAILED,
    }


def test_what_three_workers_blame_themselves_for_is_the_packages_fault(stage: Stage) -> None:
    plays = dict.fromkeys(("one", "three", "two", "z"), blames(Blame.WORKER, "its memory ran out"))
    assert stage.play(plays)["a"][1].endswith("its memory ran out")
    assert stage.troupe and len(stage.troupe.asked) == 3


def test_what_was_swept_from_the_store_is_brought_again(stage: Stage) -> None:
    swept: list[str] = []

    def sweeps(name: str, store: Path) -> Reply:
        if not swept:
            swept.extend(path.name for path in (store / "cas").iterdir())
            shutil.rmtree(store / "cas")
            return Reply(Blame.STORE, message="it is missing")
        assert set(swept) <= {path.name for path in (store / "cas").iterdir()}
        return builds(name, store)

    assert stage.play({"one": sweeps}) == BUILT


@pytest.mark.parametrize(
    ("error", "blame"),
    [
        (CommandFailed(["rpmbuild"], 1), Blame.PACKAGE),
        (PlanexError("no package provides gcc"), Blame.PACKAGE),
        (MissingTool("bwrap is not installed"), Blame.WORKER),
        (DiskError("cannot write", None, 28), Blame.WORKER),
        (OSError(28, "No space left on device"), Blame.WORKER),
    ],
)
def test_whose_fault_it_is(error: PlanexError | OSError, blame: Blame, tmp_path: Path) -> None:
    assert judged(error, tmp_path).blame is blame


def test_a_compiler_that_fails_where_the_disk_is_full_or_memory_ran_out_is_not_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = CommandFailed(["rpmbuild"], 1)
    assert judged(failed, tmp_path, oom=True).blame is Blame.WORKER
    assert judged(LimitReached("it used more than 1 GiB"), tmp_path, oom=True).blame is Blame.PACKAGE
    monkeypatch.setattr(labour, "LEAST_DISK", os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize + 1)
    assert judged(failed, tmp_path).message == "its disk is full: rpmbuild failed with exit status 1"


def places(stations: list[Station], needs: Mapping[str, Need] | None = None) -> Places:
    found = Places(lambda package: (needs or {}).get(package, Need()), lambda: stations)
    found.renew()
    return found


def where(found: Places, package: str) -> str:
    share = found.share(package)
    return share.station.name if share else ""


def test_packages_go_where_most_is_free() -> None:
    found = places([station("small", 2), station("large", 8)])
    assert all(found.enter(name) for name in "abcde")
    assert sorted(where(found, name) for name in "abcde") == ["large"] * 3 + ["small"] * 2
    assert not found.enter("f") and found.full
    found.leave("a")
    assert found.enter("f") and where(found, "f") in ("large", "small")


def test_a_large_package_gets_a_worker_for_itself_and_small_ones_do_not_starve_it() -> None:
    needs = {"kernel": Need(16.0, 6 * GIB), **{f"s{n}": Need(0.2, GIB // 8) for n in range(40)}}
    found = places([station("one", 4)], needs)
    assert [found.enter(f"s{n}") for n in range(21)] == [True] * 20 + [False]
    assert not found.enter("kernel")
    found.leave("s0")
    assert not found.enter("s21"), "the worker is kept free for the kernel"
    for number in range(1, 20):
        found.leave(f"s{number}")
    assert found.enter("kernel") and not found.enter("s22")
    found.leave("kernel")
    assert found.enter("s22")


def test_what_a_build_used_is_remembered_and_decides_what_it_is_given(stage: Stage) -> None:
    def large(name: str, store: Path) -> Reply:
        return replace(builds(name, store), usage=Usage(WHOLE, 4 * GIB))

    assert stage.play({"one": large}) == BUILT
    last = workshop(stage.workspace).store.last("a")
    assert last and last.usage == Usage(WHOLE, 4 * GIB)
    found = places([station("one", 8)], {"a": need_of(last.usage), "b": need_of(Usage())})
    assert found.enter("a") and not found.enter("b")
    share = found.share("a")
    assert share and (share.cores, share.memory) == (8, 5 * GIB)


def test_what_a_command_uses_is_seen() -> None:
    usage, script = Usage(), "x = bytearray(96 << 20); sum(range(40_000_000)); input()"
    with spawn([sys.executable, "-c", script], stdin=True) as process:
        while usage.memory < 90 << 20 or seconds_of([process.pid]) < 0.2:
            assert process.poll() is None
            Watch(Limits(), usage=usage)(process.pid, 1.0, 0)
    assert usage.cores > 0


def test_what_needs_more_memory_than_any_worker_has_goes_to_the_largest() -> None:
    found = places([station("a", memory=GIB), station("b", memory=2 * GIB)], {"x": Need(1.0, 64 * GIB)})
    assert found.enter("x") and where(found, "x") == "b"


def test_a_worker_of_another_kind_is_asked_nothing() -> None:
    found = places([station("one")], {"x": Need(has=frozenset({"arch aarch64"}))})
    assert not found.enter("x")
    assert not found.hopeless, "another one may come"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no address"),
        ("dask:", "no address"),
        ("dask:host", "no address"),
        ("dask:host:99999", "no address"),
        ("dask:build.example.org:8786", "there are no keys"),
        ("tls://127.0.0.1:8786", "there are no keys"),
        ("http://127.0.0.1:80", "no address"),
    ],
)
def test_an_address_that_cannot_be_used_is_told(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_address(text, None)


@pytest.mark.parametrize("text", ["dask:127.0.0.1:8786", "tcp://localhost:8786", "dask:[::1]:8786", "127.0.0.1:8786"])
def test_a_farm_of_this_machine_needs_no_keys(text: str) -> None:
    assert read_address(text, None).url.startswith("tcp://")


@pytest.mark.tools("openssl")
def test_keys_are_made_once_and_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    make_keys(folder)
    assert (folder / KEY).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "BEGIN CERTIFICATE" in (folder / CERTIFICATE).read_text()
    assert read_address("dask:build.example.org:8786", folder).url == "tls://build.example.org:8786"
    before = (folder / KEY).read_bytes()
    with pytest.raises(PlanexError, match="is there already"):
        make_keys(folder)
    assert (folder / KEY).read_bytes() == before
    (folder / KEY).unlink()
    with pytest.raises(ConfigError, match="there is no"):
        read_address("dask:build.example.org:8786", folder)


def test_a_machine_without_builders_is_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planex.engine.farm.equipment.find", lambda tool: None)
    with pytest.raises(MissingTool):
        found_words([])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--dry-run", "--watch"), "--dry-run does none"),
        (("--dry-run", "--verify"), "--dry-run does none"),
    ],
)
def test_options_that_do_nothing_together_are_refused(words: tuple[str, ...], told: str, stage: Stage) -> None:
    done = CliRunner().invoke(cli, ["-C", str(stage.workspace.root), "build", *words])
    assert done.exit_code == 2 and told in done.output


def test_a_workers_folder_is_rid_of_what_a_killed_one_left(tmp_path: Path) -> None:
    layers = tmp_path / "w" / "workspaces" / "x" / "_build" / "bookworm" / "buildroots"
    left = [tmp_path / "w" / "work" / ".order.1.draft", layers / ".deps.1.draft"]
    for folder in left:
        folder.mkdir(parents=True)
    (layers / "deps-1").mkdir()
    assert equip(tmp_path / "w") == tmp_path / "w"
    assert not any(map(Path.exists, left)) and (layers / "deps-1").exists()
    with pytest.raises(ConfigError):
        equip(tmp_path / "a b")


def test_a_label_without_a_farm_is_refused(stage: Stage) -> None:
    done = CliRunner().invoke(cli, ["-C", str(stage.workspace.root), "build", "--label", "large"])
    assert done.exit_code == 2 and "no --on names one" in done.output


def test_a_farm_without_a_store_is_told_what_to_write(stage: Stage) -> None:
    words = ["-C", str(stage.workspace.root), "build", "--on", "dask:127.0.0.1:1"]
    done = CliRunner().invoke(cli, words)
    assert isinstance(done.exception, ConfigError)
    assert "none takes any from here" in done.exception.message
    assert "push: true" in (done.exception.hint or "")


@pytest.mark.parametrize("slots", [1, 8, 64, 256])
def test_a_schedule_is_near_what_is_possible(slots: int) -> None:
    needs, seconds = graph_of(139)
    least = possible(needs, seconds, slots)
    assert 0.999 * least <= Simulation(needs, seconds, LocalRooms(slots)).run() <= 1.1 * least
    assert 0.999 * least <= Simulation(needs, seconds, farm_of(slots)).run() <= 1.1 * least


def test_all_is_built_where_workers_are_lost() -> None:
    needs, seconds = graph_of(139)
    quiet = Simulation(needs, seconds, farm_of(4)).run()
    assert Simulation(needs, seconds, farm_of(4), [(60.0, "tcp://0"), (600.0, "tcp://2")]).run() > quiet
