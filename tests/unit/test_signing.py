# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signers, keys, and signed RPMs and repositories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from planex.checksums import digest_of
from planex.cli import cli
from planex.cli.context import Context
from planex.cli.sharing import depots_of
from planex.distro.config import load_config
from planex.distro.recipe import load_recipe, render_specs
from planex.errors import ConfigError, MissingTool, PlanexError
from planex.rpm.repo import DamagedFile, compose
from planex.rpm.signature import signed_part
from planex.run import run
from planex.trust import armour
from planex.trust.gpg import complaint, parse_key, read_key
from planex.trust.repository import key_name, repomd_complaint, seal_of, sign_rpm, signed_copies
from planex.trust.settings import SignSettings
from planex.trust.signer import NotSigned, Signer, key_of, key_text
from planex.workspace import Workspace
from tests.unit.keys import Keys, made_keys
from tests.unit.rpm_factory import make_rpm

pytestmark = pytest.mark.tools("gpg", "gpgv")


@pytest.fixture(scope="module")
def made() -> Iterator[Keys]:
    with made_keys() as keys:
        yield keys


@pytest.fixture
def keys(made: Keys, monkeypatch: pytest.MonkeyPatch) -> Keys:
    monkeypatch.setenv("GNUPGHOME", str(made.home))
    return made


@pytest.fixture
def signer(keys: Keys, tmp_path: Path) -> Signer:
    return keys.signer("release", tmp_path / "signatures")


def by(keys: Keys, tmp_path: Path, *command: str, timeout: str = "1m") -> Signer:
    settings = SignSettings.model_validate({"key": "release.asc", "command": command, "timeout": timeout})
    return Signer(keys.key("release"), settings, tmp_path / "signatures")


def test_a_key_is_read_with_what_it_can(keys: Keys) -> None:
    key = keys.key("release")
    assert (key.user, key.fault, key.expires, len(key.fingerprint)) == ("release <release@example.org>", "", 0, 40)
    assert parse_key(f"words around it\n{key.text}more") == key
    assert keys.key("old").fault == "it expired on 2020-01-02"


def test_what_is_no_key_is_refused(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "key.asc"
    for text, why in (
        ("", "there is none"),
        (keys.key("release").text * 2, "2 of them"),
        (keys.gpg("--armor", "--export"), "it should have one key, and has 3"),
        (keys.key("release").text.replace("m", "!", 5), "there is none"),
    ):
        path.write_text(text)
        with pytest.raises(PlanexError, match=why) as caught:
            read_key(path)
        assert str(path) in caught.value.message and "gpg --armor --export" in str(caught.value.hint)


def test_a_signature_is_proved_and_kept(signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = signer.sign(b"data")
    (tmp_path / "data").write_bytes(b"data")
    assert complaint(signer.key, text, tmp_path / "data") == ""
    assert complaint(signer.key, text + "\n" * 3000, tmp_path / "data") == "", "what fills a file up is skipped"
    monkeypatch.setenv("GNUPGHOME", "/nonexistent")
    assert signer.sign(b"data") == text, "the same thing is signed once"
    for kept in signer.kept.iterdir():
        kept.write_text("damaged")
    with pytest.raises(NotSigned):
        signer.sign(b"data")


def test_a_signature_of_something_else_is_none(keys: Keys, signer: Signer, tmp_path: Path) -> None:
    text, data = signer.sign(b"data"), tmp_path / "data"
    data.write_bytes(b"other data")
    assert complaint(signer.key, text, data) == "it was changed after it was signed"
    data.write_bytes(b"data")
    assert complaint(keys.key("other"), text, data) == "it is signed with another key"
    assert "there is none" in complaint(signer.key, "garbage", data)
    old = keys.gpg(
        "--faked-system-time", "20200101T010000", "--armor", "--detach-sign", "-u", "old", "-o", "-", str(data)
    )
    assert complaint(keys.key("old"), old, data) == "its key has expired"


def test_key_that_is_not_here(keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(empty))
    with pytest.raises(NotSigned, match="gpg does not sign") as caught:
        keys.signer("release", tmp_path / "kept").try_out()
    assert "import the secret key" in str(caught.value.hint) and "GNUPGHOME" in str(caught.value.hint)


def test_gpg_that_is_not_installed(signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planex.run.find", lambda tool: None)
    with pytest.raises(MissingTool, match="gpg is not installed; it is needed to sign"):
        signer.sign(b"data")
    with pytest.raises(MissingTool, match="gpgv is not installed; it is needed to check signatures"):
        complaint(signer.key, armour_of(), tmp_path)


def armour_of() -> str:
    return "-----BEGIN PGP SIGNATURE-----\n\naGVsbG8=\n-----END PGP SIGNATURE-----\n"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 3", "sh does not sign: exit status 3"),
        ("echo the token is not plugged in >&2; exit 1", "sh does not sign: the token is not plugged in"),
        ("echo hello", "sh printed no signature: it should be an ASCII-armoured signature, and there is none"),
        ("exec sleep 100", "the signer does not sign: sh did not end within 1 s"),
        ("head -c 100000 /dev/urandom", "sh printed no signature"),
        (f"printf '%s' '{armour_of()}'", "sh gave a signature that .* did not make: the signature is damaged"),
    ],
)
def test_signers_that_fail(keys: Keys, tmp_path: Path, script: str, message: str) -> None:
    signer = by(keys, tmp_path, "sh", "-c", script, "signer", timeout="1s" if "sleep" in script else "1m")
    with pytest.raises(NotSigned, match=message) as caught:
        signer.sign(b"data")
    assert caught.value.hint
    assert not list(tmp_path.rglob("*.asc")), "nothing is kept"


def test_signer_with_another_key(keys: Keys, tmp_path: Path) -> None:
    words = ("gpg", "--batch", "--local-user", "other", "--armor", "--detach-sign", "--output", "-")
    with pytest.raises(NotSigned, match="did not make: it is signed with another key"):
        by(keys, tmp_path, *words).sign(b"data")


def test_signer_that_is_not_there(keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(MissingTool, match="the signer /no/such/signer is not installed"):
        by(keys, tmp_path, "/no/such/signer").sign(b"data")


def test_any_command_can_sign_and_has_no_more_of_the_environment_than_it_may(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "signer"
    seen = tmp_path / "seen"
    script.write_text(
        f'#!/bin/sh\nenv >{seen}\nexec gpg --batch --local-user release --armor --detach-sign --output - "$1"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PIN", "1234")
    monkeypatch.setenv("SECRET", "5678")
    settings = SignSettings(key="release.asc", command=(str(script),), environment=("PIN",))
    assert "BEGIN PGP SIGNATURE" in Signer(keys.key("release"), settings, tmp_path / "kept").sign(b"data")
    assert "PIN=1234" in seen.read_text() and "SECRET" not in seen.read_text()


def test_the_key_of_the_workspace(keys: Keys, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "old.asc").write_text(keys.key("old").text)
    (tmp_path / "release.asc").write_text(keys.key("release").text)
    assert key_of(SignSettings(key="release.asc"), workspace) == keys.key("release")
    assert key_text(SignSettings(key="release.asc"), workspace) == keys.key("release").text
    assert key_text(SignSettings(key="none.asc"), workspace) == ""
    for name, why in (
        ("none.asc", "file not found; it is 'sign.key' of planex.yaml"),
        ("old.asc", "cannot sign: it expired on 2020-01-02"),
        ("../release.asc", "leads out of the workspace"),
    ):
        with pytest.raises(ConfigError, match=why):
            key_of(SignSettings(key=name), workspace)


@pytest.mark.tools("rpmbuild", "rpmkeys")
@pytest.mark.parametrize(("name", "kind"), [("release", "EdDSA"), ("other", "RSA")])
def test_rpm_takes_the_signature_and_the_rest_is_as_it_was(keys: Keys, tmp_path: Path, name: str, kind: str) -> None:
    rpm, signed, twice = make_rpm(tmp_path), tmp_path / "signed.rpm", tmp_path / "twice.rpm"
    sign_rpm(keys.signer(name, tmp_path / "kept"), rpm, signed)
    database = ["rpmkeys", "--dbpath", str(tmp_path / "db")]
    run([*database, "--import", keys.folder / f"{name}.asc"])
    assert f"Header V4 {kind}" in run([*database, "--checksig", "--verbose", signed]).stdout
    assert "NOKEY" not in run([*database, "--checksig", "--verbose", signed]).stdout
    with rpm.open("rb") as before, signed.open("rb") as after:
        assert signed_part(before).header == signed_part(after).header
        assert before.read() == after.read(), "the payload"
    sign_rpm(keys.signer(name, tmp_path / "kept"), signed, twice)
    assert twice.read_bytes() == signed.read_bytes(), "a signature replaces the one before"


@pytest.mark.tools("rpmbuild")
def test_a_key_that_rpm_cannot_use_is_said(keys: Keys, tmp_path: Path) -> None:
    keys.make("curve", "nistp256")
    with pytest.raises(PlanexError, match=r"cannot sign RPMs: rpm does not know its kind"):
        sign_rpm(keys.signer("curve", tmp_path / "kept"), make_rpm(tmp_path), tmp_path / "signed.rpm")


@pytest.mark.tools("rpmbuild", "createrepo_c", "bwrap")
def test_a_repository_is_signed_once(keys: Keys, signer: Signer, tmp_path: Path) -> None:
    rpm = make_rpm(tmp_path / "made")
    digest, before = digest_of(rpm, "SHA256"), rpm.read_bytes()
    copies = signed_copies(signer, tmp_path / "signed", {digest: rpm})
    assert rpm.read_bytes() == before and digest not in copies
    link, seal = tmp_path / "repo", seal_of(signer, "tiny")
    assert compose(link, copies, epoch=1, seal=seal) is True
    assert compose(link, signed_copies(signer, tmp_path / "signed", {digest: rpm}), epoch=1, seal=seal) is False
    assert (link / key_name("tiny")).read_text() == signer.key.text
    assert repomd_complaint(signer.key, link) == ""
    assert repomd_complaint(keys.key("other"), link) == "it is signed with another key"
    assert compose(link, copies, epoch=1) is True, "the same without a seal is another repository"
    assert repomd_complaint(signer.key, link) == "it is not signed"
    other = make_rpm(tmp_path / "made", "bar")
    signed_copies(signer, tmp_path / "signed", {digest_of(other, "SHA256"): other})
    assert [path.name for path in (tmp_path / "signed").rglob("*.rpm")] == [other.name], "old copies go"


@pytest.mark.tools("rpmbuild")
def test_an_rpm_that_is_not_what_it_was_is_not_signed(signer: Signer, tmp_path: Path) -> None:
    rpm = make_rpm(tmp_path)
    with pytest.raises(DamagedFile):
        signed_copies(signer, tmp_path / "signed", {"0" * 64: rpm})
    assert not list((tmp_path / "signed").rglob("*.rpm"))


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xc2", b"\xc2\x03\x03", b"\x88\x02\x05\x00", b"\xb4\x05hello"])
def test_packets_that_are_no_signature(data: bytes) -> None:
    with pytest.raises(armour.NoArmour):
        armour.algorithm(data)


def test_whether_to_sign_can_be_said(copy_of_repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = copy_of_repository / "planex.yaml"
    assert Context(copy_of_repository).config.sign is None
    with pytest.raises(ConfigError, match=r"planex\.yaml does not say who signs"):
        _ = Context(copy_of_repository, sign_option=True).config
    config.write_text(f"{config.read_text()}sign: {{key: keys/release.asc, environment: [PIN], timeout: 10s}}\n")
    sign = Context(copy_of_repository).config.sign
    assert sign == SignSettings.model_validate({"key": "keys/release.asc", "environment": ("PIN",), "timeout": "10s"})
    assert Context(copy_of_repository, sign_option=False).config.sign is None
    config.write_text(config.read_text().replace("keys/", "/keys/"))
    with pytest.raises(ConfigError, match=r"sign\.key"):
        _ = Context(copy_of_repository).config


def test_who_puts_published_signatures_in_shares_nothing(copy_of_repository: Path, tmp_path: Path) -> None:
    """What others built proves nothing in a rebuild, and others' signatures prove nothing of what it makes."""
    config = copy_of_repository / "planex.yaml"
    url = f"file:{tmp_path / 'store'}"
    config.write_text(f"{config.read_text()}store: [{{url: '{url}', trusted: true, push: true}}]\n")
    assert [each.url for each in Context(copy_of_repository).config.store] == [url]
    context = Context(copy_of_repository, graft=tmp_path)
    assert context.config.store == ()
    with depots_of(context, [url]) as depots:
        assert depots is None
    words = ["-C", str(copy_of_repository), "--graft", str(tmp_path), "store", "push", "--store", url]
    done = CliRunner().invoke(cli, words)
    assert isinstance(done.exception, ConfigError) and not (tmp_path / "store").exists(), done.output


@pytest.mark.tools("rpmbuild")
def test_the_host_asks_for_signatures_where_they_are(keys: Keys, copy_of_repository: Path) -> None:
    text = rendered_release(copy_of_repository)
    assert "gpgkey" not in text and "gpgcheck=1" not in text
    (copy_of_repository / "release.asc").write_text(keys.key("release").text)
    config = copy_of_repository / "planex.yaml"
    config.write_text(f"{config.read_text()}sign: {{key: release.asc}}\n")
    text = rendered_release(copy_of_repository)
    name = "/etc/pki/rpm-gpg/RPM-GPG-KEY-planex-host"
    assert f"gpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file://{name}\n" in text
    assert f"\n{keys.key('release').text}EOF\n" in text and f"%{{_sysconfdir}}{name.removeprefix('/etc')}\n" in text


def rendered_release(root: Path) -> str:
    workspace = Workspace(root)
    recipes = {"planex-host-release": load_recipe(workspace, "planex-host-release")}
    return render_specs(recipes, load_config(workspace), "bookworm", root / "cache")["planex-host-release"]


def test_a_fingerprint_is_what_gpg_says(keys: Keys) -> None:
    for name in ("release", "other", "old"):
        key = keys.key(name)
        assert armour.fingerprint(armour.dearmour(key.text, armour.KEY)) == key.fingerprint
    for data in (b"", b"\xc6", b"\xc6\xff", b"\x98\x01\x03", b"\xc6\xe1x", b"\x9a\x00\x00\x00\x01"):
        assert armour.fingerprint(data) == ""
