# SPDX-License-Identifier: LGPL-2.1-or-later
"""A web server on this machine's loopback for the network of a virtual machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Handler(SimpleHTTPRequestHandler):
    """QEMU has one connection to it, on which all that its guest asks comes: it stays open, whoever wants it closed."""

    protocol_version = "HTTP/1.1"
    raw_requestline: bytes

    def handle_one_request(self) -> None:
        super().handle_one_request()
        self.close_connection = not self.raw_requestline

    def log_message(self, *args: object) -> None:
        """The machine's console tells what it asked for."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A machine that is turned off while it loads something is no fault of the server."""


@contextmanager
def web_server(folder: Path) -> Iterator[int]:
    """Serve a folder; the port."""
    with _Server(("127.0.0.1", 0), partial(_Handler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
