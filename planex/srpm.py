# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the SRPM of a package: rendered spec, sources and patches, through ``rpmbuild -bs``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from planex.errors import PlanexError
from planex.run import run_logged
from planex.spec import Macros, Package, without_host_macros
from planex.workspace import temporary_folder

DEFAULT_EPOCH = 946684800
"""Time of packages without a %changelog, in seconds since 1970: the first second of 2000."""


def source_date_epoch(package: Package) -> int:
    """The time that everything made from a package carries (reproducible-builds.org, SOURCE_DATE_EPOCH)."""
    return package.changelog_time or DEFAULT_EPOCH


def srpm_argv(spec: Path, sources: Path, output: Path, macros: Macros) -> list[str]:
    """rpmbuild under the target's macros. BuildRequires are not checked: this is not the buildroot."""
    defines = {"_topdir": str(output), "_sourcedir": str(sources), "_srcrpmdir": str(output)}
    defines["_source_payload"] = "w1.zstdio"  # sources are compressed already
    defines |= {name.lstrip("%"): body for name, body in macros.definitions.items()}
    words = [*without_host_macros(), "rpmbuild", "-bs", "--nodeps"]
    for name, body in defines.items():
        words += ["--define", f"{name} {body}"]
    return [*words, str(spec)]


def make_srpm(package: Package, spec: Path, files: Mapping[str, Path], macros: Macros, output: Path, log: Path) -> Path:
    """Write the SRPM below ``output``. ``files``: name to path of every source and patch; same inputs, same bytes."""
    epoch = source_date_epoch(package)
    with temporary_folder(output, "sources.") as folder:
        for name, path in {**files, spec.name: spec}.items():
            shutil.copyfile(path, folder / name)
            os.utime(folder / name, (epoch, epoch))
        env = macros.environment | {"SOURCE_DATE_EPOCH": str(epoch)}
        run_logged(srpm_argv(folder / spec.name, folder, output, macros), log, env=env)
    found = list(output.glob("*.src.rpm"))
    if len(found) != 1:
        raise PlanexError(f"{package.name}: rpmbuild -bs made {len(found)} SRPMs", f"see {log}")
    return found[0]
