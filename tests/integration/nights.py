# SPDX-License-Identifier: LGPL-2.1-or-later
"""A workspace to which something happens every night, on a disk of its own where the tests are root's."""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from planex.rpm.repo import create_repo
from planex.run import Completed, run, spawn
from planex.snapshot.folder import SnapshotFolder
from tests.conftest import ROOT
from tests.integration.conftest import make_tarball, make_workspace, write_package
from tests.unit.rpm_factory import make_rpm

SPEC = """\
Name:           {name}
Version:        {{{{ version }}}}
Release:        1
Summary:        A test
License:        MIT
Source0:        %{{name}}-%{{version}}.tar
BuildArch:      noarch
{needs}
{{{{ patch_lines }}}}

%description
A test.

%prep
%autosetup -p1

%build
{build}

%install
install -D -m644 file %{{buildroot}}/usr/share/%{{name}}/file

%files
/usr/share/%{{name}}

%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
PATCH = "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-text\n+text of night {number}\n"
RULER = "mkdir -p %{{buildroot}}/usr/share; echo {version} >%{{buildroot}}/usr/share/ruler"
WHO = ("-c", "user.name=t", "-c", "user.email=t@example.org")
EXTRA = "\n[extra]\nname=extra\nbaseurl=file://$workspace/extra\nenabled=1\ngpgcheck=0\nmetadata_expire=0\n"
PLANEX_YAML = "name: test\nversion: '1'\nvendor: tests\ntargets: {far: {base: far, builder: sandbox}}\n"
LEFT = (0, 64 << 10, 1 << 20, 4 << 20)
"""Bytes that a full disk has left."""


@contextmanager
def own_disk(folder: Path) -> Iterator[tuple[tuple[str, ...], Path]]:
    """How commands get to a small disk at ``folder``, and how this process does. No disk of its own for a user."""
    folder.mkdir()
    if os.geteuid() != 0:
        yield (), folder
        return
    mount = f"mount -t tmpfs -o size=1500m tmpfs {folder} && echo mounted && sleep 7200"
    with spawn(["unshare", "--mount", "--propagation", "private", "sh", "-c", mount]) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mounted\n"
        inside = Path(f"/proc/{holder.pid}/root", *folder.parts[1:])
        yield ("nsenter", "--mount", "--target", str(holder.pid), "--"), inside


@dataclass
class Distro:
    """Three packages. ``place``: the workspace for commands, behind ``door``; ``seen``: the same for this process."""

    door: tuple[str, ...]
    place: Path
    seen: Path
    base: Path
    chance: random.Random
    broken: bool = False
    version: int = 1
    ruler: int = 0
    fullnesses: int = 0
    subjects: list[str] = field(default_factory=list)

    @property
    def archive(self) -> SnapshotFolder:
        return SnapshotFolder(self.seen / "snapshots" / "far")

    def inside(self, *words: str | Path) -> Completed:
        return run([*self.door, *words], check=False, env={"PYTHONPATH": str(ROOT)})

    def planex(self, *words: str) -> Completed:
        return self.inside(sys.executable, "-m", "planex", "-C", self.place, *words)

    def begin(self) -> None:
        make_workspace(self.seen, self.base)
        (self.seen / ".gitignore").write_text("/_build\n/snapshots/\n/extra/\n/filler\n")
        (self.seen / "planex.yaml").write_text(PLANEX_YAML)
        config = (self.seen / "mock-configs" / "bookworm.cfg").read_text()
        (self.seen / "mock-configs" / "far.cfg").write_text(config.replace("bookworm.repo", "far.repo"))
        (self.seen / "repos" / "far.repo").write_text((self.seen / "repos" / "bookworm.repo").read_text() + EXTRA)
        self.update_base()
        self.put("plain")
        self.put("patched", patch=PATCH.format(number=0))
        self.put("moving", needs="BuildRequires: ruler")
        self.inside("git", "-C", self.place, "init", "-q")
        self.commit("three packages")

    def put(self, name: str, *, build: str = "true", needs: str = "", patch: str = "", version: int = 1) -> None:
        spec = SPEC.format(name=name, build=build, needs=needs)
        write_package(self.seen, name, spec, {"file": "text\n"}, {"night.patch": patch} if patch else {})
        folder = self.seen / "specs" / name
        (folder / "package.yaml").write_text(f"variables: {{version: '{version}'}}\n")
        make_tarball(folder / f"{name}-{version}.tar", f"{name}-{version}", {"file": "text\n"})

    def update_base(self) -> None:
        """A newer ``ruler``, which ``moving`` is built with, in the base's second repository."""
        self.ruler += 1
        folder = self.place.parent.parent / f"ruler-{self.ruler}"
        rpm = make_rpm(
            folder, "ruler", version=str(self.ruler), install=RULER.format(version=self.ruler), files="/usr/share/ruler"
        )
        (folder / "repo").mkdir()
        shutil.copy(rpm, folder / "repo")
        create_repo(folder / "repo")
        shutil.rmtree(self.seen / "extra", ignore_errors=True)
        shutil.copytree(folder / "repo", self.seen / "extra")

    def commit(self, subject: str) -> None:
        for words in (("add", "-A"), ("commit", "-qm", subject)):
            done = self.inside("git", "-C", self.place, *WHO, *words)
            assert done.returncode == 0, done.stderr
        self.subjects.append(subject)

    def happen(self, kind: str, number: int) -> None:
        """What happens in the workspace before the night."""
        if self.broken and kind != "broken":
            self.broken = False
            self.put("plain")
            self.commit(f"mended for night {number}")
        match kind:
            case "patch" | "full" | "killed":
                self.put("patched", patch=PATCH.format(number=number))
            case "broken":
                self.broken = True
                self.put("plain", build=f"echo 'error: broken in night {number}' >&2; false")
            case "upstream":
                self.version += 1
                self.put("moving", needs="BuildRequires: ruler", version=self.version)
            case "base":
                self.update_base()
        if kind not in ("base", "nothing"):
            self.commit(f"{kind} in night {number}")

    def night(self, kind: str) -> Completed | None:
        """Make the snapshot; None where it was killed."""
        match kind:
            case "full":
                with self._full():
                    return self.planex("snapshot", "create")
            case "killed":
                self._killed()
                return None
        return self.planex("snapshot", "create")

    @contextmanager
    def _full(self) -> Iterator[None]:
        free = int(self.inside("stat", "-f", "-c", "%a", self.place).stdout) * 4096
        filler, left = self.place / "filler", LEFT[self.fullnesses % len(LEFT)]
        self.fullnesses += 1
        assert self.inside("fallocate", "-l", str(free - left), filler).returncode == 0
        yield
        assert self.inside("rm", filler).returncode == 0

    def _killed(self) -> None:
        words = [*self.door, sys.executable, "-m", "planex", "-C", str(self.place), "snapshot", "create"]
        with spawn(words) as process:
            while process.poll() is None and not list(self.archive.root.glob(".*/logs/build.log")):
                time.sleep(0.02)
            time.sleep(self.chance.choice((0, 1, 2, 4, 8)))
            process.kill()

    def logs(self, idents: list[str]) -> str:
        """What the parts of these snapshots said."""
        folders = (self.archive.folder(ident) / "logs" for ident in idents)
        return "\n".join(path.read_text() for folder in folders for path in sorted(folder.iterdir()))

    def space(self) -> int:
        """Bytes on the disk of all that snapshots and their pages take; what is linked counts once."""
        found = {path.lstat().st_ino: path.lstat().st_blocks * 512 for path in self.archive.root.rglob("*")}
        return sum(found.values())
