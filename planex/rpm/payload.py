# SPDX-License-Identifier: LGPL-2.1-or-later
"""Single files out of the payload of an RPM that a stranger may have made: unpacked in a cage, and nothing kept."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from planex.cage.command import Cage, caged
from planex.cage.limits import Limits, Watch
from planex.disk import naming
from planex.errors import PlanexError
from planex.regular import open_regular, read_regular
from planex.rpm.rpmfile import entries_of, read_main_header
from planex.run import require, run

LARGEST = 1 << 23
"""Bytes of a file that is read."""
_LIMITS = Limits(time=300, disk=LARGEST)
_PLAIN = re.compile(r"/[\w./+~-]+", re.ASCII)
_COMMAND = 'rpm2cpio /rpm | cpio --extract --quiet --to-stdout ".$0"'


def read_payload(rpm: Path, wanted: re.Pattern[str]) -> dict[str, bytes]:
    """Path to content of the regular files of an RPM whose paths fit. Raises BadRpm, or PlanexError."""
    with open_regular(rpm) as file:
        entries = list(entries_of(read_main_header(file)))
    names = [entry.path for entry in entries if wanted.fullmatch(entry.path) and _PLAIN.fullmatch(entry.path)]
    return {name: _read(rpm, name) for name in names}


def _read(rpm: Path, name: str) -> bytes:
    for program in ("rpm2cpio", "cpio"):
        require(program, "read files in RPMs")
    cage = Cage(readable={"/rpm": rpm.absolute()}, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, limits=_LIMITS)
    with tempfile.TemporaryDirectory(prefix="planex.") as folder:
        made = Path(folder) / "file"
        with naming(made, "write"), made.open("wb") as output:
            words = caged(cage, ["sh", "-c", _COMMAND, name])
            done = run(words, output=output, check=False, program="rpm2cpio", watch=Watch(_LIMITS))
        if done.returncode:
            raise PlanexError(f"{rpm.name}: {name} cannot be unpacked: {done.stderr.strip() or 'no reason was given'}")
        return read_regular(made, LARGEST)
