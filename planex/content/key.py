# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rebuild key: a hash over everything that decides a package's result. Pure.

Inputs are kept as (label, digest) rows, so that two keys can be compared and the difference put in words.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

FORMAT = 3
"""Raised when planex itself builds differently, so that old results are not taken for new ones."""
_ORDER = ("patch", "source", "file", "spec", "buildroot", "dependency", "base")


@dataclass(frozen=True, slots=True)
class Inputs:
    """Label to digest, as ``patch banner.patch`` -> SHA-256. The labels read well in a sentence.

    An empty digest is that of something which is not known yet.
    """

    rows: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, rows: Mapping[str, str]) -> Inputs:
        return cls(tuple(sorted(rows.items())))

    def __or__(self, rows: Mapping[str, str]) -> Inputs:
        """These inputs and more."""
        return Inputs.of(dict(self.rows) | dict(rows))

    @property
    def key(self) -> str:
        """SHA-256 in hexadecimal."""
        return hashlib.sha256(json.dumps([FORMAT, *sorted(self.rows)]).encode()).hexdigest()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Labels of what is not known yet."""
        return tuple(label for label, digest in self.rows if not digest)


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
    return f"{label} was rebuilt" if label.startswith("dependency ") else f"{label} changed"


def _rank(change: str) -> tuple[int, str]:
    kind = change.split(" ", 1)[0]
    return _ORDER.index(kind) if kind in _ORDER else len(_ORDER), change
