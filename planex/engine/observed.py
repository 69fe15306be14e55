# SPDX-License-Identifier: LGPL-2.1-or-later
"""What only a build can tell of its buildroot: what was installed there, and what %generate_buildrequires asked for."""

from __future__ import annotations

from pathlib import Path

from planex.engine.outputs import RefusedOutput, take
from planex.rpm.capability import Capability
from planex.rpm.rpmfile import BadRpm, read_source_requires

_SUFFIX = ".buildreqs.nosrc.rpm"
_LARGEST = 16 << 20


def installed(log: Path) -> frozenset[str]:
    """Names of the packages in a builder's list of what it installed, if it left one."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    return frozenset(line.split()[0].rsplit("-", 2)[0] for line in lines if line.strip())


def take_generated(folder: Path, within: Path, copy: Path) -> bool:
    """Copy the source RPM in which rpmbuild tells what a %generate_buildrequires asks for, if it left one."""
    return take(folder, within, _SUFFIX, copy, _LARGEST)


def read_generated(folder: Path, within: Path, copy: Path) -> tuple[Capability, ...]:
    """All BuildRequires, generated and other, of the source RPM in which rpmbuild tells them, if it left one.

    ``within``: the folder above that the build could not replace. RefusedOutput where it is not what it should be.
    """
    copy.unlink(missing_ok=True)
    if not take_generated(folder, within, copy):
        return ()
    try:
        with copy.open("rb") as file:
            return read_source_requires(file)
    except BadRpm as error:
        raise RefusedOutput(f"the source RPM with generated BuildRequires: {error.message}") from None
