# SPDX-License-Identifier: LGPL-2.1-or-later
"""Publishing an archive: whole, in order, resumed, and never over what is not planex's."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore

from planex.content.locks import Patience
from planex.errors import ConfigError, PlanexError
from planex.report import Reporter, Task
from planex.run import Completed, run
from planex.snapshot import s3
from planex.snapshot.channels import promote
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.publish import Outlet, publish, require_own
from planex.snapshot.rsync import rsync_outlet
from tests.conftest import ROOT
from tests.unit.archive_factory import add_night, ident_of, prove_published, settle

FIRST, SECOND = [ident_of(1), ident_of(2), ident_of(3)], [ident_of(2), ident_of(3), ident_of(4), ident_of(5)]
rsync = pytest.mark.tools("rsync")


@pytest.fixture
def archive(tmp_path: Path) -> SnapshotFolder:
    """Three nights, the third broken, in a workspace; a channel leads to the first."""
    for name in ("mock-configs/t.cfg", "repos/t.repo"):
        (tmp_path / "w" / name).parent.mkdir(parents=True)
        (tmp_path / "w" / name).write_text("")
    (tmp_path / "w/planex.yaml").write_text("name: demo\nversion: '1'\nvendor: v\ntargets: {t: {base: t}}\n")
    found = SnapshotFolder(tmp_path / "w" / "snapshots" / "t")
    for number in (1, 2, 3):
        add_night(found, number, good=number != 3)
    with found.alone(Patience()):
        promote(found, found.load(ident_of(1)), "stable", who="me", why="", require=())
    settle(found)
    return found


def go_on(archive: SnapshotFolder) -> None:
    """Two more nights, a promotion, and the first night deleted."""
    add_night(archive, 4)
    add_night(archive, 5, good=False)
    with archive.alone(Patience()):
        promote(archive, archive.load(ident_of(4)), "stable", who="me", why="", require=())
        archive.remove(ident_of(1))
    settle(archive)


def command(archive: SnapshotFolder, where: str, *more: str) -> Completed:
    words = [sys.executable, "-m", "planex", "-C", str(archive.root.parents[1]), "snapshot", "publish", "--to", where]
    return run([*words, *more], check=False, env={"PYTHONPATH": str(ROOT)})


def tree(folder: Path) -> dict[str, str]:
    """What is to be seen in a folder, hidden files apart."""
    paths = (path for path in sorted(folder.rglob("*")) if not path.name.startswith("."))
    found = {str(path.relative_to(folder)): path for path in paths if path.is_symlink() or path.is_file()}
    return {name: str(path.readlink()) if path.is_symlink() else path.read_text() for name, path in found.items()}


@rsync
def test_a_folder_becomes_what_the_archive_is(archive: SnapshotFolder, tmp_path: Path) -> None:
    place = tmp_path / "far" / "away"
    os.link(archive.folder(ident_of(1)) / "logs/build.log", archive.folder(ident_of(2)) / "logs/same.log")
    done = command(archive, str(place))
    assert (done.returncode, done.stdout) == (0, f"{place}\n"), done.stderr
    assert prove_published(place) == FIRST
    assert tree(place) == tree(archive.root)
    assert (place / ident_of(1) / "logs/build.log").samefile(place / ident_of(2) / "logs/same.log")
    assert " 0 sent, 0 deleted" in command(archive, str(place)).stderr
    go_on(archive)
    assert " 0 sent" not in command(archive, str(place)).stderr
    assert prove_published(place) == SECOND
    assert tree(place) == tree(archive.root)
    assert (place / "channels/stable/repo/p.rpm").read_text() == "rpm of night 4\n"


@rsync
def test_by_ssh(archive: SnapshotFolder, tmp_path: Path, fake_tool: Callable[[str, str], Path]) -> None:
    fake_tool("ssh", '#!/bin/sh\necho "$1" >>"$0.hosts"\nshift\nexec sh -c "$*"\n')
    done = command(archive, f"web.example.org:{tmp_path}/www")
    assert done.returncode == 0, done.stderr
    assert prove_published(tmp_path / "www") == FIRST
    assert set((tmp_path / "fake-bin" / "ssh.hosts").read_text().split()) == {"web.example.org"}


KILLER = """#!/bin/sh
n=$(($(cat "$0.count") + 1)); echo $n >"$0.count"
[ $n = "$(cat "$0.at")" ] || exec REAL "$@"
tr '\\0' '\\n' | head -n 3 | tr '\\n' '\\0' | REAL "$@"
kill -9 $PPID
"""


@rsync
def test_whenever_it_is_killed_readers_have_a_whole_state(
    archive: SnapshotFolder, tmp_path: Path, fake_tool: Callable[[str, str], Path]
) -> None:
    """Each rsync in turn sends some of its files, and planex is killed then."""
    place, kills = tmp_path / "www", 0
    assert command(archive, str(place)).returncode == 0
    shutil.copytree(place, tmp_path / "before", symlinks=True)
    go_on(archive)
    fake = fake_tool("rsync", KILLER.replace("REAL", shutil.which("rsync") or ""))
    for at in range(1, 20):
        (fake.with_name("rsync.count")).write_text("0")
        (fake.with_name("rsync.at")).write_text(str(at))
        done = command(archive, str(place))
        assert prove_published(place) in (FIRST, SECOND)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        kills += 1
        (fake.with_name("rsync.at")).write_text("0")
        assert command(archive, str(place)).returncode == 0
        assert tree(place) == tree(archive.root)
        shutil.rmtree(place)
        shutil.copytree(tmp_path / "before", place, symlinks=True)
    assert kills == 10, "once in each run of rsync"


@rsync
def test_what_is_not_planexs_is_not_touched(archive: SnapshotFolder, tmp_path: Path) -> None:
    for names in (("thesis.txt",), ("site/index.html",), (f"{ident_of(1)}/{'x'}", "mail/inbox")):
        place = tmp_path / names[0].replace("/", "_")
        for name in names:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text("mine")
        before = tree(place)
        done = command(archive, str(place))
        assert (done.returncode, tree(place)) == (2, before)
        assert "holds something else than snapshots" in done.stderr
    place = tmp_path / "later"
    assert command(archive, str(place)).returncode == 0
    (place / "robots.txt").write_text("mine")
    assert command(archive, str(place)).returncode == 2
    require_own([])
    require_own([".planex-partial", "snapshots.json"])


def other_night(folder: Path, number: int) -> SnapshotFolder:
    """An archive with one night."""
    found = SnapshotFolder(folder)
    add_night(found, number)
    settle(found)
    return found


@pytest.mark.parametrize(
    ("distro", "target", "number", "words"),
    [
        ("demo", "u", 1, "holds the snapshots of demo t, and these are of demo u"),
        ("other", "t", 1, "holds the snapshots of demo t, and these are of other t"),
        ("demo", "t", 9, "none of the 3 snapshots there is known here"),
    ],
)
@pytest.mark.parametrize("kind", [pytest.param("folder", marks=rsync), "objects"])
def test_what_another_archive_published_is_not_deleted(
    archive: SnapshotFolder, tmp_path: Path, kind: str, distro: str, target: str, number: int, words: str
) -> None:
    place: Outlet = s3.ObjectOutlet(store := MemoryStore(), "s3://test")
    if kind == "folder":
        place = rsync_outlet(str(tmp_path / "www"), archive.root)
    publish(archive, place, "demo", "t", Task(Reporter(), "x"))
    place = s3.ObjectOutlet(store, "s3://test") if kind == "objects" else place
    other = other_night(tmp_path / "other", number)
    before = place.names(), tree(tmp_path / "www")
    with pytest.raises(ConfigError, match=words):
        publish(other, place, distro, target, Task(Reporter(), "x"))
    assert (place.names(), tree(tmp_path / "www")) == before
    publish(other, place, distro, target, Task(Reporter(), "x"), replace=True)
    place = s3.ObjectOutlet(store, "s3://test") if kind == "objects" else place
    assert [name for name in place.names() if name.startswith("2026")] == [ident_of(number)]


@rsync
def test_a_place_whose_index_is_damaged_is_left_alone(archive: SnapshotFolder, tmp_path: Path) -> None:
    place = tmp_path / "www"
    assert command(archive, str(place)).returncode == 0
    (place / "snapshots.json").write_text("{")
    done = command(archive, str(place))
    assert (done.returncode, "snapshots.json there is damaged: it is not JSON" in done.stderr) == (2, True), done.stderr
    assert command(archive, str(place), "--replace").returncode == 0
    assert prove_published(place) == FIRST


def test_awkward_places_are_refused(archive: SnapshotFolder) -> None:
    for folder in (archive.root, archive.root / "x", archive.root.parent):
        with pytest.raises(PlanexError, match="where the snapshots are"):
            rsync_outlet(str(folder), archive.root)
    with pytest.raises(PlanexError, match="no host has such a name"):
        rsync_outlet("-oProxyCommand=x:y", archive.root)
    for where, words in (("s3://", "s3://BUCKET/FOLDER"), ("s3://a b", "s3://BUCKET/FOLDER"), ("x.invalid:x", "rsync")):
        done = command(archive, where)
        assert (done.returncode, words in done.stderr, "Traceback" in done.stderr) == (1, True, False), done.stderr


def test_an_archive_without_snapshots_is_not_published(tmp_path: Path) -> None:
    empty = SnapshotFolder(tmp_path / "none")
    with pytest.raises(PlanexError, match="no snapshots yet"):
        publish(empty, rsync_outlet(str(tmp_path / "x"), empty.root), "demo", "t", Task(Reporter(), "x"))


@rsync
def test_what_was_published_is_read_back(archive: SnapshotFolder, tmp_path: Path) -> None:
    def planex(*words: str) -> Completed:
        where = [sys.executable, "-m", "planex", "-C", str(archive.root.parents[1]), "snapshot"]
        return run([*where, *words], check=False, env={"PYTHONPATH": str(ROOT)})

    place = tmp_path / "www"
    assert command(archive, str(place)).returncode == 0
    url, here = (
        f"file://{place}",
        {name: planex(*name.split()).stdout for name in ("list", "show stable", "show latest")},
    )
    go_on(archive)
    assert here == {name: planex(*name.split(), "--url", url).stdout for name in here}
    assert "stable" in here["list"] and ident_of(1) in here["show stable"]
    assert ident_of(2) in planex("show", ident_of(2)[:9], "--url", f"{url}/").stdout
    assert "no such snapshot" in planex("show", "none", "--url", url).stderr
    index = (place / "snapshots.json").read_text()
    for wrong in ("{}", index.replace('"channels/stable"', '"../../x"'), index.replace(ident_of(3), "../../../etc")):
        (place / "snapshots.json").write_text(wrong)
        done = planex("list", "--url", url)
        assert (done.returncode, "snapshots.json" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert "is no address" in planex("list", "--url", str(place)).stderr

    site = f"{url}/site"
    assert here == {name: planex(*name.split(), "--url", site).stdout for name in here}, "pages alone do, too"
    for name, pattern in (
        ("snapshots.json", url),
        ("site/nights.json", site),
        (f"site/{ident_of(3)}/index.json", site),
    ):
        was = (place / name).read_text()
        (place / name).write_text(json.dumps({"format": 99, "other": []}))
        done = planex("show", "latest", "--url", pattern)
        told = f"{name} is of a newer planex: it is of format 99, and this planex knows formats up to 1"
        assert (done.returncode, told in done.stderr) == (1, True), done.stderr
        (place / name).write_text(was)
    (place / "snapshots.json").write_text(json.dumps({"format": 99}))
    done = command(archive, str(place))
    assert (done.returncode, "use a newer planex" in done.stderr) == (2, True), done.stderr


# ---- object stores


class Stopped(BaseException):
    """As a kill does, in the middle."""


def download(store: Any, folder: Path) -> Path:
    """What a reader of the object store has."""
    for chunk in obstore.list(store):
        for meta in chunk:
            (folder / meta["path"]).parent.mkdir(parents=True, exist_ok=True)
            (folder / meta["path"]).write_bytes(bytes(obstore.get(store, meta["path"]).bytes()))
    return folder


def send(archive: SnapshotFolder, store: Any) -> int:
    place = s3.ObjectOutlet(store, "s3://test", "https://example.org/nights/")
    return publish(archive, place, "demo", "t", Task(Reporter(), "publish")).deleted


def test_an_object_store_is_whole_whenever_it_ends(
    archive: SnapshotFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, left = obstore.put, 0

    def limited(*words: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Stopped
        return put(*words, **more)

    monkeypatch.setattr(obstore, "put", limited)
    monkeypatch.setattr(s3, "_AT_ONCE", 1)
    store, left = MemoryStore(), 1000
    send(archive, store)
    go_on(archive)
    for number in range(400):
        left = number
        try:
            send(archive, store)
            break
        except Stopped:
            assert prove_published(download(store, tmp_path / str(number))) in (FIRST, SECOND)
    found = download(store, tmp_path / "end")
    assert prove_published(found) == SECOND
    assert not (found / ident_of(1)).exists()
    assert (found / "channels/stable.mirrorlist").read_text() == f"https://example.org/nights/{ident_of(4)}/repo/\n"
    assert number > 20
