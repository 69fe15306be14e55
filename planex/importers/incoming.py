# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is to be put into a workspace, and putting it there: again and again, and never over what a person changed.

What was written is recorded in ``imports.json``, which is committed: a file that still has the bytes recorded may be
replaced by a later import, any other is a person's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from planex.content import records
from planex.content.stamps import is_inside
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.regular import NotRegular, read_regular
from planex.workspace import Workspace

FORMAT = 1
LARGEST = 1 << 28
"""Bytes of a file that lies in a workspace."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A package, or another part, to be: its files by path in the workspace, and what could not be carried."""

    name: str
    files: Mapping[str, bytes]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of it: ``new``, ``updated``, ``unchanged``, ``kept`` (a person's files are in its place)."""

    name: str
    status: str
    remarks: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imports:
    """The record: name to path to SHA-256."""

    incoming: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def deliver(workspace: Workspace, incoming: Iterable[Incoming], *, replace: bool = False) -> list[Delivered]:
    """Write all and the record. With ``replace``, over a person's changes too."""
    place = workspace.root / "imports.json"
    known = (records.load(place, Imports, FORMAT) or Imports()).incoming
    done: list[Delivered] = []
    recorded = dict(known)
    packages = list(incoming)
    for each in packages:
        _require_inside(workspace.root, each)
    for each in packages:
        result = _deliver(workspace.root, each, known.get(each.name, {}), replace)
        done.append(result)
        if result.status != "kept" and each.files:
            recorded[each.name] = {path: _digest(data) for path, data in sorted(each.files.items())}
    records.save(place, Imports(dict(sorted(recorded.items()))), FORMAT)
    return done


def _require_inside(root: Path, package: Incoming) -> None:
    """Names come from files of strangers."""
    for path in package.files:
        if not is_inside(path) or not (root / path).resolve().is_relative_to(root.resolve()):
            raise PlanexError(f"{package.name}: {path} would be written outside of the workspace")


def _deliver(root: Path, package: Incoming, known: Mapping[str, str], replace: bool) -> Delivered:
    found = {path: _digest_at(root / path) for path in {*package.files, *known}}
    wanted = {path: _digest(data) for path, data in package.files.items()}
    changed = sorted(path for path in found if found[path] != wanted.get(path))
    if not replace:  # what is the same as ever there may be what a person makes of it here
        changed = [path for path in changed if wanted.get(path) != known.get(path)]
    edited = [path for path in changed if found[path] not in ("", known.get(path))]
    if edited and not replace:
        names, why = ", ".join(edited), "it was changed here" if known else "it was here before, and not imported"
        remark = f"left as it is, for {why}: {names} (planex import --replace takes the other)"
        return Delivered(package.name, "kept", (*package.remarks, remark), tuple(sorted(package.files)))
    for path in changed:
        if path in package.files:
            write_atomic(root / path, package.files[path])
        else:
            (root / path).unlink(missing_ok=True)
    status = "unchanged" if not changed else "updated" if known else "new"
    remarks = package.remarks if known else (*package.remarks, *_left(root, package))
    return Delivered(package.name, status, remarks, tuple(sorted(package.files)))


def _left(root: Path, package: Incoming) -> Iterator[str]:
    """A queue that was here before would be applied to the source that was imported."""
    queue = f"patchqueues/{package.name}"
    if (root / queue).is_dir() and not any(path.startswith(f"{queue}/") for path in package.files):
        yield f"{queue} was here before and is applied to it: delete it, if it is not of this source"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest_at(path: Path) -> str:
    """Of a file; empty where there is none."""
    try:
        return _digest(read_regular(path, LARGEST))
    except NotRegular:
        return ""
