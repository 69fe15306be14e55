# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from planex.content.key import Inputs, differences
from planex.content.store import Result
from planex.engine.graph import Graph, build_graph
from planex.engine.plan import Action, Plan, Step, make_plan
from planex.printable import few
from tests.unit.factories import base, package, result

PACKAGES = {"xen": package("xen", "yajl"), "yajl": package("yajl"), "kernel": package("kernel")}
GRAPH = build_graph(PACKAGES, base())
SPECS = {"xen": "x1", "yajl": "y1", "kernel": "k1"}


@dataclass
class Known:
    """Keys and history as a plan asks for them: every package has its spec and what its needs made."""

    graph: Graph
    specs: Mapping[str, str]
    results: Mapping[str, Result]
    damaged: Mapping[str, str] = field(default_factory=dict)
    older: Mapping[str, Result] = field(default_factory=dict)
    """Results that are not in use."""
    settled: dict[str, str] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()

    def own(self, name: str) -> Inputs:
        return Inputs.of({"spec": self.specs[name]})

    def whole(self, name: str) -> Inputs:
        return self.own(name) | {f"dependency {need}": self.settled[need] for need in self.graph.needs(name)}

    def settle(self, name: str, result: Result) -> bool:
        if name in self.unreadable:
            self.damaged = {name: "an RPM is damaged"}
            return False
        self.settled[name] = result.digest
        return True

    def offer(self, name: str, key: str) -> str:
        return ""

    def changes(self, name: str, old: Result, new: Inputs, *, pending: bool) -> tuple[str, ...]:
        return tuple(text for text in differences(old.inputs, new) if not (pending and text.startswith("dependency ")))

    def last(self, name: str) -> Result | None:
        return self.results.get(name)

    def find(self, name: str, key: str) -> Result | None:
        found = (self.results.get(name), self.older.get(name))
        return next((each for each in found if each and each.key == key and name not in self.damaged), None)

    def damage(self, name: str, key: str) -> str | None:
        return self.damaged.get(name)


def plan(
    results: Mapping[str, Result],
    specs: Mapping[str, str] = SPECS,
    wanted: tuple[str, ...] = ("xen", "yajl", "kernel"),
    force: tuple[str, ...] = (),
    damaged: Mapping[str, str] | None = None,
    graph: Graph = GRAPH,
    older: Mapping[str, Result] | None = None,
) -> Plan:
    known = Known(graph, specs, results, damaged or {}, older or {})
    return make_plan(graph, wanted, known, known, force=force)


def stored(name: str, dependencies: Mapping[str, str], made: str, specs: Mapping[str, str] = SPECS) -> Result:
    rows = {"spec": specs[name]} | {f"dependency {need}": digest for need, digest in dependencies.items()}
    return result(Inputs.of(rows).key, rows, made)


ALL = {
    "yajl": stored("yajl", {}, "made-yajl"),
    "kernel": stored("kernel", {}, "made-kernel"),
    "xen": stored("xen", {"yajl": stored("yajl", {}, "made-yajl").digest}, "made-xen"),
}


def reasons(found: Plan) -> dict[str, str]:
    return {step.package: few(step.reasons) for step in found.builds}


def test_everything_is_new_at_first() -> None:
    found = plan({})
    assert reasons(found) == {"yajl": "new", "kernel": "new", "xen": "new; dependency yajl is to be rebuilt"}


def test_nothing_to_do_when_nothing_changed() -> None:
    found = plan(ALL)
    assert not found.changes
    assert {step.action for step in found.steps} == {Action.KEEP}


def test_only_what_changed_and_its_dependents_are_built() -> None:
    assert reasons(plan(ALL, SPECS | {"yajl": "y2"})) == {
        "yajl": "spec changed",
        "xen": "dependency yajl is to be rebuilt",
    }
    assert reasons(plan(ALL, SPECS | {"xen": "x2"})) == {"xen": "spec changed"}


def test_a_result_that_does_not_serve_is_built_again() -> None:
    known = Known(GRAPH, SPECS, ALL, unreadable=("yajl",))
    found = make_plan(GRAPH, ("xen", "kernel"), known, known)
    assert reasons(found) == {"yajl": "an RPM is damaged", "xen": "dependency yajl is to be rebuilt"}


def test_a_dependency_that_came_out_different_is_the_reason() -> None:
    changed = ALL | {"yajl": result(ALL["yajl"].key, dict(ALL["yajl"].inputs.rows), "other")}
    assert reasons(plan(changed)) == {"xen": "dependency yajl was rebuilt"}


def test_only_the_wanted_and_what_they_need() -> None:
    assert set(reasons(plan({}, wanted=("xen",)))) == {"yajl", "xen"}


def test_force_builds_without_a_change() -> None:
    assert reasons(plan(ALL, wanted=("kernel",), force=("kernel",))) == {"kernel": "asked for by --force"}


def test_the_longest_chain_is_started_first() -> None:
    weights = {step.package: step.weight for step in plan({}).steps}
    assert weights["yajl"] > weights["kernel"]


def test_a_chain_is_as_long_as_its_longest_way() -> None:
    packages = {"a": package("a", "b,c"), "b": package("b", "d"), "c": package("c"), "d": package("d")}
    graph = build_graph(packages, base())
    specs = dict.fromkeys(packages, "1")
    weights = {step.package: step.weight for step in plan({}, specs, tuple(packages), graph=graph).steps}
    assert weights == {"a": 60, "b": 120, "c": 120, "d": 180}


def test_a_package_weighs_what_its_last_build_took_and_one_that_stays_nothing() -> None:
    results = ALL | {"yajl": replace(ALL["yajl"], seconds=7.0)}
    weights = {step.package: step.weight for step in plan(results, SPECS | {"yajl": "y2"}).steps}
    assert weights == {"yajl": 17, "xen": 10, "kernel": 0}


def test_an_earlier_result_of_the_same_inputs_is_used_again() -> None:
    older = {"xen": ALL["xen"]}
    current = stored("xen", {"yajl": ALL["yajl"].digest}, "made-xen-2", SPECS | {"xen": "x2"})
    for results in (ALL | {"xen": current}, {name: ALL[name] for name in ("yajl", "kernel")}):
        found = plan(results, older=older)
        assert [(step.package, step.action) for step in found.steps if step.action is not Action.KEEP] == [
            ("xen", Action.REUSE)
        ]
        assert [few(step.reasons) for step in found.steps if step.package == "xen"] == [
            "built before from the same inputs"
        ]
        assert (found.builds, found.changes) == ((), True)


def test_a_result_that_is_used_again_is_what_others_are_built_with() -> None:
    newer = stored("yajl", {}, "made-yajl-2", SPECS | {"yajl": "y2"})
    found = plan(ALL | {"yajl": newer}, older={"yajl": ALL["yajl"]})
    assert {step.package: step.action for step in found.steps}["xen"] is Action.KEEP


def test_only_what_is_forced_is_marked_so() -> None:
    found = plan(ALL, force=("kernel",))
    assert {step.package: step.forced for step in found.steps} == {"yajl": False, "xen": False, "kernel": True}
    assert found.changes


def test_needs_and_reasons_are_in_the_order_of_names() -> None:
    names = [f"lib{letter}" for letter in "fbdaec"]
    packages = {name: package(name) for name in names} | {"top": package("top", ",".join(names))}
    found = plan({}, dict.fromkeys(packages, "1"), ("top",), graph=build_graph(packages, base()))
    top = found.steps[-1]
    assert top.needs == tuple(sorted(names))
    assert top.reasons == ("new", *(f"dependency {name} is to be rebuilt" for name in sorted(names)))


def test_three_reasons_are_shown_and_the_others_counted() -> None:
    def reason(*reasons: str) -> str:
        return few(Step("a", Action.BUILD, reasons, (), 0.0).reasons)

    assert reason("1", "2", "3") == "1; 2; 3"
    assert reason("1", "2", "3", "4") == "1; 2; 3; 1 more"
    assert reason("1", "2", "3", "4", "5") == "1; 2; 3; 2 more"


def test_actions_are_called_in_json_what_they_always_were() -> None:
    assert [action.value for action in Action] == ["build", "reuse", "keep", "take"]


def test_rebuilding_ends_where_a_result_came_out_the_same() -> None:
    """a needs b needs c: c changed, b came out bit-identical from it, and so a is not even looked at."""
    packages = {"a": package("a", "b"), "b": package("b", "c"), "c": package("c")}
    graph = build_graph(packages, base())
    specs = dict.fromkeys(packages, "1") | {"c": "2"}
    c = stored("c", {}, "new-c", specs)
    b = stored("b", {"c": c.digest}, "same-b", specs)
    a = stored("a", {"b": b.digest}, "a", specs)
    assert not plan({"a": a, "b": b, "c": c}, specs, ("a",), graph=graph).changes


def test_a_source_without_a_checksum_is_a_reason_and_no_stop() -> None:
    assert reasons(plan(ALL, SPECS | {"yajl": ""}))["yajl"] == "spec has no checksum yet"


def test_what_is_taken_from_the_base_against_a_circle_is_noted() -> None:
    packages = {"a": package("a", "b"), "b": package("b", "a"), "c": package("c")}
    graph = build_graph(packages, base("a"))
    specs = dict.fromkeys(packages, "1")
    assert plan({}, specs, ("a",), graph=graph).notes == (("b", "built with the base's a, for a needs b"),)
    assert plan({}, specs, ("c",), graph=graph).notes == ()


def test_differences_name_what_a_person_changed_first() -> None:
    old = Inputs((("patch a.patch", "1"), ("patch b.patch", "1"), ("source x.tar", "1"), ("spec", "1")))
    new = Inputs((("patch a.patch", "2"), ("patch c.patch", "1"), ("source x.tar", "1"), ("spec", "2")))
    assert differences(old, new) == (
        "patch a.patch changed",
        "patch b.patch removed",
        "patch c.patch added",
        "spec changed",
    )


def test_a_stored_result_that_is_damaged_is_the_reason() -> None:
    damaged = {"yajl": "the stored yajl-2.1.rpm is damaged"}
    assert reasons(plan(ALL, damaged=damaged)) == {
        "yajl": "the stored yajl-2.1.rpm is damaged",
        "xen": "dependency yajl is to be rebuilt",
    }
