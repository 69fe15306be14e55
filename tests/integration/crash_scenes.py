# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the crash test kills: commands that make something, each in a workspace of its own, and what they must give."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from planex.rpm.repo import create_repo
from planex.run import run
from tests.conftest import ROOT
from tests.integration import tiny_iso
from tests.integration.conftest import PLANEX_YAML, write_package
from tests.integration.patch_factory import Tree, numbered, replace_line, steps
from tests.integration.patch_workspace import PatchWorkspace
from tests.integration.test_base import DEFINITION, PKGCONFIG, loader_files
from tests.integration.test_base import shell as shell_deb
from tests.integration.test_iso_build import COMPS, ISO_YAML, MOCK_CONFIG
from tests.integration.test_iso_build import PLANEX_YAML as ISO_PLANEX_YAML
from tests.integration.test_iso_build import SPEC as HOST_SPEC
from tests.integration.tiny_archive import TinyArchive, TinyDeb

SPEC = """\
Name:           {{ package.name }}
Version:        1
Release:        1%{?dist}
Summary:        A test
License:        MIT
Source0:        %{name}-%{version}.tar
{{ patch_lines }}
BuildArch:      noarch
%description
x
%prep
%autosetup -p1
%install
install -D -m 644 text %{buildroot}/usr/share/{{ package.name }}/text
%files
/usr/share/{{ package.name }}
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
PATCH = "--- a/text\n+++ b/text\n@@ -1 +1 @@\n-one\n+two\n"
OLD: Tree = {"a.c": numbered(60), "b.c": numbered(30, "row")}
ONE = replace_line(OLD, "a.c", "line 10", "one")
TWO = replace_line(ONE, "b.c", "row 20", "two")
NEW: Tree = {"a.c": "new\n" + OLD["a.c"], "b.c": OLD["b.c"]}


@dataclass(frozen=True)
class Scene:
    """A command in a workspace.

    ``again``: what is typed where the command says that its work is under way. ``results``: patterns of what must be
    bit-identical in the end. ``redone``: what is deleted, so that the command has work to do again.
    """

    name: str
    folder: Path
    words: tuple[str, ...]
    results: tuple[str, ...]
    redone: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    restored: tuple[str, ...] = ()
    """Folders that the command changes: they are put back from ``.kept`` beside the workspace."""

    def reset(self) -> None:
        """Give the command its work to do again."""
        for pattern in self.redone:
            for path in self.folder.glob(pattern):
                _delete(path)
        for name in self.restored:
            _delete(self.folder / name)
            kept = self.folder.parent / f"{self.name}.kept" / name
            if kept.exists():
                shutil.copytree(kept, self.folder / name, symlinks=True)

    def keep(self) -> None:
        """Remember the restored folders as they are now."""
        for name in self.restored:
            if (self.folder / name).exists():
                shutil.copytree(self.folder / name, self.folder.parent / f"{self.name}.kept" / name, symlinks=True)

    def digests(self) -> dict[str, str]:
        """Path to SHA-256 of all that the command must have made."""
        files = (path for pattern in self.results for path in self.folder.glob(pattern) if path.is_file())
        return {str(path.relative_to(self.folder)): _digest(path) for path in sorted(files)}

    def paths(self) -> set[str]:
        """Everything that is in the workspace."""
        return {str(path.relative_to(self.folder)) for path in _walk(self.folder)}


def _walk(folder: Path) -> Iterator[Path]:
    for top, folders, files in os.walk(folder):
        for name in (*folders, *files):
            yield Path(top) / name


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def build_scene(place: Path) -> Scene:
    """``planex build`` of two packages, one with a patch, on the repository's own embedded base."""
    folder = place / "build"
    (folder / "specs").mkdir(parents=True)
    (folder / "_build").mkdir()
    (folder / "_build" / "base").symlink_to(ROOT / "_build" / "base")
    (folder / "planex.yaml").write_text(PLANEX_YAML)
    for name in ("repos", "mock-configs"):
        shutil.copytree(ROOT / name, folder / name)
    write_package(folder, "aye", SPEC, {"text": "one\n"}, {"two.patch": PATCH})
    write_package(folder, "bee", SPEC, {"text": "bee\n"}, {})
    made = ("_build/bookworm/repo/**/*", "_build/bookworm/store/*/*/*.rpm")
    redone = (
        "_build/bookworm/store",
        "_build/bookworm/repo",
        "_build/bookworm/repos",
        "_build/bookworm/buildroots/deps-*",
    )
    return Scene("build", folder, ("build",), made, redone)


def base_scene(place: Path) -> Scene:
    """``planex base build`` from a tiny archive."""
    folder = place / "base"
    archive = TinyArchive(place / "archive")
    library = Path(next(iter(sorted(Path("/lib/x86_64-linux-gnu").glob("libz.so.1.*")))))
    archive.add(TinyDeb("libz", {"/lib/x86_64-linux-gnu/libz.so.1.2": library.read_bytes()}))
    archive.add(TinyDeb("libz-dev", {"/usr/lib/x86_64-linux-gnu/pkgconfig/z.pc": PKGCONFIG}, depends="libz (= 1.0-1)"))
    archive.add(TinyDeb("debconf"))
    archive.add(TinyDeb("linux-image", {"/boot/vmlinuz-6": b"kernel"}))
    archive.add(TinyDeb("busybox-static", {"/bin/busybox": b"busybox"}))
    archive.add(TinyDeb("rpm", {"/usr/lib/rpm/macros": "%_x 1\n"}))
    archive.add(TinyDeb("loaders", loader_files()))
    archive.add(shell_deb())
    archive.publish()
    _write(folder, {"planex.yaml": ISO_PLANEX_YAML, "mock-configs/tiny.cfg": MOCK_CONFIG, "repos/tiny.repo": ""})
    _write(folder, {"repos/tiny.yaml": DEFINITION})
    made = tuple(f"_build/base/tiny/{name}" for name in ("repo/**/*", "rpmconfig/**/*", "base.iso", "manifest.json"))
    redone = ("_build/base/tiny/builds", "_build/base/tiny/current", "_build/base/tiny/rpms", "_build/base/tiny/debs")
    return Scene("base", folder, ("base", "build"), made, redone, environment=_own_apt(place, archive))


def _own_apt(place: Path, archive: TinyArchive) -> dict[str, str]:
    """apt's programs under their own names, set up with the tiny archive: children of planex inherit PATH only."""
    settings = " ".join(f"{name}={value}" for name, value in archive.environment().items())
    for name in ("apt-get", "apt-cache"):
        _write(place, {f"bin/{name}": f'#!/bin/sh\n{settings} exec /usr/bin/{name} "$@"\n'})
        (place / "bin" / name).chmod(0o755)
    return {"PATH": f"{place}/bin:{os.environ['PATH']}"}


def iso_scene(place: Path) -> Scene:
    """``planex iso build`` of a host of one package."""
    folder, material = place / "iso", place / "material"
    material.mkdir()
    (material / "tiny-host.spec").write_text(HOST_SPEC)
    words = ["rpmbuild", "-bb", "--define", f"_topdir {material}/rpm", str(material / "tiny-host.spec")]
    run(words, env={"SOURCE_DATE_EPOCH": str(tiny_iso.EPOCH)})
    (rpm,) = (material / "rpm" / "RPMS").rglob("*.rpm")
    _write(folder, {"planex.yaml": ISO_PLANEX_YAML, "mock-configs/tiny.cfg": MOCK_CONFIG, "repos/tiny.repo": ""})
    _write(folder, {"repos/tiny.yaml": "", "specs/tiny-host/tiny-host.spec": HOST_SPEC, "iso/iso.yaml": ISO_YAML})
    _write(folder, {"iso/comps.xml": COMPS, "iso/initrd/init": "#!/bin/busybox sh\n"})
    for repository in (folder / "_build/base/tiny/repo", folder / "_build/tiny/repo"):
        repository.mkdir(parents=True)
    shutil.copyfile(rpm, folder / "_build/tiny/repo" / rpm.name)
    shutil.copyfile(tiny_iso.make_base(material), folder / "_build/base/tiny/base.iso")
    create_repo(folder / "_build/base/tiny/repo")
    create_repo(folder / "_build/tiny/repo")
    return Scene("iso", folder, ("iso", "build"), ("_build/tiny/iso/*.iso",), ("_build/tiny/iso", "_build/tiny/work"))


def rebase_scene(place: Path) -> Scene:
    """``planex patchqueue rebase`` of two patches, one of which moves."""
    folder = place / "rebase"
    made = PatchWorkspace.create(folder, OLD, steps([OLD, ONE, TWO]))
    source = made.source("2", NEW)
    words = ("patchqueue", "rebase", "pkg", str(source))
    results = ("specs/**/*", "patchqueues/**/*")
    caches = ("_build/patchqueue", "_build/cache/patchqueue", "_build/cache/git", "trees")
    again = ("patchqueue", "rebase", "pkg", "--continue")
    return Scene("rebase", folder, words, results, caches, again, restored=("specs", "patchqueues"))


def _write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


SCENES = {"build": build_scene, "base": base_scene, "iso": iso_scene, "rebase": rebase_scene}
