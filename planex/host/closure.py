# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether all that the packages of a repository on an ISO require is on that ISO, as dnf reads what is there."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from planex.errors import PlanexError
from planex.host.check_contents import copy_metadata
from planex.host.checked import Checked, good, unknown, wrong
from planex.host.examined import ExaminedIso
from planex.rpm import dnf
from planex.rpm.dnf import Repositories
from planex.run import find

REPOMD = "/repodata/repomd.xml"
_CONF = "[main]\nreposdir=/dev/null\ngpgcheck=0\n"


def closure_of(iso: ExaminedIso, top: str, packages: Collection[str] = ()) -> Checked:
    """Of the repository in the folder ``top``, or of these packages of it; all on the ISO may serve them."""
    what = f"closure of {top or '/'}"
    if find("dnf") is None:
        return unknown(what, "not checked: dnf is not installed")
    tops = [name.removesuffix(REPOMD) for name in iso.files if name.endswith(REPOMD)]
    with TemporaryDirectory(prefix="planex.") as folder:
        own = {f"iso{number}": Path(folder) / str(number) for number in range(len(tops))}
        for name, place in zip(tops, own.values(), strict=True):
            copy_metadata(iso, name, place)
        Path(folder).chmod(0o755)
        checked = next(name for name, at in zip(own, tops, strict=True) if at == top)
        try:
            repositories = Repositories(_CONF, Path(folder) / "cache", own, offline=True)
            dnf.repoclosure(repositories, Path(folder), [checked], packages)
        except PlanexError as error:
            if len(tops) == 1:
                return unknown(what, "not checked: the packages of the base are not on the ISO")
            return wrong(what, error.message.replace("the repository is", "it is").replace(f" from {checked}", ""))
    return good(what, "all that its packages require is on the ISO")


def top_of(path: str, iso: ExaminedIso) -> str | None:
    """The repository of a file: the nearest folder around it that has metadata."""
    folders = (str(folder).rstrip("/") for folder in PurePosixPath(path).parents)
    return next((folder for folder in folders if iso.has(f"{folder}{REPOMD}")), None)
