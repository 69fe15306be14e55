# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the archive has for a BuildRequires that nothing provides."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.base.advice import Advisor
from planex.base.apt import Apt
from planex.base.offers import advice, parse_offers
from tests.unit.factories import base

STANZAS = """\
Package: libonig-dev
Source: libonig (6.9.8-1)
Version: 6.9.8-1
Homepage: https://github.com/kkos/oniguruma
Description: regular expressions library - development files

Package: libssl-dev
Source: openssl
Homepage: https://www.openssl.org/

Package: zlib1g-dev
Source: zlib
Homepage: http://zlib.net/

Package: libpcap-dev
Source: libpcap

Package: liburi-perl

Package: python3-dev

Package: libpython3-dev
Source: python3-defaults

Package: meson

Package: libsqlite3-dev
Source: sqlite3

Package: libcurl4-openssl-dev
Source: curl

Package: libcurl4-gnutls-dev
Source: curl

Package: libcurl-ocaml-dev
Homepage: https://github.com/ygrek/curl
"""


def told(wanted: str, *base: str) -> str:
    return advice(wanted, parse_offers(STANZAS), base, "repos/b.yaml")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("oniguruma-devel", "libonig-dev"),
        ("openssl-devel", "libssl-dev"),
        ("zlib-devel", "zlib1g-dev"),
        ("libpcap-devel", "libpcap-dev"),
        ("pcap-devel", "libpcap-dev"),
        ("sqlite-devel", "libsqlite3-dev"),
        ("perl-URI", "liburi-perl"),
        ("perl(URI)", "liburi-perl"),
        ("meson", "meson"),
        ("/usr/bin/meson", "meson"),
        ("pkgconfig(oniguruma)", "libonig-dev"),
        ("curl-devel", "libcurl4-gnutls-dev or libcurl4-openssl-dev"),
    ],
)
def test_what_debian_calls_it_and_that_the_base_leaves_it_out(wanted: str, found: str) -> None:
    assert told(wanted).startswith(
        f"; Debian has {found}, which this base leaves out: add it to a group of repos/b.yaml"
    )


@pytest.mark.parametrize(
    "wanted", ["greet-devel", "cap-devel", "libon-devel", "perl(IO)", "curl", "zlib", "son", "dev"]
)
def test_a_wrong_guess_is_worse_than_none(wanted: str) -> None:
    assert told(wanted) == ""


def test_what_the_base_has_under_another_name_can_be_asked_for() -> None:
    assert told("zlib-devel", "zlib1g-dev") == (
        "; the base has zlib1g-dev: ask for that, or write `zlib1g-dev: [zlib-devel]` under aliases in repos/b.yaml"
    )
    assert told("python3-devel", "python3-dev").startswith("; the base has python3-dev:")


def test_what_is_not_in_a_package_of_the_base_is_not_looked_for_there() -> None:
    assert told("pkgconfig(zlib)", "zlib1g-dev") == ""


def test_the_lines_to_write() -> None:
    assert told("oniguruma-devel").endswith(
        "repos/b.yaml, and `libonig-dev: [oniguruma-devel]` under aliases, then `planex base build`"
    )
    assert told("meson").endswith("leaves out: add it to a group of repos/b.yaml, then `planex base build`")


def test_advice_is_given_where_it_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full or closed disk the error to tell is still what is lacking."""
    monkeypatch.setattr(Apt, "available", lambda self: STANZAS)
    (tmp_path / "advice.json").mkdir()
    said = Advisor(tmp_path, "repos/b.yaml")("meson", base("bash"))
    assert said.startswith("; Debian has meson, which this base leaves out")
