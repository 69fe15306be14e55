# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso build``: base ISO + repository + iso/ -> host ISO, with its checksum and manifest beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.checksums import digest_of
from planex.content import records, shelf
from planex.content.code import code_digest
from planex.content.locks import Patience, hold
from planex.distro.config import Config
from planex.distro.project import Project, require_base
from planex.errors import ConfigError, PlanexError, Problem
from planex.events import IsoMade, IsoPlanned
from planex.host.check import check_iso
from planex.host.definition import IsoDefinition, load_definition
from planex.host.finding import require_clean
from planex.host.live import LiveHost, host_inputs, make_host
from planex.host.manifest import Manifest, differences, read_manifest
from planex.host.tree import Parts, plan_respin, read_base
from planex.medium.efi import MODULES
from planex.medium.loaders import find_here
from planex.medium.metadata import Product
from planex.medium.respin import respin
from planex.report import Reporter, Task
from planex.rpm import repo
from planex.sources.download import download
from planex.sources.limits import Download, Downloads
from planex.workspace import behind, write_atomic

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class KnownDigest:
    """The digest of a large file, and what must be the same for it to be believed: path, size, time, inode."""

    signature: tuple[str, int, int, int]
    sha256: str


@dataclass(frozen=True, slots=True)
class IsoResult:
    """Where the host ISO is. ``reasons``: why it was made; empty where nothing had changed."""

    iso: Path
    manifest: Manifest
    reasons: tuple[str, ...]


def iso_path(folder: Path, definition: IsoDefinition, config: Config) -> Path:
    """Where the host ISO goes; ``folder`` is the target's."""
    return folder / "iso" / f"{definition.name}-{config.version}.iso"


def manifest_path(iso: Path) -> Path:
    return iso.with_name(f"{iso.name}.manifest.json")


def checksum_path(iso: Path) -> Path:
    return iso.with_name(f"{iso.name}.sha256")


def why_build(iso: Path, inputs: Mapping[str, str]) -> tuple[str, ...]:
    """Reasons to make the ISO, in words; none where the one that is there was made from the same inputs."""
    manifest = read_manifest(manifest_path(iso))
    if manifest is None or not iso.is_file() or iso.stat().st_size != manifest.size:
        return ("new",)
    return tuple(differences(manifest.inputs, inputs))


@dataclass(frozen=True, slots=True)
class IsoPlan:
    """What ``planex iso build`` would do. ``reasons``: why; empty where there is nothing to do."""

    definition: IsoDefinition
    iso: Path
    base: Path
    inputs: Mapping[str, str]
    reasons: tuple[str, ...]


def plan_iso(project: Project, task: Task, *, force: bool = False) -> IsoPlan:
    """Decide whether the host ISO has to be made, and why."""
    require_base(project)
    definition = load_definition(project.workspace)
    iso = iso_path(project.folder, definition, project.config)
    work = work_folder(project)
    base = base_iso(project, task)
    inputs = gather_inputs(project, definition, base, work)
    reasons = ("forced",) if force else why_build(iso, inputs)
    return IsoPlan(definition, iso, base, inputs, reasons)


def build_iso(project: Project, reporter: Reporter, *, force: bool = False) -> IsoResult:
    """Bring the host ISO of the project's target up to date."""
    patience = Patience(True, reporter.info)
    lock = hold(project.folder / ".iso.lock", patience=patience)
    with hold(project.workspace.lock, shared=True, patience=patience), lock, reporter.task("iso") as task:
        work_folder(project).mkdir(parents=True, exist_ok=True)
        plan = plan_iso(project, task, force=force)
        if plan.reasons:
            reporter.tell(IsoPlanned(plan.iso.name, plan.reasons))
            _make(project, plan, task)
            reporter.tell(IsoMade(plan.iso.name, plan.iso.stat().st_size, task.seconds))
    return IsoResult(plan.iso, load_manifest(plan.iso), plan.reasons)


def load_manifest(iso: Path) -> Manifest:
    """The manifest beside an ISO; PlanexError if there is none."""
    manifest = read_manifest(manifest_path(iso))
    if manifest is None:
        raise PlanexError(f"{iso} has no manifest beside it", "make the ISO: planex iso build")
    return manifest


def work_folder(project: Project) -> Path:
    """Caches of the ISO: the live host, dnf's."""
    return project.folder / "work" / "iso"


def gather_inputs(project: Project, definition: IsoDefinition, base: Path, work: Path) -> dict[str, str]:
    """All that decides the ISO: label to digest or text."""
    inputs = host_inputs(project, definition.live)
    inputs["base ISO"] = _remembered_digest(base, work / "base-digest.json")
    inputs["version"] = f"{project.config.name} {project.config.version}"
    inputs["loaders"] = _digest([MODULES / "multiboot2.mod", MODULES / "kernel.img", find_here("mboot.c32")])
    inputs["planex itself"] = code_digest("planex.host", "planex.medium")
    files = sorted(path for path in project.workspace.iso.rglob("*") if path.is_file())
    for path in files:
        inputs[f"iso/{path.relative_to(project.workspace.iso)}"] = digest_of(path, "SHA256")
    return inputs


def base_iso(project: Project, task: Task) -> Path:
    """The base ISO: the embedded base's own, or the one that planex.yaml names, downloaded once."""
    if project.target.embedded:
        path = project.workspace.base(project.target.base) / "base.iso"
        if not path.exists():
            raise PlanexError(f"the base '{project.target.base}' has no ISO yet", "make it: planex base build")
        return path.resolve()
    if project.target.base_iso is None:
        raise PlanexError(
            f"target '{project.target_name}' names no base ISO",
            f"add targets.{project.target_name}.base_iso (url, sha256) to planex.yaml",
        )
    return _downloaded(project.target.base_iso, project.workspace.downloads, task, project.config.downloads)


def _downloaded(source: Download, cache: Path, task: Task, limits: Downloads) -> Path:
    final = cache / f"{source.sha256}.iso"
    if not final.exists():
        task.phase("download")
        partial = final.with_suffix(".part")
        download(source.url, partial, task, limits)
        if digest_of(partial, "SHA256") != source.sha256:
            partial.unlink()
            raise PlanexError(f"{source.url} does not have the SHA-256 that planex.yaml gives", "check both")
        shelf.publish(partial, final)
    return final


def _make(project: Project, plan: IsoPlan, task: Task) -> None:
    definition = plan.definition
    plan.iso.parent.mkdir(parents=True, exist_ok=True)
    shelf.sweep([plan.iso.parent, work_folder(project)])
    host = make_host(project, definition.live, work_folder(project), task)
    with shelf.draft(plan.iso) as folder:
        parts = Parts(
            definition=definition,
            product=_product(project, definition),
            host=host,
            repository=_repository(project, definition, folder / "repository"),
            init=_needed(project.workspace.iso / "initrd" / "init", "the first program of the initrd"),
        )
        task.phase("respin")
        draft = folder / plan.iso.name
        respin(plan_respin(read_base(plan.base), parts, folder), draft)
        task.phase("check")
        require_clean(draft, check_iso(draft, plan.base))
        _publish(draft, plan.iso, _manifest(project, plan, draft, host))


def _product(project: Project, definition: IsoDefinition) -> Product:
    config = project.config
    return Product(
        config.name, config.version, project.mock_config.arch, project.epoch, definition.repository.lstrip("/")
    )


def _repository(project: Project, definition: IsoDefinition, folder: Path) -> Path:
    """The composed repository; with groups of its own where iso.yaml names a file of them."""
    composed = behind(project.repository)
    if definition.comps is None:
        return composed
    groups = _needed(project.workspace.iso / definition.comps, "'comps' of iso/iso.yaml")
    repo.copy_rpms(folder, {digest_of(rpm, "SHA256"): rpm for rpm in sorted(composed.glob("*.rpm"))})
    repo.create_repo(folder, groups=groups, epoch=project.epoch)
    return folder


def _needed(path: Path, what: str) -> Path:
    if not path.is_file():
        raise ConfigError([Problem(path, 0, f"file not found; it is {what}")])
    return path


def _manifest(project: Project, plan: IsoPlan, draft: Path, host: LiveHost) -> Manifest:
    return Manifest(
        iso=plan.iso.name,
        sha256=digest_of(draft, "SHA256"),
        size=draft.stat().st_size,
        label=plan.definition.label,
        version=project.config.version,
        target=project.target_name,
        epoch=project.epoch,
        inputs=plan.inputs,
        packages=tuple(host.packages()),
    )


def _publish(draft: Path, iso: Path, manifest: Manifest) -> None:
    """Put ISO, checksum and manifest in their places. The manifest vouches for the rest: first to go, last to come."""
    manifest_path(iso).unlink(missing_ok=True)
    draft.chmod(0o644)
    shelf.publish(draft, iso)
    write_atomic(checksum_path(iso), f"{manifest.sha256}  {iso.name}\n")
    write_atomic(manifest_path(iso), manifest.to_json())


def _digest(paths: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.read_bytes() if path.exists() else b"")
    return whole.hexdigest()


def _remembered_digest(path: Path, memory: Path) -> str:
    """SHA-256 of a large file, not computed again while its place, size and time stay the same."""
    status = path.stat()
    signature = (str(path), status.st_size, status.st_mtime_ns, status.st_ino)
    known = records.load(memory, KnownDigest, _FORMAT)
    if known is None or known.signature != signature:
        known = KnownDigest(signature, digest_of(path, "SHA256"))
        records.save(memory, known, _FORMAT)
    return known.sha256
