# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an installed host is upgraded to: a repository, or a hypervisor for the trial, which works or panics."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from planex.disk import naming
from planex.errors import PlanexError
from planex.run import require, run

VERSION = "99"
"""Higher than any that a host has."""
_GUEST = b"xen-3.0\0"
"""What a kernel's ELF note must say so that Xen takes it for one of its own; Xen panics where dom0's says another."""
_SPEC = """\
Name: xen-hypervisor
Version: {version}
Release: 1
Summary: A hypervisor for a trial of upgrades
License: GPL-2.0-only
BuildArch: x86_64
%global __os_install_post %{{nil}}
%description
A hypervisor for a trial of upgrades.
%install
install -D -m 0644 {hypervisor} %{{buildroot}}/boot/xen-{version}.gz
%files
/boot/xen-{version}.gz
"""


def break_hypervisor(packed: bytes) -> bytes:
    """A hypervisor that panics once it has looked at its dom0; ``packed``: one that does not, as gzip."""
    image = gzip.decompress(packed)
    if image.count(_GUEST) != 1:
        raise PlanexError("this Xen cannot be made to panic: it does not look for 'xen-3.0' in its dom0")
    return gzip.compress(image.replace(_GUEST, b"xen-0.0\0"), 6, mtime=0)


def newer_package(hypervisor: bytes, folder: Path) -> Path:
    """An RPM that dnf takes for an upgrade of the host's xen-hypervisor."""
    require("rpmbuild", "make the package of an upgrade")
    folder.mkdir(parents=True, exist_ok=True)
    image, spec = folder / "xen.gz", folder / "xen-hypervisor.spec"
    with naming(image, "write"):
        image.write_bytes(hypervisor)
        spec.write_text(_SPEC.format(version=VERSION, hypervisor=image.absolute()))
    run(
        ["rpmbuild", "-bb", f"--define=_topdir {folder.absolute()}", "--target=x86_64", spec], env={"HOME": str(folder)}
    )
    return next((folder / "RPMS").rglob("*.rpm"))


def pack_repository(repository: Path) -> bytes:
    """The repository but for what only debuggers want, as a tar archive."""
    if not (repository / "repodata").is_dir():
        raise PlanexError(f"{repository} is no repository: it has no repodata/", "planex build makes one")
    packed = io.BytesIO()
    with naming(repository, "read"), tarfile.open(fileobj=packed, mode="w") as archive:
        for path in sorted(repository.rglob("*")):
            if path.is_file() and "-debuginfo-" not in path.name and "-debugsource-" not in path.name:
                archive.add(path, path.relative_to(repository))
    return packed.getvalue()
