# SPDX-License-Identifier: LGPL-2.1-or-later
"""An outlet that rsync reaches: a folder, ``host:folder`` by ssh, or ``rsync://``. The only user of rsync."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

from planex.content.records import LIMIT
from planex.errors import CommandFailed, PlanexError
from planex.regular import read_regular
from planex.run import Completed, require, run
from planex.snapshot.publish import PublishStage

_NOT_THERE = 23
"""rsync's exit status where what should be listed is not there."""
_CALLER = ("HOME", "USER", "SSH_AUTH_SOCK", "RSYNC_RSH", "RSYNC_PASSWORD", "RSYNC_PROXY")
_DIGIT = "[0-9]"
_OWN = ("--include=/" + _DIGIT * 8 + ".*/***", "--include=/site/***", "--include=/channels/***", "--exclude=*")
"""What may be deleted there."""


@dataclass(frozen=True, slots=True)
class RsyncOutlet:
    """``where``: as rsync takes it."""

    where: str

    def names(self) -> list[str]:
        """What is there, at the top; nothing where it is not there yet."""
        done = self._rsync("--list-only", "--no-h", check=False)
        if done.returncode == _NOT_THERE:
            return []
        if done.returncode:
            raise CommandFailed(list(done.argv), done.returncode, done.stderr.strip())
        names = (line.split(None, 4)[4].split(" -> ")[0] for line in done.stdout.splitlines() if line[:1] in "d-l")
        return [name for name in names if name != "."]

    def read(self, path: str) -> bytes:
        with TemporaryDirectory(prefix="planex.") as folder:
            self._run("--", f"{self.where}/{path}", f"{folder}/")
            return read_regular(Path(folder) / path, LIMIT)

    def send(self, root: Path, stage: PublishStage) -> int:
        """Send the files. Where they are hard links here they are so there: an unchanged night takes no space.

        Those that are new come first: pages that were there begin to link to them.
        """
        options = ["--links", "--perms", "--times", "--omit-dir-times", "--hard-links", "--mkpath", "--relative"]
        options += ["--partial-dir=.planex-partial", "--files-from=-", "--from0", "--out-format=%i"]
        names = b"\0".join(map(os.fsencode, stage.paths)) + b"\0"
        runs = ((),) if stage.settled else (("--ignore-existing",), ("--checksum", "--delay-updates"))
        done = [self._rsync(*options, *more, "--", f"{root}/", stdin=names) for more in runs]
        lines = chain.from_iterable(one.stdout.splitlines() for one in done)
        return sum(line[:1] in "<>hc" and line[1:2] in "fL" for line in lines)

    def prune(self, root: Path, wanted: frozenset[str]) -> int:
        """Delete what is not in ``root``, of that which planex sends."""
        options = ["--recursive", "--links", "--omit-dir-times", "--existing", "--ignore-existing", "--delete"]
        done = self._rsync(*options, "--out-format=%i", *_OWN, "--", f"{root}/")
        return sum(line.startswith("*deleting") for line in done.stdout.splitlines())

    def _rsync(self, *words: str, stdin: bytes | None = None, check: bool = True) -> Completed:
        return self._run(*words, f"{self.where}/", stdin=stdin, check=check)

    def _run(self, *words: str, stdin: bytes | None = None, check: bool = True) -> Completed:
        tool = require("rsync", "publish snapshots")
        return run([tool, "--timeout=300", *words], stdin=stdin, check=check, inherit=_CALLER)


def rsync_outlet(text: str, archive: Path) -> RsyncOutlet:
    """The outlet that a person means. Raises PlanexError if it is the archive, in it, or around it."""
    head, colon, _ = text.partition(":")
    if colon and "/" not in head:
        if head.startswith("-"):
            raise PlanexError(f"{text}: no host has such a name", "HOST:FOLDER, or ./FOLDER")
        return RsyncOutlet(text.rstrip("/"))
    here, there = archive.resolve(), Path(text).resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise PlanexError(f"{text} is where the snapshots are", "name a folder elsewhere")
    return RsyncOutlet(str(there))
