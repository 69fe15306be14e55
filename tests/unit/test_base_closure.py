# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which packages a base holds."""

from __future__ import annotations

import pytest

from planex.base.closure import reach, select
from planex.base.control import DebPackage
from planex.errors import PlanexError


def deb(name: str, *depends: str, provides: tuple[str, ...] = ()) -> DebPackage:
    """A package whose clauses are texts such as ``mawk|awk``."""
    clauses = tuple(tuple(clause.split("|")) for clause in depends)
    return DebPackage(name, "1", "amd64", f"{name}.deb", "0", 0, depends=clauses, provides=dict.fromkeys(provides))


def names(packages: tuple[DebPackage, ...]) -> list[str]:
    return [package.name for package in packages]


def test_only_what_is_still_needed_is_kept() -> None:
    available = [deb("base", "libc", "debconf|debconf-2.0"), deb("libc"), deb("debconf", "perl"), deb("perl")]
    closure = select(available, ["base"], ["debconf"])
    assert names(closure.packages) == ["base", "libc"]
    assert closure.requires["base"] == ("libc",)


def test_a_package_that_is_there_already_satisfies_an_alternative() -> None:
    available = [deb("base", "mawk|awk"), deb("gawk", provides=("awk",)), deb("mawk", provides=("awk",))]
    closure = select(available, ["base", "gawk"], [])
    assert names(closure.packages) == ["base", "gawk"]
    assert closure.requires["base"] == ("awk",)


def test_else_the_first_alternative_is_taken() -> None:
    available = [deb("base", "mawk|gawk"), deb("gawk"), deb("mawk")]
    assert names(select(available, ["base"], []).packages) == ["base", "mawk"]


def test_a_virtual_package_brings_its_provider() -> None:
    available = [deb("base", "awk"), deb("mawk", provides=("awk",))]
    closure = select(available, ["base"], [])
    assert names(closure.packages) == ["base", "mawk"]


def test_the_order_of_what_is_available_does_not_matter() -> None:
    available = [deb("a", "b|c"), deb("b"), deb("c", "d"), deb("d"), deb("e", "c")]
    assert select(available, ["a", "e"], []) == select(available[::-1], ["e", "a"], [])


def test_dependencies_dropped_by_one_package_only() -> None:
    available = [deb("rpm", "perl"), deb("cmake", "perl"), deb("perl")]
    assert names(select(available, ["rpm"], [], {"rpm": ["perl"]}).packages) == ["rpm"]
    assert names(select(available, ["cmake"], [], {"rpm": ["perl"]}).packages) == ["cmake", "perl"]


def test_a_dependency_that_nothing_satisfies_is_an_error_that_names_both() -> None:
    with pytest.raises(PlanexError) as caught:
        select([deb("base", "x|y")], ["base"], [])
    assert caught.value.message == "base depends on x | y, which is not in the base"
    assert caught.value.hint is not None and "drop_requires" in caught.value.hint


def test_an_unknown_root_is_an_error() -> None:
    with pytest.raises(PlanexError, match="no package nosuch"):
        select([deb("base")], ["base", "nosuch"], [])


def test_reach_follows_chosen_requirements_and_providers() -> None:
    available = [deb("a", "awk"), deb("gawk", "m", provides=("awk",)), deb("m"), deb("z")]
    closure = select(available, ["a", "gawk", "z"], [])
    assert reach(closure, {"a"}) == {"a", "gawk", "m"}
