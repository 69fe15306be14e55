# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds without mock and without root: a buildroot in read-only layers, an overlay for each build, a cage around it.

Layers are folders named by the hash of what is in them: ``base-*`` is the target's empty buildroot, ``deps-*`` what
the BuildRequires of a package add to it. Each holds a ``root``, the list of its packages, and the log of its making.
Where this file system cannot carry an overlay, roots are whole copies.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from planex.cage import trees
from planex.cage.command import Cage, Overlay, caged
from planex.cage.enter import BUILDER
from planex.cage.limits import Watch
from planex.cage.scope import BUS, in_scope
from planex.checksums import digest_of_text
from planex.content import records, shelf
from planex.content.locks import WAITING, Busy, hold
from planex.drafts import write_atomic
from planex.engine.builders.job import Job
from planex.engine.builders.state import StateLog, rpmbuild_section
from planex.errors import CommandFailed, PlanexError
from planex.report import Task
from planex.rpm import dnf
from planex.rpm.dnf import ChosenPackage, Repositories
from planex.rpm.mockconfig import MockConfig
from planex.run import require, run_logged

FORMAT = 3
"""Raised when layers are made differently, so that old ones are not taken for new ones."""
HOME = "/builddir"
TOPDIR = f"{HOME}/build"
_REQUIRES_MORE = 11
"""rpmbuild's exit status where it ends with a source RPM that says what to install (RPMRC_MISSINGBUILDREQUIRES)."""
_INSTALLED, _LOG = "installed_pkgs.log", "root.log"
KEPT_LAYERS = 40
"""Layers of BuildRequires kept at most."""
# Shell lines for the empty buildroot. The root may hold links that lead anywhere, so they run in its cage.
_ADD_BUILDER = f"""
cd {dnf.ROOT}
echo 'mockbuild:x:{BUILDER}:{BUILDER}:package builder:{HOME}:/bin/bash' >> etc/passwd
echo 'mockbuild:x:{BUILDER}:' >> etc/group
mkdir -p .{HOME} tmp
chown {BUILDER}:{BUILDER} .{HOME}
chmod 1777 tmp
"""

_UNPACK_AND_BUILD = f'rpm -i --nodeps "$0" && exec rpmbuild "$@" {TOPDIR}/SPECS/*.spec'
_UNPACK = f'said=$(rpm -i --nodeps "$0" 2>&1) || {{ echo "$said" >&2; exit 1; }}; cd {TOPDIR}/SPECS || exit'
_ENTER_TREE = f"cd {TOPDIR}/BUILD/*/ 2>/dev/null || cd {TOPDIR} || exit"
_WITH_TERMINAL = 'command -v setsid >/dev/null && exec setsid --ctty --wait "$@"; exec "$@"'
"""The terminal becomes that of the command's own session, so that it can be interrupted and put into the background."""
_RECORD, _FORMAT = "layers.json", 1


@dataclass(frozen=True, slots=True)
class KeptLayers:
    """What lies below the tree of a build, topmost first, as a file beside the tree keeps it."""

    layers: tuple[Path, ...]


class SandboxBuilder:
    """See ``planex.engine.builders.job.Builder``."""

    name = "sandbox"

    def __init__(self, config: MockConfig, digest: str, folder: Path, *, offline: bool = False) -> None:
        """``digest`` decides the base layer's content, ``folder`` holds layers and caches."""
        self._config = config
        self._offline = offline
        self._digest = digest_of_text(f"{FORMAT} {digest}")
        self._folder = folder
        self._base = folder / f"base-{self._digest[:16]}"

    def prepare(self, task: Task) -> None:
        """Make the base layer, unless it is there."""
        for tool in ("bwrap", "dnf", "rpmbuild"):
            require(tool, "build packages in the sandbox")
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._overlays and (reason := trees.problem()):
            raise PlanexError(f"no cage can be made: {reason}", "run `planex doctor`")
        if not self._base.exists():
            task.phase("install packages")
            self._make_base()
        self._prune()

    @cached_property
    def _overlays(self) -> bool:
        return trees.overlay_works(self._folder)

    def build(self, job: Job, task: Task) -> Path:
        state = StateLog(job.logs / "state.log", task)
        with state.phase("buildroot"):
            layers = self.layers(job)
        with state.phase("rpmbuild"):
            scratch = Overlay(layers, job.work / "root")
            records.save(job.work / _RECORD, KeptLayers(layers), _FORMAT)
            self._rpmbuild(job, scratch, ["-bb"], task)
            return scratch.upper / TOPDIR.lstrip("/") / "RPMS"

    def inside(self, job: Job, command: Sequence[str], terminal: str) -> list[str]:
        """The words that run a command where the job's build runs: with its SRPM unpacked, or, where ``job.work`` has
        the tree of a build, in that. ``terminal``: the kind of the one that it is typed on, or empty."""
        kept = records.load(job.work / _RECORD, KeptLayers, _FORMAT)
        if kept and not all(layer.is_dir() for layer in kept.layers):
            raise PlanexError("the layers below the kept tree are gone: they were cleaned", "planex build --keep")
        overlay = Overlay(kept.layers if kept else self.layers(job), job.work / "root")
        if not kept:
            shelf.remove(overlay.scratch)  # of an earlier round
        cage = self.cage(job, overlay)
        env = {**cage.env, "TERM": terminal} if terminal else cage.env
        steps = _ENTER_TREE if kept else _UNPACK
        words = ["sh", "-c", f"{steps}; {_WITH_TERMINAL}" if terminal else f'{steps}; exec "$@"']
        return in_scope(caged(replace(cage, env=env), [*words, f"{HOME}/{job.srpm.name}", *command]), job.limits)

    def generate(self, job: Job, task: Task) -> Path | None:
        state = StateLog(job.logs / "state.log", task)
        with state.phase("buildroot"):
            layers = self.layers(job)
        with state.phase("%generate_buildrequires"):
            scratch = Overlay(layers, job.work / "generate")
            try:
                # Without --nodeps, rpmbuild says nothing where all is installed that the section asks for.
                self._rpmbuild(job, scratch, ["-br", "--nodeps"], task)
            except CommandFailed as error:
                if error.returncode != _REQUIRES_MORE:
                    raise
            return scratch.upper / TOPDIR.lstrip("/") / "SRPMS"

    def _make_base(self) -> None:
        log = self._folder / "base.log"
        log.unlink(missing_ok=True)
        with shelf.draft(self._base) as draft:
            (draft / "root").mkdir()
            choice = dnf.choose(self._repositories(None), starting_packages(self._config), log)
            dnf.install(choice, draft / "root", draft, log, commands=_ADD_BUILDER)
            _describe(draft, log, choice.packages)
            shelf.publish(draft, self._base)

    def layers(self, job: Job) -> tuple[Path, ...]:
        """Roots of the layers with the BuildRequires installed, topmost first."""
        wanted = sorted({str(capability) for capability in job.build_requires})
        layer = self._base
        if wanted:
            without = [f"without {capability}" for capability in job.package.build_conflicts]
            parts = [self._digest, str(self._overlays), job.dependencies_digest, *wanted, *without]
            layer = self._folder / f"deps-{digest_of_text(' '.join(parts))[:16]}"
            with hold(layer.with_name(f".{layer.name}.lock"), patience=WAITING):  # a worker is several processes
                if not layer.exists():
                    self._make_dependencies(job, layer, wanted)
            os.utime(layer / _INSTALLED)
        shutil.copyfile(layer / _INSTALLED, job.logs / "installed_pkgs.log")
        if not (job.logs / _LOG).exists():  # it tells how the buildroot was made, also when that was for another build
            shutil.copyfile(layer / _LOG, job.logs / _LOG)
        return (layer / "root", self._base / "root") if wanted and self._overlays else (layer / "root",)

    def _make_dependencies(self, job: Job, layer: Path, wanted: list[str]) -> None:
        base, log = self._base / "root", job.logs / _LOG
        with shelf.draft(layer) as draft:
            for name in ("choosing", "installing", "made"):
                (draft / name).mkdir()
            # dnf may write to the root that it looks at, so each gets a layer of its own.
            looked_at, own = Overlay((base,), draft / "choosing"), self._repositories(job.dependencies)
            without = [str(capability) for capability in job.package.build_conflicts]
            choice = dnf.choose(own, wanted, log, installed=looked_at, without=without)
            overlay = Overlay((base,), draft / "installing")
            if not self._overlays:
                overlay.upper.mkdir()
                trees.copy_tree(base, overlay.upper, log)
            dnf.install(choice, overlay if self._overlays else overlay.upper, draft, log)
            _describe(draft / "made", log, choice.packages, self._base)
            shelf.publish(overlay.upper, draft / "made" / "root")
            shelf.publish(draft / "made", layer)

    def _repositories(self, own: Path | None) -> Repositories:
        repositories = {"planex": own} if own else {}
        config, cache = self._config, self._folder / dnf.DNF_CACHE
        return Repositories(config.dnf_conf, cache, repositories, config.releasever, self._offline, config.database)

    def _rpmbuild(self, job: Job, overlay: Overlay, mode: list[str], task: Task) -> None:
        shelf.remove(overlay.scratch)  # of an earlier round
        self.run(job, overlay, rpmbuild_argv(job, self._config.arch, mode), task)

    def run(
        self, job: Job, overlay: Overlay, argv: list[str], task: Task, more: Mapping[str, Path] | None = None
    ) -> None:
        """Run a command of a build in a root, which is made unless it is there. ``more``: what it can read besides."""
        cage = self.cage(job, overlay, more)

        def on_line(line: str) -> None:
            if section := rpmbuild_section(line):
                task.phase(section)
            task.said(line)

        watch = Watch(job.limits, overlay.scratch, job.usage)
        log = job.logs / "build.log"
        words = in_scope(caged(cage, argv), job.limits)
        run_logged(words, log, inherit=BUS, on_line=on_line, program="rpmbuild", watch=watch)

    def cage(self, job: Job, overlay: Overlay, more: Mapping[str, Path] | None = None) -> Cage:
        """The cage of a build in a root, which is made unless it is there."""
        overlay.scratch.mkdir(exist_ok=True)
        root: Path | Overlay = overlay
        if not self._overlays:
            if not overlay.upper.exists():
                overlay.upper.mkdir()
                trees.copy_tree(overlay.lowers[0], overlay.upper, job.logs / "root.log")
            root = overlay.upper
        macros = job.work / "rpmmacros"
        write_atomic(macros, _rpmmacros(self._config, job))
        found = build_cage(root, job, macros, self._config.environment)
        return replace(found, readable={**found.readable, **(more or {})})

    def _prune(self) -> None:
        """Drop layers of an older base, and those that were not used for longest."""
        bases, layers = (set(self._folder.glob(name)) for name in ("base-*", "deps-*"))
        old = {layer for layer in layers if _used(layer) < _used(self._base)}
        shelf.prune((bases - {self._base}) | old, 0)
        shelf.prune(layers - old, KEPT_LAYERS, age=_used)
        for lock in self._folder.glob(".deps-*.lock"):
            if not lock.with_name(lock.name[1:].removesuffix(".lock")).exists():
                with suppress(Busy), hold(lock):  # one that is held is of a layer in the making
                    lock.unlink(missing_ok=True)


def _used(layer: Path) -> float:
    """When a layer was used last. Its own time is the cage's to say, that of the list in it is not."""
    listing = layer / _INSTALLED
    return listing.stat().st_mtime if listing.exists() else 0.0


def starting_packages(config: MockConfig) -> list[str]:
    """What a buildroot starts with. PlanexError where only mock knows how to make it."""
    command = config.setup_command[0]
    if command not in ("install", "groupinstall"):
        message = f"config_opts['chroot_setup_cmd'] begins with '{command}'"
        raise PlanexError(f"{config.path}: {message}", "the sandbox knows 'install' and 'groupinstall'")
    if config.mock_only:
        message = f"the sandbox does not know config_opts['{config.mock_only[0]}']"
        raise PlanexError(f"{config.path}: {message}", "build with mock: --builder mock")
    return config.setup_packages


def _describe(layer: Path, log: Path, packages: Iterable[ChosenPackage], below: Path | None = None) -> None:
    """Write what is installed in a layer and the one below it, and how that was made."""
    lines = (below / _INSTALLED).read_text().splitlines() if below else []
    lines += [package.line for package in packages]
    (layer / _INSTALLED).write_text("".join(f"{line}\n" for line in sorted(lines)))
    shutil.copyfile(log, layer / _LOG)


def build_cage(root: Path | Overlay, job: Job, macros: Path, environment: Mapping[str, str]) -> Cage:
    """What a build sees: the buildroot, its SRPM, and the target's macros and ``environment``."""
    env: Mapping[str, str] = {
        "HOME": HOME,
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/bash",
        "TERM": "dumb",
        "SOURCE_DATE_EPOCH": str(job.epoch),
        **environment,
    }
    readable = {f"{HOME}/{job.srpm.name}": job.srpm, f"{HOME}/.rpmmacros": macros}
    return Cage(root, readable=readable, env=env, chdir=HOME, limits=job.limits)


def rpmbuild_argv(job: Job, arch: str, mode: list[str]) -> list[str]:
    """rpmbuild inside the cage, as an ordinary user there.

    The SRPM is unpacked first, as mock does it: ``rpmbuild --rebuild`` would leave its mark in each RPM (Cookie).
    """
    words = [*mode, *job.with_conditions, "--target", arch]
    return ["sh", "-c", _UNPACK_AND_BUILD, f"{HOME}/{job.srpm.name}", *words]


def _rpmmacros(config: MockConfig, job: Job) -> str:
    macros = {"%_topdir": TOPDIR, "%_rpmfilename": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm"} | config.macros
    if job.processors:
        macros["%_smp_ncpus_max"] = str(job.processors)
    return "".join(f"%{name.lstrip('%')} {body}\n" for name, body in macros.items())
