# SPDX-License-Identifier: LGPL-2.1-or-later
"""RPMs by the real rpmbuild, and the package that promises them."""

from __future__ import annotations

from pathlib import Path

from planex.rpm.capability import Capability
from planex.rpm.spec import Package, Subpackage
from planex.run import run

SPEC = """\
Name: {name}
Version: {version}
Release: {release}
Summary: x
License: MIT
BuildArch: {arch}
{tags}
%global debug_package %{{nil}}
%description
x
%install
{install}
%files
{files}
"""


def make_rpm(
    folder: Path,
    name: str = "foo",
    *,
    tags: str = "",
    install: str = "",
    files: str = "",
    arch: str = "noarch",
    version: str = "1",
    release: str = "1",
) -> Path:
    """An RPM ``name-version-release``; ``install`` are the lines of %install, ``files`` those of %files."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / f"{name}.spec"
    evr = {"version": version, "release": release}
    spec.write_text(SPEC.format(name=name, **evr, arch=arch, tags=tags, install=install, files=files))
    run(["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}", spec])
    return folder / "RPMS" / arch / f"{name}-{version}-{release}.{arch}.rpm"


def promising(name: str, *more: str, arch: str = "noarch") -> Package:
    """A package whose spec promises ``name-1-1`` and ``more``."""
    subs = tuple(Subpackage(sub, "1", "1", arch, (Capability(sub, "=", "1-1"),), (), ()) for sub in (name, *more))
    return Package(name, None, "1", "1", arch, 0, (), (), subs)
