# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of an SRPM, which a stranger made: rpm unpacks it in a cage, and what comes out is read as any tarball."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from planex.cage.command import Cage, caged
from planex.cage.limits import Limits, Watch
from planex.disk import write
from planex.errors import CommandFailed, PlanexError
from planex.run import run
from planex.sources.tarballs import content_of, read_tarball

_LIMITS = Limits(time=600.0, processes=64)


def unpack_srpm(path: Path, scratch: Path) -> Path:
    """A folder below ``scratch`` with the files of an SRPM. PlanexError for what is none."""
    packed, folder = scratch / "files.tar", scratch / "srpm"
    folder.mkdir(parents=True)
    with packed.open("wb") as output:
        cage = Cage(readable={"/in.rpm": path.absolute()}, limits=_LIMITS)
        try:
            argv = caged(cage, ["sh", "-c", "rpm2archive -n - </in.rpm"])
            run(argv, output=output, program="rpm2archive", watch=Watch(_LIMITS, scratch))
        except CommandFailed as error:
            said = next(iter(error.tail.strip().splitlines()[-1:]), "")
            raise PlanexError(f"{path} cannot be read as an RPM: {said}", "an SRPM ends in .src.rpm") from None
    for entry, archive in read_tarball(packed):
        parts = [part for part in PurePosixPath(entry.name).parts if part != "."]
        data = content_of(entry, archive, str(path))
        if data is not None and len(parts) == 1 and parts[0] != "..":
            write(folder / parts[0], data)
    return folder
