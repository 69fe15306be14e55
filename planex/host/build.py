# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso build``: base ISO + repository + iso/ -> host ISO, with its checksum and manifest beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from planex.checksums import digest_of, digest_of_text
from planex.content import shelf
from planex.content.code import code_digest
from planex.content.locks import Patience, hold
from planex.content.remembered import Remembered
from planex.disk import write
from planex.distro.config import Config
from planex.distro.project import Project, require_base
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.events import IsoMade, IsoPlanned
from planex.host import provenance
from planex.host.basefacts import base_facts
from planex.host.baseiso import check_signature
from planex.host.bootfiles import boot_inputs, make_boot_files
from planex.host.check import examine
from planex.host.definition import IsoDefinition, definition_path, load_definition
from planex.host.examined import ExaminedIso
from planex.host.extras import find_extras
from planex.host.finding import Finding, require_clean, without_inherited
from planex.host.groups import groups_file, needed
from planex.host.installer import WholeMenu, whole_menu
from planex.host.kickstart import kickstart_files
from planex.host.live import Installed, LiveHost, host_inputs, make_host
from planex.host.loading import choose_loaders
from planex.host.manifest import ON_ISO, Manifest, differences, read_manifest
from planex.host.signing import key_file, require_signer, signature_path
from planex.host.tree import Parts, plan_respin, read_base
from planex.medium.cpio import make_initrd
from planex.medium.efi import MODULES
from planex.medium.loaders import find_here
from planex.medium.metadata import Product
from planex.medium.respin import respin
from planex.report import Reporter, Task
from planex.rpm import repo
from planex.sources.limits import Download, Downloads
from planex.trust.repository import seal_of
from planex.trust.signer import Signer
from planex.workspace import behind

_DIGESTS, _LISTINGS = "digests.json", "listings"
"""In the work folder: digests of large files, and what repositories list."""


@dataclass(frozen=True, slots=True)
class IsoResult:
    """Where the host ISO is. ``reasons``: why it was made; empty where nothing had changed.

    ``findings``: what its check found that did not stop it, if it was made.
    """

    iso: Path
    manifest: Manifest
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


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
    definition = load_definition(project.workspace, project.target_name)
    iso = iso_path(project.folder, definition, project.config)
    work = work_folder(project)
    base = base_iso(project, task)
    inputs = gather_inputs(project, definition, base, work)
    reasons = ("forced",) if force else why_build(iso, inputs)
    return IsoPlan(definition, iso, base, inputs, reasons)


def describe_menu(plan: IsoPlan) -> tuple[WholeMenu, tuple[str, ...]]:
    """The menu that the ISO would have, and a sentence for each firmware about its loader."""
    base, definition = read_base(plan.base), plan.definition
    menu = whole_menu(definition, base.menus, base.records.label)
    files = {*base.files, *(entry.path for entry in definition.files)}
    return menu, choose_loaders(menu.definition, base.records, files, base.efi).texts


def build_iso(project: Project, reporter: Reporter, *, force: bool = False) -> IsoResult:
    """Bring the host ISO of the project's target up to date."""
    patience = Patience(True, reporter.info)
    lock = hold(project.folder / ".iso.lock", patience=patience)
    with hold(project.workspace.lock, shared=True, patience=patience), lock, reporter.task("iso") as task:
        work_folder(project).mkdir(parents=True, exist_ok=True)
        plan = plan_iso(project, task, force=force)
        findings: list[Finding] = []
        if plan.reasons:
            reporter.tell(IsoPlanned(plan.iso.name, plan.reasons))
            findings = _make(project, plan, task)
            reporter.tell(IsoMade(plan.iso.name, plan.iso.stat().st_size, task.seconds))
    return IsoResult(plan.iso, load_manifest(plan.iso), plan.reasons, tuple(findings))


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
    digests = Remembered(work / _DIGESTS)
    inputs["base ISO"] = digests.digest(base)
    digests.save()
    _require_whole(project, base, inputs["base ISO"])
    inputs["version"] = f"{project.config.name} {project.config.version}"
    inputs["vendor"] = project.config.vendor
    inputs["loaders"] = _digest([MODULES / "multiboot2.mod", MODULES / "kernel.img", find_here("mboot.c32")])
    inputs["planex itself"] = code_digest("planex.host", "planex.medium")
    inputs |= {"signing key": digest_of_text(project.signer.key.text)} if project.signer else {}
    for path in _written(project):
        inputs[f"iso/{path.relative_to(project.workspace.iso)}"] = digest_of(path, "SHA256")
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


def _make(project: Project, plan: IsoPlan, task: Task) -> list[Finding]:
    """Make the ISO and put it in its place; what was found that did not stop it."""
    definition, work = plan.definition, work_folder(project)
    signer = require_signer(project)
    plan.iso.parent.mkdir(parents=True, exist_ok=True)
    shelf.sweep([plan.iso.parent, work])
    written = definition_path(project.workspace, project.target_name)
    extras = find_extras(written, definition.files, *kickstart_files(project, definition, work))
    task.phase("base ISO")
    facts = base_facts(plan.base, plan.inputs["base ISO"], work)
    base = read_base(plan.base, facts.digests)
    menu = whole_menu(definition, base.menus, base.records.label)
    choose_loaders(menu.definition, base.records, {*base.files, *(each.path for each in extras)}, base.efi)
    host = make_host(project, definition.live, work, task) if definition.live else None
    packages = definition.boot_packages
    digests = Remembered(work / _DIGESTS)
    with shelf.draft(plan.iso) as folder:
        repository = _repository(project, definition, work, digests)
        manifest = _manifest(project, plan, host, repository, signer)
        write(folder / "manifest.json", manifest.on_iso().to_json().encode("utf-8", "surrogateescape"))
        parts = Parts(
            definition=menu.definition,
            product=_product(project, definition),
            host=host,
            repository=repository,
            initrd=_initrd(project, host, work, digests) if host else None,
            more={ON_ISO: folder / "manifest.json", **(key_file(project, signer, folder) if signer else {})},
            sign=signer.sign if signer else None,
            boot=make_boot_files(project, packages, work, task) if packages else None,
            written=written,
            extras=tuple(extras),
            kept=work,
        )
        task.phase("respin")
        draft = folder / plan.iso.name
        made = respin(plan_respin(base, parts, folder, digests.digest), draft)
        digests.save()
        task.phase("check")
        iso = ExaminedIso.of(made.records, made.image, made.sums.files)
        findings = without_inherited(examine(iso, base.records, work / _LISTINGS), facts.findings())
        require_clean(draft, findings)
        signature = signer.sign_file(draft, made.sha256) if signer else None
        _publish(draft, plan.iso, replace(manifest, sha256=made.sha256, size=made.image.size), signature)
    return findings


def _product(project: Project, definition: IsoDefinition) -> Product:
    config = project.config
    return Product(
        config.name, config.version, project.mock_config.arch, project.epoch, definition.repository.lstrip("/")
    )


def _repository(project: Project, definition: IsoDefinition, work: Path, digests: Remembered) -> Path:
    """The composed repository; a copy with groups of its own, kept in ``work``, where iso.yaml names a file of them."""
    composed = behind(project.repository)
    groups = groups_file(project, definition, composed, work)
    if groups is None:
        return composed
    work.joinpath("repository").mkdir(exist_ok=True)
    rpms = {digests.digest(rpm): rpm for rpm in sorted(composed.glob("*.rpm"))}
    seal = seal_of(project.signer, project.config.name) if project.signer else None
    repo.compose(work / "repository" / "repo", rpms, epoch=project.epoch, groups=groups, seal=seal)
    return behind(work / "repository" / "repo")


def _initrd(project: Project, host: LiveHost, work: Path, digests: Remembered) -> Path:
    """The live host's initrd, kept in ``work`` by what is in it."""
    init = needed(project.workspace.iso / "initrd" / "init", "the first program of the initrd")
    key = digest_of_text(f"{digests.digest(init)} {digests.digest(host.busybox)} {code_digest('planex.medium.cpio')}")
    made = work / f"initrd-{key[:16]}.img"
    if not made.exists():
        shelf.prune(work.glob("initrd-*.img"), 0)
        make_initrd(made, init, host.busybox)
    return made


def _manifest(
    project: Project, plan: IsoPlan, host: LiveHost | None, repository: Path, signer: Signer | None
) -> Manifest:
    """All but the digest and the size of the ISO."""
    return Manifest(
        iso=plan.iso.name,
        sha256="",
        size=0,
        label=plan.definition.label,
        name=project.config.name,
        version=project.config.version,
        vendor=project.config.vendor,
        target=project.target_name,
        epoch=project.epoch,
        key=signer.key.fingerprint if signer else "",
        made_from=provenance.made_from(project, plan.inputs["base ISO"], work_folder(project)),
        inputs=plan.inputs,
        packages=tuple(host.packages() if host else _of_the_repository(project)),
        rpms=provenance.shipped_rpms(project, repository, plan.definition.repository),
        sources=provenance.used_sources(project),
        patches=provenance.used_patches(project),
    )


def _of_the_repository(project: Project) -> list[Installed]:
    """What the repository on the medium has, where there is no live host to list."""
    digests = repo.read_digests(project.repository)
    return sorted(Installed(nevra, digest, "built", "", 0) for nevra, digest in digests.items())


def _publish(draft: Path, iso: Path, manifest: Manifest, signature: str | None) -> None:
    """Put the ISO, and what belongs to it, in their places. The manifest goes first and comes last: it vouches."""
    for path in (manifest_path(iso), signature_path(iso)):
        path.unlink(missing_ok=True)
    draft.chmod(0o644)
    shelf.publish(draft, iso)
    if signature:
        write_atomic(signature_path(iso), signature)
    write_atomic(checksum_path(iso), f"{manifest.sha256}  {iso.name}\n")
    write_atomic(manifest_path(iso), manifest.to_json())


def _digest(paths: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(path.read_bytes() if path.exists() else b"")
    return whole.hexdigest()
