# SPDX-License-Identifier: LGPL-2.1-or-later
"""Publishes an ISO that enough independent verifiers vouch for: with all that proves it, by one rename."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.checksums import digest_of
from planex.content import records, shelf
from planex.content.copies import copy_file
from planex.disk import write
from planex.errors import PlanexError
from planex.host.manifest import Manifest
from planex.host.plan import checksum_path, load_manifest, manifest_path
from planex.host.signing import signature_path
from planex.host.summary import REBUILT, Summary, parse_summary
from planex.regular import NotRegular, read_regular
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


def release(wish: ReleaseWish, summaries: Sequence[Summary]) -> Path:
    """The folder with the published ISO. PlanexError where too few vouch for it, or one that counts says no."""
    final = wish.folder / wish.iso.name.removesuffix(".iso")
    if final.exists():
        raise PlanexError(
            f"{final} was released already", "a release is never replaced: raise 'version' in planex.yaml"
        )
    manifest = load_manifest(wish.iso)
    sha256 = digest_of(wish.iso, "SHA256")
    _require_whole(wish, manifest, sha256)
    vouching = _require_enough(wish, summaries, sha256)
    with shelf.draft(final) as draft:
        made = draft / "made"
        made.mkdir()
        for path in _files(wish.iso):
            copy_file(path, made / path.name, _MODE)
        if digest_of(made / wish.iso.name, "SHA256") != sha256:
            raise PlanexError(f"{wish.iso} changed while it was copied", "try again when nobody writes to it")
        for summary, key in vouching:
            write(made / f"{wish.iso.name}.{key.short}.vsa.json", summary.data)
            write(made / f"verifier-{key.short}.asc", key.text.encode())
        write(made / f"{wish.iso.name}.key.asc", wish.key.text.encode())
        shelf.publish(made, final, durable=True)
    return final


def _files(iso: Path) -> Iterator[Path]:
    """The ISO and what belongs to it."""
    yield from (iso, signature_path(iso), checksum_path(iso), manifest_path(iso))
    sbom = iso.with_name(f"{iso.name}.cdx.json")
    yield from [sbom] if sbom.exists() else []


def _require_whole(wish: ReleaseWish, manifest: Manifest, sha256: str) -> None:
    """What lies beside the ISO is its own, and the ISO is signed: that costs little, and is what users check first."""
    if manifest.sha256 != sha256:
        raise PlanexError(f"{manifest_path(wish.iso)} is not of this ISO: its SHA-256 is another", "planex iso build")
    if missing := [path.name for path in _files(wish.iso) if not path.is_file()]:
        raise PlanexError(f"{', '.join(missing)} is not beside {wish.iso}", "planex iso build writes it, signed")
    text = read_regular(signature_path(wish.iso), MAX_SIGNATURE).decode(errors="replace")
    if fault := complaint(wish.key, text, wish.iso):
        raise PlanexError(f"{wish.iso.name} is not signed by {wish.key.user} ({wish.key.short}): {fault}")


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
