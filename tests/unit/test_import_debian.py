# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Debian source package taken in: which files it becomes. No build."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.importers.debian import from_dsc, incoming
from planex.scaffold.make import first_spec
from planex.scaffold.survey import survey
from tests.unit.test_import_planex4 import PATCH, tarball
from tests.unit.test_scaffold import STOCK

CONTROL = b"Source: foo\nBuild-Depends: debhelper, bison\n\nPackage: foo\nDescription: does a thing\n More.\n"
SERIES = b"# upstream's\none.patch\nsub/two.patch -p0\n"


def make(folder: Path, debian: dict[str, bytes]) -> Path:
    tarball(folder / "foo_1.2.orig.tar.gz", {"foo-1.2/Makefile": b"all:\n", "foo-1.2/x": b""})
    tarball(folder / "foo_1.2-3.debian.tar.gz", {f"debian/{name}": data for name, data in debian.items()})
    names = sorted(path.name for path in folder.glob("*.tar.gz"))
    lines = [f" {hashlib.sha256((folder / name).read_bytes()).hexdigest()} 1 {name}" for name in names]
    (folder / "foo_1.2-3.dsc").write_text(
        "\n".join(["Source: foo", "Homepage: https://example.org", "Checksums-Sha256:", *lines, ""])
    )
    return folder / "foo_1.2-3.dsc"


def files_of(dsc: Path) -> tuple[dict[str, bytes], tuple[str, ...]]:
    origin = from_dsc(dsc)
    spec, _ = first_spec(origin, survey(origin.tarball), STOCK, "Ann <a@b>", "Sat Nov 28 2026")
    made = incoming(origin, spec)
    return dict(made.files), made.remarks


def test_a_quilt_queue_becomes_the_patch_queue_byte_for_byte(tmp_path: Path) -> None:
    patches = {"series": SERIES, "one.patch": PATCH, "sub/two.patch": PATCH, "spare.patch": PATCH}
    files, remarks = files_of(make(tmp_path, {"control": CONTROL, **{f"patches/{k}": v for k, v in patches.items()}}))
    assert files["patchqueues/foo/series"] == SERIES
    assert files["patchqueues/foo/one.patch"] == files["patchqueues/foo/sub/two.patch"] == PATCH
    assert "patchqueues/foo/spare.patch" not in files and "spare.patch" in remarks[0]
    text = files["specs/foo/foo.spec.j2"].decode()
    assert (
        "Summary:        Does a thing\n" in text and "BuildRequires:  bison\n" in text and "{{ patch_lines }}" in text
    )
    assert files["specs/foo/foo_1.2.orig.tar.gz"] == (tmp_path / "foo_1.2.orig.tar.gz").read_bytes()


def test_a_package_without_patches_has_no_queue(tmp_path: Path) -> None:
    files, remarks = files_of(make(tmp_path, {"control": CONTROL, "patches/series": b"# none\n"}))
    assert not remarks and not [path for path in files if path.startswith("patchqueues/")]


@pytest.mark.parametrize("series", [b"gone.patch\n", b"one.patch -R\n"])
def test_a_queue_that_cannot_be_used_is_told(tmp_path: Path, series: bytes) -> None:
    files, remarks = files_of(
        make(tmp_path, {"control": CONTROL, "patches/series": series, "patches/one.patch": PATCH})
    )
    assert "the queue is not carried" in remarks[0] and not [path for path in files if "patchqueues" in path]


def test_a_dsc_without_its_tarballs(tmp_path: Path) -> None:
    dsc = make(tmp_path, {"control": CONTROL})
    (tmp_path / "foo_1.2-3.debian.tar.gz").unlink()
    with pytest.raises(PlanexError, match=r"foo_1.2-3.debian.tar.gz is not beside"):
        from_dsc(dsc)
    dsc.write_text("x")
    with pytest.raises(PlanexError, match=r"is no \.dsc file"):
        from_dsc(dsc)


def test_a_dsc_whose_tarball_is_another(tmp_path: Path) -> None:
    dsc = make(tmp_path, {"control": CONTROL})
    (tmp_path / "foo_1.2.orig.tar.gz").write_bytes((tmp_path / "foo_1.2-3.debian.tar.gz").read_bytes())
    with pytest.raises(PlanexError, match=r"foo_1.2.orig.tar.gz is not the file that foo_1.2-3.dsc names: sha256"):
        from_dsc(dsc)


def test_changes_in_a_diff_are_told_to_be_left_behind(tmp_path: Path) -> None:
    dsc = make(tmp_path, {"control": CONTROL})
    text = dsc.read_text().replace("foo_1.2-3.debian.tar.gz", "foo_1.2-3.diff.gz")
    dsc.write_text(text)
    _, remarks = files_of(dsc)
    assert "source format 1.0" in remarks[0]
