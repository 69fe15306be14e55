# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a package may not take from the base."""

from __future__ import annotations

import pytest

from planex.engine.takeover import Claims, refuse_takeovers, shared_libraries, taken
from planex.errors import ConfigError
from planex.rpm.index import Index
from tests.unit.factories import indexed, package, subpackage

BASE = Index(
    [
        indexed("bash", provides="sh", files="/bin/bash"),
        indexed("perl"),
        indexed(
            "zlib",
            provides="libz.so.1()(64bit),libz.so.1(ZLIB_1.2)(64bit),pkgconfig(zlib)",
            files="/usr/lib64/libz.so.1",
        ),
    ]
)


def found(*provides: str, obsoletes: str = "", files: str = "", replaces: tuple[str, ...] = ()) -> list[str]:
    claims = Claims("x.rpm", "x", ("x", *provides), obsoletes.split(), files.split())
    return [item.text for item in taken(claims, BASE, replaces)]


@pytest.mark.parametrize("capability", ["bash", "bash(x86-64)", "bash(x86-32)", "/bin/bash", "/usr/bin/bash"])
def test_a_base_packages_name_and_files_are_no_capabilities_of_others(capability: str) -> None:
    assert len(found(capability)) == 1
    assert found(capability, replaces=("bash",)) == []


@pytest.mark.parametrize(
    "capability",
    ["sh", "pkgconfig(zlib)", "perl(Foo::Bar)", "bash-completion", "libz.so.1()(64bit)", "config(bash)", "/usr/bin/x"],
)
def test_all_other_capabilities_are_free(capability: str) -> None:
    assert found(capability) == []


def test_names_obsoletes_and_files() -> None:
    claims = Claims("bash-9.rpm", "bash", ("bash", "bash(x86-64)"))
    assert [str(item) for item in taken(claims, BASE, ())] == ["bash-9.rpm has the name of a package of the base"]
    assert taken(claims, BASE, ("bash",)) == []
    assert found(obsoletes="bash") == ["x.rpm obsoletes bash, the name of a package of the base"]
    assert found(files="/usr/bin/bash /etc/x") == ["x.rpm has /usr/bin/bash, a file of the base's bash"]
    assert found(files="/lib64/libz.so.1") == ["x.rpm has /lib64/libz.so.1, a file of the base's zlib"]
    assert found(files="/opt/bin/bash") == []


def test_a_library_that_the_base_has_as_well_is_worth_a_word() -> None:
    claims = Claims("x.rpm", "x", ("libz.so.1()(64bit)", "libz.so.1(ZLIB_1.2)(64bit)", "sh", "pkgconfig(zlib)"))
    assert shared_libraries(claims, BASE, ()) == [
        "x.rpm has libz.so.1, which the base's zlib has as well: "
        "if that is meant, put into its package.yaml: replaces: [zlib]"
    ]
    assert shared_libraries(claims, BASE, ("zlib",)) == []


def test_specs_are_refused_all_at_once_with_what_would_allow_them() -> None:
    packages = {
        "evil": package("evil", "", subpackage("evil", provides="bash = 99")),
        "perl": package("perl"),
        "good": package("good", "", subpackage("good", provides="sh")),
    }
    with pytest.raises(ConfigError) as caught:
        refuse_takeovers(packages, BASE, {"evil": (), "perl": (), "good": ()})
    assert caught.value.message.splitlines() == [
        "specs/evil: evil provides bash, the name of a package of the base",
        "specs/perl: perl has the name of a package of the base",
    ]
    assert "replaces: [bash, perl]" in str(caught.value.hint)
    refuse_takeovers(packages, BASE, {"evil": ("bash",), "perl": ("perl",), "good": ()})
    refuse_takeovers(packages, None, {"evil": (), "perl": (), "good": ()})
