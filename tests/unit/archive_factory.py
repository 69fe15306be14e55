# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archives of snapshots with files in them, and what a reader of a published one may find."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from planex.checksums import digest_of, digest_of_text
from planex.content import records
from planex.content.locks import Patience
from planex.pages.site.tree import site_pages
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.nights import read_nights
from planex.snapshot.record import (
    FORMAT,
    NAME,
    BuiltPackage,
    PartReport,
    PartStatus,
    PublishedRpm,
    Snapshot,
    state_of,
)
from planex.snapshot.site import write_site


def ident_of(number: int) -> str:
    return f"202610{number:02}.01-{number:012x}"


def add_night(archive: SnapshotFolder, number: int, *, good: bool = True, commit: str = "", error: str = "no") -> None:
    """A snapshot of one RPM whose contents are its number; a broken one has a log and no RPM."""
    ident, text = ident_of(number), f"rpm of night {number}\n"
    folder = archive.folder(ident)
    files = {"logs/build.log": f"log of night {number}\n"}
    files |= {"repo/p.rpm": text, "repo/repodata/repomd.xml": text} if good else {}
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    status = PartStatus.OK if good else PartStatus.FAILED
    part = PartReport("build", status, 1, "planex build", "logs/build.log", "" if good else error)
    package = BuiltPackage("p", "build", ("x",), "built" if good else "failed", 1.0, "" if good else error)
    rpms = (PublishedRpm("p", f"{number}-1", digest_of_text(text), len(text), "p.rpm"),) if good else ()
    began = f"2026-10-{number:02}T03:00:00+00:00"
    record = Snapshot(
        ident, "t", state_of((part,)), commit or f"{number:040x}", f"change {number}", False, began, 9.0, "5",
        (part,), (package,), rpms,
    )  # fmt: skip
    records.save(folder / NAME, record, FORMAT)


def settle(archive: SnapshotFolder) -> None:
    """Links and pages as a command leaves them."""
    with archive.alone(Patience()):
        pass
    write_site(archive.site, site_pages(read_nights(archive, "demo", "t")))


class _Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [str(value).partition("#")[0] for name, value in attrs if name == "href"]


def prove_published(place: Path) -> list[str]:
    """The ids that a reader finds, each of which is whole as are channels and pages; none where nothing is."""
    if not (place / "snapshots.json").exists():
        return []
    index = json.loads((place / "snapshots.json").read_text())
    for ident in {*index["snapshots"], *index["links"].values()}:
        record = json.loads((place / ident / NAME).read_text())
        assert (place / ident / "logs/build.log").read_text()
        for rpm in record["rpms"]:
            assert digest_of(place / ident / "repo" / rpm["location"], "sha256") == rpm["digest"]
    for link in (*place.glob("latest*"), *place.glob("channels/*")):
        assert not link.is_symlink() or (link / NAME).exists(), f"{link} leads to nothing"
    walk(place / "site" / "index.html")
    return list(index["snapshots"])


def walk(page: Path) -> set[Path]:
    """All pages that a reader can come to from one; every link on the way leads somewhere."""
    seen: set[Path] = set()
    found = [page.resolve()]
    while found:
        here = found.pop()
        seen.add(here)
        for where in filter(None, _Links(here.read_text()).found):
            there = (here.parent / unquote(where)).resolve()
            assert there.exists(), f"{here}: {where}"
            if there.suffix == ".html" and there not in seen:
                found.append(there)
    return seen
