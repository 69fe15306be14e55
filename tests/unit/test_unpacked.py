# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sources that do not unpack to the folder that %setup enters are found before a build."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from planex.distro.unpacked import require_folders
from planex.errors import ConfigError
from planex.rpm.spec import Package, SpecFile, Unpacked, parse_specs, target_macros

SPEC = """\
Name: foo
Version: 1.0
Release: 1
Summary: x
License: MIT
Source0: https://example.org/foo-%{{version}}.tar.gz
Source1: bar.tar.gz
%description
x
%prep
{prep}
%files
"""


def parse(tmp_path: Path, prep: str) -> tuple[Package, Path]:
    path = tmp_path / "rendered" / "foo.spec"
    path.parent.mkdir()
    path.write_text(SPEC.format(prep=prep))
    macros = target_macros(tmp_path / "no-base", tmp_path / "cache", {})
    return parse_specs({"foo": SpecFile(path, tmp_path / "sources")}, macros, tmp_path / "cache/specs")["foo"], path


def pack(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
    return path


def fault(tmp_path: Path, prep: str, *names: str) -> ConfigError | None:
    """What is said where Source0 has these files, and Source1 a folder ``bar``."""
    package, spec = parse(tmp_path, prep)
    files = {"foo-1.0.tar.gz": pack(tmp_path / "0", *names), "bar.tar.gz": pack(tmp_path / "1", "bar/x")}
    try:
        require_folders(package, spec, files)
    except ConfigError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("prep", "expected"),
    [
        ("%autosetup", [Unpacked("foo-1.0", ("foo-1.0.tar.gz",))]),
        ("%setup -q -n x/y", [Unpacked("x/y", ("foo-1.0.tar.gz",))]),
        ("%setup -b 1", [Unpacked("foo-1.0", ("bar.tar.gz", "foo-1.0.tar.gz"))]),
        ("%setup -a 1", [Unpacked("foo-1.0", ("foo-1.0.tar.gz",))]),
        ("%setup\n%setup -T -D -b 1 -n z", [Unpacked("foo-1.0", ("foo-1.0.tar.gz",))]),
        ("%setup -T -b 1 -n bar", [Unpacked("bar", ("bar.tar.gz",))]),
        ("%setup -c", []),
        ("%setup -T -c -a 1", []),
        ("tar xf %{SOURCE0}\ncd 'foo", []),
    ],
)
def test_what_setup_does_is_read_from_its_script(tmp_path: Path, prep: str, expected: list[Unpacked]) -> None:
    found = parse(tmp_path, prep)[0].unpacks
    assert [(each.folder, sorted(each.tarballs)) for each in found] == [
        (each.folder, sorted(each.tarballs)) for each in expected
    ]


@pytest.mark.parametrize(
    ("prep", "names"),
    [
        ("%autosetup", ["foo-1.0/configure"]),
        ("%autosetup", ["./foo-1.0/configure"]),
        ("%autosetup", ["notes/x", "foo-1.0/configure"]),
        ("%autosetup -n other/deep", ["other/deep/x"]),
        ("%autosetup -n .", ["configure"]),
        ("%autosetup -c", ["configure"]),
        ("%autosetup -b 1 -n bar", ["foo-1.0/configure"]),
    ],
)
def test_a_folder_that_is_there_is_no_fault(tmp_path: Path, prep: str, names: list[str]) -> None:
    assert fault(tmp_path, prep, *names) is None


@pytest.mark.parametrize(
    ("prep", "names", "message", "hint"),
    [
        ("%autosetup -p1", ["foo/x"], "unpacks to foo, but %prep enters foo-1.0", "%autosetup -p1 -n foo"),
        ("%setup -q -n 'x'", ["foo/x"], "unpacks to foo, but %prep enters x", "%setup -q -n foo"),
        (
            "%autosetup -p1",
            ["a/x", "b/x", "c"],
            "unpacks to several folders (a, b), but %prep enters foo-1.0",
            "%autosetup -p1 -c",
        ),
        ("%autosetup", ["c"], "unpacks to files without a folder, but %prep enters foo-1.0", "%autosetup -c"),
    ],
)
def test_the_line_to_write_is_told(tmp_path: Path, prep: str, names: list[str], message: str, hint: str) -> None:
    error = fault(tmp_path, prep, *names)
    assert error is not None
    assert error.message == f"{tmp_path}/rendered/foo.spec:11: foo-1.0.tar.gz {message}"
    assert error.hint == f"write in the template: {hint}"


def test_what_is_no_tarball_is_left_to_the_build(tmp_path: Path) -> None:
    package, spec = parse(tmp_path, "%autosetup")
    (tmp_path / "zip").write_bytes(b"PK\3\4" + bytes(600))
    require_folders(package, spec, {"foo-1.0.tar.gz": tmp_path / "zip"})
