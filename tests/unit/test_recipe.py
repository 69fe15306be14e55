# SPDX-License-Identifier: LGPL-2.1-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from planex.distro.config import Config
from planex.distro.recipe import find_recipes, insert_patches, load_recipe, render_specs
from planex.errors import ConfigError
from planex.schema import parse
from planex.workspace import Workspace

CONFIG = parse(
    "name: d\nversion: '1'\nvendor: v\ntargets: {bookworm: {base: bookworm, embedded: true}}",
    Config,
    Path("planex.yaml"),
)
PLAIN = """\
Name: foo
Source0: foo.tar
Source1: patch.sh
Patch7: old.patch
SourceLicense: GPL

%description
x
%prep
%autosetup -p1
source ./env
patch -p1 < other
%changelog
"""
PATCH = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "specs" / "foo").mkdir(parents=True)
    (tmp_path / "patchqueues" / "foo").mkdir(parents=True)
    return Workspace(tmp_path)


def rendered(workspace: Workspace) -> str:
    return render_specs({"foo": load_recipe(workspace, "foo")}, CONFIG, "bookworm", workspace.cache)["foo"]


def queue(workspace: Workspace, series: str) -> None:
    folder = workspace.patchqueues / "foo"
    (folder / "series").write_text(series)
    for line in series.splitlines():
        (folder / line.split()[0]).write_text(PATCH)


def test_a_plain_spec_gets_patch_lines_and_nothing_else_changes(workspace: Workspace) -> None:
    (workspace.specs / "foo" / "foo.spec").write_text(PLAIN)
    queue(workspace, "one.patch\ntwo.patch\n")
    text = rendered(workspace)
    added = "# Patch queue: patchqueues/foo/series\nPatch8: one.patch\nPatch9: two.patch\n"
    assert text == PLAIN.replace("Patch7: old.patch\n", "Patch7: old.patch\n" + added)


def test_patches_without_numbers_are_counted_as_rpm_does(workspace: Workspace) -> None:
    (workspace.specs / "foo" / "foo.spec").write_text(
        PLAIN.replace("Patch7: old.patch", "Patch: a.patch\nPatch: b.patch")
    )
    queue(workspace, "one.patch\n")
    assert "Patch2: one.patch" in rendered(workspace)


def test_without_a_queue_a_plain_spec_is_untouched() -> None:
    assert insert_patches(PLAIN, (), Path("foo.spec"), "foo") == PLAIN


def test_a_queue_that_nothing_applies_is_refused(workspace: Workspace) -> None:
    (workspace.specs / "foo" / "foo.spec").write_text(PLAIN.replace("%autosetup -p1", "%setup"))
    queue(workspace, "one.patch\n")
    with pytest.raises(ConfigError, match="no %autosetup or %autopatch line"):
        rendered(workspace)


@pytest.mark.parametrize(
    ("line", "series", "expected"),
    [
        ("%autosetup", "one.patch\n", "series:1: one.patch is -p1, but foo.spec has `%autosetup`"),
        ("%autosetup -p1 -n x", "one.patch\ntwo.patch -p0\n", "series:2: two.patch is -p0"),
    ],
)
def test_a_queue_is_applied_as_the_series_says(workspace: Workspace, line: str, series: str, expected: str) -> None:
    (workspace.specs / "foo" / "foo.spec").write_text(PLAIN.replace("%autosetup -p1", line))
    queue(workspace, series)
    with pytest.raises(ConfigError) as caught:
        rendered(workspace)
    assert expected in str(caught.value)


def test_a_template_sees_variables_distro_target_and_patches(workspace: Workspace) -> None:
    folder = workspace.specs / "foo"
    (folder / "package.yaml").write_text("variables:\n  version: 8\nguards: [extra]\n")
    (folder / "foo.spec.j2").write_text(
        "{{ package.name }} {{ version }} {{ distro.name }} {{ target.name }}\n{{ patch_lines }}\n%autosetup -p1\n"
    )
    queue(workspace, "one.patch #+extra\ntwo.patch #+other\n")
    text = rendered(workspace)
    lines = "foo 8 d bookworm\n# Patch queue: patchqueues/foo/series\nPatch1: one.patch\n%autosetup -p1\n"
    assert text == lines


def test_all_mistakes_of_all_packages_at_once(workspace: Workspace) -> None:
    (workspace.specs / "bar").mkdir()
    (workspace.specs / "foo" / "package.yaml").write_text("variabels: {}\n")
    (workspace.specs / "foo" / "foo.spec").write_text(PLAIN)
    (workspace.patchqueues / "fooo").mkdir()
    (workspace.patchqueues / "fooo" / "series").write_text("")
    with pytest.raises(ConfigError) as caught:
        find_recipes(workspace)
    text = str(caught.value)
    assert "bar.spec.j2: file not found" in text
    assert "package.yaml:1: unknown key 'variabels' (did you mean 'variables'?)" in text
    assert "patch queue of no package: specs/fooo/ is missing" in text


def test_a_second_spec_in_a_folder_is_an_error_and_not_left_out(workspace: Workspace) -> None:
    (workspace.specs / "foo" / "foo.spec").write_text(PLAIN)
    (workspace.specs / "foo" / "bar.spec.j2").write_text(PLAIN)
    with pytest.raises(ConfigError, match=r"has more than one spec: bar.spec.j2, foo.spec"):
        load_recipe(workspace, "foo")
