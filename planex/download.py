# SPDX-License-Identifier: LGPL-2.1-or-later
"""Downloads over HTTP, resumed and retried; and where this machine's Debian mirrors are. The only user of requests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from planex import __version__
from planex.errors import PlanexError
from planex.report import Task
from planex.run import check_stopped, run

TIMEOUT = 30.0
"""Seconds without a byte before a try is given up."""
_RETRIES = 4
_CHUNK = 1 << 18
_PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 206, 416


@cache
def _session() -> requests.Session:
    session = requests.Session()
    retry = Retry(total=_RETRIES, backoff_factor=0.5, status_forcelist=(429, 500, 502, 503, 504))
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    session.headers["User-Agent"] = f"planex/{__version__}"
    session.headers["Accept-Encoding"] = "identity"
    return session


def download(url: str, partial: Path, task: Task | None = None) -> None:
    """Fetch ``url`` into ``partial``, going on where an earlier try stopped.

    Raises PlanexError if the server refuses, or if the connection breaks more often than it is retried.
    """
    partial.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(_RETRIES):
        check_stopped()
        try:
            return _continue(url, partial, task)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
            if attempt == _RETRIES - 1:
                raise PlanexError(f"{url}: {_reason(error)}", "check the network and try again") from error
        except requests.RequestException as error:
            raise PlanexError(f"{url}: {_reason(error)}") from error
    return None


def _continue(url: str, partial: Path, task: Task | None) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with _session().get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == _RANGE_NOT_SATISFIABLE:
            partial.unlink()
            return _continue(url, partial, task)
        response.raise_for_status()
        resumed = response.status_code == _PARTIAL_CONTENT
        done = have if resumed else 0
        total = int(response.headers.get("Content-Length", 0)) + done
        with partial.open("ab" if resumed else "wb") as file:
            for chunk in response.iter_content(_CHUNK):
                check_stopped()
                file.write(chunk)
                done += len(chunk)
                if task and total:
                    task.detail(f"{done * 100 // total} % of {total / 1e6:.1f} MB")
        if total and done != total:
            raise requests.ConnectionError(f"ended after {done} of {total} bytes")
    return None


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}"
    return str(error)


@cache
def debian_mirrors() -> tuple[str, ...]:
    """Roots of the Debian mirrors that apt on this machine is set up with, the main archive's first."""
    done = run(["apt-get", "indextargets", "--format", "$(REPO_URI)"], check=False)
    mirrors = sorted(dict.fromkeys(done.stdout.split()), key=lambda url: "security" in url)
    if not mirrors:
        raise PlanexError("apt on this machine names no Debian mirror", "run `apt-get update` once, as root")
    return tuple(mirrors)
