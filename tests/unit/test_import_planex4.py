# SPDX-License-Identifier: LGPL-2.1-or-later
"""A workspace of planex 4 taken in: synthetic ones for each format, and a real one where there is a copy."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from planex.cli import cli
from planex.errors import ConfigError
from planex.importers.links import parse_link
from planex.importers.speclines import strip_of, with_source

SPEC = """Name: {name}
Version: 1.2
Release: 1
Summary: A test
License: MIT
Source0: https://example.org/%{{name}}-%{{version}}.tar.gz
Source1: {name}.service
{more}
%description
x
%prep
{prep}
# source of all evil: stays
%files
"""
PATCH = b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"
pytestmark = pytest.mark.tools("rpmbuild")


def tarball(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def spec(old: Path, name: str, more: str = "", prep: str = "%autosetup -p1") -> None:
    (old / "SPECS" / f"{name}.spec").write_text(SPEC.format(name=name, more=more, prep=prep))
    (old / "SOURCES" / f"{name}.service").write_text(f"[Unit]\nDescription={name}\n")


def link(old: Path, name: str, **keys: object) -> None:
    path = old / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"SchemaVersion": "3", **keys}))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "old"
    for name in ("SPECS", "SOURCES"):
        (folder / name).mkdir(parents=True)
    return folder


@pytest.fixture
def new(tmp_path: Path) -> Path:
    CliRunner().invoke(cli, ["init", str(tmp_path / "new")])
    return tmp_path / "new"


def take(new: Path, *words: str | Path, status: int = 0) -> str:
    result: Result = CliRunner().invoke(cli, ["-C", str(new), "import", "--offline", *map(str, words)])
    assert result.exit_code == status, result.output
    return result.output + str(result.exception or "")


def test_specs_and_sources_are_taken_as_they_lie_and_again(old: Path, new: Path) -> None:
    spec(old, "foo")
    (old / "SOURCES" / "spare").write_text("x")
    (old / "Makefile").write_text("DIST=.el7\nRPM_EXTRA_DEFINES=-D 'a b'\ninstall: all\n\tx\n")
    said = take(new, old)
    assert (new / "specs/foo/foo.spec").read_bytes() == (old / "SPECS/foo.spec").read_bytes()
    assert (new / "specs/foo/foo.service").exists()
    assert (
        "left behind: SOURCES/spare" in said
        and "RPM_EXTRA_DEFINES" in said
        and "rules are left behind: install" in said
    )
    assert take(new, old).endswith("1 unchanged\n")
    spec(old, "foo", more="Source2: two\n")
    (old / "SOURCES" / "two").write_text("2")
    assert take(new, old).endswith("1 updated\n")
    assert (new / "specs/foo/two").read_text() == "2"


def test_what_was_changed_here_stays_and_what_is_gone_there_goes(old: Path, new: Path) -> None:
    spec(old, "foo", more="Source2: two\n")
    (old / "SOURCES" / "two").write_text("2")
    take(new, old)
    (new / "specs/foo/foo.spec").write_text("mine")
    assert take(new, old).endswith("1 unchanged\n")
    spec(old, "foo")
    assert take(new, old, status=1).count("specs/foo/foo.spec") == 1
    assert (new / "specs/foo/foo.spec").read_text() == "mine"
    take(new, old, "--replace")
    assert (new / "specs/foo/foo.spec").read_bytes() == (old / "SPECS/foo.spec").read_bytes()
    assert not (new / "specs/foo/two").exists()


def test_a_package_that_a_person_wrote_is_left_alone(old: Path, new: Path) -> None:
    spec(old, "foo")
    (new / "specs/foo").mkdir()
    (new / "specs/foo/foo.spec").write_text("mine")
    take(new, old, status=1)
    assert (new / "specs/foo/foo.spec").read_text() == "mine"


def test_a_patch_queue_comes_with_its_guards(old: Path, new: Path) -> None:
    spec(old, "foo")
    series = b"one.patch\ntwo.patch #+el9\nthree.patch  #-debug\n"
    names = ("one.patch", "two.patch", "three.patch")
    tarball(old / "q.tar.gz", {"x-master/series": series, **{f"x-master/{name}": PATCH for name in names}})
    link(old, "SPECS/foo.lnk", PatchQueue0={"URL": "q.tar.gz", "prefix": "master"})
    said = take(new, old)
    assert (new / "patchqueues/foo/series").read_bytes() == series
    assert "`three.patch  #-debug` was always applied by planex 4" in said
    rendered = CliRunner().invoke(cli, ["-C", str(new), "render", "foo"]).output
    assert "Patch1: one.patch\nPatch2: three.patch" in rendered and "two.patch" not in rendered


def test_the_strip_level_of_the_spec_holds_for_its_queue(old: Path, new: Path) -> None:
    spec(old, "foo", prep="%autosetup")
    tarball(old / "q.tar.gz", {"q/series": b"# mine\none.patch #-x\n", "q/one.patch": PATCH})
    link(old, "SPECS/foo.lnk", PatchQueue0={"URL": "q.tar.gz", "prefix": "q"})
    take(new, old)
    assert (new / "patchqueues/foo/series").read_text() == "# mine\none.patch -p0 #-x\n"


def test_a_spec_that_patches_by_itself_gets_the_queue_as_its_own(old: Path, new: Path) -> None:
    spec(old, "foo", more="Patch3: own.patch\n", prep="%setup\n%patch3\n%patch4")
    (old / "SOURCES" / "own.patch").write_bytes(PATCH)
    tarball(old / "q.tar.gz", {"q/series": b"one.patch\n", "q/one.patch": PATCH})
    link(old, "SPECS/foo.lnk", IgnoreAutosetup=True, PatchQueue0={"URL": "q.tar.gz", "prefix": "q"})
    take(new, old)
    assert "Patch3: own.patch\nPatch4: one.patch\n" in (new / "specs/foo/foo.spec").read_text()
    assert (new / "specs/foo/one.patch").read_bytes() == PATCH
    assert not (new / "patchqueues/foo").exists()


def test_archives_and_other_sources(old: Path, new: Path) -> None:
    spec(old, "foo")
    (old / "SOURCES/foo.service").unlink()
    tarball(old / "a.tar.gz", {"top/SOURCES/foo.service": b"from the archive", "top/SOURCES/other": b"x"})
    link(
        old,
        "SPECS/foo.lnk",
        Source={"URL": "https://mirror.example.org/%{name}-1.2.tar.gz"},
        Archive0={"URL": "a.tar.gz", "prefix": "SOURCES"},
    )
    take(new, old)
    text = (new / "specs/foo/foo.spec").read_text()
    assert "Source0: https://mirror.example.org/foo-1.2.tar.gz\nSource1: foo.service\n" in text
    assert "# source of all evil: stays" in text
    assert (new / "specs/foo/foo.service").read_text() == "from the archive"
    assert not (new / "specs/foo/other").exists()


def clone(path: Path) -> str:
    def git(*words: str) -> str:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", *who, *words], cwd=path, check=True, capture_output=True, text=True
        ).stdout.strip()

    path.mkdir(parents=True)
    git("init", "-q", "-b", "work")
    (path / "f").write_text("a\n")
    git("add", "f")
    git("commit", "-qm", "x")
    return git("rev-parse", "HEAD")


def test_a_pin_replaces_the_link_and_becomes_a_commit(old: Path, new: Path) -> None:
    spec(old, "foo")
    commit = clone(old / "repos" / "foo")
    link(old, "SPECS/foo.lnk", Source1={"URL": "https://example.org/never"})
    link(old, "PINS/foo.pin", Source={"URL": "ssh://git@host/x/foo.git", "commitish": "work", "prefix": "foo-1"})
    said = take(new, old)
    text = (new / "specs/foo/foo.spec").read_text()
    assert f"Source0: git+file://{old}/repos/foo?commit={commit}#/foo-1.tar\n" in text
    assert "Source1: foo.service" in text
    assert "give it an address that all can read" in said
    assert "a pin, left out by --no-pins" in take(new, old, "--no-pins")
    assert "Source1: https://example.org/never" in (new / "specs/foo/foo.spec").read_text()


def test_the_first_pins(old: Path, new: Path) -> None:
    spec(old, "foo")
    commit = clone(old / "repos" / "foo")
    (old / "pins").write_text(json.dumps({"SPECS/foo.spec": {"0": "/repos/foo#HEAD"}, "SPECS/gone.spec": {"0": "x#y"}}))
    said = take(new, old)
    assert f"?commit={commit}#/%{{name}}-%{{version}}.tar" in (new / "specs/foo/foo.spec").read_text()
    assert "there is no SPECS/gone.spec" in said


def test_what_cannot_be_carried_is_told_and_the_rest_is_carried(old: Path, new: Path) -> None:
    spec(old, "foo", more="Source2: lost\n")
    spec(old, "bad", more="%if\n")
    link(
        old,
        "SPECS/foo.lnk",
        Source7={"URL": "ssh://git@host/foo.git", "commitish": "master"},
        PatchQueue={"URL": "https://example.org/q.tar.gz", "prefix": "q"},
        Odd={"URL": "x"},
    )
    (old / "SPECS/old.lnk").write_text('{"URL": "x", "patchqueue": "y"}')
    (old / "SPECS/cut.lnk").write_text("{")
    said = take(new, old)
    for part in (
        "'master' is no commit that can be told here",
        "https://example.org/q.tar.gz was not fetched (--offline)",
        "Odd is no key",
        "has SchemaVersion 1",
        "is not JSON",
        "Source2: lost is not in SOURCES/",
        "bad: taken as it lies, but this target's rpm cannot read it",
    ):
        assert part in said
    assert (new / "specs/bad/bad.spec").exists() and (new / "specs/foo/foo.spec").exists()


def test_a_mock_configuration_becomes_that_of_a_target(old: Path, new: Path) -> None:
    spec(old, "foo")
    (old / "mock").mkdir()
    (old / "mock/site-defaults.cfg").symlink_to("/nowhere/site-defaults.cfg")
    (old / "Makefile").write_text("DIST=.el7.centos\n")
    (old / "mock/default.cfg").write_text(
        "config_opts['root'] = 'epel-7'\nconfig_opts['target_arch'] = 'x86_64'\n"
        "config_opts['chroot_setup_cmd'] = 'groupinstall buildsys-build'\n"
        'config_opts[\'yum.conf\'] = """\n[main]\nretries=20\n\n[base]\nname=Base\nbaseurl=https://example.org/7\n\n'
        '[mock]\nname=own\nbaseurl=file:///home/me/RPMS\n"""\n'
    )
    said = take(new, old)
    assert "mock/default.cfg: to build with it, write below targets in planex.yaml: default: {base: default" in said
    assert (
        "[base]" in (new / "repos/default.repo").read_text()
        and "[main]" not in (new / "repos/default.repo").read_text()
    )
    with (new / "planex.yaml").open("a") as file:
        file.write("  default: {base: default, builder: mock}\n")
    rendered = CliRunner().invoke(cli, ["-C", str(new), "--target", "default", "render", "foo"])
    assert rendered.exit_code == 0, rendered.output
    config = (new / "mock-configs/default.cfg").read_text()
    assert "'.el7.centos'" in config and "/home/me/RPMS" not in config


def test_no_workspace_of_planex_4(new: Path, tmp_path: Path) -> None:
    assert "nothing that can be imported is there" in take(new, tmp_path / "nowhere", status=1)


@pytest.mark.parametrize("text", ["[]", '{"SchemaVersion": "3", "Source": "x"}', '{"SchemaVersion": "9"}', "nul"])
def test_links_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_link(text, Path("x.lnk"))


def test_schema_2() -> None:
    text = (
        '{"SchemaVersion": 2, "Patch0": {"URL": "a", "patches": "p"}, "patchqueue1": {"URL": "b", "patchqueue": "q"}}'
    )
    found = parse_link(text, Path("x.lnk"))
    assert [(each.kind, each.number, each.url, each.prefix) for each in found.resources] == [
        ("archive", 0, "a", "p"),
        ("patchqueue", 1, "b", "q"),
    ]


def test_lines_of_specs() -> None:
    assert with_source("Source: a\nSource10: b\n", 0, "x") == "Source: x\nSource10: b\n"
    assert with_source("Source0: a\nSource10: b\n", 1, "x") == "Source0: a\nSource10: b\nSource1: x\n"
    assert strip_of("%prep\n%autosetup -n x -p 2\n") == 2
    assert strip_of("%prep\n%autosetup -N\n") is None


@pytest.mark.skipif("XENSERVER_CORE" not in os.environ, reason="XENSERVER_CORE names a checkout of xenserver-core")
def test_the_specs_of_xenserver_core(new: Path) -> None:
    old = Path(os.environ["XENSERVER_CORE"])
    assert take(new, old).endswith("139 new\n")
    assert take(new, old).endswith("139 unchanged\n")
    rows = json.loads(CliRunner().invoke(cli, ["-C", str(new), "graph", "--json"]).stdout)
    edges = [edge["because"] for row in rows for edge in row["needs"] if row["package"] != "hello"]
    assert len(rows) == 140 and not any(row["notes"] for row in rows if row["package"] != "hello")
    assert sum(because.startswith("BuildRequires") for because in edges) == 614
