# SPDX-License-Identifier: LGPL-2.1-or-later
"""iso.yaml: each mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.errors import ConfigError
from planex.host.definition import IsoDefinition, load_definition, menu_of
from planex.schema import parse
from planex.workspace import Workspace

GOOD = """\
label: HOST-1.0
name: host
title: Host
live: {packages: [planex-host]}
entries:
  - {name: a, title: A, hypervisor: /boot/xen.gz, kernel: /k, initrd: /i, default: true}
  - {name: b, title: B, kernel: /k, initrd: /i}
"""


def load(text: str) -> IsoDefinition:
    return parse(text, IsoDefinition, Path("iso.yaml"))


def test_defaults() -> None:
    definition = load(GOOD)
    assert definition.live
    assert definition.live.image == "/LiveOS/squashfs.img"
    assert [entry.live for entry in definition.entries] == [True, True]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label: HOST-1.0", "label: host", "iso.yaml:1: 'label': 'host' is not possible: a label has 1 to 32"),
        ("label: HOST-1.0", f"label: {'A' * 33}", "iso.yaml:1: 'label':"),
        ("label: HOST-1.0", "label: 'MY HOST'", "iso.yaml:1: 'label':"),
        ("packages: [planex-host]", "packages: []", "iso.yaml:4: 'live.packages':"),
        ("kernel: /k, initrd: /i}", "kernel: k, initrd: /i}", "iso.yaml:7: 'entries.1.kernel': 'k' is not possible"),
        ("initrd: /i}", "initrd: /../i}", "iso.yaml:7: 'entries.1.initrd'"),
        ("title: B", "titel: B", "unknown key 'entries.1.titel' (did you mean 'title'?)"),
        ("title: B", "title: 'a \"B\"'", "no quotes"),
        ("title: B", "title: B, xen_args: x", "entry 'b' has xen_args but no hypervisor"),
        ("title: B", "title: B, kernel_args: a --- b", "'---' separates modules"),
        ("title: B", "title: B, kernel_args: 'a;b'", "no quotes, braces"),
        ("name: b", "name: a", "entries with the same name: a"),
        ("default: true", "default: false", "exactly one entry must have 'default: true', not 0"),
        (
            "live: {packages: [planex-host]}",
            "repository: /p",
            "there is no 'live' host that the entries could start: a, b",
        ),
        (
            "title: Host",
            "title: Host\nfiles: [{source: /etc/x, path: /x}]",
            "'files.0.source': '/etc/x' is not possible",
        ),
        ("title: Host", "title: Host\nfiles: [{source: x, path: x}]", "'files.0.path': 'x' is not possible"),
        ("title: Host", "title: Host\ngroups: [{id: g, name: G, packages: []}]", "'groups.0.packages'"),
        (
            "title: Host",
            "title: Host\ncomps: c\ngroups: [{id: g, name: G, packages: [p]}]",
            "both 'comps' and 'groups' say which groups there are",
        ),
        (
            "title: Host",
            "title: Host\ngroups: [{id: g, name: G, packages: [p]}, {id: g, name: H, packages: [p]}]",
            "groups with the same name: g",
        ),
        ("title: Host", "title: Host\ninstaller: {start: maybe}", "'installer.start'"),
        ("title: Host", "title: Host\ninstaller: {xen_args: x}", "xen_args and packages are for Xen"),
        (
            GOOD[GOOD.index("live:") :],
            "installer: {start: xen}\n",
            "installer: without a live host, 'packages' says what brings hypervisor and kernel",
        ),
        (GOOD[GOOD.index("entries:") :], "", "exactly one entry must have 'default: true', not 0"),
        ("title: B", "title: B, default: true", "exactly one entry must have 'default: true', not 2"),
    ],
)
def test_mistakes(old: str, new: str, message: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert message in str(caught.value)


def test_a_target_may_have_a_definition_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "iso").mkdir()
    (tmp_path / "iso" / "iso.yaml").write_text(GOOD)
    (tmp_path / "iso" / "el9.yaml").write_text(GOOD.replace("HOST-1.0", "HOST-EL9"))
    labels = [load_definition(Workspace(tmp_path), target).label for target in ("el9", "bookworm")]
    assert labels == ["HOST-EL9", "HOST-1.0"]


def test_all_mistakes_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace("HOST-1.0", "x").replace("name: host", "nam: host"))
    assert len(caught.value.problems) == 3


def test_a_medium_that_nobody_signed_says_so_on_its_menu() -> None:
    definition = load(GOOD)
    assert [entry.title for entry in menu_of(definition, signed=False).entries] == ["A (unsigned)", "B"]
    assert [entry.title for entry in menu_of(definition, signed=True).entries] == ["A", "B"]
