# SPDX-License-Identifier: LGPL-2.1-or-later
"""Logs in on a machine over its network, by a key made for this once."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from pathlib import Path

from planex.errors import PlanexError
from planex.run import find, run

_TRIES, _PAUSE, _SECONDS = 12, 5.0, 60.0


@dataclass(frozen=True, slots=True)
class Login:
    """``port``: of this machine's loopback, led to the guest's ssh; ``key``: file of the private key."""

    port: int
    key: Path
    public: str


def make_login(folder: Path) -> Login | None:
    """A key and a free port; None where this machine has no ssh."""
    if find("ssh") is None or find("ssh-keygen") is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / "key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "planex", "-f", key])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Login(port, key, key.with_suffix(".pub").read_text().strip())


def log_in(login: Login, command: str, stdin: bytes | None = None, seconds: float = _SECONDS) -> str:
    """What ``command`` prints there. sshd and the network may need a moment more than the host's report.

    A login that fails is begun anew, with the same ``stdin``, and so is the command if that is what failed.
    """
    said = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE)
        done = run(ssh_argv(login, command), check=False, stdin=stdin, timeout=seconds)
        if done.returncode == 0:
            return done.stdout
        said = done.stderr.strip() or f"status {done.returncode}"
    raise PlanexError(f"no login on the machine by ssh and key: {said}")


def ssh_argv(login: Login, command: str) -> list[str]:
    """ssh that asks nobody, believes no file of the caller's and leaves none."""
    # fmt: off
    return [
        "ssh", "-F", "none", "-i", str(login.key), "-p", str(login.port),
        "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=30",
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
        "root@127.0.0.1", command,
    ]
    # fmt: on
