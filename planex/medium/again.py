# SPDX-License-Identifier: LGPL-2.1-or-later
"""A respin that differs from the last one in what a few files hold, as after a change of the menu, writes only those.

Where everything lies, and what is no file's, is decided by the base, by what xorriso is told, and by names and sizes.
If all of that is as it was, a copy of the last ISO with those files exchanged is what xorriso would write, to the bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from planex.checksums import digest_of, digest_of_text
from planex.medium.respin import Respin, Respun, files_of, names_after, replaces_loader, respin_commands, seal
from planex.medium.trail import Trail

_MOST = 1 << 24
"""Bytes of files that are exchanged: they are held in memory, and at some size writing all is no slower."""


def shape(plan: Respin, tools: str, digest: Callable[[Path], str]) -> str:
    """A digest of all that decides the ISO but for the contents of files that are added.

    ``tools``: what names the bytes of the base, and the programs; ``digest`` gives the SHA-256 of a file.
    """
    assert plan.before is not None
    records, _ = plan.before
    boots = {image.path for image in records.images}  # where another is put, xorriso may write records anew
    loaders = [file for path, file in plan.add.items() if path in boots] + ([plan.efi_image] if plan.efi_image else [])
    unnamed = replace(
        plan,
        base=Path("base"),
        add=dict.fromkeys(plan.add, Path()),
        efi_image=Path("efi") if plan.efi_image else None,
    )
    rows = [
        tools,
        str((sorted(plan.own), replaces_loader(plan, records))),
        *respin_commands(unnamed, records),
        *map(digest, loaders),
        *(f"{path} {name}" for path, folder in plan.add.items() for name in _folders_below(folder)),
    ]
    return digest_of_text("\n".join(rows))


def _folders_below(source: Path) -> list[str]:
    """Whether it is a folder, and what in it is no file."""
    if not source.is_dir():
        return []
    return ["", *sorted(str(path.relative_to(source)) for path in source.rglob("*") if not path.is_file())]


def changes(plan: Respin, last: Respun) -> dict[str, bytes] | None:
    """What those files hold that are not as in the last ISO, of the same shape; None where all is to be written."""
    assert plan.before is not None
    records, there = plan.before
    if names_after(plan, there) != last.sums.files.keys():
        return None
    boots = {image.path for image in records.images}  # of the same bytes, for the shape is the same
    files = {path: file for path, file in files_of(plan.add).items() if path not in boots}
    other = {path: file for path, file in files.items() if _digest(plan, path, file) != last.sums.files[path]}
    if any(file.stat().st_size != last.image.files[path] for path, file in other.items()):
        return None
    if sum(last.image.files[path] for path in other) > _MOST or not _alone(last, other):
        return None
    return {path: file.read_bytes() for path, file in other.items()}


def _digest(plan: Respin, path: str, file: Path) -> str:
    return plan.digests.get(path) or digest_of(file, "SHA256")


def _alone(last: Respun, names: Mapping[str, Path]) -> bool:
    """Whether each of these files lies in one piece where no other does."""
    starts = [span.start for name, size in last.image.files.items() if size for span in last.image.spans[name]]
    spans = [last.image.spans[name] for name in names]
    return all(len(pieces) == 1 and starts.count(pieces[0].start) == 1 for pieces in spans)


def exchange(plan: Respin, last: Respun, changed: Mapping[str, bytes], copy: Path) -> Respun:
    """Make a copy of the last ISO into that of the plan."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in changed.items()}
    sums = replace(last.sums, files={**last.sums.files, **digests})
    made = replace(last, image=replace(last.image, path=copy), sums=sums)
    return seal(made, plan.sign, Trail(last.marks), changed)
