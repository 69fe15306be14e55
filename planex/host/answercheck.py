# SPDX-License-Identifier: LGPL-2.1-or-later
"""An answer file asked of who will read it: the installer on the ISO, run in a cage in the live root of that ISO."""

from __future__ import annotations

import re
from pathlib import Path

from planex.cage.command import Cage, caged
from planex.cage.limits import Limits, Watch
from planex.content import shelf
from planex.errors import PlanexError
from planex.medium.entry import LIVE_IMAGE
from planex.medium.image import Image
from planex.run import find, run

INSTALLER = "usr/bin/planex-installer"
_WANTED = ("usr", "etc", "bin", "sbin", "lib", "lib64")
"""What of the live root a program in it needs."""
_ENV = {"PATH": "/usr/bin:/usr/sbin", "LC_ALL": "C.UTF-8"}
_LIMITS = Limits(time=300, disk=16 << 30)


def unchecked(image: Image, answers: Path, folder: Path) -> str:
    """Why an answer file could not be checked, or nothing. PlanexError with all that the installer refuses in it."""
    if LIVE_IMAGE not in image.files:
        return "not checked: the ISO has no live root with an installer"
    if find("unsquashfs") is None:
        return "not checked: unsquashfs is not installed"
    root = folder / "root"
    root.mkdir()
    try:
        if fault := _unpack(image, root):
            return f"not checked: the live root cannot be unpacked: {fault}"
        if not (root / INSTALLER).is_file():
            return "not checked: no planex-installer is in the live root"
        _ask(root, answers)
    finally:
        shelf.remove(root)
    return ""


def _unpack(image: Image, root: Path) -> str:
    """Unpack the live root as it lies on the ISO; why that could not be done, or nothing."""
    span = image.spans[LIVE_IMAGE][0]
    words = ["unsquashfs", "-quiet", "-no-progress", "-no-xattrs", "-force", "-offset", str(span.start)]
    cage = Cage(readable={"/iso": image.path.absolute()}, writable={"/root": root}, env=_ENV, superuser=True)
    argv = caged(cage, [*words, "-dest", "/root", "/iso", *_WANTED])
    done = run(argv, check=False, watch=Watch(_LIMITS, root))
    return (done.stderr.strip().splitlines() or ["it failed"])[-1] if done.returncode else ""


def _ask(root: Path, answers: Path) -> None:
    cage = Cage(root=root, readable={"/run/answers": answers.absolute()}, env=_ENV, superuser=True, limits=_LIMITS)
    done = run(caged(cage, [f"/{INSTALLER}", "check", "/run/answers"]), check=False, watch=Watch(_LIMITS))
    if done.returncode:
        said = re.sub(r"^/run/answers", str(answers), done.stderr.strip() or "it failed", flags=re.MULTILINE)
        raise PlanexError(f"the installer on the ISO refuses the answer file:\n{said}", "docs/install.md has its words")
