# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is in a buildroot, and what that means for the rebuild key."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.engine.buildroot import Buildroot, Buildroots, base_changes, read_base, write_base
from planex.engine.builtrpms import BuiltRpm
from planex.engine.graph import build_graph
from planex.reach import Reach, bits
from planex.rpm.capability import parts, unanswered
from planex.rpm.index import Index
from planex.rpm.spec import Package
from tests.unit.factories import capability, indexed, made, package, subpackage

BASE = Index(
    [
        indexed("setup"),
        indexed("bash", requires="libc"),
        indexed("glibc", provides="libc", files="/sbin/ldconfig"),
        indexed("gcc", requires="binutils,/sbin/ldconfig"),
        indexed("binutils"),
        indexed("perl"),
    ]
)


def buildroot(
    wanted: str, packages: list[Package], results: dict[str, list[BuiltRpm]], base: Index | None = BASE
) -> Buildroot:
    """Of a package ``x`` with these BuildRequires."""
    named = {item.name: item for item in [package("x", wanted), *packages]}
    buildroots = Buildroots(build_graph(named, base), base, [capability("setup")])
    for name, rpms in results.items():
        buildroots.settle(name, tuple(rpms))
    return buildroots.of("x", named["x"].build_requires)


def names(found: Buildroot) -> tuple[list[str], list[str]]:
    return [each.name for _, each in found.made], [name for name, _ in found.base or ()]


def test_the_base_packages_that_come_along_and_no_others() -> None:
    assert names(buildroot("gcc", [], {})) == ([], ["binutils", "gcc", "glibc", "setup"])
    assert names(buildroot("", [], {})) == ([], ["setup"])


def test_what_an_rpm_really_requires_counts() -> None:
    packages = [package("b", "c", subpackage("b"), subpackage("b-devel")), package("c")]
    results = {
        "b": [made("b", requires="libc.so.1,bash"), made("b-devel", requires="b"), made("b-doc", requires="perl")],
        "c": [made("c", provides="libc.so.1"), made("c-devel")],
    }
    assert names(buildroot("b-devel", packages, results)) == (["b", "b-devel", "c"], ["bash", "glibc", "setup"])


def test_what_a_dependency_needed_to_be_built_is_not_there() -> None:
    packages = [package("b", "c"), package("c")]
    assert names(buildroot("b", packages, {"b": [made("b")], "c": [made("c")]})) == (["b"], ["setup"])


def test_what_comes_later_is_not_there_either() -> None:
    packages = [package("b"), package("later", "x")]
    results = {"b": [made("b", requires="tool")], "later": [made("later", provides="tool")]}
    assert names(buildroot("b", packages, results))[0] == ["b"]


def test_the_own_package_goes_before_that_of_the_base() -> None:
    assert names(buildroot("gcc", [package("gcc")], {"gcc": [made("gcc")]})) == (["gcc"], ["setup"])


def test_a_circle_leads_to_the_bases() -> None:
    found = buildroot("gcc", [package("gcc", "x")], {"gcc": [made("gcc")]})
    assert names(found) == ([], ["binutils", "gcc", "glibc", "setup"])


def test_a_new_result_takes_the_place_of_the_old() -> None:
    graph = build_graph({"x": package("x", "b"), "b": package("b")}, BASE)
    buildroots = Buildroots(graph, BASE, [])
    for digest in ("old", "new"):
        buildroots.settle("b", (made("b", digest),))
    assert buildroots.of("x", [capability("b")]).rows["dependency b"] == "new"


def test_a_result_that_is_told_twice_is_there_once() -> None:
    graph = build_graph({"x": package("x", "b"), "b": package("b")}, BASE)
    buildroots = Buildroots(graph, BASE, [])
    for digest in ("1", "1", "2", "1"):
        buildroots.settle("b", (made("b", digest),))
        assert buildroots.of("x", [capability("b")]).rows["dependency b"] == digest


def test_rows_of_the_key() -> None:
    alone, other = buildroot("gcc", [], {}), buildroot("gcc,perl", [], {})
    assert alone.rows.keys() == {"base packages"}
    assert alone.rows != other.rows
    grown = Index([*BASE.packages, indexed("unused")])
    assert buildroot("gcc", [], {}, grown).rows == alone.rows
    newer = Index([indexed("binutils", "2-1") if each.name == "binutils" else each for each in BASE.packages])
    assert buildroot("gcc", [], {}, newer).rows != alone.rows
    assert buildroot("perl", [], {}, newer).rows == buildroot("perl", [], {}).rows


def test_a_base_that_is_not_known_has_no_row() -> None:
    found = buildroot("gcc", [package("gcc")], {"gcc": [made("gcc")]}, None)
    assert found.rows.keys() == {"dependency gcc"}
    assert (found.base, found.base_digest) == (None, "")


def test_changes_of_the_base_are_told_by_name(tmp_path: Path) -> None:
    old = (("gcc", "1-1 a"), ("gone", "1-1 a"), ("same", "1-1 a"), ("twice", "1-1 a"))
    new = (("come", "2-1 a"), ("gcc", "1-2 b"), ("same", "1-1 a"), ("twice", "1-1 b"))
    assert base_changes(old, new) == [
        "base package come 2-1 added",
        "base package gcc 1-1 -> 1-2",
        "base package gone 1-1 removed",
        "base package twice 1-1 changed",
    ]
    write_base(tmp_path, Buildroot((), old))
    assert read_base(tmp_path) == old


def test_a_base_that_is_not_known_leaves_no_record(tmp_path: Path) -> None:
    write_base(tmp_path, Buildroot((), None))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "base.json").write_text('{"format": 1, "packages": [["gcc", "1-1 a"]]}')
    assert read_base(tmp_path) == (("gcc", "1-1 a"),)


@pytest.mark.parametrize("text", ["{", "[1]", '[["a"]]', "null", ""])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "base.json").write_text(text)
    assert read_base(tmp_path) is None


@given(st.lists(st.lists(st.integers(0, 11), max_size=4), min_size=12, max_size=12))
def test_reach_is_what_can_be_walked_to(edges: list[list[int]]) -> None:
    reach = Reach(edges.__getitem__)
    for node in range(len(edges)):
        seen, waiting = set(), [node]
        while waiting:
            if (at := waiting.pop()) not in seen:
                seen.add(at)
                waiting += edges[at]
        assert set(bits(reach[node])) == seen


def test_parts_of_rich_dependencies() -> None:
    found = parts(capability("(a >= 1 or (b and c(x)) if d else e)"))
    assert [str(each) for each in found] == ["a >= 1", "b", "c(x)", "d", "e"]
    assert [str(each) for each in parts(capability("(a > 1 and (b < 2 or c == 3))"))] == ["a > 1", "b < 2", "c == 3"]
    assert parts(capability("((a))")) == [capability("a")]
    assert (capability("a").operator, capability("a").version) == ("", "")


@pytest.mark.parametrize(
    ("text", "names"), [("(a or", "a"), ("(a b)", "a b"), ("(a b c)", "a b c"), ("(or a)", "a"), ("()", ""), ("(", "")]
)
def test_a_rich_dependency_that_rpm_refuses_names_all_that_is_in_it(text: str, names: str) -> None:
    assert [str(each) for each in parts(capability(text))] == names.split()


def test_a_rich_dependency_that_rpm_refuses_asks_for_all_that_is_in_it() -> None:
    wanted = capability("(a b >= 1 c)")
    assert [str(each) for each in unanswered(wanted, lambda each: each.name == "b")] == ["a", "c"]


def test_an_index_knows_where_its_packages_are() -> None:
    assert BASE.locations["gcc.rpm"] == 1
    assert len(BASE.locations) == len(BASE.packages)


def test_the_bases_other_answers_to_a_requirement_count_too() -> None:
    base = Index([*BASE.packages, indexed("foo2-devel", provides="pkgconfig(foo) = 2")])
    packages = [package("foo", "", subpackage("foo-devel", files="/usr/lib64/pkgconfig/foo.pc"))]
    pc = "/usr/lib64/pkgconfig/foo.pc"
    results = {"foo": [made("foo-devel", provides="pkgconfig(foo) = 1", files=pc)]}
    assert names(buildroot("pkgconfig(foo) >= 2", packages, results, base)) == ([], ["foo2-devel", "setup"])


def test_all_of_the_base_counts_where_what_a_buildroot_starts_with_is_a_group() -> None:
    graph = build_graph({"x": package("x")}, BASE)
    assert len(Buildroots(graph, BASE, [capability("@build")]).of("x", []).base or ()) == len(BASE.packages)


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        ("tool", True),
        ("tool >= 2", True),
        ("tool < 2", True),
        ("tool = 1", True),
        ("tool = 3", False),
        ("tool >= 3", False),
        ("x < 2", False),
    ],
)
def test_a_mirror_may_have_older_versions_than_the_latest(wanted: str, there: bool) -> None:
    latest = [indexed("tool", "2-1")]
    assert Index(latest, latest_only=True).offers(capability(wanted)) == there
    assert Index(latest).offers(capability(wanted)) == (wanted in ("tool", "tool >= 2"))
