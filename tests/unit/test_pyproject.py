# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stands behind the %pyproject macros of the embedded base."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from planex.base.definition import Contents
from planex.base.pydist import distributions
from planex.data.base import pyproject
from planex.data.base.pyproject import SITE, capability, rpm_version
from planex.errors import ConfigError
from planex.schema import parse

BACKEND = '''
import zipfile
def get_requires_for_build_wheel(settings=None):
    print("noise")
    return ["pytest >= 1"]
def build_wheel(folder, settings=None, metadata=None):
    name = "foo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as out:
        out.writestr("foo/__init__.py", "")
        out.writestr("foo/bad.py", "import no_such_thing")
        out.writestr("single.py", "")
        out.writestr("foo-1.0.data/scripts/tool", "#!python\\nprint()")
        out.writestr("foo-1.0.data/data/share/foo/x", "x")
        out.writestr("foo-1.0.dist-info/METADATA", f"""Metadata-Version: 2.1
Name: foo
Version: 1.0
Requires-Dist: packaging >= 2
Requires-Dist: Not_There (>=1.0) ; extra == 'more'
Requires-Dist: never ; python_version < '3'
""")
        out.writestr("foo-1.0.dist-info/RECORD", "")
        out.writestr("foo-1.0.dist-info/entry_points.txt", "[console_scripts]\\nfoo = foo.main:App.run\\n")
    return name
'''
PROJECT = """\
[build-system]
requires = ["packaging", "tomli; python_version < '3'"]
build-backend = "backend"
backend-path = ["."]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    return folder


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, pyproject.__file__, *words]
    return subprocess.run(argv, cwd=project, text=True, capture_output=True, check=False)


def build(project: Path) -> tuple[str, Path]:
    """The wheel built and installed: STATE and the build root."""
    state, root = f"{project.parent}/state", project.parent / "root"
    assert run(project, "wheel", state).returncode == 0
    assert run(project, "install", state, str(root)).returncode == 0
    return state, root


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("Foo_bar.Baz", "python3dist(foo-bar-baz)"),
        ("foo[extra] >= 1.0", "python3dist(foo) >= 1"),
        ("foo ~= 1.4.2", "(python3dist(foo) >= 1.4.2 with python3dist(foo) < 1.5)"),
        ("foo == 2.*", "(python3dist(foo) >= 2 with python3dist(foo) < 3)"),
        ("foo != 1.5", "(python3dist(foo) < 1.5 or python3dist(foo) > 1.5)"),
        ("foo == 1.0rc1", "python3dist(foo) = 1~rc1"),
    ],
)
def test_requirements_in_the_words_of_rpm(wanted: str, expected: str) -> None:
    clauses = capability(Requirement(wanted))
    assert sorted(clauses.strip("()").split(" with ")) == sorted(expected.strip("()").split(" with "))


def test_versions_compare_as_python_has_it() -> None:
    assert [rpm_version(each) for each in ("1.0", "1.0.0", "10", "1.0.post1", "2.0b3", "1.2.dev0")] == [
        "1",
        "1",
        "10",
        "1.0.post1",
        "2~b3",
        "1.2~dev0",
    ]


def test_what_is_needed_to_build_and_to_run(project: Path) -> None:
    done = run(project, "buildrequires", "-x", "more")
    assert done.stdout.splitlines() == [
        "python3dist(packaging)",
        "python3dist(packaging)",
        "python3dist(pytest) >= 1",
        "python3dist(packaging) >= 2",
        "python3dist(not-there) >= 1",
    ]
    assert run(project, "buildrequires", "-R").stdout.splitlines()[-1] == "python3dist(pytest) >= 1"


def test_a_backend_that_is_not_installed_yet_is_not_called(project: Path) -> None:
    (project / "pyproject.toml").write_text('[build-system]\nrequires = ["no-such-backend"]\nbuild-backend = "none"\n')
    assert run(project, "buildrequires").stdout.splitlines()[1:] == ["python3dist(no-such-backend)"]


def test_a_wheel_is_installed_as_the_base_has_it(project: Path) -> None:
    _, root = build(project)
    found = {f"/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file()}
    names = ["foo/__init__.py", "foo/bad.py", "single.py", "foo-1.0.dist-info/METADATA", "foo-1.0.dist-info/INSTALLER"]
    metadata = {*(f"{SITE}/{name}" for name in names), f"{SITE}/foo-1.0.dist-info/entry_points.txt"}
    assert found == metadata | {"/usr/bin/foo", "/usr/bin/tool", "/usr/share/foo/x"}
    assert (root / "usr/bin/tool").read_text().startswith("#!/usr/bin/python3\n")
    assert "from foo.main import App\n\nsys.exit(App.run())" in (root / "usr/bin/foo").read_text()
    assert os.access(root / "usr/bin/foo", os.X_OK)


def test_files_are_listed_by_module(project: Path) -> None:
    state, _ = build(project)
    assert run(project, "save_files", state, "foo").returncode == 0
    assert Path(f"{state}-files").read_text() == f'"{SITE}/foo"\n"{SITE}/foo-1.0.dist-info"\n'
    assert run(project, "save_files", state, "*", "+auto").returncode == 0
    assert {'"/usr/bin/foo"', '"/usr/share/foo/x"', f'"{SITE}/single.py"'} < {
        *Path(f"{state}-files").read_text().splitlines()
    }


def test_mistakes_are_told(project: Path) -> None:
    state, root = build(project)
    assert "no module bar; installed are: foo, single.py" in run(project, "save_files", state, "bar").stderr
    assert "-l: no wheel has a licence file" in run(project, "save_files", state, "-l", "foo").stderr
    assert "no wheel to install" in run(project, "install", f"{state}-other", str(root)).stderr


def test_modules_are_imported_from_the_build_root(project: Path) -> None:
    state, root = build(project)
    run(project, "save_files", state, "*")
    wrong = run(project, "check_import", state, str(root))
    assert wrong.returncode == 1
    assert "foo.bad: ModuleNotFoundError: No module named 'no_such_thing'" in wrong.stderr
    assert run(project, "check_import", state, str(root), "-e", "*.bad").returncode == 0
    assert run(project, "check_import", state, str(root), "-t", "foo.bad", "foo").returncode == 0


def test_what_a_package_of_the_base_provides() -> None:
    paths = [
        f"{SITE}/hatchling-1.12.0.dist-info",
        f"{SITE}/Foo_Bar-2.1.egg-info/PKG-INFO",
        f"{SITE}/foo",
        "/usr/x-1.dist-info",
    ]
    assert distributions(paths) == ["python3dist(foo-bar) = 2.1", "python3dist(hatchling) = 1.12"]


def test_files_of_planex_are_named_by_what_there_is() -> None:
    with pytest.raises(ConfigError, match=r"'no.py' is no file of planex \(there are: .*pyproject.py"):
        parse("own_files: {/x: no.py}", Contents, Path("b.yaml"))
