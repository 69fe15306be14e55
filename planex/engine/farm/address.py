# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a farm's scheduler is, and the keys by which its machines know each other."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from planex.content import shelf
from planex.errors import ConfigError, PlanexError
from planex.run import require, run

CERTIFICATE, KEY = "farm.pem", "farm-key.pem"
_DAYS = 3650
_ADDRESS = re.compile(r"(?:(dask:|dask://|tls://|tcp://))?(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):([0-9]{1,5})")
_EXAMPLE = "for instance dask:build.example.org:8786"


@dataclass(frozen=True, slots=True)
class Address:
    """``keys``: the folder with certificate and key; None for a scheduler on this machine that asks for none."""

    host: str
    port: int
    keys: Path | None

    @property
    def url(self) -> str:
        """As dask writes it."""
        return f"{'tls' if self.keys else 'tcp'}://{self.host}:{self.port}"


def is_listening(address: Address) -> bool:
    """Whether something takes connections there."""
    try:
        with socket.create_connection((address.host.strip("[]"), address.port), timeout=5.0):
            return True
    except OSError:
        return False


def read_address(text: str, keys: Path | None) -> Address:
    """Raises ConfigError for what is no address, and for one elsewhere without keys."""
    match = _ADDRESS.fullmatch(text)
    if not match or int(match[3]) > 65535:
        raise ConfigError(f"'{text}' is no address of a scheduler", _EXAMPLE)
    scheme, host, port = match[1] or "", match[2], int(match[3])
    if scheme == "tcp://" and keys:
        raise ConfigError(f"'{text}' asks for no TLS, and there are keys", f"write dask:{host}:{port}")
    if keys is None and (scheme == "tls://" or not is_loopback(host)):
        hint = "make them once with `planex farm keys DIR`, and name DIR: --keys DIR, or PLANEX_FARM_KEYS=DIR"
        raise ConfigError(f"{host}:{port} is reached by TLS, and there are no keys", hint)
    if keys is not None:
        _require_keys(keys)
    return Address(host, port, keys)


def is_loopback(host: str) -> bool:
    """Whether nobody on another machine can reach it."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _require_keys(keys: Path) -> None:
    for name in (CERTIFICATE, KEY):
        path = keys / name
        if not path.is_file():
            raise ConfigError(f"there is no {path}", f"make it with `planex farm keys {keys}`, or copy it there")
        if not os.access(path, os.R_OK):
            raise ConfigError(f"{path} cannot be read by this user", f"look at it: ls -l {path}")


def make_keys(folder: Path) -> None:
    """A key and a certificate that vouches for itself, for all machines of a farm. Never replaces any."""
    if folder.exists():
        raise PlanexError(f"{folder} is there already", "name another folder; what is there may be in use by a farm")
    openssl = require("openssl", "make the keys of a farm")
    with _private(folder) as made:
        argv = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"]
        argv += ["-days", str(_DAYS), "-subj", "/CN=planex farm"]
        run([*argv, "-keyout", str(made / KEY), "-out", str(made / CERTIFICATE)])
        (made / KEY).chmod(0o600)
        shelf.publish(made, folder, durable=True)


@contextmanager
def _private(folder: Path) -> Iterator[Path]:
    with shelf.draft(folder) as draft:
        made = draft / "keys"
        made.mkdir(mode=0o700)
        yield made
