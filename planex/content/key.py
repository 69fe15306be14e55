# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rebuild key: a hash over everything that decides a package's result. Pure.

Inputs are kept as (label, digest) rows, so that two keys can be compared and the difference put in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FORMAT = 1
"""Raised when planex itself builds differently, so that old results are not taken for new ones."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Label to digest, as ``patch banner.patch`` -> SHA-256. The labels read well in a sentence."""

    rows: tuple[tuple[str, str], ...]

    def with_dependencies(self, digests: Mapping[str, str]) -> Inputs:
        """These inputs and, by package, digests of what the dependencies made."""
        rows = [(f"dependency {name}", digest) for name, digest in digests.items()]
        return Inputs(tuple(sorted([*self.rows, *rows])))

    @property
    def key(self) -> str:
        """SHA-256 in hexadecimal."""
        return hashlib.sha256(json.dumps([FORMAT, *sorted(self.rows)]).encode()).hexdigest()


def inputs(
    *,
    spec: str,
    buildroot: str,
    sources: Mapping[str, str],
    patches: Mapping[str, str],
    files: Mapping[str, str],
    dependencies: Mapping[str, str],
) -> Inputs:
    """Collect a package's inputs, each by name and digest.

    ``spec`` and ``buildroot`` are digests; ``dependencies`` maps a package to the digest of what it made, so that
    a dependency that was rebuilt with the same result changes nothing.
    """
    rows = [("spec", spec), ("buildroot", buildroot)]
    for kind, entries in (("source", sources), ("patch", patches), ("file", files), ("dependency", dependencies)):
        rows += [(f"{kind} {name}", digest) for name, digest in entries.items()]
    return Inputs(tuple(sorted(rows)))


def outputs_digest(digests: Iterable[str]) -> str:
    """One digest for a set of RPMs."""
    return hashlib.sha256(" ".join(sorted(digests)).encode()).hexdigest()


def differences(old: Inputs, new: Inputs) -> tuple[str, ...]:
    """What changed, in words, most telling first: patches and sources before the spec that names them."""
    before, after = dict(old.rows), dict(new.rows)
    changes = [f"{label} added" for label in after if label not in before]
    changes += [f"{label} removed" for label in before if label not in after]
    changes += [_changed(label) for label in after if label in before and before[label] != after[label]]
    return tuple(sorted(changes, key=_rank))


def _changed(label: str) -> str:
    kind, _, name = label.partition(" ")
    return f"dependency {name} was rebuilt" if kind == "dependency" else f"{label} changed"


def _rank(change: str) -> tuple[int, str]:
    order = ["patch", "source", "file", "spec", "buildroot", "dependency"]
    return order.index(change.split(" ", 1)[0]), change
