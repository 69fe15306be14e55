# SPDX-License-Identifier: LGPL-2.1-or-later
"""What repositories of strangers list: a caged child, ``python -m planex.rpm.listing``, reads their metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from planex.cage.answer import serve
from planex.cage.ask import ask
from planex.checksums import digest_of, digest_of_text
from planex.content import records
from planex.content.stamps import is_inside
from planex.errors import PlanexError
from planex.rpm import repo
from planex.rpm.repo import ListedFile

_FORMAT = 2
_UNREADABLE = "its metadata cannot be read:"
SECONDS = 300.0
"""For the largest repository; AppStream of EL takes some seconds."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Path below a repository to what it says of the file: its metadata by repomd.xml, RPMs by those."""

    metadata: Mapping[str, ListedFile]
    rpms: Mapping[str, ListedFile]


def read_listings(folders: Mapping[str, Path], cache: Path | None = None) -> dict[str, Listing | str]:
    """Name to what the repository in a folder lists, or in words why that cannot be read.

    ``cache``: a folder that keeps what was read, by the digest of the metadata.
    """
    found: dict[str, Listing | str] = {}
    kept = {name: cache / f"{_digest(folder)}.json" for name, folder in folders.items()} if cache else {}
    for name, path in kept.items():
        if (known := records.load(path, Listing, _FORMAT)) is not None:
            found[name] = known
    found |= _ask({name: folder for name, folder in folders.items() if name not in found})
    for name, path in kept.items():
        if isinstance(listing := found[name], Listing) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            records.save(path, listing, _FORMAT)
    return found


def _digest(folder: Path) -> str:
    files = sorted((folder / "repodata").iterdir())
    return digest_of_text(" ".join(f"{file.name} {digest_of(file, 'SHA256')}" for file in files))


def _ask(folders: Mapping[str, Path]) -> dict[str, Listing | str]:
    places = {name: f"/repositories/{number}" for number, name in enumerate(folders)}
    readable = {places[name]: folder for name, folder in folders.items()}
    answers = ask("planex.rpm.listing", places, readable=readable, seconds=SECONDS)
    return {name: _listing(answer) for name, answer in answers.items()}


def _listing(answer: Any) -> Listing | str:
    if isinstance(answer, dict) and isinstance(answer.get("errors"), str):
        return f"{_UNREADABLE} {answer['errors'].removeprefix(_UNREADABLE).strip()}"
    try:
        return records.from_plain(answer, Listing)
    except records.Damaged as error:
        return f"{_UNREADABLE} {error.message}"


def _answer(name: str, place: str) -> dict[str, Any]:
    try:
        metadata = repo.read_repomd(Path(place))
        outside = [location for location in metadata if not is_inside(location)]
        if outside:
            return {"errors": f"{outside[0]} is no path in the repository"}
        return asdict(Listing(metadata, repo.read_listed(Path(place))))
    except PlanexError as error:
        return {"errors": error.message.replace(f"{place}/", "")}


if __name__ == "__main__":
    serve(_answer)
