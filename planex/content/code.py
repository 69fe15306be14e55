# SPDX-License-Identifier: LGPL-2.1-or-later
"""The version of planex's own code, for keys of what that code shapes: a change of it makes the thing anew."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def code_digest(*names: str) -> str:
    """SHA-256 over modules (``planex.rpm.repo``), all modules of packages, and folders of planex's data.

    Nothing is imported. ModuleNotFoundError for a name that is not there, so that a module which moves is not dropped.
    """
    digest = hashlib.sha256()
    for path in (path for name in sorted(names) for path in _files(name)):
        content = path.read_bytes()
        digest.update(b"%s %d\0%s" % (path.name.encode(), len(content), content))
    return digest.hexdigest()


def _files(name: str) -> list[Path]:
    if name.startswith("planex.data."):
        folder = Path(__file__).parents[1].joinpath(*name.split(".")[1:])
        found = sorted(path for path in folder.rglob("*") if path.is_file())
    elif (spec := find_spec(name)) and spec.origin:
        path = Path(spec.origin)
        found = sorted(path.parent.glob("*.py")) if path.name == "__init__.py" else [path]
    else:
        found = []
    if not found:
        raise ModuleNotFoundError(f"no module or folder called {name}")
    return found
