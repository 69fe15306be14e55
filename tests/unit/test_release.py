# SPDX-License-Identifier: LGPL-2.1-or-later
"""What verifiers say of an ISO, and that only what enough of them vouch for is published."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.cli.isoproof import summary_writer
from planex.errors import PlanexError
from planex.events import Event, Message
from planex.host.bill import BillForm, bill_of, bills_beside
from planex.host.checked import Checked, good, unknown, wrong
from planex.host.manifest import ON_ISO, Manifest
from planex.host.plan import checksum_path, manifest_path
from planex.host.release import ReleaseWish, read_summaries, release, verifiers_of
from planex.host.signing import signature_path
from planex.host.summary import VSA, parse_summary, summary_statement
from planex.medium.xorriso import xorriso
from planex.report import Reporter
from planex.trust.armour import SIGNATURE, dearmour
from planex.trust.dsse import envelope_text, parse_envelope
from tests.integration.conftest import run_planex
from tests.unit.keys import Keys, made_keys
from tests.unit.manifest_factory import make_manifest

pytestmark = pytest.mark.tools("gpg", "gpgv", "xorriso")
NOW = datetime(2026, 11, 28, tzinfo=UTC)
FINE = (good("contents", "1 file"), unknown("closure", "not checked"))


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    """``release`` signs ISOs; ``alice`` and ``bob`` verify; ``other`` is nobody's."""
    with made_keys() as keys, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNUPGHOME", str(keys.home))
        keys.make("alice")
        keys.make("bob")
        yield keys


@pytest.fixture
def iso(keys: Keys, tmp_path: Path) -> Path:
    """An ISO for a release, which has its manifest and nothing else."""
    path = tmp_path / "iso" / "x.iso"
    path.parent.mkdir()
    (tmp_path / "manifest.json").write_text(make_manifest().on_iso().to_json())
    xorriso(["-outdev", str(path), "-map", str(tmp_path / "manifest.json"), ON_ISO, "-commit"])
    signature_path(path).write_text(keys.signer("release", tmp_path / "kept").sign(path.read_bytes()))
    checksum_path(path).write_text(f"{digest_of(path, 'SHA256')}  x.iso\n")
    manifest_path(path).write_text(manifest_of(path).to_json())
    return path


def manifest_of(iso: Path) -> Manifest:
    return make_manifest(sha256=digest_of(iso, "SHA256"), size=iso.stat().st_size)


def vouch(
    keys: Keys, iso: Path, name: str, checked: Sequence[Checked] = FINE, *, rebuilt: bool = True, sha256: str = ""
) -> Path:
    """The summary that somebody writes."""
    signer = keys.signer(name, iso.parent / "kept")
    manifest = manifest_of(iso)
    manifest = replace(manifest, sha256=sha256 or manifest.sha256)
    path = iso.parent / f"{name}.json"
    path.write_text(envelope_text(signer, summary_statement(manifest, checked, signer.key, NOW, rebuilt=rebuilt)))
    return path


def publish(keys: Keys, iso: Path, *summaries: Path, needed: int = 2, reporter: Reporter | None = None) -> Path:
    verifiers = [keys.key("alice"), keys.key("bob")]
    wish = ReleaseWish(iso, keys.key("release"), verifiers, needed, iso.parent / "releases")
    return release(wish, read_summaries(summaries), reporter or Reporter())


def test_a_summary_is_what_slsa_says(keys: Keys, iso: Path) -> None:
    data = vouch(keys, iso, "alice").read_bytes()
    said = json.loads(parse_envelope(data).content)
    assert (said["_type"], said["predicateType"]) == ("https://in-toto.io/Statement/v1", VSA)
    assert said["subject"] == [{"name": "x.iso", "digest": {"sha256": digest_of(iso, "SHA256")}}]
    predicate = said["predicate"]
    assert predicate["verifier"]["id"] == f"urn:planex:verifier:{keys.key('alice').fingerprint}"
    assert predicate["timeVerified"] == "2026-11-28T00:00:00Z" and predicate["verificationResult"] == "PASSED"
    assert predicate["verifiedLevels"] == ["SLSA_BUILD_LEVEL_UNEVALUATED", "PLANEX_SIGNED", "PLANEX_REBUILT"]
    failed = parse_summary("x", vouch(keys, iso, "bob", [wrong("manifest", "no")]).read_bytes())
    assert not failed.passed and failed.levels == ()


def test_what_two_vouch_for_is_published_whole(keys: Keys, iso: Path) -> None:
    final = publish(keys, iso, vouch(keys, iso, "alice"), vouch(keys, iso, "bob"))
    alice, bob = keys.key("alice").short, keys.key("bob").short
    proof = {f"x.iso.{each}.vsa.json" for each in (alice, bob)} | {f"verifier-{each}.asc" for each in (alice, bob)}
    own = {"x.iso", "x.iso.asc", "x.iso.sha256", "x.iso.manifest.json", "x.iso.key.asc"}
    assert {path.name for path in final.iterdir()} == own | proof
    assert final.name == "x" and (final / "x.iso").read_bytes() == iso.read_bytes()
    assert list(final.parent.iterdir()) == [final], "no draft is left"
    with pytest.raises(PlanexError, match="was released already"):
        publish(keys, iso, vouch(keys, iso, "alice"), vouch(keys, iso, "bob"))


@pytest.mark.parametrize(
    ("who", "changed", "message"),
    [
        ("alice", {}, r"2 verifiers must vouch for x\.iso, and alice .* does"),
        ("other", {}, r"other\.json is signed by none of the verifiers"),
        ("release", {}, r"release\.json is signed by none of the verifiers"),
        ("bob", {"checked": [wrong("x", "y")]}, r"bob .* says that x\.iso is not what it says"),
        ("bob", {"rebuilt": False}, r"bob .* verified signatures, and did not build it again"),
        ("bob", {"sha256": "0" * 64}, r"bob\.json speaks of another ISO"),
    ],
)
def test_too_few_or_other_words_publish_nothing(
    keys: Keys, iso: Path, who: str, changed: dict[str, object], message: str
) -> None:
    with pytest.raises(PlanexError, match=message):
        publish(keys, iso, vouch(keys, iso, "alice"), vouch(keys, iso, who, **changed))  # type: ignore[arg-type]
    assert not (iso.parent / "releases").exists()


def test_a_summary_that_was_changed_counts_for_nobody(keys: Keys, iso: Path) -> None:
    path = vouch(keys, iso, "bob", [wrong("x", "y")])
    raw = json.loads(path.read_text())
    raw["payload"] = json.loads(vouch(keys, iso, "alice").read_text())["payload"]
    path.write_text(json.dumps(raw))
    with pytest.raises(PlanexError, match=r"bob\.json proves nothing: it was changed after it was signed"):
        publish(keys, iso, path, needed=1)


def test_the_word_of_a_key_that_has_expired(keys: Keys, iso: Path) -> None:
    raw, data = json.loads(vouch(keys, iso, "alice").read_text()), iso.parent / "data"
    data.write_bytes(parse_envelope(json.dumps(raw).encode()).signed)
    then = ("--faked-system-time", "20200101T010000", "--detach-sign", "-u", "old", "--armor", "-o", "-")
    signature = base64.b64encode(dearmour(keys.gpg(*then, str(data)), SIGNATURE)).decode()
    raw["signatures"] = [{"keyid": keys.key("old").fingerprint, "sig": signature}]
    (iso.parent / "old.json").write_text(json.dumps(raw))
    wish = ReleaseWish(iso, keys.key("release"), [keys.key("old")], 1, iso.parent / "releases")
    with pytest.raises(PlanexError, match=r"old\.json proves nothing: its key has expired"):
        release(wish, read_summaries([iso.parent / "old.json"]), Reporter())


def test_an_iso_that_is_not_whole_is_not_published(keys: Keys, iso: Path) -> None:
    summary = vouch(keys, iso, "alice")
    signature_path(iso).unlink()
    with pytest.raises(PlanexError, match=r"x\.iso\.asc is not beside"):
        publish(keys, iso, summary, needed=1)
    signature_path(iso).write_text(keys.signer("other", iso.parent / "kept").sign(iso.read_bytes()))
    with pytest.raises(PlanexError, match=r"is not signed by release .*: it is signed with another key"):
        publish(keys, iso, summary, needed=1)
    iso.write_bytes(b"another")
    with pytest.raises(PlanexError, match="is not of this ISO"):
        publish(keys, iso, summary, needed=1)


@pytest.mark.parametrize("form", ["cyclonedx", "spdx"])
def test_what_lies_beside_an_iso_is_published_as_it_was_checked(keys: Keys, iso: Path, form: BillForm) -> None:
    checksum_path(iso).write_text(f"{'0' * 64}  x.iso\n")
    bill, own = bills_beside(iso)[form], bill_of(manifest_of(iso), form)
    heard: list[Event] = []
    bill.write_bytes(own.replace(b"foo", b"bar"))
    final = publish(keys, iso, vouch(keys, iso, "alice"), needed=1, reporter=Reporter(heard.append))
    assert (final / "x.iso.sha256").read_text() == f"{digest_of(iso, 'SHA256')}  x.iso\n"
    assert not (final / bill.name).exists()
    assert [each.text for each in heard if isinstance(each, Message)] == [
        f"{bill.name} is left out: it is not what `planex iso sbom` writes of this ISO"
    ]
    shutil.rmtree(final)
    bill.write_bytes(own)
    assert (publish(keys, iso, vouch(keys, iso, "alice"), needed=1) / bill.name).read_bytes() == own


def test_another_manifest_than_that_on_the_iso_is_not_published(keys: Keys, iso: Path) -> None:
    manifest_path(iso).write_text(replace(manifest_of(iso), sources=()).to_json())
    with pytest.raises(PlanexError, match="is not the manifest that is on the ISO"):
        publish(keys, iso, vouch(keys, iso, "alice"), needed=1)
    assert not (iso.parent / "releases").exists()


def test_an_iso_that_changes_while_it_is_verified_is_not_vouched_for(keys: Keys, iso: Path, tmp_path: Path) -> None:
    write = summary_writer(iso, tmp_path / "summary.json", keys.folder / "alice.asc", None)
    (tmp_path / "manifest.json").write_text(replace(make_manifest(), version="666").on_iso().to_json())
    iso.unlink()
    xorriso(["-outdev", str(iso), "-map", str(tmp_path / "manifest.json"), ON_ISO, "-commit"])
    with pytest.raises(PlanexError, match="changed while it was verified"):
        write(FINE, True)
    assert not (tmp_path / "summary.json").exists()


def test_the_key_of_the_iso_is_no_verifier(keys: Keys) -> None:
    paths = [keys.folder / "alice.asc", keys.folder / "release.asc"]
    with pytest.raises(PlanexError, match="no independent verifier"):
        verifiers_of(paths, keys.key("release"))


def test_the_command(keys: Keys, iso: Path, tmp_path: Path) -> None:
    words = ["release", str(iso), str(vouch(keys, iso, "alice")), "--key", str(keys.folder / "release.asc")]
    words += ["--verifier", str(keys.folder / "alice.asc"), "--to", str(tmp_path / "out")]
    done = run_planex(tmp_path, *words)
    assert done.returncode == 1 and "2 verifiers must vouch for x.iso" in done.stderr
    done = run_planex(tmp_path, *words, "--require-verifiers", "1")
    assert done.returncode == 0 and done.stdout == f"{tmp_path / 'out' / 'x'}\n"
    (tmp_path / "none.json").write_text("{}")
    done = run_planex(tmp_path, *words, str(tmp_path / "none.json"))
    assert done.returncode == 1 and "none.json is no verification summary" in done.stderr
