# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stands behind the %pyproject macros of the embedded base."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from planex.base.definition import Contents
from planex.base.pydist import distributions
from planex.data.base import pyproject
from planex.data.base.pyproject import SITE, capability, rpm_version
from planex.errors import ConfigError
from planex.schema import parse
from tests.conftest import ROOT

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


def run(project: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, pyproject.__file__, *words]
    return subprocess.run(argv, cwd=project, text=True, capture_output=True, check=False, input=given)


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


METADATA = """\
Metadata-Version: 2.1
Name: Foo.Bar
Version: 1.0
Requires-Dist: packaging
Requires-Dist: Other (>=2.0) ; extra == 'more_things'
Provides-Extra: more_things
"""


@pytest.mark.parametrize(
    ("package", "provides", "requires"),
    [
        ("python3-foo-bar", "python3dist(foo-bar) = 1", "python3dist(packaging)"),
        ("python3-foo-bar+more-things", "python3dist(foo-bar[more_things]) = 1", "python3dist(other) >= 2"),
        ("c++-tools", "python3dist(foo-bar) = 1", "python3dist(packaging)"),
    ],
)
def test_a_package_of_an_extra_has_what_the_extra_needs(
    tmp_path: Path, package: str, provides: str, requires: str
) -> None:
    (tmp_path / "METADATA").write_text(METADATA)
    given = f"{tmp_path}/METADATA\n"
    assert run(tmp_path, "provides", package, given=given).stdout == f"{provides}\n"
    assert run(tmp_path, "requires", package, given=given).stdout == f"{requires}\n"


def test_an_extra_that_there_is_not_is_told(tmp_path: Path) -> None:
    (tmp_path / "METADATA").write_text(METADATA)
    done = run(tmp_path, "provides", "python3-foo-bar+mroe", given=f"{tmp_path}/METADATA\n")
    assert (done.returncode, done.stderr) == (1, "error: Foo.Bar has no extra mroe (it has: more_things)\n")
    assert done.stdout == "!Foo.Bar has no extra mroe (it has: more_things)\n", "which rpm refuses"


def test_a_package_of_an_extra_shows_the_metadata_without_having_it(project: Path) -> None:
    state, _ = build(project)
    assert run(project, "save_files", state, "foo").returncode == 0
    folder = f"{SITE}/foo-1.0.dist-info"
    assert Path(f"{state}-ghosts").read_text() == f'%ghost %dir "{folder}"\n%ghost "{folder}/METADATA"\n'


SPEC = """\
Name: python-foo
Version: 1.0
Release: 2
Epoch: 3
Summary: x
License: x
%description
x
%pyproject_extras_subpkg {words}
"""


@pytest.mark.tools("rpmspec")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-n python3-foo one,two three", ["x86_64 one", "x86_64 two", "x86_64 three"]),
        ("-a -n python3-foo -i /x one", ["noarch one"]),
    ],
)
def test_the_macro_makes_a_package_for_each_extra(tmp_path: Path, words: str, expected: list[str]) -> None:
    done = expand(tmp_path, "-q", "--qf", "%{name}|%{arch}|[%{requires} %{requireversion}]\n", words)
    rows = [row.split("|") for row in done.stdout.splitlines() if "+" in row]
    assert [f"{arch} {name.partition('+')[2]}" for name, arch, _ in rows] == expected
    assert {needs for _, _, needs in rows} == {"python3-foo 3:1.0-2"}


@pytest.mark.tools("rpmspec")
@pytest.mark.parametrize(
    ("words", "files"),
    [
        ("-n foo one", r"%files -n foo\+one -f .*/python-foo-1.0-2-pyproject-ghosts"),
        ("-n foo -f list one", r"%files -n foo\+one -f list"),
        ("-n foo -i /x one", r"%files -n foo\+one\n%ghost /x"),
    ],
)
def test_the_files_of_such_a_package(tmp_path: Path, words: str, files: str) -> None:
    assert re.search(rf"^{files}$", expand(tmp_path, "-P", words).stdout, re.MULTILINE)


@pytest.mark.tools("rpmspec")
def test_the_macro_without_extras_says_how_to_write_it(tmp_path: Path) -> None:
    assert "write -n PACKAGE and the names of its extras" in expand(tmp_path, "-P", "-n python3-foo").stderr


def expand(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """rpmspec with the macros of this repository's base on a spec that has the last word for the macro."""
    (folder / "x.spec").write_text(SPEC.format(words=words[-1]))
    argv = ["rpmspec", "--macros", macro_files(folder), *words[:-1], str(folder / "x.spec")]
    return subprocess.run(argv, text=True, capture_output=True, check=False)


def macro_files(folder: Path) -> str:
    """rpm's own macros and those of this repository's base, as a path of files."""
    groups = yaml.safe_load((ROOT / "repos" / "bookworm.yaml").read_text())["made"]
    macros = folder / "macros.planex"
    macros.write_text(groups["rpm-config"]["files"]["/usr/lib/rpm/macros.d/macros.planex"])
    usual = subprocess.run(["rpm", "--eval", "%{_rpmconfigdir}"], text=True, capture_output=True, check=True)
    return f"{usual.stdout.strip()}/macros:{usual.stdout.strip()}/platform/x86_64-linux/macros:{macros}"


LICENSED = """\
Name: x
Version: 7
Release: 1
Summary: x
License: MIT
BuildArch: noarch
%description
x
%install
echo x >COPYING
mkdir -p %{buildroot}/usr/share/licenses/x
cp COPYING %{buildroot}/usr/share/licenses/x
%files
%license COPYING
"""


@pytest.mark.tools("rpmbuild")
def test_a_licence_that_upstream_installs_is_where_the_spec_puts_it(tmp_path: Path) -> None:
    (tmp_path / "x.spec").write_text(LICENSED)
    argv = ["rpmbuild", "-bb", "--macros", macro_files(tmp_path), "--define", f"_topdir {tmp_path}/rpm"]
    subprocess.run([*argv, str(tmp_path / "x.spec")], capture_output=True, check=True)
    (rpm,) = (tmp_path / "rpm").rglob("*.rpm")
    listed = subprocess.run(["rpm", "-qlp", str(rpm)], text=True, capture_output=True, check=True).stdout
    assert listed.split() == ["/usr/share/licenses/x", "/usr/share/licenses/x/COPYING"]


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
