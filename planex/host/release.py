# SPDX-License-Identifier: LGPL-2.1-or-later
"""Publishes an ISO that enough independent verifiers vouch for: with all that proves it, by one rename."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from planex.checksums import digest_of
from planex.content import records, shelf
from planex.content.copies import copy_file
from planex.disk import write
from planex.errors import PlanexError
from planex.host.bill import BillForm, bill_of, bills_beside
from planex.host.manifest import Manifest
from planex.host.plan import checksum_path, load_manifest, manifest_path
from planex.host.signing import signature_path
from planex.host.summary import REBUILT, Summary, parse_summary
from planex.host.verify import manifest_of
from planex.regular import NotRegular, read_regular
from planex.report import Reporter
from planex.trust.gpg import PublicKey, complaint, read_key
from planex.trust.signer import MAX_SIGNATURE
from planex.units import many

_MODE = 0o644
_LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class ReleaseWish:
    """``key``: who signed the ISO; ``verifiers``: whose word counts; ``needed``: how many; ``folder``: of releases."""

    iso: Path
    key: PublicKey
    verifiers: Sequence[PublicKey]
    needed: int
    folder: Path


def read_summaries(paths: Sequence[Path]) -> list[Summary]:
    """PlanexError for a file that is none."""
    return [_summary(path) for path in paths]


def _summary(path: Path) -> Summary:
    try:
        return parse_summary(path.name, read_regular(path, _LARGEST))
    except (NotRegular, records.Damaged) as error:
        hint = "a verifier writes it: planex iso verify ISO --rebuild --write-summary FILE"
        raise PlanexError(f"{path} is no verification summary: {error.message}", hint) from None


def release(wish: ReleaseWish, summaries: Sequence[Summary], reporter: Reporter) -> Path:
    """The folder with the published ISO. PlanexError where too few vouch for it, or one that counts says no."""
    final = wish.folder / wish.iso.name.removesuffix(".iso")
    if final.exists():
        raise PlanexError(
            f"{final} was released already", "a release is never replaced: raise 'version' in planex.yaml"
        )
    sha256 = digest_of(wish.iso, "SHA256")
    manifest = load_manifest(wish.iso)
    files = {**_proved(wish, manifest, sha256), f"{wish.iso.name}.key.asc": wish.key.text.encode()}
    for summary, key in _require_enough(wish, summaries, sha256):
        files[f"{wish.iso.name}.{key.short}.vsa.json"] = summary.data
        files[f"verifier-{key.short}.asc"] = key.text.encode()
    for form, path in bills_beside(wish.iso).items():
        files |= _bill(path, form, manifest, reporter)
    with shelf.draft(final) as draft:
        made = draft / "made"
        made.mkdir()
        copy_file(wish.iso, made / wish.iso.name, _MODE)
        if digest_of(made / wish.iso.name, "SHA256") != sha256:
            raise PlanexError(f"{wish.iso} changed while it was copied", "try again when nobody writes to it")
        for name, data in files.items():
            write(made / name, data)
        shelf.publish(made, final, durable=True)
    return final


def _proved(wish: ReleaseWish, manifest: Manifest, sha256: str) -> dict[str, bytes]:
    """What belongs to the ISO, each from what was checked: that costs little, and is what users check first."""
    iso = wish.iso
    beside = (signature_path(iso), checksum_path(iso), manifest_path(iso))
    if missing := [path.name for path in beside if not path.is_file()]:
        raise PlanexError(f"{', '.join(missing)} is not beside {iso}", "planex iso build writes it, signed")
    if manifest.sha256 != sha256:
        raise PlanexError(f"{manifest_path(iso)} is not of this ISO: its SHA-256 is another", "planex iso build")
    signature = read_regular(signature_path(iso), MAX_SIGNATURE)
    if fault := complaint(wish.key, signature.decode(errors="replace"), iso):
        raise PlanexError(f"{iso.name} is not signed by {wish.key.user} ({wish.key.short}): {fault}")
    if replace(manifest_of(iso), inputs=manifest.inputs) != manifest:
        raise PlanexError(f"{manifest_path(iso)} is not the manifest that is on the ISO", "planex iso build")
    sums = f"{sha256}  {iso.name}\n".encode()
    texts = (signature, sums, manifest.to_json().encode("utf-8", "surrogateescape"))
    return {path.name: data for path, data in zip(beside, texts, strict=True)}


def _bill(path: Path, form: BillForm, manifest: Manifest, reporter: Reporter) -> dict[str, bytes]:
    """The bill of materials beside the ISO, if there is one and it is this ISO's."""
    if not path.exists():
        return {}
    try:
        data = read_regular(path, records.LIMIT)
        if data == bill_of(manifest, form):
            return {path.name: data}
        why = "it is not what `planex iso sbom` writes of this ISO"
    except PlanexError as error:
        why = error.message
    reporter.warn(f"{path.name} is left out: {why}")
    return {}


def _require_enough(wish: ReleaseWish, summaries: Sequence[Summary], sha256: str) -> list[tuple[Summary, PublicKey]]:
    """One summary for each verifier who vouches."""
    vouching: dict[str, tuple[Summary, PublicKey]] = {}
    for summary in summaries:
        key = _vouching(wish, summary, sha256)
        vouching[key.fingerprint] = (summary, key)
    if len(vouching) < wish.needed:
        names = ", ".join(f"{key.user} ({key.short})" for _, key in vouching.values()) or "nobody"
        message = f"{many(wish.needed, 'verifier')} must vouch for {wish.iso.name}, and {names} does"
        raise PlanexError(message, "let others verify it: planex iso verify ISO --rebuild --write-summary FILE")
    return list(vouching.values())


def _vouching(wish: ReleaseWish, summary: Summary, sha256: str) -> PublicKey:
    """Who vouches for the ISO by a summary; PlanexError, with the reason, where nobody does whose word counts."""
    key = summary.signer(wish.verifiers)
    if not summary.speaks_of(sha256):
        raise PlanexError(f"{summary.name} speaks of another ISO than {wish.iso.name}", "leave it out")
    if not summary.passed:
        raise PlanexError(f"{key.user} ({key.short}) says that {wish.iso.name} is not what it says: {summary.name}")
    if REBUILT not in summary.levels:
        message = f"{summary.name}: {key.user} ({key.short}) verified signatures, and did not build it again"
        raise PlanexError(message, "planex iso verify ISO --rebuild --write-summary FILE")
    return key


def verifiers_of(paths: Sequence[Path], key: PublicKey) -> list[PublicKey]:
    """The keys whose word counts. PlanexError for one that is the ISO's own: who made it is no independent verifier."""
    keys = [read_key(path) for path in paths]
    if own := [path for path, each in zip(paths, keys, strict=True) if each.fingerprint == key.fingerprint]:
        raise PlanexError(f"{own[0]} is the key that signed the ISO, and no independent verifier", "leave it out")
    return keys
