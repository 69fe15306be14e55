# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many nights without anybody; all thirty: ``PLANEX_NIGHTS=30 pytest tests/integration/test_thirty_nights.py``."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from planex.checksums import digest_of
from tests.integration.nights import Distro, own_disk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "nsenter", "createrepo_c", "git"),
]
KINDS = ("patch", "broken", "full", "upstream", "killed", "base", "nothing")
NIGHTS = int(os.environ.get("PLANEX_NIGHTS", "8"))
ATOM = "{http://www.w3.org/2005/Atom}"


@dataclass(frozen=True)
class Kept:
    """A snapshot that is there, as the test expects it to be for ever."""

    ident: str
    state: str
    kind: str


class Page(HTMLParser):
    """The links of a page, and what classes its parts have."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.classes: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [str(found["href"])] if "href" in found else []
        self.classes.append(f"{tag} {found.get('class') or ''}")


def script(chance: random.Random) -> list[str]:
    """What happens in each night: all kinds once, then as they come."""
    return ["first", *KINDS, *(chance.choice(KINDS) for _ in range(NIGHTS))][:NIGHTS]


def test_nights_without_anybody(tmp_path: Path, base: Path) -> None:
    chance = random.Random(20261128)
    with own_disk(tmp_path / "disk") as (door, seen):
        distro = Distro(door, tmp_path / "disk" / "w", seen / "w", base, chance)
        distro.begin()
        kept: list[Kept] = []
        for number, kind in enumerate(script(chance), 1):
            if kind != "first":
                distro.happen(kind, number)
            kept += one_night(distro, kind, kept)
            prove(distro, kept)
        distro.planex("snapshot", "site")
        prove_site(distro, kept)
        assert distro.planex("snapshot", "audit").returncode == 0
        assert [path for path in distro.archive.root.rglob("*.draft") if path.parent.name != "site"] == []


def one_night(distro: Distro, kind: str, kept: list[Kept]) -> list[Kept]:
    """Make a night; what it added."""
    good, space = distro.archive.linked("latest-good"), distro.space() if kept else 0
    done = distro.night(kind)
    added = [str(ident) for ident in distro.archive.ids()][len(kept) :]
    assert len(added) == 1 or (not added and kind in ("full", "killed")), done and done.stderr
    if done is None:
        return [Kept(added[0], "good", kind)] if added else []
    assert "Traceback" not in done.stderr
    state = "good" if done.returncode == 0 else "broken"
    assert kind == "full" or (state == "broken") == (kind == "broken"), distro.logs(added)
    if state == "broken":
        assert distro.archive.linked("latest-good") == good, "a broken night leaves it alone"
        assert kind != "full" or "No space left on device" in done.stderr, done.stderr
    else:
        promoted = distro.planex("snapshot", "promote", "latest-good", "nightly", "--why", kind)
        assert promoted.returncode == 0, promoted.stderr
    assert kind != "nothing" or distro.space() - space < 1_000_000
    return [Kept(ident, state, kind) for ident in added]


def prove(distro: Distro, kept: list[Kept]) -> None:
    """All that was ever published is there as it was."""
    archive = distro.archive
    assert [str(ident) for ident in archive.ids()] == [one.ident for one in kept]
    for one in kept:
        snapshot, folder = archive.load(one.ident), archive.folder(one.ident)
        assert str(snapshot.state) == one.state
        assert (folder / "repo").exists() == snapshot.good
        for rpm in snapshot.rpms:
            assert digest_of(folder / "repo" / rpm.location, "sha256") == rpm.digest
    if kept[-1].kind == "base":
        reasons = [reason for package in archive.load(kept[-1].ident).packages for reason in package.reasons]
        assert any("ruler" in reason for reason in reasons), reasons


def prove_site(distro: Distro, kept: list[Kept]) -> None:
    """Every page says what is, and every link leads somewhere."""
    site = distro.archive.site
    for path in site.rglob("*.html"):
        assert json.loads(path.with_suffix(".json").read_text())
        for link in Page(path).links:
            where = unquote(link.partition("#")[0])
            assert not where or (path.parent / where).exists(), f"{path}: {link}"
    for one in kept:
        page = site / one.ident / "index.html"
        assert f"h1 state {one.state}" in Page(page).classes
        record = json.loads(page.with_suffix(".json").read_text())
        assert (record["state"], record["id"]) == (one.state, one.ident)
    assert {path.name for path in site.iterdir() if path.is_dir()} == {*(one.ident for one in kept), "packages"}
    front = Page(site / "index.html")
    shown = [kind.removeprefix("a ") for kind in front.classes if kind in ("a good", "a broken")]
    assert shown == [one.state for one in kept][-60:]
    assert [row["state"] for row in json.loads((site / "nights.json").read_text())["nights"]] == [
        x.state for x in kept[::-1]
    ]
    prove_history(site, kept)
    feed = ElementTree.parse(site / "feed.xml").getroot()
    titles = [str(entry.findtext(f"{ATOM}title")) for entry in feed.iter(f"{ATOM}entry")]
    assert titles == [f"{one.ident.split('-')[0]} is {one.state}" for one in kept[::-1]][:30]
    assert kept[-1].state in (site / "badge.svg").read_text()


def prove_history(site: Path, kept: list[Kept]) -> None:
    """The package that is broken now and then failed in the nights in which it was, and in no other."""
    history = json.loads((site / "packages" / "plain.json").read_text())["history"]
    failed = {row["night"] for row in history if row["status"] == "failed"}
    assert failed >= {one.ident for one in kept if one.kind == "broken"}
    assert failed <= {one.ident for one in kept if one.state == "broken"}
    assert sum(row["nights"] for row in history) <= len(kept)
