# SPDX-License-Identifier: LGPL-2.1-or-later
"""Specs are parsed by the real librpm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planex.errors import ConfigError
from planex.rpm.capability import Capability
from planex.rpm.spec import Package, SpecFile, parse_specs, target_macros

SPEC = """\
Name: foo
Version: 1.0
Release: 2%{?dist}
Summary: x
License: MIT
Source0: debian:pool/main/f/foo/foo_%{version}+1.orig.tar.xz
Source1: https://example.org/get.cgi?at=v1#/data.tar.gz
Source2: foo.service
Patch3: fix.patch
BuildRequires: gcc, pkgconfig(yajl) >= 2, (a or b)
Requires: bar%{?_isa} >= 1:2-3
%description
x
%package devel
Summary: d
Provides: foo-static = %{version}
%description devel
x
%package nothing
Summary: has no files section
%description nothing
x
%prep
source /etc/profile
%files
%{_bindir}/foo
%files devel
%attr(0644,root,root) %{_libdir}/pkgconfig/*.pc
%changelog
* Thu Nov 19 2026 a <a@example.org> - 1.0-2
- x
"""


def parse(tmp_path: Path, text: str, dist: str = ".el9") -> Package:
    path = tmp_path / "rendered" / "foo.spec"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    macros = target_macros(tmp_path / "no-base", tmp_path / "cache", {"%dist": dist})
    return parse_specs({"foo": SpecFile(path, tmp_path / "sources")}, macros, tmp_path / "cache" / "specs")["foo"]


def test_everything_a_plan_needs_is_read(tmp_path: Path) -> None:
    foo = parse(tmp_path, SPEC)
    assert (foo.name, foo.version, foo.release) == ("foo", "1.0", "2.el9")
    assert foo.changelog_time == 1795089600
    assert Capability("pkgconfig(yajl)", ">=", "2") in foo.build_requires
    assert Capability("(a or b)") in foo.build_requires
    assert [(source.file_name, source.is_remote, source.kind) for source in foo.sources] == [
        ("foo_1.0+1.orig.tar.xz", True, "source"),
        ("data.tar.gz", True, "source"),
        ("foo.service", False, "source"),
        ("fix.patch", False, "patch"),
    ]
    assert foo.rpm_names == ("foo-1.0-2.el9.x86_64.rpm", "foo-devel-1.0-2.el9.x86_64.rpm")
    main, devel = foo.subpackages
    assert Capability("bar(x86-64)", ">=", "1:2-3") in main.requires
    assert Capability("foo-static", "=", "1.0") in devel.provides
    assert devel.files == ("/usr/lib64/pkgconfig/*.pc",)


def test_the_targets_macros_decide_and_not_the_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".rpmmacros").write_text("%dist .host\n%_bindir /host/bin\n")
    monkeypatch.setenv("HOME", str(home))
    foo = parse(tmp_path, SPEC, ".el10")
    assert foo.release == "2.el10"
    assert foo.subpackages[0].files == ("/usr/bin/foo",)


def test_an_unchanged_spec_is_not_parsed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = parse(tmp_path, SPEC)

    def ask(module: str, items: dict[str, object], **kwargs: object) -> dict[str, object]:
        assert not items, "librpm was asked again"
        return {}

    monkeypatch.setattr("planex.rpm.spec.ask", ask)
    assert parse(tmp_path, SPEC) == first


def test_a_damaged_answer_is_asked_for_again(tmp_path: Path) -> None:
    first = parse(tmp_path, SPEC)
    (kept,) = (tmp_path / "cache" / "specs").glob("*.json")
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "version": ["1"]}))
    assert parse(tmp_path, SPEC) == first


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("License: MIT", "Licence: MIT", 5, "Unknown tag: Licence: MIT"),
        ("%description\nx\n%package devel", "%description\nx\n%if 1\n%package devel", 14, "Unclosed %if"),
    ],
)
def test_librpm_errors_name_the_line(tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(tmp_path, SPEC.replace(old, new, 1))
    (problem,) = caught.value.problems
    assert (problem.line, problem.path.name) == (line, "foo.spec")
    assert message in problem.message


def test_the_name_must_be_the_folders(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Name is 'fo', but the package's folder is specs/foo"):
        parse(tmp_path, SPEC.replace("Name: foo", "Name: fo"))


def test_empty_file_lists_and_own_versions_count(tmp_path: Path) -> None:
    text = SPEC.replace("%files\n%{_bindir}/foo\n%files devel\n%attr(0644,root,root) %{_libdir}/pkgconfig/*.pc\n", "")
    text = text.replace("%package devel\n", "%package devel\nVersion: 3\n")
    text = text.replace("%changelog", "%files\n%files devel\n%files -n foo-nothing -f list\n%changelog")
    assert parse(tmp_path, text).rpm_names == (
        "foo-1.0-2.el9.x86_64.rpm",
        "foo-devel-3-2.el9.x86_64.rpm",
        "foo-nothing-1.0-2.el9.x86_64.rpm",
    )


def test_bare_folders_and_what_is_left_out_hold_no_file(tmp_path: Path) -> None:
    lines = "%dir %{_datadir}/foo\n%attr(0755,root,root) %dir /opt\n%exclude %{_bindir}/bar\n%ghost /var/log/foo\n"
    foo = parse(tmp_path, SPEC.replace("%files\n", f"%files\n{lines}", 1))
    assert foo.subpackages[0].files == ("/usr/bin/foo", "/var/log/foo")


def test_build_conflicts_are_read(tmp_path: Path) -> None:
    foo = parse(tmp_path, SPEC.replace("Summary: x\n", "Summary: x\nBuildConflicts: bar-devel < 2, baz\n", 1))
    assert foo.build_conflicts == (Capability("bar-devel", "<", "2"), Capability("baz"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ExclusiveArch: x86_64 aarch64", None),
        ("ExclusiveArch: aarch64 noarch", "not for x86_64 (ExclusiveArch: aarch64 noarch)"),
        ("ExcludeArch: s390x", None),
        ("ExcludeArch: s390x x86_64", "not for x86_64 (ExcludeArch: s390x x86_64)"),
    ],
)
def test_architectures_that_a_spec_wants(tmp_path: Path, line: str, reason: str | None) -> None:
    assert parse(tmp_path, SPEC.replace("Summary: x\n", f"Summary: x\n{line}\n", 1)).refuses("x86_64") == reason


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ("%include %{SOURCE2}", "BuildRequires: {}"),
        ("%(cat %{SOURCE2})", "BuildRequires: {}"),
        ("%{lua: for line in io.lines(rpm.expand('%{SOURCE2}')) do print(line) end}", "BuildRequires: {}"),
        ("%{load:%{SOURCE2}}\nBuildRequires: %{helper}", "%helper {}"),
    ],
)
def test_a_source_can_be_read_while_the_spec_is_parsed(tmp_path: Path, line: str, content: str) -> None:
    (tmp_path / "sources").mkdir()
    text = SPEC.replace("%description\nx\n%package devel", f"{line}\n%description\nx\n%package devel", 1)
    for name in ("one", "two"):
        (tmp_path / "sources" / "foo.service").write_text(content.format(name) + "\n")
        assert Capability(name) in parse(tmp_path, text).build_requires
