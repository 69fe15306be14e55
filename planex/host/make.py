# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the host ISO that was planned, checks it, and puts it in its place with its checksum and manifest."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from planex.checksums import digest_of_text
from planex.content import shelf
from planex.content.code import code_digest
from planex.content.copies import copy_file
from planex.content.remembered import Remembered
from planex.disk import write
from planex.distro.origins import made_of, patches_of, sources_of
from planex.distro.project import Project
from planex.drafts import write_atomic
from planex.host import provenance
from planex.host.basefacts import base_facts
from planex.host.bill import bills_beside
from planex.host.bootfiles import make_boot_files
from planex.host.check import examine
from planex.host.definition import IsoDefinition, definition_path
from planex.host.examined import ExaminedIso
from planex.host.extras import find_extras
from planex.host.finding import Finding, require_clean, without_inherited
from planex.host.groups import groups_file, needed
from planex.host.installer import WholeMenu, whole_menu
from planex.host.kickstart import kickstart_files
from planex.host.lastiso import LastIso, find_last, keep_last
from planex.host.live import Installed, LiveHost, make_host
from planex.host.loading import choose_loaders
from planex.host.manifest import ON_ISO, Manifest
from planex.host.plan import DIGESTS, IsoPlan, checksum_path, manifest_path, work_folder
from planex.host.signing import key_file, require_signer, signature_path
from planex.host.tree import Parts, plan_respin, read_base
from planex.medium.again import changes, exchange, shape
from planex.medium.cpio import make_initrd
from planex.medium.menu import roomy
from planex.medium.metadata import Product
from planex.medium.respin import Respin, Respun, respin
from planex.report import Task
from planex.rpm import repo
from planex.trust.repository import seal_of, statements_in
from planex.trust.signer import Signer
from planex.workspace import behind

_LISTINGS = "listings"
"""In the work folder: what repositories list."""


def describe_menu(plan: IsoPlan) -> tuple[WholeMenu, tuple[str, ...]]:
    """The menu that the ISO would have, and a sentence for each firmware about its loader."""
    base, definition = read_base(plan.base), plan.definition
    menu = whole_menu(definition, base.menus, base.records.label)
    files = {*base.files, *(entry.path for entry in definition.files)}
    return menu, choose_loaders(menu.definition, base.records, files, base.efi).texts


def make(project: Project, plan: IsoPlan, task: Task) -> list[Finding]:
    """Make the ISO and put it in its place; what was found that did not stop it."""
    definition, work = plan.definition, work_folder(project)
    signer = require_signer(project)
    plan.iso.parent.mkdir(parents=True, exist_ok=True)
    shelf.sweep([plan.iso.parent, work])
    written = definition_path(project.workspace, project.target_name)
    extras = find_extras(written, definition.files, *kickstart_files(project, definition, work))
    task.phase("base ISO")
    facts = base_facts(plan.base, plan.inputs["base ISO"], work)
    base = read_base(plan.base, facts)
    menu = whole_menu(definition, base.menus, base.records.label)
    choose_loaders(menu.definition, base.records, {*base.files, *(each.path for each in extras)}, base.efi)
    host = make_host(project, definition.live, work, task) if definition.live else None
    packages = definition.boot_packages
    digests = Remembered(work / DIGESTS)
    last = find_last(work, plan.iso) if plan.of_texts else None
    with shelf.draft(plan.iso) as folder, ThreadPoolExecutor(2) as pool:
        draft = folder / plan.iso.name
        copying = pool.submit(copy_file, plan.iso, draft, 0o644) if last else None  # while the rest is made ready
        commit = pool.submit(provenance.commit, project.workspace.root)
        repository = _repository(project, definition, work, digests)
        manifest = _manifest(project, plan, host, repository, signer, commit)
        write(folder / "manifest.json", roomy(manifest.on_iso().to_json()).encode("utf-8", "surrogateescape"))
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
        respun = plan_respin(base, parts, folder, digests.digest)
        form = shape(respun, f"{manifest.made_from.base} {manifest.made_from.tools}", digests.digest)
        made = _carry_out(respun, form, last, copying, draft)
        digests.save()
        task.phase("check")
        iso = ExaminedIso.of(made.records, made.image, made.sums.files)
        findings = without_inherited(examine(iso, base.records, work / _LISTINGS), facts.findings())
        require_clean(draft, findings)
        signature = signer.sign_file(draft, made.sha256) if signer else None
        _publish(draft, plan.iso, replace(manifest, sha256=made.sha256, size=made.image.size), signature)
        keep_last(work, plan.iso, form, made)
    return findings


def _carry_out(plan: Respin, form: str, last: LastIso | None, copying: Future[None] | None, draft: Path) -> Respun:
    """Write the ISO, or into what was copied to its place from the last one."""
    changed = changes(plan, last.made) if last and last.shape == form else None
    if copying:
        copying.result()
    return respin(plan, draft) if last is None or changed is None else exchange(plan, last.made, changed, draft)


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
    signer = project.signer
    seal = seal_of(signer, project.config.name, statements_in(composed)) if signer else None
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
    project: Project,
    plan: IsoPlan,
    host: LiveHost | None,
    repository: Path,
    signer: Signer | None,
    commit: Future[tuple[str, bool]],
) -> Manifest:
    """All but the digest and the size of the ISO."""
    made = made_of(project).items()
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
        made_from=provenance.made_from(project, plan.inputs["base ISO"], work_folder(project), commit),
        inputs=plan.inputs,
        packages=tuple(host.packages() if host else _of_the_repository(project)),
        rpms=provenance.shipped_rpms(project, repository, plan.definition.repository, work_folder(project)),
        sources=tuple(source for name, inputs in made for source in sources_of(project, name, inputs)),
        patches=tuple(patch for name, inputs in made for patch in patches_of(project, name, inputs)),
    )


def _of_the_repository(project: Project) -> list[Installed]:
    """What the repository on the medium has, where there is no live host to list."""
    digests = repo.read_digests(project.repository)
    return sorted(Installed(nevra, digest, "built", "", 0) for nevra, digest in digests.items())


def _publish(draft: Path, iso: Path, manifest: Manifest, signature: str | None) -> None:
    """Put the ISO, and what belongs to it, in their places. The manifest goes first and comes last: it vouches."""
    for path in (manifest_path(iso), signature_path(iso), *bills_beside(iso).values()):
        path.unlink(missing_ok=True)
    draft.chmod(0o644)
    shelf.publish(draft, iso)
    if signature:
        write_atomic(signature_path(iso), signature)
    write_atomic(checksum_path(iso), f"{manifest.sha256}  {iso.name}\n")
    write_atomic(manifest_path(iso), manifest.to_json())
