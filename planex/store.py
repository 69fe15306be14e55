# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results of builds, each under its rebuild key: ``store/<package>/<key>/`` holds RPMs, SRPM, logs and result.json.

A result appears whole, by one rename, and never changes. ``store/<package>/current`` points at the one in use.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from planex.checksums import digest_of
from planex.fingerprint import Inputs, outputs_digest
from planex.workspace import switch_link, write_atomic

KEPT = 3
"""Results kept per package besides the current one; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished build. ``rpms`` and ``srpm`` map file names to SHA-256; ``seconds`` is the builder's time."""

    folder: Path
    inputs: Inputs
    rpms: dict[str, str]
    srpm: dict[str, str]
    seconds: float
    builder: str

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


class Store:
    """The results of one target."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, package: str, key: str) -> Result | None:
        """The result with this key, if it is there whole."""
        return _read(self.root / package / key)

    def current(self, package: str) -> Result | None:
        """The result in use: what the last build of the package gave."""
        link = self.root / package / "current"
        return _read(link.resolve()) if link.is_symlink() else None

    def use(self, package: str, result: Result) -> None:
        """Make a result the current one."""
        link = self.root / package / "current"
        if not (link.is_symlink() and link.resolve() == result.folder.resolve()):
            switch_link(link, result.folder)

    def add(self, package: str, built: Path, inputs: Inputs, seconds: float, builder: str) -> Result:
        """Move a folder of finished files into the store and make it current."""
        rpms = {path.name: digest_of(path, "SHA256") for path in sorted(built.glob("*.rpm"))}
        record = {
            "inputs": inputs.rows,
            "rpms": {name: digest for name, digest in rpms.items() if not name.endswith(".src.rpm")},
            "srpm": {name: digest for name, digest in rpms.items() if name.endswith(".src.rpm")},
            "seconds": round(seconds, 1),
            "builder": builder,
            "finished": int(time.time()),
        }
        write_atomic(built / "result.json", json.dumps(record, indent=1) + "\n")
        final = self.root / package / inputs.key
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.exists():  # a forced build: the newest word counts
            _delete(final)
        built.rename(final)
        result = _read(final)
        assert result is not None
        self.use(package, result)
        self._prune(package)
        return result

    def _prune(self, package: str) -> None:
        current = (self.root / package / "current").resolve()
        others = [path for path in (self.root / package).iterdir() if path.is_dir() and not path.is_symlink()]
        old = sorted((path for path in others if path.resolve() != current), key=lambda path: path.stat().st_mtime)
        for folder in old[:-KEPT]:
            _delete(folder)


def _delete(folder: Path) -> None:
    """Delete a result; out of the way first, so that nobody finds half of it."""
    doomed = folder.with_name(f".{folder.name}.old")
    if doomed.exists():  # left by a run that was killed here
        shutil.rmtree(doomed)
    folder.rename(doomed)
    shutil.rmtree(doomed)


def _read(folder: Path) -> Result | None:
    try:
        record = json.loads((folder / "result.json").read_text())
    except (OSError, ValueError):
        return None
    try:
        rows = tuple((label, digest) for label, digest in record["inputs"])
        result = Result(folder, Inputs(rows), *(record[key] for key in ("rpms", "srpm", "seconds", "builder")))
    except (KeyError, TypeError, ValueError):
        return None
    return result if all((folder / name).exists() for name in result.rpms) else None
