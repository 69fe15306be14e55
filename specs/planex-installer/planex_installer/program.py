# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts programs, and keeps the log of the installation."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from planex_installer.errors import InstallError

_TAIL = 12
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}


class Program:
    """Starts programs. What they do and say goes to ``log``; secrets are given on standard input, which does not."""

    def __init__(self, log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)

    def note(self, text: str) -> None:
        """Write a line to the log."""
        with self.log.open("a") as file:
            file.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    def run(self, argv: Sequence[str], text: str = "", check: bool = True, both: bool = False) -> str:
        """Run a program to its end and return its output, with its errors if ``both``; ``text`` is its input."""
        self.note(f"$ {' '.join(argv)}")
        try:
            done = subprocess.run(argv, input=text, env=_ENVIRONMENT, capture_output=True, text=True, errors="replace")
        except OSError as error:
            raise InstallError(f"{argv[0]} cannot be started: {error.strerror}") from None
        said = (done.stdout + done.stderr).rstrip()
        if said:
            self.note(said)
        if check and done.returncode:
            tail = "\n".join(said.splitlines()[-_TAIL:])
            raise InstallError(f"{' '.join(argv)}: ended with status {done.returncode}\n{tail}")
        return said if both else done.stdout

    def has(self, name: str) -> bool:
        return shutil.which(name, path=_ENVIRONMENT["PATH"]) is not None
