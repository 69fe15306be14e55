# SPDX-License-Identifier: LGPL-2.1-or-later
"""Locks between processes: who holds one, who waits, and what a lock file says of it."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from planex.content import locks
from planex.content.locks import Busy, Holder, Patience, at_work, hold, holders
from planex.run import spawn
from planex.workspace import Workspace


def test_a_second_one_is_told_who_holds_the_lock_and_since_when(tmp_path: Path) -> None:
    lock = tmp_path / "folder" / ".lock"
    words = rf"process {os.getpid()}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d"
    with hold(lock), pytest.raises(Busy, match=words), hold(lock):
        pass
    with hold(lock):
        assert [holder.pid for holder in holders(lock)] == [os.getpid()]


def test_many_may_share_a_lock_and_all_are_named(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    program = "from planex.content.locks import hold; from pathlib import Path; import time\n"
    program += f"with hold(Path({str(lock)!r}), shared=True):\n print('held', flush=True); time.sleep(60)\n"
    with spawn([sys.executable, "-c", program]) as other, hold(lock, shared=True):
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert {holder.pid for holder in holders(lock)} == {os.getpid(), other.pid}
        with pytest.raises(Busy, match=str(other.pid)), hold(lock):
            pass


def test_a_process_that_was_killed_holds_nothing_and_is_not_named(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    program = "from planex.content.locks import hold; from pathlib import Path; import time, sys\n"
    program += "with hold(Path(sys.argv[1])):\n print('held', flush=True); time.sleep(60)\n"
    with spawn([sys.executable, "-c", program, str(lock)]) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert [holder.pid for holder in holders(lock)] == [other.pid]
        other.kill()
        other.wait()
    assert holders(lock) == ()
    with hold(lock):
        pass


def test_waiting_is_said_once_and_ends_with_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    told: list[str] = []
    free = threading.Event()

    def holder() -> None:
        with hold(lock):
            free.set()
            time.sleep(0.7)

    thread = threading.Thread(target=holder)
    thread.start()
    free.wait()
    with hold(lock, patience=Patience(wait=True, tell=told.append)):
        pass
    thread.join()
    assert len(told) == 1
    assert told[0].startswith("waiting: another planex is at work in")


def test_a_lock_whose_file_was_deleted_by_its_holder_is_not_the_lock(tmp_path: Path) -> None:
    """Who waited for the deleted file must not work beside who holds the new one."""
    lock = tmp_path / "folder" / ".lock"
    with hold(lock):
        waiting = os.open(lock, os.O_RDWR)
        lock.unlink()
    with hold(lock):
        fcntl.flock(waiting, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds the old file
        with pytest.raises(Busy), hold(lock):
            pass
    os.close(waiting)


def test_a_lock_is_taken_again_where_the_file_changed_while_it_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, real, opened = tmp_path / ".lock", fcntl.flock, []
    before = len(list(Path("/proc/self/fd").iterdir()))

    def flock(handle: int, how: int) -> None:
        real(handle, how)
        opened.append(handle)
        if len(opened) == 1:
            lock.unlink()  # `planex clean --all` ended between our open and our lock

    monkeypatch.setattr(fcntl, "flock", flock)
    with hold(lock):
        assert os.path.samestat(os.fstat(opened[-1]), lock.stat())
    assert len(opened) == 2
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_lock_file_with_garbage_or_a_full_disk_is_still_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / ".lock"
    lock.write_bytes(b"\xff\xfe 1 2 3\n999999999999999999999999 1\n-1 -1\n\n")
    assert all(holder.pid > 0 for holder in holders(lock))

    def full(*words: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with hold(lock), pytest.raises(Busy), hold(lock):
        pass


def test_a_lock_file_says_who_and_nothing_of_who_was_before(tmp_path: Path) -> None:
    lock, me = tmp_path / "a" / "b" / ".lock", os.getpid()
    lock.parent.mkdir(parents=True)
    with spawn(["sleep", "60"]) as other:
        lock.write_text(f"{other.pid} 100\n")
        with hold(lock, shared=True), hold(lock, shared=True):
            lines = lock.read_text().splitlines(keepends=True)
            assert [int(line.split()[0]) for line in lines] == [other.pid, me], "each process once"
            assert lines[0] == f"{other.pid} 100\n"
        with hold(lock):
            [line] = lock.read_text().splitlines()
            assert abs(int(line.removeprefix(f"{me} ")) - time.time()) < 60
    assert not lock.stat().st_mode & 0o111


@pytest.mark.parametrize("line", ["{} 99999999999999999999999", "{} x", "{}", "x 1", "{} 1 1", "-{} 1", "\u0661 1"])
def test_a_line_of_garbage_names_no_holder_and_breaks_no_message(tmp_path: Path, line: str) -> None:
    lock = tmp_path / ".lock"
    with hold(lock):
        lock.write_text(f"{line.format(os.getpid())}\n{os.getpid()} 1\n")
        with pytest.raises(Busy, match=rf"\(process {os.getpid()}, since 19[67]\S* \S*\)$"), hold(lock):
            pass


def test_a_lock_in_a_folder_that_is_deleted_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.open, []

    def deleted_once(*words: Any) -> int:
        calls.append(words)
        if len(calls) == 1:
            raise FileNotFoundError
        return real(*words)

    monkeypatch.setattr(os, "open", deleted_once)
    with hold(tmp_path / "new" / "folder" / ".lock"):
        assert len(calls) == 2


def test_whether_a_holder_lives_is_asked_without_a_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def kill(pid: int, number: int) -> None:
        sent.append(number)
        raise {7: ProcessLookupError, 8: PermissionError}[pid]

    monkeypatch.setattr(os, "kill", kill)
    (tmp_path / ".lock").write_text("7 1\n8 1\n")
    assert holders(tmp_path / ".lock") == (Holder(8, 1),)
    assert sent == [0, 0]


def test_waiting_sleeps_and_leaves_no_file_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, slept = tmp_path / ".lock", []
    before = len(list(Path("/proc/self/fd").iterdir()))
    with hold(lock):
        end = hold(tmp_path / "other")
        end.__enter__()

        class Clock:
            """In place of the module's ``time`` alone: other threads sleep too, and would be counted."""

            def __getattr__(self, name: str) -> Any:
                return getattr(time, name)

            def sleep(self, seconds: float) -> None:
                slept.append(seconds)
                if len(slept) >= 3:
                    raise TimeoutError

        monkeypatch.setattr(locks, "time", Clock())
        with pytest.raises(TimeoutError), hold(lock, patience=Patience(wait=True)):
            pass
        end.__exit__(None, None, None)
    assert slept == [0.2] * 3
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_who_works_on_a_target_keeps_others_from_it_and_from_deleting_and_from_nothing_else(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with at_work(workspace, "one"):
        with at_work(workspace, "two"):
            pass
        for lock in (workspace.lock, workspace.target("one") / ".lock"):
            with pytest.raises(Busy), hold(lock):
                pass
        with pytest.raises(Busy), at_work(workspace, "one"):
            pass
    with hold(workspace.lock), pytest.raises(Busy), at_work(workspace, "one"):
        pass
