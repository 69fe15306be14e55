# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base ISO, in the layout of an EL installation medium."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from planex.base.archive import Archive
from planex.base.closure import Closure
from planex.base.definition import Definition


def write_medium(
    output: Path, definition: Definition, archive: Archive, closure: Closure, rpms: Mapping[str, Path]
) -> None:
    output.write_bytes(b"")
