# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is new in the packages of an ISO, and the page that tells it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planex.host.diff import IsoChange, IsoDiff, MenuChange
from planex.host.news import PackageNews, PatchChange, package_news, patch_changes
from planex.medium.xorriso import open_image, xorriso
from planex.pages.isodiff import diff_page, diff_text
from planex.rpm.changelog import ChangelogEntry, read_changelog
from tests.unit.manifest_factory import PATCH, RPM, make_manifest
from tests.unit.rpm_factory import make_rpm

OLD_ENTRY = "* Thu Nov 19 2026 t <t@example.org> - 1-1\n- first\n"
NEW_ENTRY = "* Fri Nov 20 2026 é <e@example.org> - 1-2\n- second\n- <b>third</b>\n"
NEWER = ChangelogEntry("2026-11-20", "é <e@example.org> - 1-2", "- second\n- <b>third</b>")


def test_what_became_of_a_queue() -> None:
    def queue(*names: str, sha256: str = "d" * 64) -> tuple[object, ...]:
        return tuple(replace(PATCH, name=name, sha256=sha256, commits=()) for name in names)

    assert patch_changes(queue("a", "b"), queue("a", "b")) == ()  # type: ignore[arg-type]
    found = patch_changes(queue("a", "b", "c"), (*queue("c", "a"), *queue("d", sha256="e" * 64)))  # type: ignore[arg-type]
    assert found == (
        PatchChange("foo/b", "d" * 12, None, "Fix it"),
        PatchChange("foo/c", "d" * 12, "d" * 12, "Fix it", moved=True),
        PatchChange("foo/d", None, "e" * 12, "Fix it"),
    )


@pytest.mark.tools("rpmbuild", "xorriso")
def test_entries_that_only_the_newer_has(tmp_path: Path) -> None:
    def iso(name: str, changelog: str) -> Path:
        tree = tmp_path / name / "tree" / "planex"
        tree.mkdir(parents=True)
        make_rpm(tmp_path / name, files=f"%changelog\n{changelog}").rename(tree / "foo-1-1.noarch.rpm")
        output = tmp_path / f"{name}.iso"
        xorriso(["-as", "mkisofs", "-quiet", "-R", "-V", "X", "-o", output, tree.parent], 1700000000)
        return output

    old, new = open_image(iso("old", OLD_ENTRY)), open_image(iso("new", NEW_ENTRY + OLD_ENTRY))
    with new.open("/planex/foo-1-1.noarch.rpm") as file:
        assert read_changelog(file)[0] == NEWER
    before, after = make_manifest(), make_manifest(rpms=(replace(RPM, unsigned="9" * 64, source="foo-1-2.src.rpm"),))
    assert list(package_news((old, before), (new, after))) == [PackageNews("foo-1-2", (NEWER,))]
    assert list(package_news((new, after), (old, before))) == []
    assert list(package_news((old, before), (new, before))) == [], "an RPM with the same bytes is not read"


def test_a_page_tells_what_the_text_tells_and_takes_no_markup() -> None:
    found = IsoDiff(
        packages=(IsoChange("foo.noarch", "1-1 aaa", "1-2 bbb"),),
        changelogs=(PackageNews("foo-1-2", (NEWER,)),),
        patches=(
            PatchChange("foo/a", None, "1", "Fix <it>", ("e" * 40,)),
            PatchChange("foo/b", "1", "1", "x", moved=True),
            PatchChange("foo/c", "1", "2", "y", moved=True),
        ),
        menus=(MenuChange("/grub.cfg", ("+<script>",)),),
        files=(IsoChange("/x", "2", "2"),),
    )
    text = diff_text(found).splitlines()
    for line in (
        "packages: 1 changed",
        "  *  foo.noarch  1-1 -> 1-2",
        "changelog foo-1-2: 1 entry",
        "  2026-11-20  é <e@example.org> - 1-2",
        "    - second",
        "patches: 1 added, 1 changed, 1 moved",
        "  +  foo/a  Fix <it> (backport of eeeeeeeeeeee)",
        "  ~  foo/b  x",
        "  *  foo/c  y; in another place",
        "  *  /x  2 bytes, other bytes",
    ):
        assert line in text, text
    page = diff_page("old<1>.iso", "new.iso", found)
    assert "<td>+</td><td>foo/a</td><td>Fix &lt;it&gt; (backport of eeeeeeeeeeee)</td>" in page
    assert "&lt;b&gt;third&lt;/b&gt;" in page and "+&lt;script&gt;" in page and "old&lt;1&gt;.iso" in page
    assert not any(word in page for word in ("<script", "<b>", "http"))
    assert diff_text(IsoDiff()) == "the same" and "They are the same." in diff_page("a", "b", IsoDiff())
