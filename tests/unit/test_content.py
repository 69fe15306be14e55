# SPDX-License-Identifier: LGPL-2.1-or-later
"""Copies, stamps and leftovers."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from planex.content import copies, shelf, stamps
from planex.content.inventory import inventory
from planex.content.leftovers import sweep_target
from planex.content.records import Damaged
from planex.content.stamps import Fault, Stamp
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.workspace import Workspace

# ---- copies


def refuse(number: int) -> Callable[..., Any]:
    def call(*words: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("way", ["clone", "kernel", "lying kernel", "by hand"])
def test_a_copy_has_the_bytes_and_no_inode_of_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    data = os.urandom(3_000_001)
    source.write_bytes(data)
    if way != "clone":
        monkeypatch.setattr(fcntl, "ioctl", refuse(errno.EOPNOTSUPP))
    if way == "lying kernel":
        monkeypatch.setattr(os, "copy_file_range", lambda *words: 0)
    if way == "by hand":
        monkeypatch.setattr(os, "copy_file_range", refuse(errno.EXDEV))
    copies.copy_file(source, copy)
    assert copy.read_bytes() == data
    assert copy.stat().st_ino != source.stat().st_ino
    assert (copy.stat().st_nlink, copy.stat().st_mode & 0o777) == (1, 0o444)


def test_blocks_are_shared_where_the_file_system_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source").write_bytes(b"x")
    asked = []
    monkeypatch.setattr(fcntl, "ioctl", lambda handle, request, other: asked.append(request))
    monkeypatch.setattr(os, "copy_file_range", refuse(errno.EIO))
    copies.copy_file(tmp_path / "source", tmp_path / "copy")
    assert asked == [0x40049409]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_copy_that_fails_names_itself_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "source").write_bytes(b"x")
    monkeypatch.setattr(fcntl, "ioctl", refuse(errno.EOPNOTSUPP))
    monkeypatch.setattr(os, "copy_file_range", refuse(number))
    with pytest.raises(OSError) as caught:
        copies.copy_file(tmp_path / "source", tmp_path / "copy")
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def test_only_what_says_that_it_cannot_share_blocks_is_copied_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").write_bytes(b"x")
    monkeypatch.setattr(fcntl, "ioctl", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        copies.copy_file(tmp_path / "source", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_what_the_kernel_copied_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source").write_bytes(b"x" * 100)
    monkeypatch.setattr(fcntl, "ioctl", refuse(errno.EOPNOTSUPP))
    monkeypatch.setattr(os, "copy_file_range", kernel_copy)
    monkeypatch.setattr(os, "read", refuse(errno.EIO))
    copies.copy_file(tmp_path / "source", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"x" * 100


def kernel_copy(reading: int, writing: int, count: int, start: int, to: int) -> int:
    """As the kernel does it, which moves no position."""
    return os.pwrite(writing, os.pread(reading, min(count, 7), start), to)


def test_a_copy_that_is_interrupted_leaves_nothing_even_where_it_is_gone_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").write_bytes(b"x")

    def interrupted(reading: int, writing: int) -> None:
        for path in gone:
            path.unlink()
        raise KeyboardInterrupt

    monkeypatch.setattr(copies, "clone_or_copy", interrupted)
    before = len(list(Path("/proc/self/fd").iterdir()))
    gone: list[Path]
    for gone in ([], [tmp_path / "copy"]):  # noqa: B007
        with pytest.raises(KeyboardInterrupt):
            copies.copy_file(tmp_path / "source", tmp_path / "copy")
        assert not (tmp_path / "copy").exists()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_all_of_a_tree_is_forced_onto_the_disk_what_is_inside_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    (top / "sub" / "file").write_text("x")
    (top / "link").symlink_to("/etc/passwd")
    os.mkfifo(top / "pipe")
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink()))
    before = len(list(Path("/proc/self/fd").iterdir()))
    copies.sync_tree(top)
    assert set(synced) == {top, top / "sub", top / "sub" / "file", top / "pipe"}
    assert synced.index(top / "sub" / "file") < synced.index(top / "sub") < synced.index(top) == 3
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    with pytest.raises(OSError, match="symbolic links"):
        copies.sync([top / "link"])


def test_what_cannot_be_forced_onto_the_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refuse(errno.EIO))
    with pytest.raises(OSError, match="Input/output error") as caught:
        copies.sync([tmp_path])
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(tmp_path))


def test_links_and_pipes_are_not_copied_and_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="symbolic links"):
        copies.copy_file(tmp_path / "link", tmp_path / "copy")
    with pytest.raises(PlanexError, match="is no regular file"):
        copies.copy_file(tmp_path / "pipe", tmp_path / "copy")
    with pytest.raises(FileExistsError):
        copies.copy_file(tmp_path / "file", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "x"


# ---- stamps


@pytest.fixture
def stamped(tmp_path: Path) -> tuple[Path, dict[str, Stamp]]:
    (tmp_path / "sub").mkdir()
    (tmp_path / "one").write_text("one")
    (tmp_path / "sub" / "two").write_text("two")
    return tmp_path, stamps.take(tmp_path, stamps.files_below(tmp_path))


def test_files_that_are_as_they_were_need_no_reading(stamped: tuple[Path, dict[str, Stamp]]) -> None:
    folder, known = stamped
    assert sorted(known) == ["one", "sub/two"]
    assert stamps.unproven(folder, known) == []
    assert stamps.added(folder, known) is None
    assert stamps.from_rows(stamps.to_rows(known)) == known


@pytest.mark.parametrize("change", ["byte", "truncate", "delete", "link", "replace", "touch"])
def test_what_was_touched_is_read_and_only_what_differs_is_damaged(
    stamped: tuple[Path, dict[str, Stamp]], change: str
) -> None:
    folder, known = stamped
    path = folder / "one"
    if change == "byte":
        path.write_text("onf")
    elif change == "truncate":
        path.write_text("on")
    elif change == "touch":
        os.utime(path, (1, 1))
    else:
        path.unlink()
        if change == "link":
            path.symlink_to("sub/two")
        elif change == "replace":
            path.write_text("one")
    assert stamps.unproven(folder, known) == ["one"]
    found = stamps.prove(folder, {"one": known["one"].sha256})
    if change in ("touch", "replace"):
        assert isinstance(found, dict)
        assert stamps.unproven(folder, known | found) == []
    else:
        assert found == Fault("one", "is missing" if change == "delete" else "is damaged")


def test_another_file_of_the_same_size_and_time_is_read(stamped: tuple[Path, dict[str, Stamp]]) -> None:
    folder, known = stamped
    other = folder / "other"
    other.write_text("ONE")
    os.utime(other, ns=(known["one"].mtime_ns, known["one"].mtime_ns))
    other.replace(folder / "one")
    assert stamps.unproven(folder, known) == ["one"]


def test_a_link_to_the_very_file_is_not_the_file(stamped: tuple[Path, dict[str, Stamp]]) -> None:
    folder, known = stamped
    (folder / "one").rename(folder / "moved")
    (folder / "one").symlink_to("moved")
    assert stamps.unproven(folder, known) == ["one"]
    assert stamps.prove(folder, {"one": known["one"].sha256}) == Fault("one", "is damaged")
    assert stamps.take(folder, ["one"])["one"].inode != known["one"].inode


def test_files_and_rows_are_in_the_order_of_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["b", "a/z", "a/b", "c"]
    (tmp_path / "a").mkdir()
    for name in names:
        (tmp_path / name).write_text("")
    monkeypatch.setattr(Path, "rglob", lambda self, pattern: iter([self / name for name in names]))
    assert stamps.files_below(tmp_path) == sorted(names)
    stamp = Stamp("0" * 64, 1, 1, 1)
    assert list(stamps.to_rows({"b": stamp, "a": stamp})) == ["a", "b"]


def test_a_fault_reads_as_a_sentence() -> None:
    assert str(Fault("one", "is missing")) == "one is missing"


@pytest.mark.parametrize("name", ["a", "a/b", "..a", "a..", "a/..b/c"])
def test_names_that_stay_below_their_folder(name: str) -> None:
    assert stamps.is_inside(name)


@pytest.mark.parametrize("name", ["", "/a", "..", "../a", "a/../b", "a/.."])
def test_names_that_may_lead_elsewhere(name: str) -> None:
    assert stamps.is_inside(name) is False


@pytest.mark.parametrize("value", ["0" * 63, "0" * 65, "A" * 64, f"{'0' * 64}\n", "g" * 64, None, 1])
def test_what_is_no_sha256(value: object) -> None:
    with pytest.raises(Damaged):
        stamps.from_rows({"a": {"sha256": value, "size": 1, "mtime_ns": 1, "inode": 1}})


def test_what_was_added_is_found_be_it_a_file_or_a_link(stamped: tuple[Path, dict[str, Stamp]]) -> None:
    folder, known = stamped
    (folder / "sub" / "link").symlink_to("/etc")
    assert stamps.added(folder, known) == Fault("sub/link", "was added")


@pytest.mark.parametrize(
    "rows",
    [None, [], {"a": None}, {"a": {}}, {"a": {"sha256": "x"}}]
    + [{name: {"sha256": "0" * 64, "size": 1, "mtime_ns": 1, "inode": 1}} for name in ("../a", "/a")]
    + [{"a": {"sha256": "0" * 64, "size": size, "mtime_ns": 1, "inode": 1}} for size in ("1", None, True, 1.5)],
)
def test_rows_that_are_no_stamps_are_an_error(rows: object) -> None:
    with pytest.raises(Damaged):
        stamps.from_rows(rows)


# ---- leftovers and what there is


def test_leftovers_of_a_killed_run_are_swept_and_nothing_else(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    left = [".repo.abc.draft/x", "..closed.abc.draft", "work/build/pkg/x", "store/pkg/.key.draft/x", ".x.draft/x"]
    left += ["store/pkg/.current.1.draft", "rendered/pkg/.pkg.spec.x.draft", "buildroots/.deps-1.x.draft/x"]
    left += ["buildroots/.closure.x.draft/y", "buildroots/.dnf.conf.x.draft", "../cache/specs/.b.json.x.draft"]
    left += ["logs/pkg/.build.log.x.draft", "../downloads/.new.x.draft/file"]
    kept = ["repo-1/x.rpm", ".repo-1.json", ".closed", "work/iso/x", "store/pkg/key/result.json", "logs/pkg/build.log"]
    kept += ["rendered/pkg/pkg.spec", "buildroots/base-1/x", "buildroots/deps-1/x", "buildroots/dnf.conf", ".lock"]
    for name in [*left, *kept]:
        path = workspace.target("t") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    sweep_target(workspace, "t")
    there = {path for path in workspace.target("t").rglob("*") if path.is_file()}
    assert there == {workspace.target("t") / name for name in kept}
    assert not [*(workspace.cache / "specs").iterdir(), *workspace.downloads.iterdir()]


def make_for_a_while(folder: Path) -> None:
    with shelf.draft(folder / "slow") as draft:
        (draft / "file").write_text("x")
        (folder / "ready").write_text("")
        time.sleep(60)


def test_a_draft_of_a_living_process_is_not_swept_and_that_of_a_killed_one_is(tmp_path: Path) -> None:
    other = multiprocessing.get_context("spawn").Process(target=make_for_a_while, args=(tmp_path,))
    other.start()
    while not (tmp_path / "ready").exists():
        assert other.is_alive()
        time.sleep(0.02)
    with shelf.draft(tmp_path / "mine") as mine:
        assert shelf.sweep([tmp_path]) is False
        assert mine.exists()
        (theirs,) = tmp_path.glob(".slow.*/file")
        other.kill()
        other.join()
        assert shelf.sweep([tmp_path]) is True
        assert mine.exists()
        assert not theirs.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]


def test_a_file_that_is_being_written_is_not_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fchmod

    def sweep_meanwhile(handle: int, mode: int) -> None:
        assert shelf.sweep([tmp_path]) is False
        real(handle, mode)

    monkeypatch.setattr(os, "fchmod", sweep_meanwhile)
    write_atomic(tmp_path / "file", "x")
    assert (tmp_path / "file").read_text() == "x"


def test_a_draft_that_is_swept_before_it_has_its_lock_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock
    swept: list[bool] = []

    def sweep_just_before(handle: int, how: int) -> None:
        if how == fcntl.LOCK_SH and not swept:
            swept.append(shelf.sweep([tmp_path]))
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", sweep_just_before)
    with shelf.draft(tmp_path / "x") as folder:
        assert swept == [True]
        assert folder.is_dir()
    swept.clear()
    write_atomic(tmp_path / "file", "x")
    assert swept == [True]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_nobody_can_begin_with_a_draft_while_it_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".x.draft").mkdir()
    real = shelf.remove

    def begin_meanwhile(path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(handle)
        real(path)

    monkeypatch.setattr(shelf, "remove", begin_meanwhile)
    assert shelf.sweep([tmp_path]) is True
    assert list(tmp_path.iterdir()) == []


def test_links_and_what_this_user_may_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".link.1.draft").symlink_to("nowhere")
    assert shelf.sweep([tmp_path, tmp_path / "nowhere"]) is True
    (tmp_path / ".x.draft").write_text("")
    monkeypatch.setattr(os, "open", refuse(errno.EACCES))
    assert shelf.sweep([tmp_path]) is False


def test_what_is_published_replaces_what_was_there(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with shelf.draft(tmp_path / "place" / "x") as folder:
            (folder / "file").write_text(text)
            shelf.publish(folder, tmp_path / "place" / "x", durable=True)
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["x"]
    assert (tmp_path / "place" / "x" / "file").read_text() == "new"


@pytest.mark.parametrize("how", ["exchanged", "renamed", "durable"])
def test_a_published_file_replaces_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Also where the file system cannot exchange two; who had the old one open reads on in it."""
    if how == "renamed":
        monkeypatch.setattr(shelf, "_exchange", lambda _one, _other: False)
    old, new = tmp_path / "x", tmp_path / "draft"
    old.write_text("old")
    new.write_text("new")
    inode = new.stat().st_ino
    with old.open() as reading:
        shelf.publish(new, old, durable=how == "durable")
        assert reading.read() == "old"
    assert (old.read_text(), old.stat().st_ino) == ("new", inode)
    assert list(tmp_path.iterdir()) == [old]


def test_nobody_finds_half_of_what_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(shelf, "remove_tree", lambda path: pytest.fail("killed") if path.exists() else None)
        with pytest.raises(pytest.fail.Exception):
            shelf.remove(tmp_path / "x")
    assert not (tmp_path / "x").exists()
    assert shelf.sweep([tmp_path]) is True
    assert list(tmp_path.iterdir()) == []


def test_a_link_or_a_file_is_no_tree_to_delete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "remove_tree", lambda path: pytest.fail(f"{path} was deleted as a tree"))
    (tmp_path / "tree" / "x").mkdir(parents=True)
    (tmp_path / "link").symlink_to("tree")
    (tmp_path / "file").write_text("")
    for name in ("link", "file", "nothing"):
        shelf.remove(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["tree", "x"]


def test_what_an_earlier_run_did_not_finish_deleting_is_in_nobodys_way(tmp_path: Path) -> None:
    for name in ("x", ".x.draft"):
        (tmp_path / name / "y").mkdir(parents=True)
    shelf.remove(tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_draft_goes_whoever_owns_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removed: list[Path] = []
    monkeypatch.setattr(shelf, "remove_tree", removed.append)
    with pytest.raises(KeyboardInterrupt), shelf.draft(tmp_path / "x") as folder:
        raise KeyboardInterrupt
    assert removed == [folder]


def test_only_what_must_outlive_a_power_cut_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(Path(f"/proc/self/fd/{handle}").readlink()))
    with shelf.draft(tmp_path / "x") as folder:
        shelf.publish(folder, tmp_path / "new" / "place" / "x")
    assert (tmp_path / "new" / "place" / "x").is_dir()
    assert synced == []
    with shelf.draft(tmp_path / "y") as folder:
        (folder / "file").write_text("x")
        shelf.publish(folder, tmp_path / "y", durable=True)
    assert synced == [folder / "file", folder, tmp_path]


@pytest.mark.parametrize("keep", [0, 2, 9])
def test_the_newest_are_kept(tmp_path: Path, keep: int) -> None:
    for number in (3, 1, 2):
        (tmp_path / str(number)).mkdir()
        os.utime(tmp_path / str(number), (number, number))
    shelf.prune(tmp_path.iterdir(), keep)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3"][max(0, 3 - keep) :]


def test_all_that_there_is_has_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {name: [name] for name in ("downloads", "cache", "base")}
    there |= {
        name: [f"t/{name}"] for name in ("buildroots", "work", "kept", "store", "iso", "learned", "logs", "rendered")
    }
    there |= {"signed": ["t/signed"]}
    there |= {"mock": ["t/mock.json"], "mirrors": ["t/base.json"]}
    there |= {"repo": ["t/repo", "t/repo-1", "t/repo-2", "t/.repo-1.json", "t/.closed"]}
    there |= {"other": ["gone-1", "gone-2", "t/a-file"]}
    workspace = Workspace(tmp_path)
    for name in ("t", *(name for names in there.values() for name in names)):
        (workspace.build / name).mkdir(parents=True)
    for name in (".lock", "t/.lock", "t/.iso.lock"):
        (workspace.build / name).write_text("")
    for name in ("glob", "iterdir"):
        monkeypatch.setattr(Path, name, backwards(getattr(Path, name)))
    items = inventory(workspace, ["t"])
    assert {item.name: [str(path.relative_to(workspace.build)) for path in item.paths] for item in items} == there
    assert [item.name for item in items if item.regained == "lost"] == ["kept", "logs", "other"]


def backwards(listing: Callable[..., Iterator[Path]]) -> Callable[..., Iterator[Path]]:
    """A folder's listing in the order that is the least likely to be taken for a sorted one."""
    return lambda *words: iter(sorted(listing(*words), reverse=True))
