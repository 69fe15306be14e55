# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the SRPM of a package: rendered spec, sources and patches, through ``rpmbuild -bs``."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from planex.cage.command import Cage, caged
from planex.cage.limits import Limits, Watch
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.rpm.spec import CAGED_CONFIG, Macros, Package
from planex.run import run_logged

SOURCES, OUTPUT = "/sources", "/output"
LIMITS = Limits(time=3600.0, processes=512)
DEFAULT_EPOCH = 946684800
"""Time of packages without a %changelog, in seconds since 1970: the first second of 2000."""

_DAY, _NOON = 86400, 43200


def source_date_epoch(package: Package) -> int:
    """The time that everything made from a package carries (reproducible-builds.org, SOURCE_DATE_EPOCH).

    As rpm itself takes it from a %changelog, whose dates without a time are noon to it: midnight, which has been.
    """
    newest = package.changelog_time
    return newest - _NOON if newest % _DAY == _NOON else newest or DEFAULT_EPOCH


def srpm_argv(spec: str, macros: Macros) -> list[str]:
    """rpmbuild under the target's macros, in a cage. BuildRequires are not checked: this is not the buildroot."""
    defines = {"_topdir": OUTPUT, "_sourcedir": SOURCES, "_srcrpmdir": OUTPUT}
    defines["_source_payload"] = "w1.zstdio"  # sources are compressed already
    defines |= {name.lstrip("%"): body for name, body in macros.definitions.items()}
    words = ["rpmbuild", "-bs", "--nodeps"]
    for name, body in defines.items():
        words += ["--define", f"{name} {body}"]
    return [*words, f"{SOURCES}/{spec}"]


def srpm_cage(sources: Path, output: Path, macros: Macros, epoch: int) -> Cage:
    """What sees the sources and the target's macro files, and writes below ``output``, which anybody may write to."""
    return Cage(
        readable={SOURCES: sources, CAGED_CONFIG: macros.rpmconfig},
        writable={OUTPUT: output},
        env={
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "LC_ALL": "C.UTF-8",
            "HOME": "/nonexistent",
            "RPM_CONFIGDIR": CAGED_CONFIG,
            "SOURCE_DATE_EPOCH": str(epoch),
        },
        limits=LIMITS,
    )


def make_srpm(package: Package, spec: Path, files: Mapping[str, Path], macros: Macros, output: Path, log: Path) -> Path:
    """Write the SRPM below ``output``. ``files``: name to path of every source and patch; same inputs, same bytes."""
    epoch = source_date_epoch(package)
    with temporary_folder(output, "sources") as folder, temporary_folder(output, "made") as made:
        made.chmod(0o777)  # rpmbuild is nobody here; the folder above is planex's own
        for name, path in {**files, spec.name: spec}.items():
            shutil.copyfile(path, folder / name)
            os.utime(folder / name, (epoch, epoch))
        argv = caged(srpm_cage(folder, made, macros, epoch), srpm_argv(spec.name, macros))
        run_logged(argv, log, program="rpmbuild", watch=Watch(LIMITS, made))
        return _take(package, made, output, log)


def _take(package: Package, made: Path, output: Path, log: Path) -> Path:
    """Copy the one SRPM out of a folder that strangers wrote to."""
    found = list(made.glob("*.src.rpm"))
    if len(found) != 1:
        raise PlanexError(f"{package.name}: rpmbuild -bs made {len(found)} SRPMs", f"see {log}")
    final = output / found[0].name
    try:
        source = os.open(found[0], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise PlanexError(f"{package.name}: {found[0].name} cannot be read: {error.strerror}", f"see {log}") from None
    with os.fdopen(source, "rb") as reader, final.open("wb") as writer:
        if not stat.S_ISREG(os.fstat(reader.fileno()).st_mode):
            raise PlanexError(f"{package.name}: {found[0].name} is no regular file", f"see {log}")
        shutil.copyfileobj(reader, writer)
    return final
