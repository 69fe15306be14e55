# SPDX-License-Identifier: LGPL-2.1-or-later
"""A manifest as a bill of materials (CycloneDX 1.6, JSON). The only user of cyclonedx and packageurl; to be imported
where it is used, for they are an extra that may not be installed.

Every source package is a component with a pedigree: what upstream released, the patches, and commits of upstream's that
they were taken from; its RPMs are inside it. Packages of the base stand beside them. The same manifest gives the same
bytes: the serial number is made of it, the time is that of the ISO.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import quote

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import (
    Commit,
    Component,
    ComponentType,
    Diff,
    Patch,
    PatchClassification,
    Pedigree,
)
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from planex.checksums import digest_of_text
from planex.distro.origins import UsedPatch, UsedSource
from planex.host.manifest import Manifest, ShippedRpm
from planex.rpm.nevra import package_of, parse_nevra

_ALGORITHMS = {"SHA256": HashAlgorithm.SHA_256, "SHA512": HashAlgorithm.SHA_512}


def sbom(manifest: Manifest) -> str:
    """The bill of materials of an ISO, as JSON with a line end behind it."""
    whole = Component(
        name=manifest.name,
        version=manifest.version,
        type=ComponentType.OPERATING_SYSTEM,
        bom_ref="iso",
        publisher=manifest.vendor,
        hashes=_hashes(f"SHA256:{manifest.sha256}" if manifest.sha256 else ""),
        properties=_properties(manifest),
    )
    planex = Component(
        name="planex",
        version=manifest.made_from.tools.get("planex", ""),
        type=ComponentType.APPLICATION,
        bom_ref="planex",
    )
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, digest_of_text(manifest.to_json())),
        metadata=BomMetaData(
            timestamp=datetime.fromtimestamp(manifest.epoch, UTC),
            component=whole,
            tools=ToolRepository(components=[planex]),
        ),
        components=[*_built(manifest), *_base(manifest)],
    )
    bom.register_dependency(whole, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _properties(manifest: Manifest) -> Iterator[Property]:
    made = manifest.made_from
    values = {"commit": made.commit, "label": manifest.label, "target": manifest.target, "key": manifest.key}
    values |= {f"tool:{name}": version for name, version in made.tools.items()}
    values |= {f"sha256:{name}": digest for name, digest in made.base.items()}
    if made.changed:
        values["uncommitted"] = "true"
    return (Property(name=f"planex:{name}", value=value) for name, value in values.items() if value)


def _hashes(checksum: str) -> list[HashType]:
    """Of ``SHA512:...``; none where it is not known."""
    name, _, value = checksum.partition(":")
    return [HashType(alg=_ALGORITHMS[name], content=value)] if value else []


def _built(manifest: Manifest) -> Iterator[Component]:
    """Source packages in their order, each with its RPMs."""
    names = dict.fromkeys(sorted(built_from(rpm) for rpm in manifest.rpms))
    for name in names:
        rpms = [rpm for rpm in manifest.rpms if built_from(rpm) == name]
        yield Component(
            name=name,
            version=parse_nevra(rpms[0].nevra).version,
            type=ComponentType.APPLICATION,
            bom_ref=f"package:{name}",
            pedigree=_pedigree(
                [source for source in manifest.sources if source.package == name],
                [patch for patch in manifest.patches if patch.package == name],
            ),
            components=[_rpm(rpm.nevra, manifest.name, rpm.sha256, rpm.source, rpm) for rpm in rpms],
        )


def built_from(rpm: ShippedRpm) -> str:
    """The package that an RPM was built from, by its source RPM."""
    return package_of(rpm.source) or parse_nevra(rpm.nevra).name


def _base(manifest: Manifest) -> Iterator[Component]:
    for package in manifest.packages:
        if package.origin != "built":
            yield _rpm(package.nevra, manifest.target, package.sha256, package.source)


def _rpm(nevra: str, namespace: str, sha256: str, source: str, shipped: ShippedRpm | None = None) -> Component:
    name, _, version, _ = parse_nevra(nevra)
    properties = [Property(name="planex:sha256-unsigned", value=shipped.unsigned)] if shipped else []
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=f"rpm:{nevra}",
        purl=purl_of(nevra, namespace, source),
        hashes=_hashes(f"SHA256:{sha256}" if sha256 else ""),
        licenses=[_licence(shipped.licence)] if shipped and shipped.licence else [],
        properties=properties,
    )


def purl_of(nevra: str, namespace: str, source: str) -> PackageURL:
    """The package URL of an RPM; ``source``: its source RPM, or nothing."""
    name, epoch, version, arch = parse_nevra(nevra)
    qualifiers = {"arch": arch} | ({"epoch": epoch} if epoch else {}) | ({"upstream": source} if source else {})
    return PackageURL("rpm", namespace, name, version, qualifiers)


def _licence(text: str) -> License:
    """What a spec declares, as SPDX has it where it can be read so."""
    return LicenseFactory().make_from_string(text, license_acknowledgement=LicenseAcknowledgement.DECLARED)


def _pedigree(sources: Iterable[UsedSource], patches: Iterable[UsedPatch]) -> Pedigree | None:
    ancestors, patches = [_ancestor(source) for source in sources], list(patches)
    if not ancestors and not patches:
        return None
    return Pedigree(
        ancestors=ancestors,
        patches=[_patch(patch) for patch in patches],
        commits=[Commit(uid=uid, message=patch.subject) for patch in patches for uid in patch.commits],
        notes="\n".join(["Patches in the order in which they are applied:", *map(_line, patches)]) if patches else None,
    )


def _ancestor(source: UsedSource) -> Component:
    where = ExternalReference(type=ExternalReferenceType.SOURCE_DISTRIBUTION, url=_uri(source.url))
    return Component(
        name=source.name,
        type=ComponentType.FILE,
        bom_ref=f"source:{source.package}/{source.name}",
        hashes=_hashes(source.checksum),
        external_references=[where] if source.url not in ("", source.name) else [],
    )


def _patch(patch: UsedPatch) -> Patch:
    kind = PatchClassification.BACKPORT if patch.upstream == "backport" else PatchClassification.UNOFFICIAL
    path = quote(f"patchqueues/{patch.package}/{patch.name}", errors="surrogateescape")
    return Patch(type=kind, diff=Diff(url=XsUri(f"{path}#sha256:{patch.sha256}")))


def _uri(url: str) -> XsUri:
    """A URL that a person wrote; what may stand in none is escaped."""
    head, mark, fragment = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", url).partition("#")
    parts = (quote(part, safe="%/:?@!$&'()*+,;=~", errors="surrogateescape") for part in (head, fragment))
    return XsUri(mark.join(parts) if mark else next(parts))


def _line(patch: UsedPatch) -> str:
    return f"{patch.name}  {patch.subject}".rstrip()
