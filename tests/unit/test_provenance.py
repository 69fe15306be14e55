# SPDX-License-Identifier: LGPL-2.1-or-later
"""Envelopes, statements, and what an RPM proves of itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.content import records
from planex.errors import PlanexError
from planex.host.rpmproof import RpmProof, prove_rpm
from planex.trust import dsse
from planex.trust.provenance import SLSA, parse_provenance
from planex.trust.repository import sign_rpm
from planex.trust.signer import Signer
from planex.trust.statement import Statement, Subject, parse_statement
from tests.unit.keys import Keys, made_keys
from tests.unit.manifest_factory import RPM, make_manifest
from tests.unit.rpm_factory import make_rpm

pytestmark = pytest.mark.tools("gpg", "gpgv")
PREDICATE = {
    "buildDefinition": {
        "resolvedDependencies": [
            {"name": "source foo-1.tar", "uri": "https://example.org/foo-1.tar", "digest": {"sha512": "c" * 128}},
            {"name": "patch fix.patch", "digest": {"sha256": "d" * 64}, "annotations": {"subject": "Fix it"}},
        ]
    }
}


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with made_keys() as keys, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNUPGHOME", str(keys.home))
        yield keys


@pytest.fixture
def signer(keys: Keys, tmp_path: Path) -> Signer:
    return keys.signer("release", tmp_path / "kept")


def test_what_is_signed_is_as_dsse_says() -> None:
    """The example of its protocol.md."""
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert dsse.pae("ü", b"") == b"DSSEv1 2 \xc3\xbc 0 "


def test_an_envelope_is_proved_by_its_key_alone(keys: Keys, signer: Signer) -> None:
    text = dsse.envelope_text(signer, b"{}")
    found = dsse.parse_envelope(text.encode())
    assert found.content == b"{}" and found.payloadType == "application/vnd.in-toto+json"
    assert found.signatures[0].keyid == signer.key.fingerprint
    assert found.complaint(signer.key) == ""
    assert found.complaint(keys.key("other")) == "it is signed with another key"
    changed = replace(found, payload=base64.b64encode(b"[]").decode())
    assert changed.complaint(signer.key) == "it was changed after it was signed"
    assert replace(found, payloadType="text/plain").complaint(signer.key) == "it was changed after it was signed"
    assert replace(found, signatures=()).complaint(signer.key) == "it is not signed"
    both = replace(found, signatures=(*changed.signatures, *found.signatures))
    assert both.complaint(signer.key) == ""


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"payload": "!", "payloadType": "x", "signatures": []}', b"[" * 9999]
)
def test_what_is_no_envelope(data: bytes) -> None:
    with pytest.raises(records.Damaged):
        dsse.parse_envelope(data)


def test_what_is_no_statement() -> None:
    text = Statement((Subject("x", {"sha256": "0" * 64}),), SLSA, {}).to_json()
    assert parse_statement(text, SLSA).names("0" * 64) == ["x"]
    for data, why in ((b"x", "not JSON"), (b"{}", "no in-toto"), (text.replace(b"subject", b"object"), "subject")):
        with pytest.raises(records.Damaged, match=why):
            parse_statement(data, SLSA)
    with pytest.raises(records.Damaged, match="no statement of the type y"):
        parse_statement(text, "y")


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_rpm(tmp_path_factory.mktemp("rpm"))


@pytest.fixture
def rpm(unsigned: Path, signer: Signer, tmp_path: Path) -> Path:
    """A signed RPM with its provenance beside it, as in a repository."""
    path = tmp_path / "repo" / unsigned.name
    (path.parent / "provenance").mkdir(parents=True)
    sign_rpm(signer, unsigned, path)
    put_provenance(signer, path)
    return path


def put_provenance(signer: Signer, rpm: Path) -> Path:
    path = rpm.parent / "provenance" / "foo.intoto.json"
    subject = Subject(rpm.name, {"sha256": digest_of(rpm, "SHA256")})
    path.write_text(dsse.envelope_text(signer, Statement((subject,), SLSA, PREDICATE).to_json()))
    return path


def told(proof: RpmProof) -> list[str]:
    return [f"{each.standing.value} {each.what}: {each.text}" for each in proof.checked]


@pytest.mark.tools("rpmbuild")
def test_an_rpm_proves_what_it_is_and_was_made_of(rpm: Path, signer: Signer) -> None:
    key, digest = signer.key, digest_of(rpm, "SHA256")
    manifest = make_manifest(rpms=(replace(RPM, path=f"/planex/{rpm.name}", sha256=digest),))
    proof = prove_rpm(rpm, key, None, manifest)
    by = f"signed by release <release@example.org> ({key.short})"
    assert told(proof) == [
        f"ok RPM: header and payload have their digests; SHA-256 {digest}",
        f"ok signature: {by}",
        "ok manifest: it is on x.iso",
        f"ok provenance: {by}",
    ]
    assert [str(each) for each in proof.materials] == [
        "source foo-1.tar (sha512:cccccccccccccccc)",
        "patch fix.patch: Fix it (sha256:dddddddddddddddd)",
    ]
    assert [each.standing.value for each in prove_rpm(rpm, None, None, None).checked] == ["ok", "unknown", "unknown"]


@pytest.mark.tools("rpmbuild")
def test_dependencies_that_are_no_list(rpm: Path, signer: Signer) -> None:
    subject = Subject(rpm.name, {"sha256": digest_of(rpm, "SHA256")})
    predicate = {"buildDefinition": {"resolvedDependencies": 5}}
    text = dsse.envelope_text(signer, Statement((subject,), SLSA, predicate).to_json())
    (rpm.parent / "provenance" / "foo.intoto.json").write_text(text)
    with pytest.raises(PlanexError, match="resolvedDependencies are no list"):
        prove_rpm(rpm, signer.key, None, None)


@pytest.mark.tools("rpmbuild")
def test_an_rpm_that_is_not_what_it_should_be(rpm: Path, unsigned: Path, keys: Keys, signer: Signer) -> None:
    key = signer.key
    assert told(prove_rpm(rpm, keys.key("other"), None, None))[1:] == [
        "wrong signature: it is signed with another key",
        "wrong provenance: it is signed with another key",
    ]
    manifest = make_manifest(rpms=(replace(RPM, path=f"/planex/{rpm.name}"),))
    assert f"wrong manifest: x.iso has another {rpm.name}" in told(prove_rpm(rpm, key, None, manifest))
    assert f"wrong manifest: x.iso has no {rpm.name}" in told(prove_rpm(rpm, key, None, make_manifest(rpms=())))
    provenance = rpm.parent / "provenance" / "foo.intoto.json"
    assert told(prove_rpm(unsigned, key, provenance, None))[1:] == [
        "wrong signature: it is not signed",
        f"wrong provenance: none in {provenance} speaks of it",
    ]
    raw = json.loads(provenance.read_text())
    raw["payload"] = base64.b64encode(base64.b64decode(raw["payload"]).replace(b"Fix it", b"Add it")).decode()
    provenance.write_text(json.dumps(raw))
    assert "wrong provenance: it was changed after it was signed" in told(prove_rpm(rpm, key, None, None))
    rpm.write_bytes(rpm.read_bytes()[:-1] + b"x")
    assert "wrong RPM: its payload does not have the SHA-256" in told(prove_rpm(rpm, key, None, None))[0]
    rpm.write_bytes(b"no RPM")
    assert told(prove_rpm(rpm, key, None, None)) == ["wrong RPM: it ends within its lead: truncated, or no RPM"]


@pytest.mark.tools("rpmbuild")
def test_provenance_that_is_none(rpm: Path, signer: Signer) -> None:
    provenance = rpm.parent / "provenance" / "foo.intoto.json"
    provenance.write_text("{}")
    assert told(prove_rpm(rpm, signer.key, None, None))[-1].startswith("unknown provenance: none in ")
    with pytest.raises(PlanexError, match="is no provenance"):
        prove_rpm(rpm, signer.key, provenance, None)
    provenance.write_text(dsse.envelope_text(signer, b"{}", "text/plain"))
    with pytest.raises(records.Damaged, match="text/plain"):
        parse_provenance("x", provenance.read_bytes())
