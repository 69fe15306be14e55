# SPDX-License-Identifier: LGPL-2.1-or-later
"""A manifest as a bill of materials by SPDX 2.3 (JSON). The only user of spdx_tools; to be imported where it is used,
for that is an extra that may not be installed.

The ISO contains RPMs; those that were built here are generated from a source package, which is generated from what
upstream released, and patches are for it. The same manifest gives the same bytes, as of the one by CycloneDX.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from license_expression import ExpressionError
from spdx_tools.common.spdx_licensing import spdx_licensing
from spdx_tools.spdx.jsonschema.document_converter import DocumentConverter
from spdx_tools.spdx.model import (
    Actor,
    ActorType,
    Checksum,
    ChecksumAlgorithm,
    CreationInfo,
    Document,
    ExternalPackageRef,
    ExternalPackageRefCategory,
    Package,
    PackagePurpose,
    Relationship,
    RelationshipType,
    SpdxNoAssertion,
)

from planex.checksums import digest_of_text
from planex.distro.origins import UsedPatch, UsedSource
from planex.host.manifest import Manifest, ShippedRpm
from planex.host.sbom import built_from, purl_of
from planex.rpm.nevra import parse_nevra

_DOCUMENT, _ISO = "SPDXRef-DOCUMENT", "SPDXRef-ISO"
_ALGORITHMS = {"SHA256": ChecksumAlgorithm.SHA256, "SHA512": ChecksumAlgorithm.SHA512}
_REMOTE = re.compile(r"(https?|ftp)://[^/\s]+/\S*")


def spdx(manifest: Manifest) -> str:
    """The bill of materials of an ISO, as JSON with a line end behind it."""
    data: dict[str, Any] = DocumentConverter().convert(document_of(manifest))  # type: ignore[no-untyped-call]
    return json.dumps(data, indent=1) + "\n"


def document_of(manifest: Manifest) -> Document:
    """As the library has it."""
    bill = _Bill(manifest)
    bill.write()
    planex = manifest.made_from.tools.get("planex", "")
    creators = [Actor(ActorType.TOOL, f"planex-{planex}")]
    creators += [Actor(ActorType.ORGANIZATION, manifest.vendor)] if manifest.vendor else []
    created = CreationInfo(
        spdx_version="SPDX-2.3",
        spdx_id=_DOCUMENT,
        name=f"{manifest.name}-{manifest.version}",
        document_namespace=f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest_of_text(manifest.to_json()))}",
        creators=creators,
        created=datetime.fromtimestamp(manifest.epoch, UTC).replace(tzinfo=None),
    )
    return Document(created, packages=bill.packages, relationships=bill.relationships)


@dataclass
class _Bill:
    """Elements as they come, each with an identifier that has its number in it: names may hold what none may."""

    manifest: Manifest
    packages: list[Package] = field(default_factory=list)
    relationships: list[Relationship] = field(default_factory=list)

    def write(self) -> None:
        self._iso()
        for name in dict.fromkeys(sorted(built_from(rpm) for rpm in self.manifest.rpms)):
            self._built(name)
        for package in self.manifest.packages:
            if package.origin != "built":
                self._rpm(package.nevra, self.manifest.target, package.sha256, package.source)

    def _iso(self) -> None:
        manifest, commit = self.manifest, self.manifest.made_from.commit
        known = f"SHA256:{manifest.sha256}" if manifest.sha256 else ""
        origin = f"made from commit {commit}{' with changes' if manifest.made_from.changed else ''}" if commit else None
        kind = PackagePurpose.OPERATING_SYSTEM
        self._add(_ISO, manifest.name, manifest.version, kind, known, file_name=manifest.iso, source_info=origin)
        self._relate(_DOCUMENT, RelationshipType.DESCRIBES, _ISO)

    def _built(self, name: str) -> None:
        rpms = [rpm for rpm in self.manifest.rpms if built_from(rpm) == name]
        version = parse_nevra(rpms[0].nevra).version
        source = self._add(self._id("Package", name), name, version, PackagePurpose.SOURCE)
        for released in (each for each in self.manifest.sources if each.package == name):
            self._relate(source, RelationshipType.GENERATED_FROM, self._source(released))
        for patch in (each for each in self.manifest.patches if each.package == name):
            self._relate(self._patch(patch), RelationshipType.PATCH_FOR, source)
        for rpm in rpms:
            made = self._rpm(rpm.nevra, self.manifest.name, rpm.sha256, rpm.source, rpm)
            self._relate(made, RelationshipType.GENERATED_FROM, source)

    def _rpm(self, nevra: str, namespace: str, sha256: str, source: str, shipped: ShippedRpm | None = None) -> str:
        name, _, version, _ = parse_nevra(nevra)
        purl = ExternalPackageRef(
            ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", purl_of(nevra, namespace, source).to_string()
        )
        known = f"SHA256:{sha256}" if sha256 else ""
        licence = _licence(shipped.licence) if shipped else {}
        made = self._add(
            self._id("RPM", nevra), name, version, PackagePurpose.INSTALL, known, external_references=[purl], **licence
        )
        self._relate(_ISO, RelationshipType.CONTAINS, made)
        return made

    def _source(self, source: UsedSource) -> str:
        where = source.url if _REMOTE.fullmatch(source.url) else None
        options = {"download_location": quote(where, safe="%/:?@!$&'()*+,;=~")} if where else {}
        info = None if where or source.url in ("", source.name) else source.url
        made = self._id("Source", source.name)
        return self._add(made, source.name, None, PackagePurpose.ARCHIVE, source.checksum, source_info=info, **options)

    def _patch(self, patch: UsedPatch) -> str:
        origin = f"backport of {', '.join(patch.commits)}" if patch.commits else patch.upstream
        made, known, words = self._id("Patch", patch.name), f"SHA256:{patch.sha256}", patch.subject or None
        return self._add(made, patch.name, None, PackagePurpose.FILE, known, summary=words, source_info=origin)

    def _id(self, kind: str, name: str) -> str:
        return f"SPDXRef-{kind}-{len(self.packages)}-{re.sub('[^A-Za-z0-9.]+', '-', name)}"

    def _add(
        self, identifier: str, name: str, version: str | None, purpose: PackagePurpose, checksum: str = "", **more: Any
    ) -> str:
        algorithm, _, value = checksum.partition(":")
        checksums = [Checksum(_ALGORITHMS[algorithm], value)] if value else []
        values = {"download_location": SpdxNoAssertion(), "checksums": checksums, "files_analyzed": False, **more}
        self.packages.append(Package(identifier, name, version=version, primary_package_purpose=purpose, **values))
        return identifier

    def _relate(self, one: str, how: RelationshipType, other: str) -> None:
        self.relationships.append(Relationship(one, how, other))


def _licence(text: str) -> dict[str, Any]:
    """What a spec declares, as SPDX has it; as a remark where it cannot be read so."""
    try:
        return {"license_declared": spdx_licensing.parse(text, validate=True)} if text else {}
    except ExpressionError:
        return {"license_comment": f"its spec declares: {text}"}
