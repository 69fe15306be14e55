# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds without mock and without root: a buildroot in read-only layers, an overlay for each build, a bubblewrap cage.

Layers are folders named by the hash of what is in them: ``base-*`` is the target's empty buildroot, ``deps-*`` what
the BuildRequires of a package add to it. Where this file system cannot carry an overlay, layers are whole copies.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from planex import dnf, userns
from planex.builders.job import Job
from planex.builders.state import StateLog, rpmbuild_section
from planex.errors import PlanexError
from planex.mockconfig import MockConfig
from planex.report import Task
from planex.run import require, run_logged
from planex.userns import Overlay
from planex.workspace import write_atomic

TOPDIR = "/builddir/build"
KEPT_LAYERS = 40
"""Layers of BuildRequires kept at most."""
_USER = f"mockbuild:x:{userns.BUILDER_ID}:{userns.BUILDER_ID}:package builder:/builddir:/bin/bash\n"
_GROUP = f"mockbuild:x:{userns.BUILDER_ID}:\n"


class SandboxBuilder:
    """See ``planex.builders.job.Builder``."""

    name = "sandbox"

    def __init__(self, config: MockConfig, digest: str, folder: Path) -> None:
        """``digest`` decides the base layer's content, ``folder`` holds layers, caches and dnf's home."""
        self._config = config
        self._digest = digest
        self._folder = folder
        self._conf = folder / "dnf.conf"
        self._base = folder / f"base-{digest[:16]}"
        self._overlays = True

    def prepare(self, task: Task) -> None:
        """Make the base layer, unless it is there."""
        for tool in ("bwrap", "dnf", "unshare", "rpmbuild"):
            require(tool, "build packages in the sandbox")
        if reason := userns.problem():
            raise PlanexError(f"no user namespace can be made: {reason}", "run `planex doctor`")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._overlays = userns.overlay_works(self._folder)
        write_atomic(self._conf, self._config.dnf_conf)
        with FileLock(f"{self._base}.lock"):
            if not self._base.exists():
                task.phase("install packages")
                self._make_base()
            self._prune()

    def build(self, job: Job, task: Task) -> None:
        state = StateLog(job.logs / "state.log", task)
        with state.phase("buildroot"):
            layers = self._dependencies(job)
        with state.phase("rpmbuild"):
            self._rpmbuild(job, layers, task)

    def _make_base(self) -> None:
        draft = self._draft(self._base)
        log = self._base.with_suffix(".log")
        log.unlink(missing_ok=True)
        command, *packages = self._config.setup_command
        argv = dnf.install_argv(
            self._conf, self._cache, draft, packages, releasever=self._config.releasever, command=command
        )
        dnf.install(argv, draft, self._home, log)
        _add_builder(draft)
        draft.rename(self._base)

    def _dependencies(self, job: Job) -> tuple[Path, ...]:
        """Layers with the BuildRequires installed, topmost first."""
        wanted = [str(capability) for capability in job.package.build_requires]
        if not wanted:
            _copy_log(self._base, job)
            dnf.list_installed(self._base, job.logs / "installed_pkgs.log", self._home)
            return (self._base,)
        parts = [self._digest, str(self._overlays), job.dependencies_digest, *sorted(wanted)]
        layer = self._folder / f"deps-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}"
        with FileLock(f"{layer}.lock"):
            if not layer.exists():
                self._make_dependencies(job, layer, wanted)
        shutil.copyfile(layer.with_suffix(".installed"), job.logs / "installed_pkgs.log")
        _copy_log(layer, job)
        os.utime(layer)
        return (layer, self._base) if self._overlays else (layer,)

    def _make_dependencies(self, job: Job, layer: Path, wanted: Sequence[str]) -> None:
        draft = self._draft(layer)
        overlay = Overlay((self._base,), draft, job.work / "deps-work", job.work / "deps-root")
        overlay.make_folders()
        target = overlay.target if self._overlays else draft
        repos = {"planex": job.dependencies} if job.dependencies else {}
        argv = dnf.install_argv(
            self._conf, self._cache, target, wanted, repos=repos, releasever=self._config.releasever
        )
        if self._overlays:
            dnf.install(argv, target, self._home, job.logs / "root.log", overlay)
            dnf.list_installed(target, layer.with_suffix(".installed"), self._home, overlay)
        else:
            _copy(self._base, draft, job.logs / "root.log")
            dnf.install(argv, target, self._home, job.logs / "root.log")
            dnf.list_installed(target, layer.with_suffix(".installed"), self._home)
        shutil.copyfile(job.logs / "root.log", layer.with_suffix(".log"))
        draft.rename(layer)

    def _rpmbuild(self, job: Job, layers: tuple[Path, ...], task: Task) -> None:
        overlay = Overlay(layers, job.work / "upper", job.work / "overlay-work", job.work / "root")
        overlay.make_folders()
        root = overlay.target if self._overlays else overlay.upper
        if not self._overlays:
            _copy(layers[0], root, job.logs / "root.log")
        inside = overlay.upper / "builddir"
        inside.mkdir(exist_ok=True)
        (inside / ".rpmmacros").write_text(_rpmmacros(self._config))
        shutil.copyfile(job.srpm, inside / job.srpm.name)
        cage = rpmbuild_argv(root, job, self._config.arch)
        argv = userns.as_root(userns.overlay_argv(overlay, cage) if self._overlays else cage)

        def on_line(line: str) -> None:
            if section := rpmbuild_section(line):
                task.phase(section)

        run_logged(argv, job.logs / "build.log", on_line=on_line, program="rpmbuild")
        for rpm in sorted((inside / "build" / "RPMS").rglob("*.rpm")):
            rpm.rename(job.results / rpm.name)

    def _draft(self, final: Path) -> Path:
        draft = final.with_name(f"{final.name}.draft")
        userns.remove_tree(draft)
        draft.mkdir(parents=True)
        return draft

    def _prune(self) -> None:
        """Drop layers of an older base, and those that were not used for longest."""
        bases = [path for path in self._folder.glob("base-*") if path.is_dir() and path != self._base]
        layers = sorted(
            (path for path in self._folder.glob("deps-*") if path.is_dir()), key=lambda path: path.stat().st_mtime
        )
        made = self._base.stat().st_mtime
        for layer in [
            *bases,
            *(path for path in layers if path in layers[:-KEPT_LAYERS] or path.stat().st_mtime < made),
        ]:
            userns.remove_tree(layer)
            for suffix in (".installed", ".log", ".lock"):
                layer.with_suffix(suffix).unlink(missing_ok=True)

    @property
    def _home(self) -> Path:
        return self._folder / "home"

    @property
    def _cache(self) -> Path:
        return self._folder / "dnf-cache"


def rpmbuild_argv(root: Path, job: Job, arch: str) -> list[str]:
    """rpmbuild inside the cage, as an ordinary user there."""
    env = {
        "HOME": "/builddir",
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/bash",
        "TERM": "dumb",
        "SOURCE_DATE_EPOCH": str(job.epoch),
    }
    words = ["rpmbuild", "--rebuild", "--target", arch, f"/builddir/{job.srpm.name}"]
    return userns.cage_argv(root, words, env=env, chdir="/builddir")


def _rpmmacros(config: MockConfig) -> str:
    macros = {"%_topdir": TOPDIR, "%_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"} | config.macros
    return "".join(f"%{name.lstrip('%')} {body}\n" for name, body in macros.items())


def _copy_log(layer: Path, job: Job) -> None:
    """A package's root.log tells how its buildroot was made, also when that was for an earlier build."""
    log, made = job.logs / "root.log", layer.with_suffix(".log")
    if made.exists() and not log.exists():
        shutil.copyfile(made, log)


def _add_builder(root: Path) -> None:
    for name, line in (("passwd", _USER), ("group", _GROUP)):
        path = root / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + line)
    (root / "builddir").mkdir(exist_ok=True)


def _copy(source: Path, destination: Path, log: Path) -> None:
    run_logged(userns.as_root(["cp", "-a", "--reflink=auto", f"{source}/.", str(destination)]), log)
