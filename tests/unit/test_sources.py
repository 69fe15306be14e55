# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sources, fetched from a real HTTP server on the loopback, from files and from git."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import git
import pytest

from planex.checksums import Checksum, read_checksums
from planex.errors import ConfigError, PlanexError
from planex.events import Event, PhaseBegan
from planex.report import Reporter, Task
from planex.sources import download
from planex.sources.fetch import RemoteSource, cached_path, fetch, fetch_url
from planex.workspace import Workspace

CONTENT = bytes(range(256)) * 4000
SHA512 = hashlib.sha512(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; ``/flaky`` breaks off its first answer, ``/short`` all of them, ``/busy`` is busy twice."""

    hits: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        seen = sum(path == self.path for path, _ in self.hits)
        self.hits.append((self.path, asked))
        if self.path == "/missing":
            return self.send_error(404)
        if self.path == "/busy" and seen < 2:
            return self.send_error(503)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        sent = 5_000 if self.path == "/short" else 600_000 if self.path == "/flaky" and seen == 0 else len(CONTENT)
        self.wfile.write(CONTENT[start : start + sent])
        return None

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(download, "_PAUSE", 0.01)
    Handler.hits = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def task() -> Task:
    return Task(Reporter(), "test")


def source(*urls: str, checksum: str = SHA512) -> RemoteSource:
    return RemoteSource("pkg", "file.bin", urls, Checksum("SHA512", checksum))


def test_a_file_is_fetched_once(server: str, workspace: Workspace, task: Task) -> None:
    wanted = source(f"{server}/file")
    path = fetch(workspace, wanted, task)
    assert path.read_bytes() == CONTENT
    assert fetch(workspace, wanted, task, offline=True) == path
    assert len(Handler.hits) == 1


def test_a_cached_file_is_verified_each_time(server: str, workspace: Workspace, task: Task) -> None:
    wanted = source(f"{server}/file")
    path = fetch(workspace, wanted, task)
    path.write_bytes(CONTENT[:-1] + b"x")
    assert fetch(workspace, wanted, task).read_bytes() == CONTENT
    path.write_bytes(CONTENT + b"x")
    with pytest.raises(PlanexError, match=r"file\.bin is not in the download cache"):
        fetch(workspace, wanted, task, offline=True)
    assert_nothing_kept(workspace, wanted)


def test_a_broken_transfer_is_resumed(server: str, workspace: Workspace, task: Task) -> None:
    assert fetch(workspace, source(f"{server}/flaky"), task).read_bytes() == CONTENT
    assert [asked for _, asked in Handler.hits] == [None, "bytes=600000-"]


def test_a_busy_server_is_asked_again(server: str, workspace: Workspace, task: Task) -> None:
    assert fetch(workspace, source(f"{server}/busy"), task).exists()


def test_mirrors_are_tried_in_order(server: str, workspace: Workspace, task: Task) -> None:
    assert fetch(workspace, source(f"{server}/missing", f"{server}/file"), task).exists()


def assert_nothing_kept(workspace: Workspace, wanted: RemoteSource) -> None:
    assert not cached_path(workspace, wanted.checksum).exists()


def test_a_wrong_checksum_keeps_nothing(server: str, workspace: Workspace, task: Task) -> None:
    wanted = source(f"{server}/file", checksum="0" * 128)
    with pytest.raises(PlanexError) as caught:
        fetch(workspace, wanted, task)
    assert "pkg: wrong checksum of file.bin" in caught.value.message
    assert caught.value.hint is not None
    assert "planex fetch --update pkg" in caught.value.hint
    assert_nothing_kept(workspace, wanted)
    assert not list(workspace.downloads.rglob("*.part"))


def test_every_error_names_the_package(server: str, workspace: Workspace, task: Task) -> None:
    wanted = RemoteSource("http", "x", (f"{server}/missing",), Checksum("SHA512", SHA512))
    with pytest.raises(PlanexError) as caught:
        fetch(workspace, wanted, task)
    assert caught.value.message.startswith("http: http://")


def test_a_phase_shows_no_password(workspace: Workspace, tmp_path: Path) -> None:
    told: list[Event] = []
    with Reporter(told.append).task("x") as task, pytest.raises(PlanexError):
        fetch_url(workspace, "git+https://me:secret@nowhere.invalid", tmp_path / "x", task)
    assert [event.phase for event in told if isinstance(event, PhaseBegan)] == ["fetch me:***@nowhere.invalid"]


def test_a_truncated_file_keeps_nothing_under_the_final_name(server: str, workspace: Workspace, task: Task) -> None:
    wanted = source(f"{server}/short")
    with pytest.raises(PlanexError, match=r"pkg: .*/short: "):
        fetch(workspace, wanted, task)
    assert_nothing_kept(workspace, wanted)


def test_a_missing_source_names_every_place(server: str, workspace: Workspace, task: Task) -> None:
    with pytest.raises(PlanexError) as caught:
        fetch(workspace, source(f"{server}/missing", f"file://{workspace.root}/nowhere"), task)
    assert "HTTP 404" in caught.value.message
    assert "nowhere: No such file" in caught.value.message


def test_offline_says_what_to_type(workspace: Workspace, task: Task) -> None:
    with pytest.raises(PlanexError, match=r"file\.bin is not in the download cache"):
        fetch(workspace, source("https://example.org/file"), task, offline=True)


def test_an_unknown_scheme_lists_the_known(workspace: Workspace, task: Task) -> None:
    with pytest.raises(PlanexError, match="no way to fetch 'ftp:'"):
        fetch_url(workspace, "ftp://example.org/x", workspace.root / "x", task)


def test_a_commit_becomes_the_same_tar_each_time(workspace: Workspace, task: Task, tmp_path: Path) -> None:
    repository = git.Repo.init(tmp_path / "upstream")
    (tmp_path / "upstream" / "file").write_text("text\n")
    repository.index.add(["file"])
    author = git.Actor("a", "a@example.org")
    commit = repository.index.commit("first", author=author, committer=author).hexsha
    repository.close()
    url = f"git+file://{tmp_path}/upstream?commit={commit}#/thing-1.0.tar"
    first, second = tmp_path / "1.tar", tmp_path / "2.tar"
    fetch_url(workspace, url, first, task)
    fetch_url(workspace, url, second, task)
    assert first.read_bytes() == second.read_bytes()
    assert b"thing-1.0/file" in first.read_bytes()


def test_a_git_source_needs_a_whole_commit(workspace: Workspace, task: Task) -> None:
    with pytest.raises(PlanexError, match="not a git source"):
        fetch_url(workspace, "git+https://example.org/x.git?commit=main#/x.tar", workspace.root / "x", task)


def test_checksum_files_report_every_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "sources"
    path.write_text(f"SHA512 (a) = {SHA512}\nMD5 (b) = 12\nSHA512 (c) = 12\nSHA512 (a) = {SHA512}\n")
    with pytest.raises(ConfigError) as caught:
        read_checksums(path)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 4]
