# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex iso verify: what was signed holds, and every part that was tampered with is named."""

from __future__ import annotations

import base64
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.host.build import build_iso
from planex.host.checked import Standing
from planex.host.manifest import ON_ISO, parse_manifest
from planex.host.plan import manifest_path
from planex.host.signing import signature_path
from planex.host.summary import REBUILT, Summary, parse_summary
from planex.host.verify import find_manifest, verify_iso
from planex.medium.sums import SIGNATURE, SUMS, in_its_room
from planex.medium.xorriso import open_image
from planex.report import Reporter
from planex.run import Completed, run
from planex.trust.gpg import PublicKey
from tests.conftest import ROOT
from tests.integration import tiny_iso
from tests.integration.conftest import run_planex
from tests.integration.test_iso_build import load, made, make_project  # noqa: F401
from tests.integration.test_iso_signed import signing_project
from tests.unit.keys import Keys, made_keys

pytestmark = pytest.mark.tools(*tiny_iso.TOOLS, "rpmbuild", "dnf", "bwrap", "unshare", "mksquashfs", "gpg", "gpgv")
PROVENANCE = "/planex/provenance/tiny-host.intoto.json"
RPM, REPOMD = "/planex/tiny-host-1-1.noarch.rpm", "/planex/repodata/repomd.xml"


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with made_keys() as keys, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNUPGHOME", str(keys.home))
        yield keys


@pytest.fixture(scope="module")
def signed(made: tuple[Path, Path], keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    project = signing_project(made, keys, tmp_path_factory.mktemp("signed") / "workspace")
    return build_iso(load(project.workspace.root), Reporter()).iso


@pytest.fixture
def copy(signed: Path, tmp_path: Path) -> Path:
    """A copy of the signed ISO, with what lies beside it."""
    for path in (signed, signature_path(signed), manifest_path(signed)):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path / signed.name


def told(iso: Path, key: PublicKey | None) -> dict[str, list[str]]:
    """Text of what was checked, by its standing."""
    found: dict[str, list[str]] = {}
    for each in verify_iso(iso, find_manifest(iso, None), key):
        found.setdefault(each.standing.value, []).append(f"{each.what}: {each.text}")
    return found


def put(iso: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Other bytes, as many, in the place of a file's."""
    image = open_image(iso)
    before = image.read(name)
    after = change(before)
    assert len(after) == len(before) and after != before
    with iso.open("r+b") as file:
        file.seek(image.spans[name][0].start)
        file.write(after)


def flip(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def test_what_was_signed_holds(signed: Path, keys: Keys) -> None:
    found = told(signed, keys.key("release"))
    assert found.keys() == {"ok"}
    short = keys.key("release").short
    assert f"tiny-1.iso.asc: signed by release <release@example.org> ({short})" in found["ok"]
    assert f"RPMs of /planex: 1 RPM signed by release <release@example.org> ({short})" in found["ok"]
    assert f"provenance of /planex: of 1 package, signed by release <release@example.org> ({short})" in found["ok"]
    assert len(found["ok"]) == 8


def test_without_a_key_nothing_is_said_to_be_signed(signed: Path) -> None:
    found = told(signed, None)
    assert found.keys() == {"ok", "unknown"} and not any("signed by" in text for text in found["ok"])
    assert len(found["unknown"]) == 5


def test_another_key_vouches_for_nothing(signed: Path, keys: Keys) -> None:
    wrong = told(signed, keys.key("other"))["wrong"]
    for what in ("tiny-1.iso.asc", SIGNATURE, f"{REPOMD}.asc", RPM, PROVENANCE):
        assert f"{what}: it is signed with another key" in wrong
    assert "key: /RPM-GPG-KEY-tiny on the ISO is not the key that was given" in wrong


@pytest.mark.parametrize("name", ["/boot/vmlinuz", RPM, f"{REPOMD}.asc", REPOMD, ON_ISO, SUMS, SIGNATURE, PROVENANCE])
def test_each_part_that_was_changed_is_named(copy: Path, keys: Keys, name: str) -> None:
    put(copy, name, (lambda data: in_its_room("")) if name == SIGNATURE else flip)
    wrong = told(copy, keys.key("release"))["wrong"]
    assert "tiny-1.iso.asc: it was changed after it was signed" in wrong
    assert any(name in text for text in wrong if "iso.asc" not in text), wrong
    assert name != RPM or any(text.startswith(f"{RPM}: its payload does not have the SHA-256") for text in wrong)


def test_who_makes_the_sums_true_again_cannot_sign_them(copy: Path, keys: Keys) -> None:
    """The file is changed and SHA256SUMS corrected, ISO.asc and the manifest beside it are left out."""
    image = open_image(copy)
    old, old_tree = image.digest("/boot/vmlinuz"), image.digest("/.treeinfo")
    put(copy, "/boot/vmlinuz", flip)
    new = open_image(copy).digest("/boot/vmlinuz")
    put(copy, SUMS, lambda data: data.replace(old.encode(), new.encode()))
    put(copy, "/.treeinfo", lambda data: data.replace(old.encode(), new.encode()))
    new_tree = open_image(copy).digest("/.treeinfo")
    put(copy, SUMS, lambda data: data.replace(old_tree.encode(), new_tree.encode()))
    signature_path(copy).unlink()
    manifest_path(copy).unlink()
    found = told(copy, keys.key("release"))
    assert found["wrong"] == [f"{SIGNATURE}: it was changed after it was signed"]
    assert found["unknown"] == ["tiny-1.iso.asc: there is none beside the ISO"]


def test_an_rpm_of_which_no_provenance_speaks(copy: Path, keys: Keys) -> None:
    digest = open_image(copy).digest(RPM)
    put(copy, PROVENANCE, lambda data: other_subject(data, digest))
    wrong = told(copy, keys.key("release"))["wrong"]
    assert f"{RPM}: no provenance on the ISO speaks of it" in wrong
    assert f"{PROVENANCE}: it was changed after it was signed" in wrong


def other_subject(data: bytes, digest: str) -> bytes:
    """The same envelope with another digest in its payload, and the old signature."""
    raw = json.loads(data)
    payload = base64.b64decode(raw["payload"]).replace(digest.encode(), b"0" * 64)
    return data.replace(raw["payload"].encode(), base64.b64encode(payload))


def test_a_manifest_of_another_iso_is_found(copy: Path, keys: Keys) -> None:
    path = manifest_path(copy)
    path.write_text(path.read_text().replace('"epoch": 1', '"epoch": 2'))
    assert "manifest: the one beside the ISO is not the one on it" in told(copy, keys.key("release"))["wrong"]
    manifest = parse_manifest(path.read_bytes())
    path.write_text(path.read_text().replace(manifest.sha256, "0" * 64))
    wrong = told(copy, keys.key("release"))["wrong"]
    assert "manifest: the ISO does not have the size and SHA-256 that the one beside it gives" in wrong


def test_an_iso_that_nobody_signed(made: tuple[Path, Path], keys: Keys, tmp_path: Path) -> None:  # noqa: F811
    project = make_project(made, tmp_path / "workspace")
    iso = build_iso(project, Reporter()).iso
    assert told(iso, None).keys() == {"ok", "unknown"}
    wrong = told(iso, keys.key("release"))["wrong"]
    assert f"{SIGNATURE}: it is not there: nobody vouches for this ISO" in wrong
    assert f"{RPM}: it is not signed" in wrong and "manifest: it says that nobody signed" in wrong


def test_an_iso_of_somebody_else_has_no_manifest(made: tuple[Path, Path], keys: Keys) -> None:  # noqa: F811
    assert f"manifest: {ON_ISO}: it is not on the ISO" in told(made[0], keys.key("release"))["wrong"]


def test_the_command_says_it_all(signed: Path, keys: Keys, copy: Path, tmp_path: Path) -> None:
    key = str(keys.folder / "release.asc")
    done = run_planex(tmp_path, "iso", "verify", str(signed), "--key", key)
    assert done.returncode == 0 and done.stdout.count("\nok ") == 7 and not done.stderr
    done = run_planex(tmp_path, "iso", "verify", str(signed))
    assert done.returncode == 0 and "nobody's signature was checked" in done.stderr
    put(copy, RPM, flip)
    done = run_planex(tmp_path, "iso", "verify", str(copy), "--key", key, "--json")
    assert done.returncode == 1 and "tiny-1.iso is not to be trusted" in done.stderr
    assert f'"standing": "{Standing.WRONG.value}"' in done.stdout
    with copy.open("r+b") as file:
        file.truncate(100_000)
    done = run_planex(tmp_path, "iso", "verify", str(copy), "--key", key)
    assert done.returncode == 1 and "it is cut off" in done.stdout
    for words in (("--key", str(manifest_path(signed))), ("--manifest", key)):
        done = run_planex(tmp_path, "iso", "verify", str(signed), *words)
        assert done.returncode == 1 and "is no " in done.stderr and "Traceback" not in done.stderr


def test_a_verifier_writes_a_signed_summary(signed: Path, copy: Path, keys: Keys, tmp_path: Path) -> None:
    """Also of what failed; by gpg, or any signer; and what cannot be signed is known before the work."""
    out, other = tmp_path / "summary.json", str(keys.folder / "other.asc")
    words = ["--key", str(keys.folder / "release.asc"), "--write-summary", str(out), "--verifier", other]

    def verify(iso: Path, *more: str) -> Summary:
        done = planex_as(keys, tmp_path, "iso", "verify", str(iso), *words, *more)
        assert done.returncode in (0, 1) and "Traceback" not in done.stderr, done.stderr
        return parse_summary("x", out.read_bytes())

    found = verify(signed)
    assert found.passed and found.speaks_of(digest_of(signed, "SHA256")) and REBUILT not in found.levels
    assert found.signer([keys.key("release"), keys.key("other")]) == keys.key("other")
    put(copy, RPM, flip)
    assert not verify(copy).passed
    out.unlink()
    done = planex_as(keys, tmp_path, "iso", "verify", str(signed), *words, "--signer", "false")
    assert done.returncode == 1 and "false does not sign" in done.stderr and not done.stdout and not out.exists()
    done = planex_as(keys, tmp_path, "iso", "verify", str(signed), "--write-summary", str(out))
    assert done.returncode == 2 and "--verifier" in done.stderr
    script = 'gpg --batch --local-user other --armor --detach-sign --output - "$1"'
    assert verify(signed, "--signer", f"sh -c '{script}' signer").passed


def planex_as(keys: Keys, folder: Path, *words: str) -> Completed:
    argv: list[str | Path] = [sys.executable, "-m", "planex", "-C", folder, *words]
    return run(argv, check=False, env={"PYTHONPATH": str(ROOT), "GNUPGHOME": str(keys.home)})


def test_a_bill_of_materials_comes_from_the_iso_alone(signed: Path, made: tuple[Path, Path], tmp_path: Path) -> None:  # noqa: F811
    iso = tmp_path / "moved.iso"
    shutil.copy(signed, iso)
    assert run_planex(tmp_path, "iso", "sbom", str(iso)).stdout == f"{iso}.cdx.json\n"
    first = (tmp_path / "moved.iso.cdx.json").read_bytes()
    assert digest_of(iso, "SHA256").encode() in first and b"rpm:tiny-host-1-1.noarch" in first
    assert run_planex(tmp_path, "iso", "sbom", str(iso), "-o", str(tmp_path / "x")).stdout == f"{tmp_path / 'x'}\n"
    assert (tmp_path / "x").read_bytes() == first
    done = run_planex(tmp_path, "iso", "sbom", str(made[0]))
    assert done.returncode == 1 and f"{ON_ISO}: it is not on the ISO" in done.stderr
