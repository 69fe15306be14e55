# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

from collections.abc import Mapping

from planex.content.key import Inputs, differences
from planex.content.store import Result
from planex.engine.graph import build_graph
from planex.engine.plan import Action, History, Plan, make_plan
from tests.unit.factories import package, result

GRAPH = build_graph(
    {"xen": package("xen", "yajl"), "yajl": package("yajl"), "kernel": package("kernel")}, lambda name: False
)
SPECS = {"xen": "x1", "yajl": "y1", "kernel": "k1"}


def rows(name: str, specs: Mapping[str, str], dependencies: Mapping[str, str]) -> dict[str, str]:
    return {"spec": specs[name]} | {f"dependency {need}": digest for need, digest in dependencies.items()}


def plan(
    results: Mapping[str, Result],
    specs: Mapping[str, str] = SPECS,
    wanted: tuple[str, ...] = ("xen", "yajl", "kernel"),
    force: tuple[str, ...] = (),
    damaged: Mapping[str, str] | None = None,
) -> Plan:
    def inputs_of(name: str, dependencies: Mapping[str, str]) -> Inputs:
        return Inputs(tuple(sorted(rows(name, specs, dependencies).items())))

    def find(name: str, key: str) -> Result | None:
        found = results.get(name)
        return found if found and found.key == key and name not in (damaged or {}) else None

    history = History(results, find, lambda name, key: (damaged or {}).get(name))
    return make_plan(GRAPH, wanted, inputs_of, history, force=force)


def stored(name: str, dependencies: Mapping[str, str], made: str) -> Result:
    own = rows(name, SPECS, dependencies)
    return result(Inputs(tuple(sorted(own.items()))).key, own, made)


ALL = {
    "yajl": stored("yajl", {}, "made-yajl"),
    "kernel": stored("kernel", {}, "made-kernel"),
    "xen": stored("xen", {"yajl": stored("yajl", {}, "made-yajl").digest}, "made-xen"),
}


def reasons(found: Plan) -> dict[str, str]:
    return {step.package: step.reason for step in found.builds}


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
