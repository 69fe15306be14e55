# SPDX-License-Identifier: LGPL-2.1-or-later
"""One HTTP request, watched from outside so that no server can hold planex. The only user of requests.

The request runs in a thread of its own and hands over what comes, piece by piece. Whoever waits for the pieces keeps
the time: a server that is silent, sends its header a byte a minute or its body too slowly is left behind.
Nothing of the caller's goes to a server: no ~/.netrc, no cookies; proxies of the environment are used.
"""

from __future__ import annotations

import http.client
import os
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions
from requests.utils import get_environ_proxies

from planex import __version__
from planex.errors import PlanexError
from planex.run import check_stopped
from planex.sources.limits import Downloads
from planex.units import size_text

MAX_REDIRECTS = 10
BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses after which asking again may help."""
_CHUNK = 1 << 18
_TICK = 0.1
"""Seconds between looks at the clock."""
_DIGITS = 19
"""No length has more: that would be ten exabytes."""


class TransferError(PlanexError):
    """A transfer failed; the message is the reason alone. ``retry``: another try may go better.

    ``status``: of a whole answer that is none of what was asked for.
    """

    def __init__(self, message: str, *, retry: bool, status: int = 0) -> None:
        super().__init__(message)
        self.retry = retry
        self.status = status


class BrokenOff(TransferError):
    """The body ended before its end."""

    def __init__(self) -> None:
        super().__init__("the connection broke off", retry=True)


class TooSlow(TransferError):
    """The server is silent, or sends or takes less than it must."""


@dataclass(frozen=True, slots=True)
class Head:
    """The header of an answer. ``length``: bytes of the body, if the server says so."""

    status: int
    reason: str
    length: int | None
    validator: str
    """Strong ETag or Last-Modified: what If-Range may be asked with; else empty."""
    content_range: str


@contextmanager
def transfer(
    url: str,
    headers: Mapping[str, str],
    limits: Downloads,
    deadline: float,
    *,
    method: str = "GET",
    upload: Path | bytes = b"",
) -> Iterator[tuple[Head, Iterator[bytes]]]:
    """Ask for a URL: the head of the answer, and its body in pieces, undecoded. ``deadline``: of time.monotonic().

    Redirects are followed, to http and https only, and only where nothing is sent; credentials are for the
    first host alone. Raises TransferError for all that can go wrong.
    """
    worker = _Worker(_Request(method, url, headers, upload), limits)
    pace = _Pace(limits, deadline)
    worker.start()
    try:
        head = _next(worker, pace)
        assert isinstance(head, Head)
        yield head, _body(worker, pace)
    finally:
        worker.given_up.set()


def _body(worker: _Worker, pace: _Pace) -> Iterator[bytes]:
    while (piece := _next(worker, pace)) != b"":
        assert isinstance(piece, bytes)
        pace.took(len(piece))
        yield piece


def _next(worker: _Worker, pace: _Pace) -> Head | bytes:
    while True:
        check_stopped()
        pace.took(worker.gone())
        pace.check()
        try:
            item = worker.pieces.get(timeout=_TICK)
        except queue.Empty:
            continue
        if isinstance(item, Exception):
            raise _explain(item)
        return item


class _Pace:
    """Keeps the time of one transfer."""

    def __init__(self, limits: Downloads, deadline: float) -> None:
        self._limits = limits
        self._deadline = deadline
        self._heard = self._mark = time.monotonic()
        self._since_mark = 0

    def took(self, size: int) -> None:
        """So many bytes came or went."""
        if size:
            self._heard = time.monotonic()
            self._since_mark += size

    def check(self) -> None:
        """Raise TransferError if the server is too slow, silent, or the time is over."""
        now, limits = time.monotonic(), self._limits
        if now > self._deadline:
            raise TransferError(f"not finished within {limits.seconds:g} s", retry=False)
        if now - self._heard > limits.silence:
            raise TooSlow(f"the server said nothing for {limits.silence:g} s", retry=True)
        if now - self._mark < limits.window:
            return
        rate = self._since_mark / (now - self._mark)
        if rate < limits.rate:
            least = f"{size_text(limits.rate)}/s"
            raise TooSlow(
                f"too slow: {size_text(int(rate))}/s over {limits.window:g} s, at least {least} are asked", retry=True
            )
        self._mark, self._since_mark = now, 0


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked, and of whom."""

    method: str
    url: str
    headers: Mapping[str, str]
    upload: Path | bytes

    def to(self, url: str) -> _Request:
        """The same, asked of another place; whoever that is gets no credentials that were for the first."""
        same = urlsplit(url)[:2] == urlsplit(self.url)[:2]
        headers = {name: text for name, text in self.headers.items() if same or name != "Authorization"}
        return _Request(self.method, url, headers, self.upload)


class _Outgoing:
    """A body on its way to a server, which says how much of it has gone."""

    def __init__(self, upload: Path | bytes) -> None:
        self._file: BinaryIO = BytesIO(upload) if isinstance(upload, bytes) else upload.open("rb")
        self._size = len(upload) if isinstance(upload, bytes) else os.fstat(self._file.fileno()).st_size
        self.gone = 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.gone += len(data)
        return data

    def close(self) -> None:
        self._file.close()


class _Worker(threading.Thread):
    """Makes the request. Left behind, it ends by itself with the connection's own time-out, or with planex."""

    def __init__(self, request: _Request, limits: Downloads) -> None:
        super().__init__(name=f"{request.method} {request.url}", daemon=True)
        self.pieces: queue.Queue[Head | bytes | Exception] = queue.Queue(maxsize=4)
        self.given_up = threading.Event()
        self._request, self._limits = request, limits
        self._outgoing = _Outgoing(request.upload)
        self._told = 0

    def gone(self) -> int:
        """Bytes that were sent since it was last asked."""
        gone, self._told = self._outgoing.gone - self._told, self._outgoing.gone
        return gone

    def run(self) -> None:
        try:
            with _session() as session, self._follow(session) as response:
                self._put(_head(response))
                while not self.given_up.is_set() and (data := response.raw.read1(_CHUNK, decode_content=False)):
                    self._put(data)
            self._put(b"")
        except Exception as error:  # whatever it is, it belongs to the thread that waits
            self._put(error)
        finally:
            self._outgoing.close()

    def _follow(self, session: requests.Session) -> requests.Response:
        """The answer at the end of the redirects. Bodies of redirects are not read, as they might have no end."""
        request = self._request
        for _ in range(MAX_REDIRECTS + 1):
            # Twice as patient as who waits for it: this time-out only ends a thread that was left behind.
            response = _ask(session, request, self._outgoing, 2 * self._limits.silence)
            target = requests.Session.get_redirect_target(session, response)
            if target is None or request.method not in ("GET", "HEAD"):
                return response
            response.close()
            session.cookies.clear()
            request = request.to(_redirected(request.url, target))
        raise TransferError(f"redirected more than {MAX_REDIRECTS} times", retry=False)

    def _put(self, item: Head | bytes | Exception) -> None:
        while not self.given_up.is_set():
            try:
                return self.pieces.put(item, timeout=_TICK)
            except queue.Full:
                continue
        return None


class _Session(requests.Session):
    """Follows no redirect: requests would read the body of one even where it is told not to follow it."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        return None


def _session() -> requests.Session:
    session = _Session()
    session.trust_env = False  # it would read ~/.netrc; what is wanted of the environment is passed by name
    session.headers["User-Agent"] = f"planex/{__version__}"
    session.headers["Accept-Encoding"] = "identity"
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    return session


def _ask(session: requests.Session, request: _Request, outgoing: _Outgoing, timeout: float) -> requests.Response:
    proxies = get_environ_proxies(request.url, no_proxy=None)
    headers, body = dict(request.headers), outgoing if len(outgoing) else None
    return session.request(
        request.method,
        request.url,
        headers=headers,
        data=body,
        stream=True,
        allow_redirects=False,
        timeout=timeout,
        proxies=proxies,
    )


def _redirected(url: str, target: str) -> str:
    try:
        new = urljoin(url, target)
        scheme = urlsplit(new).scheme
    except ValueError:
        raise TransferError(f"redirected to what is no URL: {target[:200]}", retry=False) from None
    if scheme not in ("http", "https"):
        raise TransferError(f"redirected to {new[:200]}: only http and https are followed", retry=False)
    return new


def _head(response: requests.Response) -> Head:
    headers = response.headers
    etag = headers.get("ETag", "")
    chunked = "Transfer-Encoding" in headers
    return Head(
        response.status_code,
        str(response.reason or ""),
        None if chunked else _length(headers.get("Content-Length")),
        etag if etag.startswith('"') else headers.get("Last-Modified", ""),
        headers.get("Content-Range", ""),
    )


def _length(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise TransferError(f"the server gives a length that is no number of bytes: '{text[:40]}'", retry=False)
    return int(text)


def _explain(error: Exception) -> Exception:
    """What went wrong on the network, in words; an error that is none of the network's stays what it is."""
    if isinstance(error, TransferError):
        return error
    known = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError)
    if not isinstance(error, known):
        return error
    causes = list(_causes(error))
    if any(isinstance(cause, http.client.IncompleteRead) for cause in causes):
        return BrokenOff()
    if isinstance(error, ValueError) and not isinstance(error, requests.exceptions.InvalidHeader):
        return TransferError("is not a URL that can be fetched", retry=False)
    text = next((words for cause in causes if (words := _words(cause))), "the connection failed")
    return TransferError(text, retry=not any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The errors inside an error, the innermost first."""
    inner = [error.__cause__, error.__context__, getattr(error, "reason", None), *error.args]
    for cause in inner:
        if isinstance(cause, BaseException):
            yield from _causes(cause)
    yield error


def _words(error: BaseException) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the server's certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no secure connection (TLS): {error.reason or 'it failed'}"
        case socket.gaierror():
            return "no host of this name is known"
        case http.client.RemoteDisconnected():
            return "the server closed the connection without an answer"
        case http.client.HTTPException() | urllib3.exceptions.InvalidHeader() | requests.exceptions.InvalidHeader():
            return "the server's answer is not HTTP as it should be"
        case requests.exceptions.ProxyError():
            return "the proxy (of the environment) does not answer"
        case OSError() if error.strerror and not isinstance(error, requests.RequestException):
            return error.strerror[0].lower() + error.strerror[1:]
    return ""
