# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results of builds, each under its rebuild key: ``store/<package>/<key>/`` holds RPMs, SRPM, logs and result.json.

A result appears whole, by one rename, and never changes. ``store/<package>/current`` points at the one in use.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from pydantic import Field

from planex.cage.limits import Usage
from planex.content import records, shelf, stamps
from planex.content.copies import PUBLISHED
from planex.content.key import Inputs, outputs_digest
from planex.content.stamps import Fault, Inside, Sha256, Stamp
from planex.drafts import switch_link, write_atomic
from planex.workspace import behind

KEPT = 3
"""Results kept per package besides the current one; the oldest go first."""
_RECORD = "result.json"
_FileName = Annotated[Inside, Field(pattern="^[^/]*$")]
_Seconds = Annotated[float, Field(strict=True, ge=0, le=1e11)]
_CONDEMNED = "damaged"
"""File in a result: which of its files was found damaged by reading it, though size and time are as they were."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished build. ``rpms`` and ``srpm`` map file names to SHA-256; ``seconds`` is the builder's time."""

    folder: Path
    inputs: Inputs
    rpms: dict[str, str]
    srpm: dict[str, str]
    seconds: float
    builder: str
    finished: float
    """When it was built, in seconds since 1970."""
    stamps: dict[str, Stamp]
    """What the files looked like when they were last read whole; empty in results of an older planex."""
    usage: Usage = field(default_factory=Usage)
    """What the build took of a machine."""

    @property
    def key(self) -> str:
        return self.folder.name

    @property
    def digest(self) -> str:
        """Digest of what was built, whatever it was built from."""
        return outputs_digest(self.rpms.values())

    @property
    def rpm_paths(self) -> dict[str, Path]:
        """SHA-256 to file."""
        return {digest: self.folder / name for name, digest in self.rpms.items()}

    @property
    def files(self) -> dict[str, str]:
        """Name to SHA-256 of RPMs and SRPM."""
        return self.rpms | self.srpm


@dataclass(frozen=True, slots=True)
class KeptResult:
    """A result as ``result.json`` keeps it. ``files``: stamps, which an older planex did not take."""

    inputs: tuple[tuple[str, str], ...]
    rpms: dict[_FileName, Sha256]
    srpm: dict[_FileName, Sha256]
    seconds: _Seconds
    builder: str
    finished: _Seconds = 0
    usage: Usage = field(default_factory=Usage)
    files: dict[_FileName, Stamp] = field(default_factory=dict)


class Store:
    """The results of one target."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, package: str, key: str) -> Result | None:
        """The result with this key, if it is there whole."""
        return _whole(self.root / package / key)

    def current(self, package: str) -> Result | None:
        """The result in use: what the last build of the package gave."""
        folder = self._current(package)
        return _whole(folder) if folder else None

    def last(self, package: str) -> Result | None:
        """What is written of the result in use, be its files whole or not."""
        folder = self._current(package)
        return _read(folder) if folder else None

    def damage(self, package: str, key: str) -> str | None:
        """Why the result with this key does not serve, in words; None where it does, or was never there."""
        folder = self.root / package / key
        if not folder.is_dir():
            return None
        result = _read(folder)
        return f"the record of the stored {package} is damaged" if result is None else _damage(result)

    def results(self) -> Iterator[tuple[str, Path]]:
        """Package and folder of every result, whole or not, sorted."""
        for package in sorted(self.root.glob("[!.]*")):
            yield from ((package.name, folder) for folder in _folders(package))

    def verify(self, package: str, key: str) -> str | None:
        """Read all of a result. What is damaged is said, and counts as not there from now on."""
        result = _read(self.root / package / key)
        if result is None or _damage(result):
            return self.damage(package, key)
        found = stamps.prove(result.folder, result.files)
        if isinstance(found, Fault):
            self.condemn(result.folder / found.name)
            return f"the stored {found}"
        return None

    def condemn(self, file: Path) -> None:
        """Note that a file of a result was found damaged by reading it: the result is there no more."""
        write_atomic(file.parent / _CONDEMNED, f"{file.name}\n", durable=True)

    def drop(self, package: str, key: str) -> None:
        """Delete a result."""
        shelf.remove(self.root / package / key)

    def use(self, package: str, result: Result) -> None:
        """Make a result the current one."""
        link = self.root / package / "current"
        if not (link.is_symlink() and behind(link) == behind(result.folder)):
            switch_link(link, result.folder)

    def add(
        self, package: str, built: Path, inputs: Inputs, seconds: float, builder: str, usage: Usage | None = None
    ) -> Result:
        """Move a folder of finished files into the store and make it current. Nobody writes to them again."""
        names = sorted(path.name for path in built.glob("*.rpm"))
        for name in names:
            (built / name).chmod(PUBLISHED)
        found = stamps.take(built, names)
        rpms = {name: stamp.sha256 for name, stamp in found.items()}
        result = Result(
            folder=self.root / package / inputs.key,
            inputs=inputs,
            rpms={name: digest for name, digest in rpms.items() if not name.endswith(".src.rpm")},
            srpm={name: digest for name, digest in rpms.items() if name.endswith(".src.rpm")},
            seconds=round(seconds, 1),
            builder=builder,
            finished=int(time.time()),
            stamps=found,
            usage=usage or Usage(),
        )
        _write(result, built)
        shelf.publish(built, result.folder, durable=True)
        self.use(package, result)
        shelf.prune((folder for folder in _folders(self.root / package) if folder != result.folder), KEPT)
        return result

    def _current(self, package: str) -> Path | None:
        link = self.root / package / "current"
        return behind(link) if link.is_symlink() else None


def _folders(folder: Path) -> Iterator[Path]:
    """Results of a package, whole or not, sorted."""
    return (path for path in sorted(folder.glob("[!.]*")) if path.is_dir() and not path.is_symlink())


def _write(result: Result, folder: Path) -> None:
    made = (result.inputs.rows, result.rpms, result.srpm, result.seconds, result.builder, result.finished)
    records.save(folder / _RECORD, KeptResult(*made, result.usage, result.stamps), None)


def _whole(folder: Path) -> Result | None:
    result = _read(folder)
    return result if result is not None and _damage(result) is None else None


def _damage(result: Result) -> str | None:
    """What is wrong with a result's files. Those that look as they did are believed, all others are read."""
    condemned = result.folder / _CONDEMNED
    if condemned.exists():
        return f"the stored {condemned.read_text(errors='replace').strip() or 'result'} is damaged"
    unstamped = [name for name in result.files if name not in result.stamps]
    doubtful = [*unstamped, *stamps.unproven(result.folder, result.stamps)]
    if not doubtful:
        return None
    found = stamps.prove(result.folder, {name: result.files[name] for name in doubtful})
    if isinstance(found, Fault):
        return f"the stored {found}"
    with suppress(OSError):  # a moved store; where it cannot be written, it is read whole each time
        _write(replace(result, stamps=result.stamps | found), result.folder)
    return None


def _read(folder: Path) -> Result | None:
    kept = records.load(folder / _RECORD, KeptResult, None)
    if kept is None:
        return None
    digests = (kept.rpms | kept.srpm).items()
    believed = {name: stamp for name, stamp in kept.files.items() if (name, stamp.sha256) in digests}
    made = (kept.rpms, kept.srpm, kept.seconds, kept.builder, kept.finished)
    return Result(folder, Inputs(kept.inputs), *made, believed, kept.usage)
