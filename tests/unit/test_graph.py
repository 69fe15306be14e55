# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

import pytest

from planex.engine.graph import Graph, build_graph, satisfies
from planex.errors import ConfigError
from planex.rpm.spec import Package
from tests.unit.factories import capability, package, subpackage


def graph(*packages: Package, base: set[str] | None = None) -> Graph:
    offered = {"gcc", "make"} if base is None else base
    return build_graph({item.name: item for item in packages}, offered.__contains__)


def edges(found: Graph) -> set[tuple[str, str]]:
    return {(edge.package, edge.needs) for edge in found.edges}


@pytest.mark.parametrize(
    "wanted",
    [
        "yajl-devel",
        "yajl-devel >= 1-1",
        "yajl-devel(x86-64)",
        "pkgconfig(yajl)",
        "/usr/bin/json_verify",
        "/usr/include/yajl/yajl_tree.h",
        "virtual-json",
        "(yajl-devel or other-json)",
    ],
)
def test_every_way_to_name_a_package_gives_an_edge(wanted: str) -> None:
    devel = subpackage(
        "yajl-devel",
        provides="virtual-json",
        files="/usr/lib64/pkgconfig/*.pc /usr/include/yajl /usr/bin/json_verify",
    )
    found = graph(package("xen", f"gcc,{wanted}"), package("yajl", "make", subpackage("yajl"), devel))
    assert edges(found) == {("xen", "yajl")}
    assert found.order == ("yajl", "xen")


def test_requires_of_what_is_pulled_in_count() -> None:
    a = package("a", "b-devel")
    b = package("b", "", subpackage("b"), subpackage("b-devel", requires="c"))
    found = graph(a, b, package("c"))
    assert edges(found) == {("a", "b"), ("a", "c")}
    because = {edge.needs: edge.because for edge in found.edges}
    assert because["c"] == "b-devel requires c"


def test_requires_of_the_package_itself_are_no_build_order() -> None:
    found = graph(package("a", "", subpackage("a", requires="b")), package("b", "a"))
    assert edges(found) == {("b", "a")}


def test_unknown_names_are_all_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        graph(package("xen", "yajl-devl,nothing"), package("yajl", "", subpackage("yajl-devel")))
    first, second = str(caught.value).splitlines()
    assert "specs/xen: BuildRequires yajl-devl" in first
    assert "did you mean 'yajl-devel'" in first
    assert "BuildRequires nothing" in second


def test_a_version_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"BuildRequires yajl >= 2: .*yajl makes yajl = 1-1"):
        graph(package("xen", "yajl >= 2"), package("yajl"))


def test_an_unknown_base_hides_nothing_but_misses_nothing_in_tree() -> None:
    found = build_graph({"a": package("a", "something-of-the-base")}, None)
    assert found.order == ("a",)


def test_cycles_print_their_path() -> None:
    with pytest.raises(ConfigError) as caught:
        graph(package("a", "b"), package("b", "c"), package("c", "a"))
    text = str(caught.value)
    assert "in a circle" in text
    assert "a needs b (BuildRequires b)" in text
    assert "c needs a (BuildRequires a)" in text


def test_a_package_that_needs_itself_is_a_cycle() -> None:
    with pytest.raises(ConfigError, match="a -> a"):
        graph(package("a", "a"))


def test_two_makers_of_one_package() -> None:
    with pytest.raises(ConfigError, match="x is made twice: by specs/a and specs/b"):
        graph(package("a", "", subpackage("x")), package("b", "", subpackage("x")))


def test_closure_and_dependents() -> None:
    found = graph(package("a", "b"), package("b", "c"), package("c"), package("d"))
    assert found.closure(["a"]) == {"a", "b", "c"}
    assert found.dependents("c") == {"b"}


@pytest.mark.parametrize(
    ("have", "wanted", "expected"),
    [
        ("x = 2", "x", True),
        ("x", "x >= 1", False),
        ("x = 2-1", "x = 2", True),
        ("x = 1:1", "x > 2", True),
        ("x = 1.10", "x >= 1.9", True),
        ("x = 1~rc1", "x >= 1", False),
        ("x = 1", "x < 1", False),
    ],
)
def test_versions_compare_as_rpm_does(have: str, wanted: str, expected: bool) -> None:
    assert satisfies(capability(have), capability(wanted)) is expected


def test_the_buildroot_may_hold_what_dependencies_need() -> None:
    found = graph(package("a", "b"), package("b", "c"), package("c"), package("d"))
    assert found.buildroot("a") == {"b", "c"}
    assert found.buildroot("d") == frozenset()
