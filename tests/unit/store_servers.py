# SPDX-License-Identifier: LGPL-2.1-or-later
"""Servers of shared stores for tests: nginx with WebDAV, and one in Python that has the fault that a test asks for."""

from __future__ import annotations

import contextlib
import http.server
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from planex.run import find

NGINX = find("nginx") or "/usr/sbin/nginx"
CONFIG = """
daemon off; master_process off; pid {work}/pid; error_log {work}/errors;
events {{ worker_connections 64; }}
http {{
  access_log {work}/access;
  client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; fastcgi_temp_path {work}/fast;
  uwsgi_temp_path {work}/uwsgi; scgi_temp_path {work}/scgi;
  client_max_body_size {limit};
  server {{
    listen 127.0.0.1:{port};
    location / {{ root {root}; dav_methods PUT; create_full_put_path on; {more} }}
  }}
}}
"""


@contextmanager
def nginx(root: Path, work: Path, *, limit: str = "1g", more: str = "") -> Iterator[str]:
    """The URL of a real nginx that keeps a store in ``root``."""
    work.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = work / "nginx.conf"
    config.write_text(CONFIG.format(work=work, root=root, port=port, limit=limit, more=more))
    process = subprocess.Popen([NGINX, "-c", config, "-p", work], stderr=subprocess.DEVNULL)
    try:
        _await(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "nginx does not start"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("nginx does not answer")


Fault = Callable[["Handler", bytes], None]
"""Answers a GET in a wrong way; is given what the right answer would have been."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Keeps files in a folder as nginx does; all that is wrong is the server's ``fault``."""

    server: FaultyServer

    def do_GET(self) -> None:
        self.server.asked.append(self)
        path = self.server.root / self.path.lstrip("/")
        if self.server.fault and (not self.server.only or self.server.only in self.path):
            with contextlib.suppress(OSError):
                self.server.fault(self, path.read_bytes() if path.is_file() else b"")
            return
        self.answer(200 if path.is_file() else 404, path.read_bytes() if path.is_file() else b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.server.asked.append(self)
        path, body = self.server.root / self.path.lstrip("/"), self.rfile.read(int(self.headers["Content-Length"]))
        if not self.server.refuses_put:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        self.answer(self.server.refuses_put or 201)

    def answer(self, status: int, body: bytes = b"", length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class FaultyServer(http.server.ThreadingHTTPServer):
    """``fault`` is that of each GET, of those with ``only`` in their path where that is given."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.root = root
        self.fault: Fault | None = None
        self.only = ""
        self.refuses_put = 0
        self.asked: list[Handler] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def faulty_server(root: Path) -> Iterator[FaultyServer]:
    with FaultyServer(root) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()


def errs(handler: Handler, right: bytes) -> None:
    handler.answer(500)


def cuts(handler: Handler, right: bytes) -> None:
    """The connection ends in the middle."""
    handler.answer(200, right[: len(right) // 2], len(right))
    handler.close_connection = True


def ends_early(handler: Handler, right: bytes) -> None:
    """The file was cut off on the server's disk: a whole answer."""
    handler.answer(200, right[: len(right) // 2])


def flips(handler: Handler, right: bytes) -> None:
    """One bit is another."""
    middle = len(right) // 2
    handler.answer(200, right[:middle] + bytes([right[middle] ^ 1]) + right[middle + 1 :])


def goes_on(handler: Handler, right: bytes) -> None:
    handler.answer(200, right * 3 + b"x")


def is_silent(handler: Handler, right: bytes) -> None:
    handler.server.over.wait(30)


def is_slow(handler: Handler, right: bytes) -> None:
    handler.answer(200, b"", len(right) or 1000)
    for byte in right:
        if handler.server.over.wait(0.05):
            return
        handler.wfile.write(bytes([byte]))


def is_no_http(handler: Handler, right: bytes) -> None:
    handler.wfile.write(b"\x00\xff" * 99 + b"\r\n\r\n")
    handler.close_connection = True
