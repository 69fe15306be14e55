# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an RPM should not have, found when it is built, from its header alone. How bad each is, planex.yaml says."""

from __future__ import annotations

import posixpath
import re
import stat
from collections.abc import Callable, Iterator

from planex.rpm.rpmfile import Rpm

_STICKY, _OTHERS_WRITE, _PRIVILEGED = 0o1000, 0o002, 0o6000
_LIBRARY = re.compile(r"/usr/lib(?:64)?/(lib[^/]+\.so)\.[^/]+")
_MACHINES = {"x86_64": ("x86-64", "Intel 80386", "Intel i386")}
"""Architecture of an RPM to what libmagic calls programs for it; hypervisors and firmware begin in 32 bits."""


def _usr_local(rpm: Rpm) -> Iterator[str]:
    below = (entry.path for entry in rpm.entries if f"{entry.path}/".startswith("/usr/local/"))
    yield from (f"{path} is in /usr/local, which is the administrator's" for path in below)


def _setuid(rpm: Rpm) -> Iterator[str]:
    for entry in rpm.entries:
        if stat.S_ISREG(entry.mode) and entry.mode & _PRIVILEGED:
            yield f"{entry.path} is set-user-id or set-group-id"


def _world_writable(rpm: Rpm) -> Iterator[str]:
    for entry in rpm.entries:
        shared = entry.is_folder and entry.mode & _STICKY
        if entry.mode & _OTHERS_WRITE and not entry.is_link and not shared:
            yield f"{entry.path} can be written to by everybody"


def _wrong_arch(rpm: Rpm) -> Iterator[str]:
    wanted = _MACHINES.get(rpm.arch, ())
    for entry, kind in zip(rpm.entries, rpm.kinds, strict=False):
        if kind.startswith("ELF ") and not any(machine in kind for machine in wanted):
            yield f"{entry.path} is a program of another architecture than {rpm.arch}: {kind.split(', version')[0]}"


def _undeclared_soname(rpm: Rpm) -> Iterator[str]:
    declared = {provided.name.split("(")[0] for provided in rpm.provides}
    for entry, kind in zip(rpm.entries, rpm.kinds, strict=False):
        library = _LIBRARY.fullmatch(entry.path)
        if library and kind.startswith("ELF ") and not any(name.startswith(library[1]) for name in declared):
            yield f"{posixpath.basename(entry.path)} is a library that the package does not provide"


RULES: dict[str, Callable[[Rpm], Iterator[str]]] = {
    "usr_local": _usr_local,
    "setuid": _setuid,
    "world_writable": _world_writable,
    "wrong_arch": _wrong_arch,
    "undeclared_soname": _undeclared_soname,
}
"""By their names in planex.yaml."""
