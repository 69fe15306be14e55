# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pages over all snapshots: whole, linked, alone, and written only where they changed."""

from __future__ import annotations

import json
import posixpath
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from planex.cli import cli
from planex.content import records
from planex.content.locks import Patience
from planex.errors import ConfigError
from planex.pages.site.chart import badge
from planex.pages.site.frame import Site, package_page
from planex.pages.site.front import FrontPage
from planex.pages.site.history import histories, spans
from planex.pages.site.tree import site_pages
from planex.snapshot.channels import promote
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.nights import Night, Nights, read_nights
from planex.snapshot.record import (
    FORMAT,
    NAME,
    BuiltPackage,
    PartReport,
    PartStatus,
    PublishedFile,
    PublishedRpm,
    Snapshot,
    state_of,
)
from planex.snapshot.site import SiteFile, write_site

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = '<script>alert("x")</script>\x1b[31m\udcff\ufffe&amp;'
OK = PartReport("build", PartStatus.OK, 60, "planex build", "logs/build.log")
BAD = PartReport("build", PartStatus.FAILED, 60, "planex build", "logs/build.log", "xen failed in %build")
LOOK = PartReport("forecast-xen", PartStatus.LOOK, 9, "planex pq forecast xen", "logs/forecast-xen.log")
XEN = (PublishedRpm("xen", "4.20-1", "a" * 64, 1000, "xen.rpm"), PublishedRpm("xen-libs", "4.20-1", "b" * 64, 9, "l"))
BUILT = BuiltPackage("xen", "build", ("patch x changed",), "built", 30.0)
FAILED = BuiltPackage("xen", "build", ("patch x changed",), "failed", 20.0, "no such function")
KEPT = BuiltPackage("xen", "keep", ("up to date",))


def ident(number: int) -> str:
    return f"202610{number:02}.01-{number:012x}"


def night(number: int, package: BuiltPackage = KEPT, *parts: PartReport) -> Snapshot:
    parts = parts or ((BAD if package is FAILED else OK),)
    good = not any(part.status is PartStatus.FAILED for part in parts)
    iso = PublishedFile("iso/h.iso", 151_000_000, "c" * 64) if good else None
    began = f"2026-10-{number:02}T03:00:00+00:00"
    return Snapshot(
        ident(number), "t", state_of(parts), f"{number:040x}", f"change {number}", False, began, 61.0, "5", parts,
        (package,), XEN if good else (), iso,
    )  # fmt: skip


def add(archive: SnapshotFolder, one: Snapshot) -> None:
    folder = archive.folder(one.id)
    paths = [part.log for part in one.parts if part.log] + [f"repo/{rpm.location}" for rpm in one.rpms]
    paths += ["packages/xen/build.log"] if one.packages[0].status else []
    paths += [one.iso.path, f"{one.iso.path}.asc", "repo/repodata/repomd.xml"] if one.iso else []
    paths += ["forecasts/xen.html"] if LOOK in one.parts else []
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")
    records.save(folder / NAME, one, FORMAT)


@pytest.fixture
def archive(tmp_path: Path) -> SnapshotFolder:
    """Six nights: the third's record is damaged, the last two are broken; a channel leads to the second."""
    found = SnapshotFolder(tmp_path / "snapshots" / "t")
    for number, package in enumerate((BUILT, KEPT, KEPT, KEPT, FAILED), 1):
        add(found, night(number, package))
    add(found, night(6, FAILED, BAD, LOOK))
    (found.folder(ident(3)) / NAME).write_text("{")
    with found.alone(Patience()):
        promote(found, found.load(ident(2)), "stable", who="me", why="it works", require=())
    return found


def write(archive: SnapshotFolder, into: Path | None = None) -> dict[str, str]:
    """What was written."""
    changes = write_site(folder := into or archive.site, site_pages(read_nights(archive, "demo", "t")))
    return {name: (folder / name).read_text("utf-8") for name in changes.written}


class Page(HTMLParser):
    """Links, ids, and what would be fetched or run; what opens must be closed."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.stack: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [str(found["id"])] if "id" in found else []
        self.links += [str(found["href"])] if "href" in found else []
        assert "src" not in found
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


def test_every_link_leads_somewhere(archive: SnapshotFolder) -> None:
    pages = write(archive)
    outward = 0
    for name, text in pages.items():
        page = Page(text) if name.endswith(".html") else None
        for where in page.links if page else ():
            path, _, anchor = where.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path))) if path else name
            assert (archive.site / target).exists(), f"{name}: {where}"
            outward += target.startswith("../")
            assert not anchor or anchor in Page(pages[target]).ids, f"{name}: {where}"
    assert outward > 20, "logs, RPMs and ISOs in the snapshots are linked"
    assert all(json.loads(pages[name.removesuffix(".html") + ".json"]) for name in pages if name.endswith(".html"))


def test_pages_are_whole_and_alone(archive: SnapshotFolder) -> None:
    for name, text in write(archive).items():
        if name.endswith(".html"):
            page = Page(text)
            assert not page.stack, name
            assert len(page.ids) == len(set(page.ids)), name
            assert {"header", "nav", "main", "footer", "h1"} <= set(page.tags), name
            assert not {"script", "img", "iframe", "object"} & set(page.tags), name
            assert "url(#" not in text and "@import" not in text, name


def test_the_front_page_says_what_a_person_asks_first(archive: SnapshotFolder) -> None:
    front = write(archive)["index.html"]
    told = [
        "20261006.01 is broken by build, as was the night before; the last good one is 20261004.01.",
        "1 record that cannot be read",
        "The last 6 nights",
        "20261005.01 broken: broken by build",
        "What needs a person",
        "xen failed in %build",
        "forecast-xen",
        "1 package failed",
        "since 20261005.01",
        "no such function",
        "stable",
        "by me: it works",
    ]
    assert sorted(told, key=front.index) == told
    assert f'href="../{ident(6)}/forecasts/xen.html"' in front


def test_a_quiet_night_needs_nobody(archive: SnapshotFolder) -> None:
    add(archive, night(7))
    front = write(archive)["index.html"]
    assert "20261007.01 is good: 2 RPMs and an ISO of 151 MB, made in 1 min 01 s." in front
    assert "Nothing today." in front


@pytest.mark.parametrize("status", [PartStatus.LOOK, PartStatus.OK])
def test_a_version_that_is_out_is_told_wherever_people_look(archive: SnapshotFolder, status: PartStatus) -> None:
    out = "4.20.5 is out: 240 patches clean, 3 need you"
    watch = PartReport("watch-xen", status, 9, "planex pq forecast xen --onto newest", "logs/watch-xen.log", out)
    add(archive, night(7, KEPT, OK, watch))
    forecast = archive.folder(ident(7)) / "forecasts" / "watch-xen.html"
    forecast.parent.mkdir()
    forecast.write_text("x")
    pages = write(archive)
    assert {name for name, text in pages.items() if out in text and name.endswith(".html")} == {
        "index.html", "packages/xen.html", f"{ident(7)}/index.html"
    }  # fmt: skip
    for name in ("index.html", "packages/xen.html"):
        assert f'{ident(7)}/forecasts/watch-xen.html">page' in pages[name]
    assert json.loads(pages["packages/xen.json"])["upstream"] == out
    assert out in [need["text"] for need in json.loads(pages["index.json"])["needs"]]
    add(archive, night(8, KEPT, OK, replace(watch, status=PartStatus.OK, message="")))
    pages = write(archive)
    assert "Nothing today." in pages["index.html"] and "Upstream" not in pages["packages/xen.html"]


def test_the_page_of_a_night(archive: SnapshotFolder) -> None:
    pages = write(archive)
    broken, good = (Path(f"{ident(number)}/index.html").as_posix() for number in (5, 4))
    for words in ("is broken", "no repository", "patch x changed", "no such function", 'href="#main"'):
        assert words in pages[broken]
    assert f"echo &#x27;{'c' * 64}  h.iso&#x27; | sha256sum -c" in pages[good]
    assert "gpg --verify ./h.iso.asc ./h.iso\nplanex iso verify ./h.iso --key release.asc" in pages[good]
    add(archive, replace(night(7), rpms=(replace(XEN[0], evr="4.19-1"),), commits=("0123456789ab xen: <b>",)))
    changed = write(archive)[f"{ident(7)}/index.html"]
    assert "<code>0123456789ab</code><span>xen: &lt;b&gt;</span>" in changed
    assert "4.20-1 → 4.19-1 <span" in changed and "goes down" in changed
    assert "is gone (since 20261004.01, the last repository)" in changed, "broken nights have no RPMs to compare with"


def test_a_damaged_record_is_told_and_breaks_nothing(archive: SnapshotFolder) -> None:
    (archive.folder(ident(4)) / NAME).unlink()
    records.save(archive.folder(ident(2)) / NAME, night(1), FORMAT)
    pages = write(archive)
    assert "it is not JSON" in pages[f"{ident(3)}/index.html"]
    assert f"it is the record of {ident(1)}" in pages[f"{ident(2)}/index.html"]
    assert "4 record" not in pages["index.html"] and "3 records that cannot be read" in pages["index.html"]
    for number in (1, 3, 5, 6):
        (archive.folder(ident(number)) / NAME).write_text("")
    assert "There are no snapshots yet." in write(archive)["index.html"]


def test_a_package_over_the_nights(archive: SnapshotFolder) -> None:
    pages = write(archive)
    rows = json.loads(pages["packages/xen.json"])["history"]
    assert [(row["status"], row["nights"], row["versions"], row["bytes"]) for row in rows] == [
        ("failed", 1, [], 0),
        ("failed", 1, [], 0),
        ("keep", 2, ["4.20-1"], 1009),
        ("built", 1, ["4.20-1"], 1009),
    ]
    page = pages["packages/xen.html"]
    assert page.count("<rect") == 3
    assert "20261006.01: failed in 20 s" in page
    assert "fails since 20261005.01" in page


def test_rpms_are_of_the_package_that_they_were_built_from() -> None:
    rpms = tuple(PublishedRpm(name, "1", "", 1, "", "a") for name in ("a", "libother", "a-b"))
    one = replace(night(1), packages=(BuiltPackage("a", "keep"), BuiltPackage("a-b", "keep")), rpms=rpms)
    found = {name: [rpm.name for rpm in nights[0].rpms] for name, nights in histories([one]).items()}
    assert found == {"a": ["a", "libother", "a-b"], "a-b": []}


def test_rpms_of_old_records_are_of_the_package_that_they_are_named_after() -> None:
    rpms = tuple(PublishedRpm(name, "1", "", 1, "") for name in ("a", "a-b", "a-b-c", "a-d-e", "z"))
    one = replace(night(1), packages=(BuiltPackage("a", "keep"), BuiltPackage("a-b", "keep")), rpms=rpms)
    found = {name: [rpm.name for rpm in nights[0].rpms] for name, nights in histories([one]).items()}
    assert found == {"a": ["a", "a-d-e"], "a-b": ["a-b", "a-b-c"]}
    assert not list(spans([]))


def test_an_unchanged_site_is_not_written_again(archive: SnapshotFolder) -> None:
    assert "index.html" in write(archive)
    before = {path: path.stat().st_mtime_ns for path in archive.site.rglob("*") if path.name != ".lock"}
    assert write(archive) == {}
    assert before == {path: path.stat().st_mtime_ns for path in archive.site.rglob("*") if path.name != ".lock"}
    add(archive, night(7))
    again = set(write(archive))
    assert {"index.html", "feed.xml", f"{ident(7)}/index.html", f"{ident(6)}/index.html"} <= again
    assert f"{ident(5)}/index.html" not in again


def test_what_is_made_from_the_same_is_not_made_again_and_comes_out_as_if_it_were(archive: SnapshotFolder) -> None:
    """After all that can happen to an archive and to its pages, they are those of a site that is made anew."""
    made: list[str] = []

    def counted(file: SiteFile) -> SiteFile:
        return replace(file, render=lambda: made.append(file.name) or file.render())  # type: ignore[func-returns-value]

    def again(code: str = "1") -> set[str]:
        """The nights whose pages were made."""
        made.clear()
        write_site(archive.site, map(counted, site_pages(read_nights(archive, "demo", "t"))), code)
        whole = {file.name: file.render() for file in site_pages(read_nights(archive, "demo", "t"))}
        assert whole == {name: (archive.site / name).read_text("utf-8") for name in whole}
        return {name.split("/")[0] for name in made if "/" in name}

    everything = {*map(ident, range(1, 7)), "packages"}
    assert (again(), again(), again("2"), again("2")) == (everything, set(), everything, set())
    add(archive, night(7, BUILT))
    assert again("2") == {ident(6), ident(7), "packages"}
    promote(archive, archive.load(ident(7)), "stable", who="me", why="", require=())
    assert again("2") == {ident(2), ident(7)}, "the channel was there, and is here"
    (archive.folder(ident(5)) / "logs" / "more.log").write_text("x")
    assert again("2") == {ident(5), ident(6), "packages"}
    (archive.site / ident(1) / "index.html").write_text("a person's")
    assert again("2") == {ident(1)}
    records.save(archive.folder(ident(3)) / NAME, night(3), FORMAT)
    assert again("2") == {ident(3), ident(4), "packages"}
    archive.remove(ident(1))
    assert again("2") == {ident(2), "packages"}


def test_each_page_for_programs_says_its_format_first(archive: SnapshotFolder) -> None:
    pages = [json.loads(text) for name, text in write(archive).items() if name.endswith(".json")]
    assert [next(iter(page.items())) for page in pages] == [("format", 1)] * len(pages)
    assert len(pages) == 10


def test_pages_of_what_is_gone_go_and_nothing_else(archive: SnapshotFolder) -> None:
    write(archive)
    mine = archive.site / ident(1) / "mine.txt"
    mine.write_text("a person's")
    for number in (1, 2):
        (archive.folder(ident(number)).rename(archive.root.parent / f"gone{number}"))
    write(archive)
    assert [path.name for path in mine.parent.iterdir()] == ["mine.txt"]
    assert not (archive.site / ident(2)).exists()


def test_a_record_of_the_site_that_lies_deletes_nothing_outside(archive: SnapshotFolder) -> None:
    write(archive)
    lie = {"made_from": "", "size": 1, "mtime_ns": 1}
    (archive.site / ".planex-site.json").write_text(
        json.dumps({"format": 2, "files": dict.fromkeys(["../latest", "/etc/none"], lie)})
    )
    write(archive)
    assert archive.linked("latest")


def test_a_persons_folder_is_not_written_into(archive: SnapshotFolder, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "index.html").write_text("mine")
    with pytest.raises(ConfigError, match=r"is not empty, and no site of planex: index\.html"):
        write(archive, tmp_path / "home")
    assert (tmp_path / "home" / "index.html").read_text() == "mine"


def test_text_of_strangers_is_no_markup(archive: SnapshotFolder) -> None:
    part = PartReport(HOSTILE, PartStatus.FAILED, 1, HOSTILE, f"logs/{HOSTILE}", HOSTILE)
    package = BuiltPackage(HOSTILE, "build", (HOSTILE,), "failed", 1, HOSTILE)
    rpm = PublishedRpm(HOSTILE, HOSTILE, HOSTILE, 1, HOSTILE)
    iso = PublishedFile(f"iso/{HOSTILE}", 1, HOSTILE)
    one = replace(night(7), subject=HOSTILE, began=HOSTILE, planex=HOSTILE, parts=(OK, part), packages=(package,))
    one = replace(one, rpms=(rpm,), iso=iso)
    other = Night(ident(8), None, frozenset(), HOSTILE)
    nights = Nights(HOSTILE, HOSTILE, (Night(one.id, one, frozenset([f"repo/{HOSTILE}", iso.path])), other))
    pages = {file.name: file.render() for file in site_pages(nights)}
    for name, text in pages.items():
        assert "\x1b" not in text and "\udcff" not in text, name
        assert "<script" not in text or name.endswith(".json"), name
        assert not Path(name).is_absolute() and ".." not in name
        if name.endswith((".xml", ".svg")):
            ElementTree.fromstring(text)
        if name.endswith(".html"):
            assert not Page(text).stack
    assert any("&lt;script&gt;" in text for text in pages.values())


@pytest.mark.parametrize("name", ["../../x", "index", "", "a" * 300, "a/b", ".hidden", "ä"])
def test_a_package_of_any_name_has_a_page(name: str) -> None:
    page = package_page(name)
    assert page.count("/") == 1 and len(page) < 120 and page != "packages/index.html"
    assert page != package_page(name + "x")


def test_the_feed_can_be_read_and_its_ids_stay(archive: SnapshotFolder) -> None:
    def ids(text: str) -> list[str]:
        root = ElementTree.fromstring(text)
        for found in (root, *root.iter(f"{ATOM}entry")):
            assert all(found.find(f"{ATOM}{name}") is not None for name in ("id", "title", "updated"))
        assert root.find(f"{ATOM}author/{ATOM}name") is not None
        return [str(entry.findtext(f"{ATOM}id")) for entry in root.iter(f"{ATOM}entry")]

    first = ids(write(archive)["feed.xml"])
    assert len(set(first)) == 6 and all(one.startswith("urn:uuid:") for one in first)
    add(archive, night(7))
    assert ids(write(archive)["feed.xml"])[1:] == first
    ElementTree.fromstring(badge("t", None))
    assert "broken 2026-10-06" in badge("t", Night(ident(6), night(6, FAILED)))


def test_many_nights_of_many_packages_leave_the_front_page_small() -> None:
    failed = tuple(BuiltPackage(f"package-{number}", "build", ("x",), "failed", 1, "e" * 5000) for number in range(200))
    nights = []
    for number in range(400):
        name = f"2025{number // 28 + 1:02}{number % 28 + 1:02}.01-{number:012x}"
        nights.append(Night(name, replace(night(1, FAILED), id=name, subject="s" * 500, packages=failed)))
    site = Site(Nights("demo", "t", tuple(nights)))
    front = FrontPage(site, histories(site.nights.readable)).text()
    assert len(front.encode()) < 300_000
    assert front.count("✗") == 60
    assert "and 175 packages more" in front


def test_the_command_writes_it_and_says_what_is_damaged(archive: SnapshotFolder, tmp_path: Path) -> None:
    for name in ("mock-configs/t.cfg", "repos/t.repo"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    (tmp_path / "planex.yaml").write_text("name: demo\nversion: '1'\nvendor: v\ntargets: {t: {base: t}}\n")
    for words, place in (((), archive.site), (("--into", str(tmp_path / "new" / "www")), tmp_path / "new" / "www")):
        done = CliRunner().invoke(cli, ["-C", str(tmp_path), "--target", "t", "snapshot", "site", *words])
        assert done.exit_code == 0, done.output
        assert f"the record of {ident(3)} cannot be read: it is not JSON" in done.output
        assert "written" in done.output
        for where in Page((place / "index.html").read_text()).links:
            assert (place / unquote(where.partition("#")[0])).exists(), where
