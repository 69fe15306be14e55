# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server on the loopback interface that does what servers should not. The first word of a path says what."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GOOD = b"good\n"
PIECE = b"x" * 65536
LONG = 120.0
"""Seconds that a bad answer goes on: longer than any case may take."""


class Handler(BaseHTTPRequestHandler):
    """``/good/NAME`` serves a file; every other first word is a way to be bad."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        kind = self.path.split("/")[1].replace("-", "_")
        self.close_connection = True
        with contextlib.suppress(OSError):
            getattr(self, f"be_{kind}", self.be_404)()

    def log_message(self, *words: object) -> None:
        """Nothing: the output of the tests is theirs."""

    def be_good(self) -> None:
        self._send(200, GOOD)

    def be_404(self) -> None:
        self._send(404, b"not here\n")

    def be_403(self) -> None:
        self._send(403, b"no\n")

    def be_500(self) -> None:
        self._send(500, b"broken\n")

    def be_503(self) -> None:
        self._send(503, b"later\n", {"Retry-After": "100000"})

    def be_418(self) -> None:
        self._send(418, b"", reason="I'm \x1b[31ma teapot")

    def be_empty(self) -> None:
        self._send(200, b"")

    def be_silent(self) -> None:
        """Takes the request and says nothing."""
        time.sleep(LONG)

    def be_slow(self) -> None:
        """One byte a second."""
        self._head(200, {"Content-Length": "100000"})
        for _ in range(int(LONG)):
            self.wfile.write(b"x")
            time.sleep(1)

    def be_slow_head(self) -> None:
        """A header line a second, without an end."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(int(LONG)):
            self.wfile.write(f"X-{number}: x\r\n".encode())
            time.sleep(1)

    def be_garbage_length(self) -> None:
        self._send(200, GOOD, {"Content-Length": "abc"})

    def be_negative_length(self) -> None:
        self._send(200, GOOD, {"Content-Length": "-5"})

    def be_huge_length(self) -> None:
        self._send(200, GOOD, {"Content-Length": "9" * 30})

    def be_two_lengths(self) -> None:
        self._head(200, {"Content-Length": "3"}, "Content-Length: 5\r\n")
        self.wfile.write(GOOD)

    def be_short(self) -> None:
        """Ends before the length that it promised."""
        self._send(200, GOOD, {"Content-Length": "1000"})

    def be_endless(self) -> None:
        self._head(200, {})
        end = time.monotonic() + LONG
        while time.monotonic() < end:
            self.wfile.write(PIECE)

    def be_bad_chunks(self) -> None:
        self._head(200, {"Transfer-Encoding": "chunked"})
        self.wfile.write(b"zz\r\ngood\r\n")

    def be_bad_gzip(self) -> None:
        self._send(200, b"this is no gzip", {"Content-Encoding": "gzip"})

    def be_no_http(self) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")

    def be_hang_up(self) -> None:
        """Closes without a word."""

    def be_to_file(self) -> None:
        self._send(302, b"", {"Location": "file:///etc/passwd"})

    def be_to_ftp(self) -> None:
        self._send(302, b"", {"Location": "ftp://127.0.0.1/x"})

    def be_to_nowhere(self) -> None:
        self._send(302, b"", {})

    def be_to_itself(self) -> None:
        self._send(302, b"", {"Location": self.path})

    def be_to_garbage(self) -> None:
        self._send(302, b"", {"Location": "http://[::1"})

    def be_wrong_range(self) -> None:
        """Answers a resume with another part of another file."""
        if self.headers.get("Range"):
            return self._send(206, b"zzzz", {"Content-Range": "bytes 3-6/7"})
        return self._send(200, b"goo", {"Content-Length": "5"})

    def be_never_range(self) -> None:
        """Says 416 to each resume, and breaks off each first part."""
        if self.headers.get("Range"):
            return self._send(416, b"")
        return self._send(200, b"goo", {"Content-Length": "5"})

    def be_huge_header(self) -> None:
        self._send(200, GOOD, {"X-Long": "x" * 200_000})

    def be_many_headers(self) -> None:
        self._head(200, {"Content-Length": "5"}, "".join(f"X-{n}: x\r\n" for n in range(2000)))
        self.wfile.write(GOOD)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, reason: str = "") -> None:
        self._head(status, {"Content-Length": str(len(body))} | (headers or {}), reason=reason)
        self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str], more: str = "", reason: str = "") -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        words = reason or "Said"
        self.wfile.write(f"HTTP/1.1 {status} {words}\r\nConnection: close\r\n{lines}{more}\r\n".encode())


class Server(ThreadingHTTPServer):
    """Its threads do not keep the tests from ending, and a client that went away is no error."""

    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: the client is the one who is tested."""


@contextmanager
def serving() -> Iterator[str]:
    """The server's URL, without a slash at its end."""
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
