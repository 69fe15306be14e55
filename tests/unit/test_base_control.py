# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian control data and apt's answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.base.apt import parse_missing, parse_uris, preferences
from planex.base.control import Evr, parse_stanzas, to_evr

STANZAS = """\
Package: gawk
Version: 1:5.2.1-2
Architecture: amd64
Provides: awk, gawk-static (= 5.2-1)
Pre-Depends: libc6 (>= 2.34), libreadline8:any (>= 6.0) | libreadline7
Depends: debconf (>= 0.5)
 | debconf-2.0
Description: GNU awk
 a long text: with a colon
Filename: pool/main/g/gawk/gawk_5.2.1-2_amd64.deb
Size: 672772
SHA256: 9cd6

Package: busybox
Source: busybox-src (1.2)
Version: 1.35
Architecture: all
Filename: pool/b.deb
Size: 1
SHA256: ab
"""


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1:1.2.13.dfsg-1", Evr("1", "1.2.13.dfsg", "1")),
        ("12.4+deb12u15", Evr("", "12.4+deb12u15", "1")),
        ("3:6.04~git20190206.bf6db5b4+dfsg1-3", Evr("3", "6.04~git20190206.bf6db5b4+dfsg1", "3")),
        ("0:2-rc1-4+b1", Evr("", "2.rc1", "4+b1")),
    ],
)
def test_versions(version: str, expected: Evr) -> None:
    assert to_evr(version) == expected


@given(st.from_regex(r"([1-9]:)?[0-9]([a-z0-9.+~-]{0,10}[a-z0-9])?", fullmatch=True))
def test_any_version_is_one_that_rpm_takes(version: str) -> None:
    evr = to_evr(version)
    assert "-" not in evr.version + evr.release
    assert evr.version and evr.release


def test_versions_print_with_and_without_epoch() -> None:
    evr = to_evr("2:3.8.2-1")
    assert (evr.epoch, evr.plain) == ("2", "3.8.2-1")


def test_stanzas() -> None:
    busybox, gawk = parse_stanzas(STANZAS)
    assert busybox.name == "busybox" and busybox.source == "busybox-src"
    assert busybox.rpm_architecture == "noarch" and gawk.rpm_architecture == "x86_64"
    assert gawk.depends == (("libc6",), ("libreadline8", "libreadline7"), ("debconf", "debconf-2.0"))
    assert gawk.provides == {"awk": None, "gawk-static": "5.2-1"}
    assert gawk.summary == "GNU awk" and gawk.size == 672772
    assert gawk.file == "gawk_1%3a5.2.1-2_amd64.deb"


def test_uris() -> None:
    text = (
        "Reading package lists...\n"
        "'http://m/debian/pool/z/zlib1g_1.2.13.dfsg-1_amd64.deb' zlib1g_1%3a1.2.13.dfsg-1_amd64.deb 1 SHA256:ab\n"
        "'http://m/debian/pool/b/bash_5.2.15-2%2bb13_amd64.deb' bash_5.2.15-2+b13_amd64.deb 2 \n"
    )
    assert parse_uris(text) == [("bash", "5.2.15-2+b13"), ("zlib1g", "1:1.2.13.dfsg-1")]


def test_missing_files() -> None:
    text = (
        "E: Failed to fetch http://m/pool/x/xz-utils_5.4.1-1%2bdeb12u2_amd64.deb  404  Not Found [IP: 1.2.3.4 80]\n"
        "E: Failed to fetch file:/m/bash_5_amd64.deb  File not found - /m/bash_5_amd64.deb (2: No such file)\n"
        "E: Failed to fetch http://m/pool/b/bc_1_amd64.deb  Connection failed\n"
    )
    assert parse_missing(text) == (("xz-utils", "5.4.1-1+deb12u2"), ("bash", "5"))


def test_preferences_rule_out_versions() -> None:
    assert preferences([("xz-utils", "5.4")]) == "Package: xz-utils\nPin: version 5.4\nPin-Priority: -1\n"
    assert preferences([]) == ""
