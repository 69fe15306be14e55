# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is an ISO what its makers signed? Signatures by a key that the caller trusts, sums, manifest, closure.

The key on the ISO proves nothing: whoever changes an ISO can put another there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from planex.checksums import digest_of
from planex.content import records
from planex.errors import PlanexError
from planex.host.check import examine
from planex.host.check_contents import check_size
from planex.host.checked import Checked, good, signed, unknown, wrong
from planex.host.closure import REPOMD, closure_of, top_of
from planex.host.examined import ExaminedIso
from planex.host.finding import faults
from planex.host.manifest import ON_ISO, Manifest, parse_manifest, read_on_iso
from planex.host.signing import signature_path
from planex.medium.image import Image
from planex.medium.sums import SIGNATURE, SUMS
from planex.medium.xorriso import open_image, require_iso
from planex.regular import NotRegular, read_regular
from planex.rpm.rpmfile import BadRpm, read_rpm
from planex.rpm.signature import signed_part
from planex.trust.armour import KEY, NoArmour, dearmour, fingerprint
from planex.trust.gpg import PublicKey, complaint
from planex.trust.provenance import Provenance, find_provenance, parse_provenance
from planex.trust.repository import PROVENANCE, header_complaint, key_name
from planex.trust.signer import MAX_SIGNATURE
from planex.units import many

_SMALL = 1 << 20
"""Bytes of a key or a signature."""
Checks = Iterator[Checked]


@dataclass(frozen=True, slots=True)
class Verification:
    """An ISO, its manifests, and the key of who should have signed it."""

    iso: ExaminedIso
    inside: Manifest | str
    """The manifest on it, or what is wrong with that."""
    beside: Manifest | None
    key: PublicKey | None

    @property
    def path(self) -> Path:
        return self.iso.image.path

    def run(self) -> Checks:
        """Everything, in an order that reads well."""
        yield from self._image()
        yield from self._iso_signature()
        yield from self._sums_signature()
        if isinstance(self.inside, str):
            yield wrong("manifest", self.inside)
        else:
            yield from self._contents(self.inside)

    def _image(self) -> Checks:
        found = faults(examine(self.iso))
        yield from (wrong(finding.kind, finding.message) for finding in found)
        if not found:
            yield good("contents", f"{many(len(self.iso.files), 'file')}, sums, boot records, menus, repositories")

    def _iso_signature(self) -> Checks:
        path = signature_path(self.path)
        if not path.exists():
            yield unknown(path.name, "there is none beside the ISO")
            return
        text = read_regular(path, MAX_SIGNATURE).decode(errors="replace")
        yield signed(path.name, self.key, lambda key: complaint(key, text, self.path))

    def _sums_signature(self) -> Checks:
        if self.key and (other := self._other_key(self.key)):
            yield wrong("key", f"{other} on the ISO is not the key that was given")
        yield signed(SIGNATURE, self.key, lambda key: self._complaint_of(key, SUMS, SIGNATURE))

    def _other_key(self, key: PublicKey) -> str:
        """A key on the ISO that is another than the given one."""
        for name in sorted(self.iso.files):
            if PurePosixPath(name).name.startswith("RPM-GPG-KEY-") and self._is_own(name):
                try:
                    if fingerprint(dearmour(self._text(name), KEY)) != key.fingerprint:
                        return name
                except NoArmour:
                    return name
        return ""

    def _is_own(self, name: str) -> bool:
        """Whether a key is that of the distro: a base has its own beside it."""
        return isinstance(self.inside, str) or name.endswith(f"/{key_name(self.inside.name)}")

    def _complaint_of(self, key: PublicKey, name: str, signature: str) -> str:
        """Why the file ``signature`` of the ISO does not prove another."""
        if not self.iso.has(signature) or not self.iso.has(name):
            return "it is not there: nobody vouches for this ISO" if name == SUMS else "it is not signed"
        return complaint(key, self._text(signature), self.iso.image.read(name))

    def _text(self, name: str) -> str:
        """A file that is a key or a signature; empty where it is too large to be one."""
        return self.iso.image.read(name).decode(errors="replace") if self.iso.files[name] <= _SMALL else ""

    def _contents(self, manifest: Manifest) -> Checks:
        found = [wrong("manifest", text) for text in self._manifest_faults(manifest)]
        counts = ((manifest.rpms, "RPM", ""), (manifest.sources, "source", ""), (manifest.patches, "patch", "patches"))
        text = ", ".join(many(len(rows), *words) for rows, *words in counts)
        yield from found or [good("manifest", f"{text}; all RPMs are those on the ISO")]
        paths: dict[str, list[str]] = {}
        for rpm in manifest.rpms:
            if self.iso.has(rpm.path) and (top := top_of(rpm.path, self.iso)) is not None:
                paths.setdefault(top, []).append(rpm.path)
        for top, rpms in sorted(paths.items()):
            yield from self._repository(top, rpms)

    def _manifest_faults(self, manifest: Manifest) -> Iterator[str]:
        if self.beside is not None:
            yield from self._beside_faults(manifest, self.beside)
        if self.key and manifest.key != self.key.fingerprint:
            yield f"it says that {manifest.key or 'nobody'} signed"
        for rpm in manifest.rpms:
            if not self.iso.has(rpm.path):
                yield f"{rpm.path} is in it, but not on the ISO"
            elif self.iso.digest(rpm.path) != rpm.sha256:
                yield f"{rpm.path} does not have the SHA-256 that it gives"
        yield from self._stray_faults(manifest)

    def _beside_faults(self, manifest: Manifest, beside: Manifest) -> Iterator[str]:
        if beside.on_iso() != manifest:
            yield "the one beside the ISO is not the one on it"
        if beside.size != self.iso.image.size or beside.sha256 != digest_of(self.path, "SHA256"):
            yield "the ISO does not have the size and SHA-256 that the one beside it gives"

    def _stray_faults(self, manifest: Manifest) -> Iterator[str]:
        """RPMs that are there and not in it, and packages of the live host that are not those of the ISO."""
        listed = {rpm.path for rpm in manifest.rpms}
        tops = {top_of(path, self.iso) for path in listed} - {None, ""}
        for name in sorted(self.iso.files):
            if name.endswith(".rpm") and name not in listed and any(name.startswith(f"{top}/") for top in tops):
                yield f"{name} is on the ISO, but not in it"
        built = {rpm.nevra: rpm.sha256 for rpm in manifest.rpms}
        for package in manifest.packages:
            if package.origin == "built" and built.get(package.nevra) != package.sha256:
                yield f"the live host has another {package.nevra} than the repository"

    def _repository(self, top: str, rpms: list[str]) -> Checks:
        repomd = f"{top}{REPOMD}"
        yield signed(f"{repomd}.asc", self.key, lambda key: self._complaint_of(key, repomd, f"{repomd}.asc"))
        yield from self._rpm_signatures(top, rpms)
        yield from self._provenance(top, rpms)
        yield closure_of(self.iso, top)

    def _provenance(self, top: str, rpms: list[str]) -> Checks:
        """Signed provenance speaks of every RPM, by its digest; an ISO that nobody signed has none."""
        what, folder = f"provenance of {top or '/'}", f"{top}/{PROVENANCE}/"
        known: list[Provenance] = []
        for name in sorted(name for name in self.iso.files if name.startswith(folder)):
            try:
                known.append(parse_provenance(name, self.iso.image.read(name)))
            except records.Damaged as error:
                yield wrong(name, error.message)
        if not known and isinstance(self.inside, Manifest) and not self.inside.key:
            yield unknown(what, "there is none: nobody signed")
            return
        lacking = [path for path in rpms if find_provenance(known, self.iso.digest(path)) is None]
        yield from (wrong(path, "no provenance on the ISO speaks of it") for path in lacking)
        faults = [(each.name, fault) for each in known if self.key and (fault := each.complaint(self.key))]
        yield from (wrong(name, fault) for name, fault in faults)
        if not lacking and not faults:
            yield signed(what, self.key, lambda key: "", f"of {many(len(known), 'package')}, ")

    def _rpm_signatures(self, top: str, rpms: list[str]) -> Checks:
        what = f"RPMs of {top or '/'}"
        if self.key is None:
            yield unknown(what, "signatures not checked: no key was given")
            return
        found = [(path, fault) for path in rpms if (fault := rpm_complaint(self.key, self.iso.image, path))]
        yield from (wrong(path, fault) for path, fault in found)
        if not found:
            yield good(what, f"{many(len(rpms), 'RPM')} signed by {self.key.user} ({self.key.short})")


def verify_iso(path: Path, beside: Manifest | None, key: PublicKey | None) -> list[Checked]:
    """All that was checked of an ISO. PlanexError where it is none."""
    require_iso(path)
    if cut := list(check_size(Image(path, path.stat().st_size))):
        return [wrong(finding.kind, finding.message) for finding in cut]
    iso = ExaminedIso.open(path)
    return list(Verification(iso, _inside(iso), beside, key).run())


def _inside(iso: ExaminedIso) -> Manifest | str:
    try:
        return read_on_iso(iso.image)
    except records.Damaged as error:
        return f"{ON_ISO}: {error.message}"


def rpm_complaint(key: PublicKey, image: Image, name: str) -> str:
    """Why an RPM of an ISO is not proved to be signed by a key; empty where it is."""
    try:
        with image.open(name) as file:
            part = signed_part(file)
        with image.open(name) as file:
            read_rpm(file)  # the header is signed, and has the digest of the payload
    except BadRpm as error:
        return error.message
    return header_complaint(key, part)


def find_manifest(iso: Path, given: Path | None) -> Manifest | None:
    """The manifest that was given, or lies beside an ISO; PlanexError where one that was given is none."""
    path = given or iso.with_name(f"{iso.name}.manifest.json")
    if given is None and not path.exists():
        return None
    try:
        return parse_manifest(read_regular(path, records.LIMIT))
    except (NotRegular, records.Damaged) as error:
        raise PlanexError(f"{path} is no manifest of an ISO: {error.message}", "planex iso build writes it") from None


def manifest_of(iso: Path) -> Manifest:
    """The manifest on an ISO, with the digest and the size that the ISO has. PlanexError where there is none."""
    image = open_image(iso)
    try:
        found = read_on_iso(image)
    except records.Damaged as error:
        hint = "only ISOs that this version of planex made have one"
        raise PlanexError(f"{iso}: {ON_ISO}: {error.message}", hint) from None
    return replace(found, sha256=digest_of(iso, "SHA256"), size=image.size)
