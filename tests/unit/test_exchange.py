# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex build on two machines that share a store: nothing is built twice, and a bad store is no worse than none."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from planex.cli import cli
from planex.content import records
from planex.engine import builders
from planex.engine.builders import Job
from planex.errors import ConfigError, PlanexError
from planex.rpm import repo
from planex.sharing import record
from planex.sharing.depot import shared_file
from planex.sharing.record import SharedFile, SharedResult
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.record import FORMAT, NAME
from planex.snapshot.upgrade import published
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.unit.archive_factory import add_night, ident_of
from tests.unit.keys import made_keys
from tests.unit.rpm_factory import make_rpm
from tests.unit.store_servers import errs, faulty_server, is_silent
from tests.unit.test_build import Puppet, add, honest

pytestmark = pytest.mark.tools("rpmbuild", "bwrap", "createrepo_c")

CONFIG = """\
name: test
version: '1'
vendor: tests
store: [{{url: "{url}", push: true, trusted: true, timeout: 1s}}]
targets: {{bookworm: {{base: bookworm, embedded: true}}}}
"""


@dataclass
class Machine:
    """A workspace of its own; ``puppet`` builds there."""

    workspace: Workspace
    puppet: Puppet
    monkeypatch: pytest.MonkeyPatch

    def build(self, *words: str) -> Result:
        self.puppet.asked.clear()
        self.monkeypatch.setattr(builders, "choose_builder", lambda *_, **__: self.puppet)
        return CliRunner().invoke(cli, ["-C", str(self.workspace.root), "build", "-j1", *words])

    def store(self, *words: str) -> Result:
        return CliRunner().invoke(cli, ["-C", str(self.workspace.root), "store", *words])

    def statuses(self, *words: str) -> dict[str, str]:
        done = self.build("--json", *words)
        assert done.exit_code == 0, done.output
        return {row["package"]: row["status"] for row in json.loads(done.stdout)["packages"]}


Factory = Callable[..., Machine]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what this is not about."""
    monkeypatch.setattr("planex.cli.build.check_closure", lambda *_: None)


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that the first machine filled, beside its workspace."""
    folder = tmp_path_factory.mktemp("seed")
    (folder / "shared").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("planex.cli.build.check_closure", lambda *_: None)
        done = make(folder / "first", f"file:{folder}/shared", patch).build()
    assert "3 built" in done.stderr and "3 results pushed" in done.stderr
    return folder


@pytest.fixture
def root(tmp_path: Path, seed: Path) -> Path:
    """The filled store, for this test alone."""
    shutil.copytree(seed / "shared", folder := tmp_path / "shared")
    return folder


@pytest.fixture
def machine(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> Factory:
    """Makes a machine; ``packages`` are all unless said otherwise."""

    def made(name: str, url: str = "", packages: str = "abc", makes: Callable[[Job], Path] = honest) -> Machine:
        return make(tmp_path / name, url or f"file:{root}", monkeypatch, packages, makes)

    return made


def make(
    folder: Path,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    packages: str = "abc",
    makes: Callable[[Job], Path] = honest,
) -> Machine:
    """A machine with packages a, b (which needs a) and c (which needs b), and an empty base."""
    workspace = Workspace(folder)
    for part in ("mock-configs", "repos"):
        shutil.copytree(ROOT / part, folder / part)
    (folder / "planex.yaml").write_text(CONFIG.format(url=url))
    for package, needs in (("a", ()), ("b", ("a",)), ("c", ("b",))):
        if package in packages:
            add(workspace, package, *needs)
    repository = workspace.base("bookworm") / "repo"
    repository.mkdir(parents=True)
    repo.create_repo(repository)
    return Machine(workspace, Puppet(makes), monkeypatch)


def edit(machine: Machine, package: str) -> None:
    """Change a spec so that its key is another and its RPM the same."""
    path = machine.workspace.specs / package / f"{package}.spec.j2"
    path.write_text(path.read_text() + "\n# a remark\n")


def record_of(root: Path, package: str) -> tuple[Path, SharedResult]:
    for path in (root / "ac").iterdir():
        text = json.loads(path.read_bytes())["record"]
        if json.loads(text)["package"] == package:
            return path, record.parse(text, package, path.name)
    raise AssertionError(package)


def put(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def warnings(done: Result) -> list[str]:
    assert done.exit_code == 0, done.output
    return re.findall(r"^warning: (.*)$", done.stderr, re.MULTILINE)


def test_a_second_machine_builds_nothing(machine: Factory, root: Path, seed: Path) -> None:
    second = machine("second")
    done = second.build("--dry-run")
    assert done.stdout.splitlines() == [
        *(f"take    {name}  from store file:{root}" for name in "abc"),
        "0 to build, 3 to take, 0 up to date",
    ]
    done = second.build()
    assert second.puppet.asked == []
    assert "taken      a  " in done.stderr and f"from store file:{root}" in done.stderr
    assert "3 taken in" in done.stderr and "pushed" not in done.stderr and warnings(done) == []
    assert "nothing to do, 3 up to date" in second.build().stderr
    for made in sorted((seed / "first/_build/bookworm/store").rglob("*.rpm")):
        other = second.workspace.root / made.relative_to(seed / "first")
        assert other.read_bytes() == made.read_bytes()


def test_what_a_build_made_the_same_lets_the_rest_be_taken(machine: Factory) -> None:
    second = machine("second")
    edit(second, "a")
    assert second.statuses() == {"a": "built", "b": "taken", "c": "taken"}
    assert second.puppet.asked == ["a"]


def test_no_store_and_force_build(machine: Factory) -> None:
    second = machine("second")
    assert second.statuses("--force", "a") == {"a": "built"}
    assert "nothing to do, 1 up to date" in second.build("a").stderr
    assert second.statuses("--no-store") == {"b": "built", "c": "built"}


def test_a_store_of_the_command_line(machine: Factory, root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    second = machine("second", f"file:{tmp_path}/other", "a")
    done = second.build("--store", f"file:{root}")
    assert isinstance(done.exception, ConfigError)
    assert "does not say whose results are believed there" in done.exception.message
    assert second.statuses() == {"a": "built"}
    third = machine("third", f"file:{root}", "a")
    assert third.statuses("--store", f"file:{root}/") == {"a": "taken"}


@pytest.mark.parametrize("lost", ["file:/nowhere/at/all", "http://127.0.0.1:9/store"])
def test_a_store_that_is_not_there_costs_one_warning(machine: Factory, lost: str) -> None:
    done = machine("first", lost, "ab").build()
    (warning,) = warnings(done)
    assert warning.startswith(f"store {lost} is left alone from here on: ")
    assert "2 built" in done.stderr


@pytest.mark.parametrize("fault", [errs, is_silent])
def test_a_server_with_a_fault_costs_one_warning(machine: Factory, root: Path, fault: Callable[..., None]) -> None:
    with faulty_server(root) as server:
        server.fault = fault
        done = machine("second", server.url, "ab").build()
    (warning,) = warnings(done)
    assert warning.startswith(f"store {server.url} is left alone from here on: ")
    assert "2 built" in done.stderr


def test_a_damaged_file_is_told_once_and_the_package_is_built_and_mended(machine: Factory, root: Path) -> None:
    _, shared = record_of(root, "b")
    blob = root / "cas" / shared.rpms["b-1-1.noarch.rpm"].sha256
    whole = blob.read_bytes()
    put(blob, whole[:-1] + bytes([whole[-1] ^ 1]))
    second = machine("second")
    done = second.build()
    assert warnings(done) == [f"file:{root}/cas/{blob.name} is damaged: it has not the digest that is its name"]
    assert second.puppet.asked == ["b"] and "1 taken, 1 unchanged" in done.stderr
    assert blob.read_bytes() == whole, "who may push mends it"
    assert machine("third").statuses() == dict.fromkeys("abc", "taken")


def test_the_next_store_has_what_the_first_has_damaged(machine: Factory, root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, far := tmp_path / "far")
    for blob in (root / "cas").iterdir():
        put(blob, blob.read_bytes()[:-1])
    second = machine("second")
    config = second.workspace.config
    config.write_text(config.read_text().replace("store: [", f'store: [{{url: "file:{root}", trusted: true}}, ', 1))
    config.write_text(
        config.read_text().replace(f'{{url: "file:{root}", push: true', f'{{url: "file:{far}", push: true')
    )
    done = second.build()
    assert second.puppet.asked == [] and len(warnings(done)) == 3


def lie(root: Path, package: str, change: Callable[[SharedResult], SharedResult]) -> None:
    """Have the record of a package say something else, and of files that are there."""
    path, shared = record_of(root, package)
    put(path, record.seal(record.text_of(change(shared)), ""))


def other_rpm(shared: SharedResult, root: Path) -> SharedFile:
    return next(iter(record_of(root, "c")[1].rpms.values()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda it, root: replace(it, beside={}), "does not say what its RPMs provide and require"),
        (lambda it, root: replace(it, srpm={}), "has not one source RPM"),
        (
            lambda it, root: replace(it, rpms={"a-1-1.noarch.rpm": other_rpm(it, root)}),
            "does not say what its RPMs provide and require",
        ),
        (
            lambda it, root: replace(
                it,
                rpms={"a-1-1.noarch.rpm": other_rpm(it, root)},
                beside=record_of(root, "c")[1].beside,
            ),
            "is not taken: a-1-1.noarch.rpm: it says of itself that it is c-1-1.noarch.rpm",
        ),
        (
            lambda it, root: replace(it, rpms={"evil.rpm": next(iter(it.rpms.values()))}),
            "is not taken: evil.rpm is no RPM that the spec promises",
        ),
        (lambda it, root: replace(it, rpms={"evil": next(iter(it.rpms.values()))}), "did not make a-1-1.noarch.rpm"),
    ],
)
def test_a_store_that_lies_is_told_and_the_package_is_built(
    machine: Factory, root: Path, change: Callable[[SharedResult, Path], SharedResult], words: str
) -> None:
    lie(root, "a", lambda shared: change(shared, root))
    second = machine("second", packages="a")
    (warning, *rest) = warnings(second.build())
    assert words in warning
    assert second.puppet.asked == ["a"]
    assert all("not reproducible" in text for text in rest), "what is there already is another result"


def test_what_rpms_are_said_to_provide_is_held_against_them(machine: Factory, root: Path) -> None:
    _, shared = record_of(root, "a")
    made = json.loads((root / "cas" / shared.beside["made.json"].sha256).read_bytes())
    made["rpms"][0]["files"] = ["/usr/bin/python3"]
    data = json.dumps(made).encode()
    (root / "lie").write_bytes(data)
    file = shared_file(root / "lie")
    (root / "lie").rename(root / "cas" / file.sha256)
    lie(root, "a", lambda it: replace(it, beside={"made.json": file}))
    second = machine("second", packages="a")
    (warning,) = warnings(second.build())
    assert "says of its RPMs what they do not say of themselves" in warning
    assert second.puppet.asked == ["a"]


def test_a_result_that_comes_out_otherwise_is_told(machine: Factory, root: Path, tmp_path: Path) -> None:
    other = make_rpm(tmp_path / "other", "a", tags="URL: https://example.org").read_bytes()

    def otherwise(job: Job) -> Path:
        (job.results / "a-1-1.noarch.rpm").write_bytes(other)
        return job.results

    done = machine("second", packages="a", makes=otherwise).build("--force", "a")
    (warning,) = warnings(done)
    assert warning.startswith(
        f"a is not reproducible: file:{root} has another result of the same key, which differs in a-1"
    )
    assert machine("third", packages="a").statuses() == {"a": "taken"}


def test_what_was_lost_in_a_store_is_there_again_after_the_build(machine: Factory, root: Path) -> None:
    shutil.rmtree(root / "cas")
    done = machine("second", packages="a").build()
    (warning,) = warnings(done)
    assert "is missing, and a record there speaks of it" in warning
    assert machine("third", packages="a").statuses() == {"a": "taken"}


def test_store_pull_takes_and_builds_nothing(machine: Factory, root: Path) -> None:
    second = machine("second", packages="ab")
    logs = second.workspace.logs("bookworm", "a")
    done = second.store("pull", "--logs", "a")
    assert done.stdout == "1 result taken, 0 to build\n" and logs.is_dir()
    record_of(root, "b")[0].unlink()
    assert second.store("pull").stdout == "0 results taken, 1 to build: b\n"
    assert second.puppet.asked == []
    assert second.statuses() == {"b": "built"}


def test_store_push_brings_what_is_here(machine: Factory, root: Path, tmp_path: Path) -> None:
    second = machine("second", packages="ab")
    second.build("--no-store")
    shutil.rmtree(root)
    done = second.store("push")
    assert isinstance(done.exception, PlanexError) and "2 of 2 results could not be pushed" in done.exception.message
    root.mkdir()
    assert second.store("push", "b").stdout == "1 result pushed\n"
    assert second.store("push").stdout == "2 results pushed\n"
    assert "no result of x is here" in str(second.store("push", "x").exception)
    assert machine("third", packages="ab").statuses() == {"a": "taken", "b": "taken"}
    config = second.workspace.config
    config.write_text(config.read_text().replace("push: true, ", ""))
    assert "planex.yaml does not say 'push: true'" in str(second.store("push").exception)


def test_store_status_says_what_a_store_has(machine: Factory, root: Path) -> None:
    second = machine("second", packages="ab")
    assert second.store("status").stdout == f"file:{root}\n  has 0 of the 0 results in use here\n  is pushed to\n"
    second.store("pull")
    path, _ = record_of(root, "b")
    put(path, b"{}")
    text = second.store("status").stdout
    assert text == (
        f"file:{root}\n  has 1 of the 2 results in use here\n"
        f"  file:{root}/ac/{path.name} is damaged: it is not of format 1\n  is pushed to\n"
    )
    shutil.rmtree(root)
    (row,) = json.loads(second.store("status", "--json").stdout)
    assert row["fault"] == "there is no such folder"


def test_store_verify_reads_shared_stores(machine: Factory, root: Path) -> None:
    second = machine("second", packages="ab")
    second.store("pull")
    assert second.store("verify", "--shared").stdout == "1 shared store whole\n"
    blob = root / "cas" / record_of(root, "b")[1].rpms["b-1-1.noarch.rpm"].sha256
    put(blob, b"!" + blob.read_bytes()[1:])
    with faulty_server(root) as server:
        done = second.store("verify", "--store", server.url)
        assert f"{server.url}/cas/{blob.name} is damaged" in done.stderr
        assert "this is no folder" in str(second.store("verify", "--repair", "--store", server.url).exception)
    done = second.store("verify", "--shared")
    assert "1 thing in shared stores is not as expected" in str(done.exception) and f"{blob} is damaged" in done.stderr
    assert second.store("verify", "--shared", "--repair").stdout.endswith("whole, what was damaged is deleted\n")
    assert not blob.exists()
    assert f"{blob} is missing" in second.store("verify", "--shared").stderr


def test_store_gc_leaves_what_is_in_use_here(machine: Factory, root: Path) -> None:
    second = machine("second", packages="a")
    second.store("pull")
    for path in root.glob("*/*"):
        os.utime(path, (1e9, 1e9))
    words = ("gc", "--older-than", "30d")
    assert "2 results, " in second.store(*words, "--dry-run").stdout
    assert len(list((root / "ac").iterdir())) == 3
    assert "deleted; " in second.store(*words).stdout
    assert [path.name for path in (root / "ac").iterdir()] == [record_of(root, "a")[0].name]
    assert second.store("verify", "--shared").exit_code == 0
    assert "is no time" in second.store("gc", "--older-than", "never").output
    assert "no store of these is a folder" in str(second.store("gc", "--store", "https://x.invalid").exception)
    assert "there is no folder /nowhere" in str(second.store("gc", "--store", "file:/nowhere").exception)


@pytest.mark.parametrize("word", ["status", "push", "pull", "gc"])
def test_a_workspace_without_shared_stores_is_told_how_to_name_one(machine: Factory, word: str) -> None:
    second = machine("second", packages="a")
    config = second.workspace.config
    config.write_text(re.sub("store: .*\n", "", config.read_text()))
    assert "planex.yaml names no store" in str(second.store(word).exception)


def test_that_two_keys_gave_the_same_is_known_to_all(machine: Factory) -> None:
    second, third = machine("second"), machine("third")
    for each in (second, third):
        edit(each, "a")
    assert second.statuses("a") == {"a": "built"}
    assert third.statuses() == dict.fromkeys("abc", "taken")
    assert third.puppet.asked == []


@pytest.mark.tools("gpg", "gpgv")
def test_signed_results_need_no_trust_in_the_store(
    machine: Factory, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made_keys() as keys:
        monkeypatch.setenv("GNUPGHOME", str(keys.home))
        second, third = machine("second", packages="a"), machine("third", packages="a")
        second.build("--no-store")
        for each in (second, third):
            (each.workspace.root / "release.asc").write_text(keys.key("release").text)
            config = each.workspace.config
            config.write_text(config.read_text().replace("trusted: true", "keys: [release.asc]"))
        (warning,) = warnings(third.build("--dry-run"))
        assert "is not taken: it is not signed; sign what is pushed ('sign' in planex.yaml), or declare" in warning
        assert "nothing is signed here" in str(second.store("push").exception)
        shutil.rmtree(root / "ac")
        second.workspace.config.write_text(f"{second.workspace.config.read_text()}sign: {{key: release.asc}}\n")
        assert second.store("push").stdout == "1 result pushed\n"
        assert third.statuses() == {"a": "taken"}


@pytest.mark.tools("gpg", "gpgv")
def test_store_gc_leaves_what_signed_snapshots_hold(
    machine: Factory, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their RPMs are signed copies, and those of the store are as they were built."""
    second = machine("second", packages="ab")
    target, archive = second.workspace.target("bookworm"), SnapshotFolder(second.workspace.snapshots("bookworm"))
    with made_keys() as keys:
        monkeypatch.setenv("GNUPGHOME", str(keys.home))
        (second.workspace.root / "release.asc").write_text(keys.key("release").text)
        second.workspace.config.write_text(f"{second.workspace.config.read_text()}sign: {{key: release.asc}}\n")
        assert second.statuses() == {"a": "taken", "b": "taken"}
    add_night(archive, 1)
    repository = archive.folder(ident_of(1)) / "repo"
    shutil.rmtree(repository)
    shutil.copytree(target / "repo", repository)
    record_ = replace(archive.load(ident_of(1)), rpms=tuple(published(repository)))
    records.save(archive.folder(ident_of(1)) / NAME, record_, FORMAT)
    shutil.rmtree(target)
    for path in root.glob("*/*"):
        os.utime(path, (1e9, 1e9))
    (statement, *_) = sorted((repository / "provenance").iterdir())
    text = statement.read_text()
    put(statement, b"{}")
    assert f"the provenance in {repository} cannot be read" in str(second.store("gc", "--older-than", "1d").exception)
    put(statement, text.encode())
    kept = {record_of(root, name)[0].name for name in "ab"}
    assert second.store("gc", "--older-than", "1d").stdout.startswith(f"file:{root}: 1 result, ")
    assert {path.name for path in (root / "ac").iterdir()} == kept
