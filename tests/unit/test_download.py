# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile and broken servers on the loopback: each gives one named error in bounded time, or the right file."""

from __future__ import annotations

import contextlib
import gc
import http.server
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from planex.content import records
from planex.errors import PlanexError
from planex.report import Reporter, Task
from planex.sources import download as module
from planex.sources.download import Origin, download
from planex.sources.fetch import fetch_url
from planex.sources.limits import Downloads
from planex.workspace import Workspace

CONTENT = bytes(range(256)) * 400
FAST = Downloads(size=1 << 20, seconds=5.0, silence=0.3, rate=20_000, window=0.4)
"""Limits of tests, so that giving up takes less than a second."""

Answer = Callable[[http.server.BaseHTTPRequestHandler, int], None]


class Server(http.server.ThreadingHTTPServer):
    """Answers each request with ``answer(handler, number of the request)`` and keeps the requests' headers."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        self.requests: list[dict[str, str]] = []
        self.ended = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(dict(self.headers))
                with contextlib.suppress(OSError):
                    answer(self, len(outer.requests) - 1)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def server_close(self) -> None:
        """Let no thread outlive the test, neither here nor where the client still reads."""
        self.ended.set()
        super().server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file"


# urllib3 leaves a connection to the garbage collector where it refuses an answer's header.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True, scope="module")
def collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.01)


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Server]]:
    with contextlib.ExitStack() as stack:

        def start(answer: Answer) -> Server:
            server = stack.enter_context(Server(answer))
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
            return server

        yield start


def send(handler: http.server.BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: object) -> None:
    handler.send_response(status)
    for name, value in ({"Content_Length": len(body)} | headers).items():
        if value is not None:
            handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def send_raw(handler: http.server.BaseHTTPRequestHandler, data: bytes) -> None:
    handler.wfile.write(data)


def get(server: Server, partial: Path, limits: Downloads = FAST) -> bytes:
    download(server.url, partial, None, limits)
    return partial.read_bytes()


def refused(server: Server, partial: Path, limits: Downloads = FAST) -> str:
    """The message of the error that comes, in no more than a few seconds."""
    started = time.monotonic()
    with pytest.raises(PlanexError) as caught:
        get(server, partial, limits)
    assert time.monotonic() - started < 4
    assert caught.value.message.startswith(f"{server.url}: ")
    assert "object at 0x" not in caught.value.message
    assert "urllib3" not in caught.value.message
    return caught.value.message.removeprefix(f"{server.url}: ")


def ended(handler: http.server.BaseHTTPRequestHandler, seconds: float = 0) -> bool:
    """Whether the test is over, within so many seconds."""
    assert isinstance(handler.server, Server)
    return handler.server.ended.wait(seconds)


def trickle(handler: http.server.BaseHTTPRequestHandler, _number: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not ended(handler):
        handler.wfile.write(b"x")
        time.sleep(0.02)


def slow_header(handler: http.server.BaseHTTPRequestHandler, _number: int) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not ended(handler):
        handler.wfile.write(b"x")
        time.sleep(0.02)


def silent(handler: http.server.BaseHTTPRequestHandler, _number: int) -> None:
    ended(handler, 3)


def silent_body(handler: http.server.BaseHTTPRequestHandler, _number: int) -> None:
    send(handler, b"x" * 1000, Content_Length=5000)
    ended(handler, 3)


def endless(handler: http.server.BaseHTTPRequestHandler, _number: int) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 65536)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (trickle, "too slow: "),
        (slow_header, "the server said nothing for 0.3 s"),
        (silent, "the server said nothing for 0.3 s"),
        (silent_body, "the server said nothing for 0.3 s"),
        (endless, "larger than 1 MiB (the limit: downloads.size in planex.yaml)"),
    ],
)
def test_no_server_holds_planex(
    serve: Callable[[Answer], Server], tmp_path: Path, answer: Answer, expected: str
) -> None:
    assert refused(serve(answer), tmp_path / "x.part").startswith(expected)


def test_the_total_time_holds_for_all_tries(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    limits = Downloads(seconds=0.5, silence=5.0, rate=0)
    assert refused(serve(trickle), tmp_path / "x.part", limits) == "not finished within 0.5 s"


def test_a_socket_that_accepts_and_stays_silent(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        with pytest.raises(PlanexError, match="said nothing for"):
            download(url, tmp_path / "x.part", None, Downloads(seconds=5.0, silence=0.2))


@pytest.mark.parametrize("length", ["abc", "-5", "1e3", "0x10", "", "9" * 30, "½", "+100"])
def test_a_length_that_is_no_number_is_named(serve: Callable[[Answer], Server], tmp_path: Path, length: str) -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler, _number: int) -> None:
        send(handler, CONTENT, Content_Length=length.encode().decode("latin-1"))

    assert "a length that is no number of bytes" in refused(serve(answer), tmp_path / "x.part")


def test_a_body_shorter_than_it_says_is_told_in_bytes(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    server = serve(lambda handler, _: send(handler, CONTENT, Content_Length=len(CONTENT) + 5))
    assert refused(server, tmp_path / "x.part") == f"ended after {len(CONTENT)} of {len(CONTENT) + 5} bytes"
    assert len(server.requests) == 4


def test_a_body_longer_than_it_says_is_cut(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    server = serve(lambda handler, _: send(handler, CONTENT + b"more", Content_Length=len(CONTENT)))
    assert get(server, tmp_path / "x.part") == CONTENT


def test_a_length_over_the_limit_is_refused_before_anything_is_written(
    serve: Callable[[Answer], Server], tmp_path: Path
) -> None:
    server = serve(lambda handler, _: send(handler, b"", Content_Length=1 << 40))
    assert refused(server, tmp_path / "x.part").startswith("larger than 1 MiB")
    assert not list(tmp_path.iterdir())


def test_two_lengths_are_refused(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    server = serve(lambda handler, _: send(handler, CONTENT, Content_Length="100, 200"))
    assert "not HTTP as it should be" in refused(server, tmp_path / "x.part")


def test_a_body_is_kept_as_it_came(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    server = serve(lambda handler, _: send(handler, CONTENT, Content_Encoding="gzip"))
    assert get(server, tmp_path / "x.part") == CONTENT


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "javascript:x"])
def test_redirects_lead_to_http_only(serve: Callable[[Answer], Server], tmp_path: Path, target: str) -> None:
    server = serve(lambda handler, _: send(handler, b"", 302, Location=target))
    assert refused(server, tmp_path / "x.part") == f"redirected to {target}: only http and https are followed"


@pytest.mark.parametrize("target", ["http://[", "http://\x00/", "http://.../", "//"])
def test_redirects_to_no_url(serve: Callable[[Answer], Server], tmp_path: Path, target: str) -> None:
    refused(serve(lambda handler, _: send(handler, b"", 302, Location=target)), tmp_path / "x.part")


def test_redirects_end(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    server = serve(lambda handler, _: send(handler, b"", 302, Location="/file"))
    assert refused(server, tmp_path / "x.part") == "redirected more than 10 times"


def test_the_body_of_a_redirect_is_not_read(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    asked = []

    def answer(handler: http.server.BaseHTTPRequestHandler, number: int) -> None:
        asked.append(handler.path)
        if number:
            return send(handler, CONTENT)
        send(handler, b"", 302, Location="/other", Content_Length=None)
        while True:
            handler.wfile.write(b"x" * 65536)

    assert get(serve(answer), tmp_path / "x.part") == CONTENT
    assert asked == ["/file", "/other"], "the first answer was enough"


def test_a_long_wait_that_the_server_asks_for_is_not_kept(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    server = serve(lambda handler, _: send(handler, b"", 503, Retry_After=1_000_000))
    assert refused(server, tmp_path / "x.part") == "HTTP 503 Service Unavailable"
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "closed the connection"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", "broke off"),
        (b"HTTP/1.1 abc\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 999 \x1b[31m\r\n\r\n", "HTTP 999"),
    ],
)
def test_what_is_not_http_is_told(
    serve: Callable[[Answer], Server], tmp_path: Path, data: bytes, expected: str
) -> None:
    server = serve(lambda handler, _: send_raw(handler, data))
    assert expected in refused(server, tmp_path / "x.part")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1/x", "connection refused"),
        ("http://name.invalid/x", "no host of this name"),
        ("http://[/x", "not a URL"),
        ("http:///x", "not a URL"),
        ("http://127.0.0.1:99999/x", "not a URL"),
        ("http://.bad./x", ""),
    ],
)
def test_network_errors_are_words(tmp_path: Path, url: str, expected: str) -> None:
    with pytest.raises(PlanexError) as caught:
        download(url, tmp_path / "x.part", None, FAST)
    assert expected in caught.value.message
    assert "object at 0x" not in caught.value.message


def broken_off(headers: dict[str, str]) -> Answer:
    """Breaks off its first answer after 50,000 bytes; serves ranges afterwards, as a good server does."""

    def answer(handler: http.server.BaseHTTPRequestHandler, number: int) -> None:
        asked, total = handler.headers.get("Range"), len(CONTENT)
        extra: dict[str, Any] = dict(headers)
        if number == 0:
            return send(handler, CONTENT[:50_000], Content_Length=total, **extra)
        if asked is None or handler.headers.get("If-Range") not in (None, *headers.values()):
            return send(handler, CONTENT)
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        rest = CONTENT[start:]
        return send(handler, rest, 206, Content_Range=f"bytes {start}-{total - 1}/{total}", **extra)

    return answer


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        ({"ETag": '"v1"'}, '"v1"'),
        ({"Last_Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, "Mon, 01 Jan 2024 00:00:00 GMT"),
        ({"ETag": 'W/"weak"'}, None),
        ({}, None),
    ],
)
def test_a_resume_asks_for_the_same_file(
    serve: Callable[[Answer], Server], tmp_path: Path, headers: dict[str, str], condition: str | None
) -> None:
    server = serve(broken_off(headers))
    assert get(server, tmp_path / "x.part") == CONTENT
    assert server.requests[1]["Range"] == "bytes=50000-"
    assert server.requests[1].get("If-Range") == condition
    assert [path.name for path in tmp_path.iterdir()] == ["x.part"]


def begin(partial: Path, url: str, data: bytes, validator: str = '"v1"', total: int = len(CONTENT)) -> None:
    partial.write_bytes(data)
    records.save(module._origin_path(partial), Origin(url, validator, total), 1)


def ranged(content_range: str, body: bytes = b"wrong") -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler, _number: int) -> None:
        if handler.headers.get("Range"):
            return send(handler, body, 206, Content_Range=content_range or None)
        return send(handler, CONTENT)

    return answer


@pytest.mark.parametrize(
    "content_range",
    ["bytes 0-99/102400", "bytes 500-1000/102400", "bytes 1000-102399/99", "bytes x", "", "bytes 1000-1/*x"],
)
def test_a_part_that_does_not_fit_is_not_believed(
    serve: Callable[[Answer], Server], tmp_path: Path, content_range: str
) -> None:
    server = serve(ranged(content_range))
    begin(tmp_path / "x.part", server.url, CONTENT[:1000])
    assert get(server, tmp_path / "x.part") == CONTENT
    assert "Range" not in server.requests[1]


def test_a_file_that_changed_is_taken_whole(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    server = serve(lambda handler, _: send(handler, CONTENT))
    begin(tmp_path / "x.part", server.url, b"old version")
    assert get(server, tmp_path / "x.part") == CONTENT
    assert server.requests[0]["If-Range"] == '"v1"'


@pytest.mark.parametrize("origin", [None, "{", "null", '{"format": 1, "url": 3}'])
def test_a_part_of_unknown_origin_is_not_gone_on_with(
    serve: Callable[[Answer], Server], tmp_path: Path, origin: str | None
) -> None:
    server = serve(lambda handler, _: send(handler, CONTENT))
    (tmp_path / "x.part").write_bytes(b"anything")
    if origin:
        (tmp_path / "x.part.origin").write_text(origin)
    assert get(server, tmp_path / "x.part") == CONTENT
    assert "Range" not in server.requests[0]


def test_a_part_from_another_place_is_not_gone_on_with(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    server = serve(lambda handler, _: send(handler, CONTENT))
    begin(tmp_path / "x.part", "http://other.example/file", b"other")
    assert get(server, tmp_path / "x.part") == CONTENT
    assert "Range" not in server.requests[0]


def test_a_server_that_has_no_such_range_is_asked_for_all_once(
    serve: Callable[[Answer], Server], tmp_path: Path
) -> None:
    server = serve(lambda handler, _: send(handler, b"", 416))
    begin(tmp_path / "x.part", server.url, CONTENT)
    assert refused(server, tmp_path / "x.part").startswith("HTTP 416")
    assert len(server.requests) == 2


def test_a_part_that_was_not_asked_for_is_refused(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    server = serve(lambda handler, _: send(handler, CONTENT, 206, Content_Range="bytes 5-9/10"))
    assert refused(server, tmp_path / "x.part").startswith("HTTP 206")


def test_no_password_of_the_caller_is_sent(
    serve: Callable[[Answer], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    server = serve(lambda handler, _: send(handler, CONTENT))
    assert get(server, tmp_path / "x.part") == CONTENT
    assert not {"Authorization", "Cookie"} & server.requests[0].keys()


def test_a_proxy_of_the_environment_is_used(
    serve: Callable[[Answer], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(lambda handler, _: send(handler, CONTENT))
    monkeypatch.setenv("http_proxy", proxy.url)
    download("http://far.invalid/file", tmp_path / "x.part", None, FAST)
    assert proxy.requests[0]["Host"] == "far.invalid"


def test_a_full_disk_names_the_file(serve: Callable[[Answer], Server], tmp_path: Path) -> None:
    server = serve(lambda handler, _: send(handler, CONTENT))
    (tmp_path / "x.part").symlink_to("/dev/full")
    with pytest.raises(PlanexError, match=rf"^cannot write {tmp_path}/x\.part: No space left on device"):
        get(server, tmp_path / "x.part")


@pytest.fixture
def task() -> Task:
    return Task(Reporter(), "test")


def test_file_sources_are_regular_files(tmp_path: Path, task: Task) -> None:
    os.mkfifo(tmp_path / "pipe")
    workspace, to = Workspace(tmp_path), tmp_path / "to"
    for url, words in {
        "file:///dev/zero": "/dev/zero is a device, not a file",
        f"file://{tmp_path}/pipe": "is a pipe, not a file",
        f"file://{tmp_path}": "is a folder, not a file",
        "file:///a%00b": "no path",
        "file://[x": "file://\\[x: ",
    }.items():
        with pytest.raises(PlanexError, match=words):
            fetch_url(workspace, url, to, task, FAST)
    (tmp_path / "large").write_bytes(b"x" * (FAST.size + 1))
    with pytest.raises(PlanexError, match="larger than 1 MiB"):
        fetch_url(workspace, f"file://{tmp_path}/large", to, task, FAST)


def test_a_git_server_that_is_silent_is_given_up(tmp_path: Path, task: Task) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"git+http://127.0.0.1:{listener.getsockname()[1]}/x.git?commit={'a' * 40}#/x.tar"
        started = time.monotonic()
        with pytest.raises(PlanexError, match=r"x\.git: commit a{40}: "):
            fetch_url(Workspace(tmp_path), url, tmp_path / "x.tar", task, Downloads(seconds=2.0, window=1.0))
        assert time.monotonic() - started < 8


def test_a_git_server_gets_no_password(
    serve: Callable[[Answer], Server], tmp_path: Path, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    server = serve(lambda handler, _: send(handler, b"", 401, WWW_Authenticate='Basic realm="x"'))
    url = f"git+{server.url}?commit={'a' * 40}#/x.tar"
    with pytest.raises(PlanexError):
        fetch_url(Workspace(tmp_path / "w"), url, tmp_path / "x.tar", task, FAST)
    assert all("Authorization" not in request for request in server.requests)
