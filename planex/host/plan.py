# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where the host ISO of a workspace is, what decides it, and whether it has to be made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.checksums import digest_of, digest_of_text
from planex.content import shelf
from planex.content.code import code_digest
from planex.content.remembered import Remembered
from planex.distro.config import Config
from planex.distro.project import Project, require_base
from planex.errors import PlanexError
from planex.host.baseiso import check_signature
from planex.host.bootfiles import boot_inputs
from planex.host.definition import IsoDefinition, definition_path, load_definition
from planex.host.live import host_inputs
from planex.host.manifest import Manifest, differences, read_manifest
from planex.medium.efi import MODULES
from planex.medium.loaders import find_here
from planex.report import Task
from planex.sources.limits import Download, Downloads

DIGESTS = "digests.json"
"""In the work folder: digests of large files."""
WRITTEN = "iso/"
"""How the labels of inputs begin that a person wrote."""


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

    @property
    def of_texts(self) -> bool:
        """Whether only what stands in iso/ has changed since it was made last."""
        return all(reason.startswith(WRITTEN) for reason in self.reasons)


def plan_iso(project: Project, task: Task, *, force: bool = False) -> IsoPlan:
    """Decide whether the host ISO has to be made, and why."""
    require_base(project)
    definition = load_definition(project.workspace, project.target_name)
    iso = iso_path(project.folder, definition, project.config)
    work = work_folder(project)
    base = base_iso(project, task)
    inputs = gather_inputs(project, definition, base, work)
    reasons = ("forced",) if force else why_build(iso, inputs)
    return IsoPlan(definition, iso, base, inputs, reasons)


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
    live, packages = definition.live, definition.boot_packages
    inputs = host_inputs(project, live) if live else dict(boot_inputs(project, packages))
    digests = Remembered(work / DIGESTS)
    inputs["base ISO"] = digests.digest(base)
    digests.save()
    _require_whole(project, base, inputs["base ISO"])
    inputs["version"] = f"{project.config.name} {project.config.version}"
    inputs["vendor"] = project.config.vendor
    inputs["loaders"] = _digest([MODULES / "multiboot2.mod", MODULES / "kernel.img", find_here("mboot.c32")])
    inputs["planex itself"] = code_digest("planex.host", "planex.medium")
    inputs |= {"signing key": digest_of_text(project.signer.key.text)} if project.signer else {}
    for path in _written(project):
        inputs[f"{WRITTEN}{path.relative_to(project.workspace.iso)}"] = digest_of(path, "SHA256")
    return inputs


def _require_whole(project: Project, base: Path, found: str) -> None:
    """A download that a disk damaged, or a power cut emptied, is deleted and said."""
    named = None if project.target.embedded else project.target.base_iso
    if named and found != named.sha256:
        base.unlink()
        raise PlanexError(f"the downloaded base ISO {base} is damaged", "it is downloaded again: planex iso build")


def _written(project: Project) -> list[Path]:
    """Files of iso/, without the definitions of other targets' ISOs."""
    folder = project.workspace.iso
    others = {folder / f"{name}.yaml" for name in ("iso", *project.config.targets)}
    others.discard(definition_path(project.workspace, project.target_name))
    return sorted(path for path in folder.rglob("*") if path.is_file() and path not in others)


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
    source, limits = project.target.base_iso, project.config.downloads
    iso = _downloaded(source, project.workspace.downloads, task, limits)
    check_signature(source, iso, project.workspace.repos, task, limits)
    return iso


def _downloaded(source: Download, cache: Path, task: Task, limits: Downloads) -> Path:
    final = cache / f"{source.sha256}.iso"
    if not final.exists():
        from planex.sources.download import download  # what is there already needs no network

        task.phase("download")
        partial = final.with_suffix(".part")
        download(source.url, partial, task, limits)
        if digest_of(partial, "SHA256") != source.sha256:
            partial.unlink()
            raise PlanexError(f"{source.url} does not have the SHA-256 that planex.yaml gives", "check both")
        shelf.publish(partial, final, durable=True)
    return final


def _digest(paths: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.read_bytes() if path.exists() else b"")
    return whole.hexdigest()
