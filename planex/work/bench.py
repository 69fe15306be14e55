# SPDX-License-Identifier: LGPL-2.1-or-later
"""A root of the cage that is kept between builds: %prep is run in it once, then what a person edits is brought there.

The person's tree itself is never in the cage: a build could write to its .git, and git runs what stands there. Files
that differ are copied, by content and with a new time, so make and its like compile what changed and no more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from planex.cage.command import Cage, Overlay
from planex.checksums import digest_of_text
from planex.content import records, shelf
from planex.distro.project import Project
from planex.engine.builders.job import Job
from planex.engine.builders.sandbox import HOME, TOPDIR, SandboxBuilder
from planex.engine.make import Make
from planex.engine.outputs import accept, rules_of
from planex.engine.packing import Packing
from planex.engine.workshop import Workshop
from planex.errors import PlanexError
from planex.git.repository import Repository
from planex.patchqueue.commits.commits import Chain
from planex.rebase.package import PackageQueue
from planex.report import Reporter, Task
from planex.work.tree import UNPACK, difference, files_now

_FORMAT, _RECORD = 2, "root.json"
_SECTION = re.compile(r"^%(?:generate_buildrequires|conf|build|install|check|pre|post|files|changelog|package)\b", re.M)
_BUILD = f'rm -rf {TOPDIR}/RPMS && exec rpmbuild "$@" {TOPDIR}/SPECS/*.spec'
_RENEW = f'rm -rf {TOPDIR}/SPECS {TOPDIR}/SOURCES && rpm -i --nodeps "$0" && {_BUILD}'
COMPILE, CHECK = ("-bc", "--noprep"), ("-bi", "--noprep")
PACKAGES = ("-bb", "--noprep", "--noclean", "--nocheck")
"""rpmbuild's options for each step. With --short-circuit it would make packages that no rpm installs."""


def home_of(project: Project, name: str) -> Path:
    """Where all that is kept for a package's tree lies; `planex clean` deletes it."""
    return project.folder / "work" / "trees" / name


@dataclass(frozen=True, slots=True)
class KeptRoot:
    """What a root holds."""

    key: str
    """Of all that makes a new root needed: the buildroot, the source, %prep."""
    layers: tuple[Path, ...]
    inputs: str = ""
    """Key of the spec and the sources that lie in it."""
    held: tuple[str, ...] = ()
    """Git trees of which its files may be: one, or more where bringing one was not finished."""
    compiled: str = ""
    """The git tree that was compiled last."""
    packed: str = ""
    """The git tree, and the key of the spec and sources, of which packages were made last."""


def kept_root(home: Path) -> KeptRoot | None:
    """What the root holds, if there is one that can be used."""
    return records.load(home / _RECORD, KeptRoot, _FORMAT)


@dataclass(frozen=True)
class Bench:
    """A package's tree and the root that it is built in."""

    workshop: Workshop
    found: PackageQueue
    builder: SandboxBuilder
    folder: Path
    """The git tree."""
    offline: bool = False

    @property
    def name(self) -> str:
        return self.found.name

    @property
    def home(self) -> Path:
        return home_of(self.workshop.project, self.name)

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @cached_property
    def tree(self) -> Repository:
        return Repository(self.folder)

    def forget(self) -> None:
        """Have the next run begin with %prep."""
        (self.home / _RECORD).unlink(missing_ok=True)

    def ready(self, task: Task) -> ReadyBench:
        """A prepared root with the files of the tree as they are now."""
        self.builder.prepare(task)
        chain = self._chain(task)
        job = self._job(task)
        kept = self._prepared(job, chain, task)
        task.phase("copy edits")
        return ReadyBench(self, job, self._brought(job, kept, task))

    def _chain(self, task: Task) -> Chain:
        """The queue as commits, as %prep applies it."""
        chain = self.found.chain(self.found.current(task))
        if lost := [link.patch.name for link in chain.links if not link.applies]:
            raise PlanexError(f"{', '.join(lost)}: does not apply", f"see planex patchqueue check {self.name}")
        self.tree.copy_objects(self.found.repository)
        return chain

    def _job(self, task: Task) -> Job:
        name, kept, made = self.name, kept_root(self.home), self.home / "srpm"
        self.logs.mkdir(parents=True, exist_ok=True)
        srpms = list(made.glob("*.src.rpm"))
        if kept is None or kept.inputs != self.workshop.own(name).key or not srpms:
            srpms = [Packing(self.workshop, name, self.offline).run(task, made, self.logs / "srpm.log")]
        make = Make(self.workshop, self.builder, name, srpms[0], self.home / "make", self.logs, Reporter())
        return make.job(self.workshop.buildroot(name))

    def _prepared(self, job: Job, chain: Chain, task: Task) -> KeptRoot:
        """The root after %prep, made now unless the one that is there serves."""
        task.phase("buildroot")
        layers = self.builder.layers(job)
        key = digest_of_text("\0".join([*map(str, layers), chain.base.key, self.place, self._prep()]))
        kept = kept_root(self.home)
        if kept and kept.key == key:
            return kept
        shelf.fresh(self.home / "root")
        made = KeptRoot(key, layers)
        arch = self.workshop.project.mock_config.arch
        words = ["sh", "-c", _RENEW, f"{HOME}/{job.srpm.name}", "-bp", *job.with_conditions, "--target", arch]
        self.builder.run(job, self.overlay(made), words, task)
        tree = self.tree.git("rev-parse", f"{chain.head}^{{tree}}")
        made = replace(made, inputs=self.workshop.own(self.name).key, held=(tree,))
        self.save(made)
        return made

    def _brought(self, job: Job, kept: KeptRoot, task: Task) -> KeptRoot:
        """The root with the tree's files in it as they are now."""
        now = files_now(self.tree)
        if kept.held == (now,):
            return kept
        self.save(replace(kept, held=tuple(dict.fromkeys((*kept.held, now)))))
        archive, names = self.home / "changed.tar", self.home / "changed.names"
        difference(self.tree, kept.held, now).pack(archive, names)
        more: Mapping[str, Path] = {f"{HOME}/{path.name}": path for path in (archive, names)}
        words = ["sh", "-c", UNPACK, self.place, *more]
        self.builder.run(job, self.overlay(kept), words, task, more)
        kept = replace(kept, held=(now,))
        self.save(kept)
        return kept

    def overlay(self, kept: KeptRoot) -> Overlay:
        """The root."""
        return Overlay(kept.layers, self.home / "root")

    def save(self, kept: KeptRoot) -> None:
        """Write down what the root holds."""
        records.save(self.home / _RECORD, kept, _FORMAT)

    @property
    def place(self) -> str:
        """Where the root has the tree's files."""
        package = self.workshop.project.package(self.name)
        first = min((each for each in package.sources if each.kind == "source"), key=lambda each: each.number)
        folders = [each.folder for each in package.unpacks if first.file_name in each.tarballs]
        if not folders:
            spec = self.workshop.project.rendered(self.name)
            raise PlanexError(f"{spec}: its %prep unpacks {first.file_name} in a way that `planex work` does not know")
        return f"{TOPDIR}/BUILD/{folders[0]}"

    def _prep(self) -> str:
        """The text of %prep."""
        text = self.workshop.project.rendered(self.name).read_text(errors="replace").partition("\n%prep")[2]
        end = _SECTION.search(text)
        return text[: end.start()] if end else text


@dataclass(frozen=True)
class ReadyBench:
    """A bench whose root has the files of the tree, and what the builder is asked there."""

    bench: Bench
    job: Job
    kept: KeptRoot

    def run(self, options: Sequence[str], task: Task) -> None:
        """Run rpmbuild with these options."""
        bench, job, workshop = self.bench, self.job, self.bench.workshop
        inputs = workshop.own(bench.name).key
        script = _BUILD if inputs == self.kept.inputs else _RENEW
        words = ["sh", "-c", script, f"{HOME}/{job.srpm.name}", *options, *job.with_conditions]
        words += ["--target", workshop.project.mock_config.arch]
        bench.builder.run(job, bench.overlay(self.kept), words, task)
        bench.save(replace(kept_root(bench.home) or self.kept, inputs=inputs, compiled=self.kept.held[0]))

    def packages(self, task: Task, *, again: bool = True) -> list[Path]:
        """Have packages made, and take those that are what the spec promises.

        Without ``again`` those serve that were made of the same files before.
        """
        bench, workshop = self.bench, self.bench.workshop
        results, made_of = bench.home / "rpms", f"{self.kept.held[0]} {workshop.own(bench.name).key}"
        if not again and self.kept.packed == made_of:
            return sorted(results.glob("*.rpm"))
        bench.save(replace(self.kept, packed=""))
        self.run(PACKAGES, task)
        root = bench.overlay(self.kept)
        rules = rules_of(workshop, bench.name)
        made = root.upper / TOPDIR.lstrip("/") / "RPMS"
        accepted = accept(made, root.scratch, workshop.project.package(bench.name), shelf.fresh(results), rules)
        bench.save(replace(kept_root(bench.home) or self.kept, packed=made_of))
        return [results / name for name in accepted.rpms]

    def cage(self) -> Cage:
        """Where the tree is compiled, to work there by hand."""
        cage = self.bench.builder.cage(self.job, self.bench.overlay(self.kept))
        return replace(cage, chdir=self.bench.place, env={**cage.env, "TERM": "xterm"})
