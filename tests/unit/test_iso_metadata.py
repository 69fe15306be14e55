# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a medium says about itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from productmd.treeinfo import TreeInfo

from planex.errors import PlanexError
from planex.medium.metadata import (
    Product,
    checksums,
    mentions_label,
    new_treeinfo,
    replace_label,
    update_discinfo,
    update_treeinfo,
)

PRODUCT = Product("planex-host", "1.0", "x86_64", 1700000000, "planex")
TREEINFO = """\
[checksums]
images/efiboot.img = sha256:old
images/boot.iso = sha256:gone
images/pxeboot/vmlinuz = sha256:kept

[general]
timestamp = 1
name = CentOS Stream 9
variant = BaseOS

[header]
type = productmd.treeinfo

[tree]
variants = AppStream,BaseOS
platforms = x86_64,xen

[variant-BaseOS]
repository = BaseOS
"""


def test_treeinfo_gets_new_checksums_and_the_added_repository() -> None:
    digests = {"images/efiboot.img": "new", "images/boot.iso": "", "planex/repodata/repomd.xml": "more"}
    text = update_treeinfo(TREEINFO, PRODUCT, digests)
    assert checksums(text) == {
        "images/efiboot.img": "sha256:new",
        "images/pxeboot/vmlinuz": "sha256:kept",
        "planex/repodata/repomd.xml": "sha256:more",
    }
    assert "variants = AppStream,BaseOS,planex\n" in text
    assert "[variant-planex]\nid = planex\nname = planex\npackages = planex\nrepository = planex\n" in text
    assert "[variant-BaseOS]\nrepository = BaseOS\n" in text
    assert "platforms = x86_64,xen\n" in text
    assert "timestamp = 1700000000\n" in text


def test_treeinfo_is_stable() -> None:
    once = update_treeinfo(TREEINFO, PRODUCT, {"a": "b"})
    assert update_treeinfo(once, PRODUCT, {"a": "b"}) == once


NEW = new_treeinfo(
    Product("planex base", "12", "x86_64", 7, "."),
    {"kernel": "images/pxeboot/vmlinuz", "efiboot.img": "images/efiboot.img"},
    {"repodata/repomd.xml": "ab"},
)


def test_new_treeinfo_is_read_by_productmd() -> None:
    tree = TreeInfo()
    tree.loads(NEW)
    assert (tree.release.name, tree.release.short, tree.release.version) == ("planex base", "planex-base", "12")
    assert (tree.tree.arch, tree.tree.build_timestamp) == ("x86_64", 7)
    assert tree.variants["base"].paths.repository == "."
    assert tree.variants["base"].paths.packages == "Packages"
    assert tree.images["x86_64"]["kernel"] == tree.images["xen"]["kernel"] == "images/pxeboot/vmlinuz"
    assert tree.checksums["repodata/repomd.xml"] == ("sha256", "ab")
    assert NEW.index("[general]") < NEW.index("[header]") < NEW.index("[tree]")


@pytest.mark.parametrize("repository", ["planex", "extra/planex-host"])
def test_respun_treeinfo_is_read_by_productmd(repository: str) -> None:
    tree = TreeInfo()
    tree.loads(update_treeinfo(NEW, replace(PRODUCT, repository=repository), {}))
    assert sorted(variant.paths.repository for variant in tree.variants.variants.values()) == [".", repository]
    assert (tree.release.name, tree.tree.build_timestamp) == ("planex-host", 1700000000)


def test_broken_treeinfo_is_named() -> None:
    with pytest.raises(PlanexError, match="treeinfo cannot be read"):
        checksums("no section = 1\n")


def test_discinfo_keeps_what_follows_the_name() -> None:
    text = update_discinfo("1234.5\nCentOS Stream 9\nx86_64\nALL\n", PRODUCT)
    assert text == "1700000000.000000\nplanex-host 1.0\nx86_64\nALL\n"


def test_discinfo_of_a_new_medium() -> None:
    assert update_discinfo("", PRODUCT) == "1700000000.000000\nplanex-host 1.0\nx86_64\nALL\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("search -l 'CentOS 7 x86_64'", "search -l 'NEW'"),
        ("hd:LABEL=CentOS\\x207\\x20x86_64:/dir", "hd:LABEL=NEW:/dir"),
        ("CentOS 7 x86_64-debug", "CentOS 7 x86_64-debug"),
        ("MyCentOS 7 x86_64", "MyCentOS 7 x86_64"),
        ("the label is CentOS 7 x86_64.", "the label is NEW."),
    ],
)
def test_label_is_replaced_as_a_whole_word_in_both_spellings(text: str, expected: str) -> None:
    assert replace_label(text, "CentOS 7 x86_64", "NEW") == expected
    assert mentions_label(text, "CentOS 7 x86_64") == (text != expected)


def test_longer_label_is_another_label() -> None:
    assert not mentions_label("BASE-1.0.1 BASE-1.0-X XBASE-1.0", "BASE-1.0")
