# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files that planex reads back: damaged in any way, a cache is not there and is made again, a person's is an error."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tarfile
from collections import UserDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.base import archive as base_archive
from planex.base import build as base_build
from planex.base.control import DebPackage
from planex.content import records
from planex.content.remembered import KnownFiles
from planex.content.stamps import Stamp
from planex.disk import DiskError
from planex.errors import ConfigError, PlanexError
from planex.host.live import Installed, LiveHost, Packages
from planex.host.manifest import read_manifest
from planex.patchqueue.apply import check, tarball
from planex.patchqueue.apply.check import Fit, PatchOutcome
from planex.patchqueue.apply.gnupatch import HunkNote
from planex.patchqueue.carry import answers, baseline, forecast
from planex.patchqueue.carry.forecast import Version
from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.verdict import Fate, Strength, UpstreamProof, Verdict
from planex.patchqueue.commits import checkout, commits
from planex.patchqueue.commits.writeback import Writes
from planex.patchqueue.format.queue import load_queue
from planex.rebase import state as rebase_state
from planex.rebase import versions
from planex.rpm import spec
from planex.workspace import Workspace
from tests.unit.manifest_factory import make_manifest

DAMAGED = [
    b"", b"{", b"null", b"[]", b"3", b'"x"', b"{}", b'{"format": null}', b'{"format": 1}', b'{"format": 2}',
    b'{"format": 99}', b"[" * 200_000, b"\xff\xfe", b"\0" * 100, b'{"format": 1, "packages": null, "rpms": null}',
    b'{"format": 2, "packages": [null]}', b'{"format": 1e400}',
]  # fmt: skip

VERDICT = Verdict(
    "a.patch", Fate.UPSTREAMED, "c", "t", ("f",), "how", UpstreamProof(Strength.ORIGIN, "text", "c0"), ("b",), "why"
)
VERSION = Version("1.0", Path("/x/y.tar"), "ab")
DEB = DebPackage("n", "1", "all", "f.deb", "0" * 64, 3, depends=(("a", "b"), ("c",)), provides={"x": None, "y": "2"})
STATE = rebase_state.State(
    package="xen", guards=("g",), old=VERSION, new=VERSION, variables={"version": "2"}, url="u", queue="q",
    orders=Orders(frozenset({"k"}), {"d": "why"}, frozenset({"s"})), via=(VERSION,), verdicts=(VERDICT,),
    ready=False, asked=VERDICT, writes=Writes({"series": b"\xff\0text"}, ("gone",)), report={"rows": [{"a": 1}]},
)  # fmt: skip
MANIFEST = make_manifest(packages=(Installed("n-1-1.x", "", "base", "s", 3),))
SAMPLES: list[Any] = [
    STATE,
    MANIFEST,
    check.Outcomes((PatchOutcome("a", Fit.FUZZ, (HunkNote("f", 1, 2, fuzz=1),)),)),
    checkout.CheckoutRecord("p", "1", ["g"], "b", "h", ["x"], [], "q"),
    commits.Records({"k": commits.LinkRecord("c", "t", Fit.FAILED, "why", {"f": (None, ("100644", "id"))})}),
    forecast.KeptColumn("e", "l", "c", (forecast.KeptRow("k", VERDICT),)),
    tarball.Touched({b"caf\xe9".decode("utf-8", "surrogateescape"): "100644", "none": ""}),
    versions.Addresses({"http://x": "ab"}),
    base_archive.Resolution("q", (DEB,)),
    base_build.BaseStamp("s", 3),
    KnownFiles({"/x": Stamp("ab" * 32, 1, 2, 3)}),
    Packages((Installed("n-1-1.x", "", "base", "s", 3),)),
]


@pytest.mark.parametrize("value", SAMPLES, ids=lambda value: type(value).__name__)
def test_a_record_comes_back_as_it_was(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "x.json"
    records.save(path, value, 1)
    assert records.load(path, type(value), 1) == value
    assert records.load(path, type(value), 2) is None


@pytest.mark.parametrize("value", SAMPLES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("data", DAMAGED, ids=lambda data: repr(data[:20]))
def test_a_damaged_cache_is_not_there(tmp_path: Path, value: Any, data: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(data)
    assert records.load(path, type(value), 1) is None
    with pytest.raises(PlanexError, match=r"x\.json is damaged: it is ") as caught:
        records.require(path, type(value), 777, "do this")
    assert caught.value.hint == "do this"


@pytest.mark.parametrize("value", SAMPLES, ids=lambda value: type(value).__name__)
def test_a_field_that_is_null_or_of_another_type_is_damage(tmp_path: Path, value: Any) -> None:
    whole = json.loads(records.text(value, 1))
    for key in whole.keys() - {"format", "writes", "report", "asked"}:
        for wrong in (None, [[1]], {"x": [None]}):
            data = json.dumps({**whole, key: wrong}).encode()
            try:
                records.parse(data, type(value), 1)
            except records.Damaged as error:
                assert f"'{key}" in error.message
            else:
                assert isinstance(whole[key], dict) and wrong == {"x": [None]}


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(ANY_JSON)
def test_any_json_is_a_record_or_damage(value: Any) -> None:
    for data in (value, {"format": 1, "outcomes": value}, {"format": 1, "links": value}):
        for kind in (check.Outcomes, commits.Records):
            with contextlib.suppress(records.Damaged):
                assert isinstance(records.parse(json.dumps(data).encode(), kind, 1), kind)


def test_what_is_no_file_is_not_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "none"):
        assert records.load(path, base_build.BaseStamp, 1) is None


def small_tarball(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {"top/a.txt": b"one\ntwo\n", "top/b.txt": b"x\n"}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


PATCH = b"--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"


def spoil(folder: Path, data: bytes) -> int:
    files = [path for path in folder.rglob("*.json") if path.is_file()]
    for path in files:
        path.write_bytes(data)
    return len(files)


@pytest.mark.parametrize("data", DAMAGED, ids=lambda data: repr(data[:20]))
def test_a_check_of_patches_outlives_spoilt_caches(tmp_path: Path, data: bytes) -> None:
    queue_folder = tmp_path / "queue"
    queue_folder.mkdir()
    (queue_folder / "series").write_text("a.patch\n")
    (queue_folder / "a.patch").write_bytes(PATCH)
    queue, source = load_queue(queue_folder), small_tarball(tmp_path / "s.tar.gz")
    first = check.check_queue(queue, source, tmp_path / "cache")
    assert spoil(tmp_path / "cache", data) >= 2
    assert check.check_queue(queue, source, tmp_path / "cache") == first


@pytest.mark.parametrize("data", DAMAGED, ids=lambda data: repr(data[:20]))
def test_the_readers_of_caches_take_any_file(tmp_path: Path, data: bytes) -> None:
    workspace = Workspace(tmp_path)
    path = tmp_path / "x.json"
    path.write_bytes(data)
    assert read_manifest(path) is None
    assert records.load(path, spec.Package, spec.FORMAT) is None
    (tmp_path / "forecast.json").write_bytes(data)
    assert baseline.upstreamed_in(tmp_path) == {}
    assert baseline.versions_before(tmp_path, "1", "2") == []
    store = answers._store(workspace, "xen", "key")
    store.parent.mkdir(parents=True)
    store.write_bytes(data)
    assert answers.recall(workspace, "xen", "key") is None
    (tmp_path / "current").mkdir()
    (tmp_path / "current" / "stamp.json").write_bytes(data)
    assert base_build._finished(tmp_path, "stamp") == 0


@pytest.mark.parametrize("data", DAMAGED, ids=lambda data: repr(data[:20]))
def test_what_a_person_needs_is_a_clear_error(tmp_path: Path, data: bytes) -> None:
    workspace = Workspace(tmp_path)
    journal = rebase_state._file(workspace, "xen")
    tree = tmp_path / "tree"
    host = tmp_path / "host"
    readers: list[tuple[Path, Callable[[], object]]] = [
        (journal, lambda: rebase_state.load_state(workspace, "xen")),
        (tree / ".git" / "planex" / "checkout.json", lambda: checkout.read_record(tree)),
        (host / "packages.json", LiveHost(host).packages),
    ]
    for path, read in readers:
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        with pytest.raises(PlanexError, match=r"is damaged: |is of a newer planex: ") as caught:
            read()
        assert str(path) in caught.value.message
        assert caught.value.hint
    saved = tmp_path / "saved.json"
    saved.write_bytes(data)
    with pytest.raises(ConfigError, match="is no saved forecast: "):
        baseline.load_baseline(saved)


def test_the_journal_of_a_rebase_is_read_as_it_was_written_before(tmp_path: Path) -> None:
    old = {
        "format": 1, "package": "xen", "guards": [], "variables": {}, "url": "", "queue": "q", "ready": True,
        "old": {"label": "1", "source": "/a", "checksum": ""}, "new": {"label": "2", "source": "/b", "checksum": ""},
        "orders": {"keep": ["a"], "drop": {}, "skip": []}, "via": [], "report": {},
        "verdicts": [{"patch": "a", "status": "clean", "commit": "c", "tree": "t"}],
        "writes": {"files": {"series": "YQo="}, "deletions": []},
    }  # fmt: skip
    journal = rebase_state._file(Workspace(tmp_path), "xen")
    journal.parent.mkdir()
    journal.write_text(json.dumps(old))
    state = rebase_state.load_state(Workspace(tmp_path), "xen")
    assert state is not None and state.writes is not None
    assert state.writes.files == {"series": b"a\n"}
    assert state.orders.keep == {"a"}
    assert rebase_state.load_state(Workspace(tmp_path), "other") is None


@dataclass(frozen=True, slots=True)
class Inner:
    number: int


@dataclass(frozen=True, slots=True)
class Outer:
    own: Inner
    names: frozenset[str] = frozenset()
    table: Mapping[str, int] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"  \n", "it is empty"),
        (b"{", "it is not JSON"),
        (b"[]", "it is not of format 3"),
        (b'{"format": 2}', "it is not of format 3"),
        (b'{"format": 3, "own": {"number": "x"}}', "'own.number' in it is not as expected"),
    ],
)
def test_what_is_wrong_with_a_record_is_said(data: bytes, words: str) -> None:
    with pytest.raises(records.Damaged) as caught:
        records.parse(data, Outer, 3)
    assert caught.value.message == words


def test_what_is_no_record_at_all_is_of_another_shape() -> None:
    with pytest.raises(records.Damaged, match="it is of another shape"):
        records.from_plain([], Outer)


def test_a_record_is_the_same_text_each_time(tmp_path: Path) -> None:
    names = [f"name{number}" for number in range(20)]
    value = Outer(Inner(1), frozenset(names), UserDict({"b": 2}))
    plain = {"format": 3, "own": {"number": 1}, "names": sorted(names), "table": {"b": 2}}
    records.save(tmp_path / "record", value, 3)
    assert (tmp_path / "record").read_text() == json.dumps(plain) + "\n"
    assert records.text(value, 3) == json.dumps(plain, indent=1) + "\n"
    assert records.load(tmp_path / "record", Outer, 3) == value


def test_a_record_that_cannot_be_written_or_read_is_an_error_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=r"cannot write .*file/record"):
        records.save(tmp_path / "file" / "record", Inner(1), 1)
    with pytest.raises(PlanexError) as caught:
        records.require(tmp_path / "gone", Inner, 1, "make it again")
    assert str(tmp_path / "gone") in caught.value.message
    assert caught.value.hint == "make it again"
