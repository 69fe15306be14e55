# SPDX-License-Identifier: LGPL-2.1-or-later
"""A repository that is signed: copies of RPMs with signatures in them, repomd.xml.asc, and the key beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from planex.content import shelf
from planex.content.copies import PUBLISHED
from planex.content.remembered import Remembered
from planex.disk import write
from planex.errors import PlanexError
from planex.regular import NotRegular, read_regular
from planex.rpm.repo import DamagedFile, Seal
from planex.rpm.signature import DSA_TAG, RSA_TAG, SignedPart, put_signature, signed_part
from planex.trust.armour import DSA, EDDSA, RSA, SIGNATURE, algorithm, dearmour
from planex.trust.dsse import envelope_text, parse_envelope
from planex.trust.gpg import PublicKey, complaint, complaint_of_packets
from planex.trust.provenance import SLSA
from planex.trust.signer import MAX_SIGNATURE, Signer
from planex.trust.statement import parse_statement

_TAGS = {RSA: RSA_TAG, DSA: DSA_TAG, EDDSA: DSA_TAG}
PROVENANCE, _STATEMENT = "provenance", ".intoto.json"
REPOMD, SIGNATURE_OF_REPOMD = "repodata/repomd.xml", "repodata/repomd.xml.asc"


def key_name(distro: str) -> str:
    """The file of a public key, in repositories and on ISOs."""
    return f"RPM-GPG-KEY-{distro}"


def signed_copies(signer: Signer, folder: Path, rpms: Mapping[str, Path]) -> dict[str, Path]:
    """SHA-256 of unsigned RPMs to their files -> the same of signed copies, which are kept in ``folder``.

    Raises DamagedFile for an RPM that has not its digest.
    """
    remembered = Remembered(folder / "digests.json")
    places = {digest: folder / f"{digest}-{signer.key.short}" / rpm.name for digest, rpm in rpms.items()}
    for digest, place in places.items():
        if not place.exists():
            _make(signer, rpms[digest], digest, place)
    found = {remembered.digest(place): place for place in places.values()}
    remembered.save()
    _prune(folder, (place.parent for place in places.values()))
    return found


def unsigned_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the signed copies in a folder to that of the RPM each was made from."""
    remembered = Remembered(folder / "digests.json")
    return {remembered.digest(path): path.parent.name.split("-")[0] for path in sorted(folder.glob("*-*/*.rpm"))}


def _make(signer: Signer, rpm: Path, digest: str, place: Path) -> None:
    with shelf.draft(place.parent) as draft:
        data = rpm.read_bytes()  # what is proved is what is signed, whatever becomes of the file
        if hashlib.sha256(data).hexdigest() != digest:
            raise DamagedFile(rpm)
        (draft / "unsigned").write_bytes(data)
        (draft / "made").mkdir()
        sign_rpm(signer, draft / "unsigned", draft / "made" / rpm.name)
        (draft / "made" / rpm.name).chmod(PUBLISHED)
        shelf.publish(draft / "made", place.parent)


def _prune(folder: Path, keep: Iterable[Path]) -> None:
    names = {path.name for path in keep}
    shelf.prune((path for path in folder.glob("[0-9a-f]*-*") if path.is_dir() and path.name not in names), 0)


def sign_rpm(signer: Signer, rpm: Path, output: Path) -> None:
    """Write a copy of an RPM with a signature in its header. PlanexError where rpm could not read that."""
    with rpm.open("rb") as file:
        part = signed_part(file)
    signature = dearmour(signer.sign(part.header), SIGNATURE)
    kind = _TAGS.get(algorithm(signature))
    if kind is None:
        hint = "take a key of RSA or Ed25519: rpm reads no others"
        raise PlanexError(f"{signer.key.user} ({signer.key.short}) cannot sign RPMs: rpm does not know its kind", hint)
    with rpm.open("rb") as source, output.open("wb") as target:
        put_signature(source, target, kind, signature)


def header_complaint(key: PublicKey, part: SignedPart) -> str:
    """Why an RPM is not proved to be the key's owner's; empty where it is."""
    if part.signature is None:
        return "it is not signed"
    return complaint_of_packets(key, part.signature, part.header)


def seal_of(signer: Signer, distro: str, statements: Mapping[str, bytes] | None = None) -> Seal:
    """What makes a repository a signed one. ``statements``: of packages, which go signed into PROVENANCE."""
    statements = statements or {}

    def put(folder: Path) -> None:
        for name, statement in sorted(statements.items()):
            (folder / PROVENANCE).mkdir(exist_ok=True)
            (folder / PROVENANCE).chmod(0o755)
            write(folder / PROVENANCE / f"{name}{_STATEMENT}", envelope_text(signer, statement).encode())
        text = signer.sign((folder / REPOMD).read_bytes())
        write(folder / SIGNATURE_OF_REPOMD, text.encode())
        write(folder / key_name(distro), signer.key.text.encode())

    digests = " ".join(f"{name} {hashlib.sha256(text).hexdigest()}" for name, text in sorted(statements.items()))
    return Seal(hashlib.sha256(f"{distro} {signer.key.text} {digests}".encode()).hexdigest(), put)


def statements_in(folder: Path) -> dict[str, bytes]:
    """The statements that were sealed in a repository, by their packages."""
    paths = sorted((folder / PROVENANCE).glob(f"*{_STATEMENT}"))
    return {path.name.removesuffix(_STATEMENT): parse_envelope(path.read_bytes()).content for path in paths}


def stated_digests(folder: Path) -> frozenset[str]:
    """SHA-256 of all RPMs that the statements sealed in a repository speak of: signed copies, and each as it was built.

    Raises records.Damaged.
    """
    statements = (parse_statement(text, SLSA) for text in statements_in(folder).values())
    return frozenset(each.digest.get("sha256", "") for statement in statements for each in statement.subject)


def repomd_complaint(key: PublicKey, folder: Path) -> str:
    """Why the metadata of a repository are not proved to be the key's owner's; empty where they are."""
    try:
        text = read_regular(folder / SIGNATURE_OF_REPOMD, MAX_SIGNATURE).decode(errors="replace")
    except NotRegular:
        return "it is not signed"
    return complaint(key, text, folder / REPOMD)
