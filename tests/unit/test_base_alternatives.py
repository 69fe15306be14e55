# SPDX-License-Identifier: LGPL-2.1-or-later
"""Alternatives are read from postinst scripts, and the best offer has the link."""

from __future__ import annotations

import pytest

from planex.base.alternatives import Alternative, choose, read_alternatives

INSTALL = "update-alternatives --install"


@pytest.mark.parametrize(
    ("script", "links"),
    [
        (f"{INSTALL} /usr/bin/x x /usr/bin/x-1 20\n", {"/usr/bin/x": "/usr/bin/x-1"}),
        (
            "    update-alternatives --quiet \\\n --install /bin/x x /bin/x-1 0 || true\n",
            {"/usr/bin/x": "/usr/bin/x-1"},
        ),
        (f"{INSTALL} /lib/x x /usr/bin/x 1; echo --slave a b c\n", {"/usr/lib/x": "/usr/bin/x"}),
        (
            f'v=1.16\np=5\n{INSTALL} /usr/bin/x x /usr/bin/x-$v $p \\\n --slave /usr/bin/y y "/usr/bin/y-${{v}}"\n',
            {"/usr/bin/x": "/usr/bin/x-1.16", "/usr/bin/y": "/usr/bin/y-1.16"},
        ),
        (f"[ -e /x ] && {INSTALL} /usr/bin/x x /usr/bin/z 1 \\\n #--slave /a a /b\n", {"/usr/bin/x": "/usr/bin/z"}),
        (f"# {INSTALL} /usr/bin/x x /usr/bin/x-1 20\n", {}),
        ("##: update-alternatives \\\n##: --install /usr/bin/x x /usr/bin/x-1 20\n", {}),
        ("update-alternatives --remove x /usr/bin/x-1\n", {}),
        (f"{INSTALL} /usr/bin/x x\n", {}),
        ("", {}),
    ],
)
def test_what_a_script_would_link(script: str, links: dict[str, str]) -> None:
    found, unclear = read_alternatives(script)
    assert {each.link: each.path for each in found} == links
    assert unclear == []


@pytest.mark.parametrize(
    ("script", "links"),
    [
        (f"for i in a b; do\n{INSTALL} /usr/bin/$i $i /usr/bin/$i-1 20\ndone\n", {}),
        (f"v=1\nv=2\n{INSTALL} /usr/bin/x x /usr/bin/x-$v 20\n", {}),
        (f"{INSTALL} /usr/bin/x x /usr/bin/x-1 20 $(\n more\n)\n", {"/usr/bin/x": "/usr/bin/x-1"}),
        (f"{INSTALL} /usr/bin/x x /usr/bin/x-1 `prio`\n", {}),
        (f"{INSTALL} /usr/bin/x x '/usr/bin/x-1 20\n", {}),
    ],
)
def test_what_only_running_it_would_tell_is_named(script: str, links: dict[str, str]) -> None:
    found, unclear = read_alternatives(script)
    assert {each.link: each.path for each in found} == links
    assert len(unclear) == 1 and INSTALL in unclear[0]


def test_the_highest_priority_has_the_link() -> None:
    offered = {
        "gawk": [Alternative("/usr/bin/awk", "/usr/bin/gawk", 10), Alternative("/usr/bin/nawk", "/usr/bin/gawk", 10)],
        "mawk": [Alternative("/usr/bin/awk", "/usr/bin/mawk", 5)],
        "less": [Alternative("/usr/bin/pager", "/usr/bin/less", 77)],
        "odd": [Alternative("/usr/bin/odd", "/usr/bin/odd", 1)],
    }
    assert choose(offered, {"/usr/bin/pager"}) == {
        "gawk": {"/usr/bin/awk": "/usr/bin/gawk", "/usr/bin/nawk": "/usr/bin/gawk"}
    }
