# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from planex.engine.graph import Graph, build_graph
from planex.rpm.capability import Capability, satisfies
from planex.rpm.index import Index
from planex.rpm.spec import Package
from tests.unit.factories import base, capability, indexed, package, subpackage


def graph(*packages: Package, offers: Index | None = None) -> Graph:
    return build_graph({item.name: item for item in packages}, offers or base("gcc", "make"))


def edges(found: Graph) -> set[tuple[str, str]]:
    return {(name, need) for name in found.order for need in found.needs(name)}


def faults(found: Graph) -> list[str]:
    return [text for fault in found.faults.values() for text in fault.message.split("\nspecs/")]


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


@pytest.mark.parametrize(
    ("wanted", "file"),
    [
        ("cmake(Catch2) >= 3", "/usr/lib64/cmake/Catch2/"),
        ("cmake(catch2)", "/usr/lib64/cmake/Catch2/*.cmake"),
        ("cmake(KF6I18n)", "/usr/lib64/cmake/KF6*"),
        ("python3dist(ruamel-yaml)", "/usr/lib/python3.11/site-packages/ruamel_yaml-0.18.dist-info/"),
        ("python3.11dist(Ruamel.Yaml)", "/usr/lib64/python3.11/site-packages/ruamel.yaml-*.egg-info"),
        ("python3dist(six)", "/usr/lib/python3.11/site-packages/six.py"),
        ("python3dist(pkg[extra])", "/usr/lib/python3.11/site-packages/pkg"),
        ("perl(Foo::Bar)", "/usr/share/perl5/vendor_perl/Foo/"),
        ("perl(Foo::Bar)", "/usr/share/perl5/vendor_perl/Foo/*.pm"),
        ("pkgconfig(yajl)", "/usr/lib64/pkgconfig/yajl.pc"),
    ],
)
def test_what_rpm_will_make_of_files_is_foreseen(wanted: str, file: str) -> None:
    found = graph(package("a", wanted), package("b", "", subpackage("b", files=file)), package("c"))
    assert (edges(found), dict(found.faults)) == ({("a", "b")}, {})


def test_what_may_be_any_module_is_taken_only_where_nothing_else_answers() -> None:
    any_module = subpackage("xen-devel", files="/usr/lib64/pkgconfig/*.pc /usr/lib64/cmake/* /usr/share/vendor_perl/*")
    xen = package("xen", "", any_module)
    yajl = package("yajl", "", subpackage("yajl", files="/usr/lib64/pkgconfig/yajl.pc"))
    found = graph(package("a", "pkgconfig(yajl)"), package("b", "pkgconfig(zlib)"), xen, yajl)
    assert edges(found) == {("a", "yajl"), ("b", "xen")}
    zlib = Index([indexed("zlib", provides="pkgconfig(zlib)")])
    assert edges(graph(package("b", "pkgconfig(zlib)"), xen, offers=zlib)) == set()


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("python3dist(ruamel.yaml)", "python3-ruamel-yaml"),
        ("perl(Foo::Bar)", "perl-Foo-Bar"),
        ("rubygem(rake)", "rubygem-rake"),
        ("npm(tap)", "nodejs-tap"),
    ],
)
def test_a_package_named_as_is_customary_is_taken_for_what_it_is_named_for(wanted: str, name: str) -> None:
    assert edges(graph(package("a", wanted), package(name), package("other"))) == {("a", name)}


@pytest.mark.parametrize("wanted", ["cmake(Catch)", "python3dist(yam)", "perl(Foo)", "pkgconfig(yaj)", "golang(x)"])
def test_nothing_is_foreseen_of_what_only_begins_alike(wanted: str) -> None:
    files = "/usr/lib64/cmake/Catch2/a.cmake /usr/lib/python3.11/site-packages/yaml /usr/lib64/pkgconfig/yajl.pc"
    files += " /usr/share/perl5/vendor_perl/Foo/Bar.pm"
    assert "a" in graph(package("a", wanted), package("b", "", subpackage("b", files=files))).faults


def test_requires_of_what_is_pulled_in_count() -> None:
    a = package("a", "b-devel")
    b = package("b", "", subpackage("b"), subpackage("b-devel", requires="c"))
    found = graph(a, b, package("c"))
    assert edges(found) == {("a", "b"), ("a", "c")}
    because = {edge.needs: edge.because for edge in found.edges("a")}
    assert because["c"] == "b-devel requires c"


def test_what_is_installed_to_build_a_package_cannot_need_that_package() -> None:
    circle = (package("a", "", subpackage("a", requires="b")), package("b", "a"))
    assert "b needs b (a requires b)" in faults(graph(*circle))[0]
    found = graph(*circle, offers=base("b"))
    assert edges(found) == {("b", "a")}
    assert not found.may_have("b", "b")


def test_unknown_names_are_all_reported() -> None:
    found = graph(package("xen", "yajl-devl,nothing"), package("yajl", "", subpackage("yajl-devel")))
    first, second = found.faults["xen"].message.splitlines()
    assert "specs/xen: BuildRequires yajl-devl" in first
    assert "did you mean 'yajl-devel'" in first
    assert "BuildRequires nothing" in second


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("oniguruma-devel", ""),
        ("libpcap-devel", ""),
        ("greeting-devel", ""),
        ("pkgconfig(onig)", ""),
        ("zlib-devel", " (did you mean 'zlib1g-dev'?)"),
        ("openssl-dev", " (did you mean 'openssl-devel'?)"),
        ("perl-URI", " (did you mean 'liburi-perl'?)"),
        ("greet-dev", " (did you mean 'libgreet-devel'?)"),
        ("opnessl-devel", " (did you mean 'openssl-devel'?)"),
    ],
)
def test_a_name_is_near_only_if_it_is_for_the_same_thing(wanted: str, near: str) -> None:
    greet = package("greet", "", subpackage("libgreet-devel"))
    offered = base("zlib1g-dev", "openssl-devel", "liburi-perl", "cap-devel", "pkgconfig(yajl)")
    found = faults(graph(package("a", wanted), greet, offers=offered))[0]
    assert found == f"specs/a: BuildRequires {wanted}: nothing here or in the base provides it{near}"


def test_the_archive_is_asked_before_a_typing_error_is_supposed() -> None:
    def advise(wanted: str, offered: Index) -> str:
        return f"; Debian has {wanted}" if "libcap-devel" in offered.names else ""

    found = build_graph({"a": package("a", "libpcap-devel")}, base("libcap-devel"), advise=advise)
    assert faults(found)[0].endswith("; Debian has libpcap-devel")


def test_what_cannot_be_built_holds_up_what_needs_it_and_nothing_else() -> None:
    found = graph(package("a", "b"), package("b", "nothing"), package("c"), package("d", "a"))
    assert found.order == ("c",)
    assert set(found.faults) == {"b"}
    assert found.closure(["d"]) == {"a", "b", "d"}


def test_a_version_that_is_not_there_is_named() -> None:
    assert (
        "BuildRequires yajl >= 2: nothing here or in the base provides it, but yajl makes yajl = 1-1"
        in (faults(graph(package("xen", "yajl >= 2"), package("yajl")))[0])
    )
    assert (
        "gcc >= 9: nothing here or in the base provides it, but the base has gcc = 1-1"
        in (faults(graph(package("xen", "gcc >= 9")))[0])
    )


def test_what_is_not_for_this_architecture_is_told() -> None:
    absent = {"yajl": (package("yajl"), "not for x86_64 (ExclusiveArch: aarch64)")}
    found = build_graph({"xen": package("xen", "yajl,nothing")}, base("gcc"), left_out=absent)
    first, second = found.faults["xen"].message.splitlines()
    assert first.endswith("provides it, for yajl is not for x86_64 (ExclusiveArch: aarch64)")
    assert "yajl" not in second


def test_what_could_not_be_read_may_be_what_is_missing() -> None:
    found = build_graph({"a": package("a", "b")}, base(), broken=["b"])
    assert faults(found)[0].endswith("; perhaps one that cannot be read does: b")


@pytest.mark.parametrize(
    ("wanted", "lacking"),
    [
        ("(gcc or nothing)", ""),
        ("(gcc and nothing)", "nothing"),
        ("(nothing or other)", "nothing"),
        ("(gcc with nothing)", "nothing"),
        ("(nothing if other)", ""),
        ("(nothing if gcc)", "nothing"),
        ("(nothing if other else gcc)", ""),
        ("(gcc if other else nothing)", "nothing"),
        ("(nothing unless gcc)", ""),
        ("(gcc without nothing)", ""),
        ("(gcc >= 2 or (make and yajl))", ""),
        ("(gcc >= 2 and make)", "gcc >= 2"),
    ],
)
def test_rich_dependencies_are_judged_as_a_whole(wanted: str, lacking: str) -> None:
    found = faults(graph(package("xen", wanted), package("yajl")))
    assert [f"BuildRequires {lacking}:" in text for text in found[:1]] == [True] * bool(lacking)


def test_an_unknown_base_hides_nothing_but_misses_nothing_in_tree() -> None:
    found = build_graph({"a": package("a", "something-of-the-base")}, None)
    assert found.order == ("a",)
    assert not found.faults


def test_circles_print_their_path() -> None:
    found = graph(package("a", "b"), package("b", "c"), package("c", "a"), package("d", "a"), package("e"))
    text = found.faults["a"].message
    assert "in a circle: " in text
    assert "a needs b (BuildRequires b)" in text
    assert "c needs a (BuildRequires a)" in text
    first, *steps = text.splitlines()
    path = first.removeprefix("packages need each other in a circle: ").split(" -> ")
    assert path[0] == path[-1]
    assert [step.split(" (")[0] for step in steps] == [f"  {a} needs {b}" for a, b in pairwise(path)]
    assert set(found.faults) == {"a", "b", "c"}
    assert found.order == ("e",)


def test_a_circle_by_what_is_installed_along_names_all_that_are_built() -> None:
    b = package("b", "", subpackage("b-devel", requires="d"), subpackage("b"))
    found = graph(package("a", "b-devel"), b, package("c", "a"), package("d", "c"))
    first, *steps = found.faults["a"].message.splitlines()
    assert set(found.faults) == {"a", "c", "d"}
    assert set(steps) == {
        "  a needs d (b-devel requires d)",
        "  d needs c (BuildRequires c)",
        "  c needs a (BuildRequires a)",
    }
    assert first.count(" -> ") == 3


def test_a_circle_that_the_base_answers_is_none() -> None:
    packages = (package("a", "b"), package("b", "c"), package("c", "a"))
    found = graph(*packages, offers=base("a"))
    assert edges(found) == {("a", "b"), ("b", "c")}
    assert [str(item) for item in found.opened] == ["built with the base's a, for a needs c"]
    assert found.opened[0].package == "c"


def test_what_the_base_has_in_another_version_opens_no_circle() -> None:
    assert graph(package("a", "b"), package("b", "a = 1-1"), offers=Index([indexed("a", "2-1")])).faults


@pytest.mark.parametrize("wanted", ["(b or cc)", "(b unless gcc else cc)"])
def test_a_circle_that_the_base_answers_in_another_way_is_none(wanted: str) -> None:
    found = graph(package("a", wanted), package("b", "a"), offers=base("gcc", "cc"))
    assert (found.order, dict(found.faults)) == (("a", "b"), {})
    assert [str(item) for item in found.opened] == [f"built with the base's {wanted}, for b needs a"]


def bootstrapped(*packages: Package, offers: Index | None = None) -> Graph:
    """A graph in which ``NAME~bootstrap`` can be built in the stead of ``NAME``."""
    named = {item.name: item for item in packages if not item.name.endswith("~bootstrap")}
    early = {item.name.removesuffix("~bootstrap"): item for item in packages if item.name not in named}
    found = named | {f"{name}~bootstrap": item for name, item in early.items()}
    return build_graph(found, offers or base("gcc"), bootstraps={name: f"{name}~bootstrap" for name in early})


def test_a_circle_is_opened_by_what_can_be_built_before() -> None:
    circle = [package("doc", "lib"), package("lib", "doc"), package("app", "lib,doc")]
    assert "give one `bootstrap: true`" in (graph(*circle).faults["lib"].hint or "")
    found = bootstrapped(*circle, package("lib~bootstrap", "gcc", subpackage("lib")))
    assert found.order == ("lib~bootstrap", "doc", "lib", "app")
    assert edges(found) == {("doc", "lib~bootstrap"), ("lib", "doc"), ("app", "lib"), ("app", "doc")}
    assert [str(item) for item in found.opened] == [
        "built with lib as its condition `bootstrap` makes it, for lib needs doc"
    ]
    assert found.may_have("doc", "lib~bootstrap") and not found.may_have("doc", "lib")
    assert found.may_have("app", "lib") and not found.may_have("app", "lib~bootstrap")
    assert found.closure(["lib"]) == {"lib~bootstrap", "doc", "lib"}
    assert found.too_late("doc", capability("lib")) == [], "lib~bootstrap is there"
    assert found.too_late("doc", capability("app")) == ["app"]
    assert found.too_late("app", capability("doc")) == found.too_late("doc", capability("gcc")) == []


def test_a_compiler_is_built_with_itself() -> None:
    found = bootstrapped(package("cc", "cc"), package("cc~bootstrap", "gcc", subpackage("cc")))
    assert (found.order, found.faults) == (("cc~bootstrap", "cc"), {})
    assert found.may_have("cc", "cc~bootstrap") and not found.may_have("cc", "cc")


def test_what_stands_in_comes_along_by_what_others_require() -> None:
    tool = package("tool", "", subpackage("tool", requires="lib-devel"))
    lib = package("lib", "tool", subpackage("lib-devel"))
    found = bootstrapped(package("a", "tool"), tool, lib, package("lib~bootstrap", "", subpackage("lib-devel")))
    assert edges(found) == {("a", "tool"), ("a", "lib"), ("lib", "tool"), ("lib", "lib~bootstrap")}
    because = {edge.needs: edge.because for edge in found.edges("lib")}
    assert because["lib~bootstrap"] == "tool requires lib-devel"


def test_what_is_not_needed_is_not_built_before() -> None:
    found = bootstrapped(package("doc", "lib"), package("lib"), package("lib~bootstrap", "nothing", subpackage("lib")))
    assert found.order == ("lib", "doc")


def test_a_circle_that_stays_even_so_is_a_fault() -> None:
    lib = package("lib~bootstrap", "doc", subpackage("lib"))
    found = bootstrapped(package("doc", "lib"), package("lib", "doc"), lib)
    assert "circle: " in found.faults["doc"].message
    assert found.order == ()


def hinted(*packages: Package, **hints: str) -> Graph:
    """A graph with what earlier builds asked for."""
    asked = {name: (capability(wanted),) for name, wanted in hints.items()}
    return build_graph({item.name: item for item in packages}, base("gcc"), hints=asked)


def test_what_an_earlier_build_asked_for_counts_where_something_answers_it() -> None:
    found = hinted(package("a", "gcc"), package("b"), a="b")
    assert (edges(found), found.asks("a")) == ({("a", "b")}, (capability("gcc"), capability("b")))
    gone = hinted(package("a", "gcc"), a="b")
    assert (gone.faults, gone.asks("a")) == ({}, (capability("gcc"),))


def test_what_an_earlier_build_asked_for_makes_no_circle() -> None:
    found = hinted(package("a"), package("b", "a"), a="b")
    assert (found.faults, edges(found), found.asks("a")) == ({}, {("b", "a")}, ())


def test_a_package_that_needs_itself_is_a_circle() -> None:
    assert "a -> a" in faults(graph(package("a", "a")))[0]


def test_run_time_circles_are_installed_together() -> None:
    one, two = subpackage("one", requires="two"), subpackage("two", requires="one")
    found = graph(package("a", "", one), package("b", "", two), package("c", "one"))
    assert edges(found) == {("c", "a"), ("c", "b")}


def test_two_makers_of_one_package() -> None:
    found = graph(package("a", "", subpackage("x")), package("b", "", subpackage("x")), package("c"))
    assert faults(found)[0].startswith("x is made twice: by specs/a and specs/b")
    assert found.order == ("c",)


def test_closure() -> None:
    found = graph(package("a", "b"), package("b", "c"), package("c"), package("d"))
    assert found.closure(["a"]) == {"a", "b", "c"}
    assert found.closure(["b"]) == {"b", "c"}
    assert found.closure(["c"]) == {"c"}
    assert found.closure([]) == set()


def test_a_package_that_makes_nothing_still_needs_what_it_names() -> None:
    nothing = replace(package("a", "b"), subpackages=())
    assert graph(nothing, package("b"), package("c")).closure(["a"]) == {"a", "b"}


def test_a_package_is_brought_to_where_it_can_be_installed() -> None:
    tool = package("tool", "", subpackage("tool", requires="library"))
    found = graph(tool, package("library", "generator"), package("generator"), package("other"))
    assert found.closure(["tool"]) == {"tool", "library", "generator"}
    assert not found.may_have("tool", "library")


def test_why_one_package_needs_another() -> None:
    middle = package("b", "", subpackage("b-devel", requires="d"))
    found = graph(package("a", "b-devel"), middle, package("d", "e"), package("e"))
    assert [(edge.package, edge.needs, edge.because) for edge in found.path("a", "e")] == [
        ("a", "d", "b-devel requires d"),
        ("d", "e", "BuildRequires e"),
    ]
    assert found.path("e", "a") == ()


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
        ("x = 1", "x < 2", True),
        ("x = 1.00", "x < 1.0", False),
        ("x = 1.00", "x > 1.0", False),
        ("x = 1.00", "x >= 1.0", True),
        ("x = 1", "x > 1", False),
    ],
)
def test_versions_compare_as_rpm_does(have: str, wanted: str, expected: bool) -> None:
    assert satisfies(capability(have), capability(wanted)) is expected


@pytest.mark.parametrize("version", ["1:", "-1", ":"])
def test_a_version_that_is_none_answers_nothing(version: str) -> None:
    assert not satisfies(capability("foo = 1"), Capability("foo", ">=", version))


def test_a_dependency_that_is_nested_without_end_is_read_as_names() -> None:
    assert "BuildRequires" in faults(graph(package("a", "(" * 5000 + "foo")))[0]


def test_a_circle_is_not_opened_where_the_base_answers_only_a_part() -> None:
    devel, libs = subpackage("b-devel"), subpackage("b-libs")
    packages = (package("a", "b-devel,b-libs"), package("b", "a", devel, libs))
    assert set(graph(*packages, offers=base("b-devel")).faults) == {"a", "b"}
    assert not graph(*packages, offers=base("b-devel", "b-libs")).faults
