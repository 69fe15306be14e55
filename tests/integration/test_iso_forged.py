# SPDX-License-Identifier: LGPL-2.1-or-later
"""Forgeries of a signed ISO, by who knows its layout well: ``planex iso verify`` refuses each, and says why.

Of each nothing is beside the ISO but what the forger put there: its signature and manifest would give it away at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.host import closure
from planex.host.build import build_iso
from planex.host.customise import customise
from planex.host.manifest import ON_ISO
from planex.host.signing import signature_path
from planex.medium.sums import SIGNATURE, SUMS, Sums, in_its_room, parse_sums
from planex.medium.xorriso import open_image
from planex.report import Reporter
from planex.run import run
from planex.trust.repository import signed_copies
from tests.integration import tiny_iso
from tests.integration.damage import Damage, added, cut, edited, remade, without, zeroed
from tests.integration.test_iso_build import SPEC, load, made  # noqa: F401
from tests.integration.test_iso_signed import signing_project
from tests.integration.test_iso_verify import PROVENANCE, REPOMD, RPM, flip, keys, put, signed, told  # noqa: F401
from tests.unit.keys import Keys

pytestmark = pytest.mark.tools(*tiny_iso.TOOLS, "rpmbuild", "dnf", "bwrap", "unshare", "mksquashfs", "gpg", "gpgv")
GRUB, ISOLINUX, KEY = "/EFI/BOOT/grub.cfg", "/isolinux/isolinux.cfg", "/RPM-GPG-KEY-tiny"
CHANGED, STRANGER = "it was changed after it was signed", "it is signed with another key"


@dataclass(frozen=True)
class Forger:
    """What a forger has: another ISO of the same makers, an RPM that nobody signed, keys of strangers, a folder."""

    other: Path
    rpm: Path
    keys: Keys
    folder: Path

    def sign(self, data: bytes) -> bytes:
        (self.folder / "data").write_bytes(data)
        words = ["--yes", "--local-user", "other", "--armor", "--output", str(self.folder / "sig"), "--detach-sign"]
        self.keys.gpg(*words, str(self.folder / "data"))
        return (self.folder / "sig").read_bytes()


Forgery = Callable[[Path, Path, Forger], None]
"""Given a signed ISO, where to put the forged copy, and the forger."""


def plain(damage: Damage) -> Forgery:
    return lambda iso, copy, forger: damage(iso, copy)


def with_true_sums(name: str) -> Forgery:
    """A file is changed, and all checksums are made true again; their signature cannot be."""

    def forge(iso: Path, copy: Path, forger: Forger) -> None:
        shutil.copy(iso, copy)
        old = open_image(copy).digest(name)
        put(copy, name, flip)
        new = open_image(copy).digest(name)
        if old.encode() in (tree := open_image(copy).read("/.treeinfo")):
            put(copy, "/.treeinfo", lambda data: tree.replace(old.encode(), new.encode()))
        image = open_image(copy)
        sums = parse_sums(image.read(SUMS).decode())
        files = {each: image.digest(each) for each in sums.files}
        put(copy, SUMS, lambda data: Sums(files, sums.rest, sums.size).text().encode())

    return forge


def of_another(*names: str) -> Forgery:
    """Files of another ISO of the same makers, who signed those, too."""

    def forge(iso: Path, copy: Path, forger: Forger) -> None:
        files = {name: forger.folder / str(number) for number, name in enumerate(names)}
        tiny_iso.extract(forger.other, files)
        remade(*(word for name, file in files.items() for word in ("-update", file, name)))(iso, copy)

    return forge


def customised(arguments: str, answers: str = "", signature: bool = False) -> Forgery:
    def forge(iso: Path, copy: Path, forger: Forger) -> None:
        (forger.folder / "ks.cfg").write_text(answers)
        customise(iso, copy, forger.folder / "ks.cfg" if answers else None, arguments)
        if signature:
            copy = copy.rename(copy.with_suffix(".customised"))
            added(SIGNATURE, open_image(iso).read(SIGNATURE))(copy, copy.with_suffix(".iso"))

    return forge


def by_a_stranger(iso: Path, copy: Path, forger: Forger) -> None:
    shutil.copy(iso, copy)
    put(copy, SIGNATURE, lambda data: in_its_room(forger.sign(open_image(iso).read(SUMS)).decode()))


def by_a_stranger_with_a_key(iso: Path, copy: Path, forger: Forger) -> None:
    by_a_stranger(iso, copy.with_suffix(".step"), forger)
    added(KEY, forger.keys.key("other").text.encode())(copy.with_suffix(".step"), copy)


def stranger_beside(iso: Path, copy: Path, forger: Forger) -> None:
    shutil.copy(iso, copy)
    signature_path(copy).write_bytes(forger.sign(iso.read_bytes()))


def other_beside(iso: Path, copy: Path, forger: Forger) -> None:
    shutil.copy(iso, copy)
    shutil.copy(signature_path(forger.other), signature_path(copy))


def unsigned_rpm(iso: Path, copy: Path, forger: Forger) -> None:
    added(RPM, forger.rpm.read_bytes())(iso, copy)


def strangers_rpm(iso: Path, copy: Path, forger: Forger) -> None:
    signer = forger.keys.signer("other", forger.folder / "kept")
    (rpm,) = signed_copies(signer, forger.folder / "rpms", {digest_of(forger.rpm, "SHA256"): forger.rpm}).values()
    added(RPM, rpm.read_bytes())(iso, copy)


def no_signer_named(iso: Path, copy: Path, forger: Forger) -> None:
    edited(ON_ISO, forger.keys.key("release").fingerprint, "")(iso, copy)


FORGERIES: dict[str, tuple[Forgery, str]] = {
    f"{name}, sums made true": (with_true_sums(name), f"{SIGNATURE}: {CHANGED}")
    for name in (
        *("/boot/initrd.img", "/boot/xen.gz", "/boot/vmlinuz", "/LiveOS/squashfs.img", GRUB, ISOLINUX),
        *("/EFI/BOOT/BOOTX64.EFI", "/isolinux/mboot.c32", "/.discinfo", "/readme.txt"),
    )
} | {
    "arguments for the kernel": (customised("init=/bin/sh"), f"{SIGNATURE}: it is not there: nobody vouches"),
    "answer file": (customised("", "rootpw --lock\n"), f"{SIGNATURE}: it is not there: nobody vouches"),
    "customised, with the old signature": (customised("init=/bin/sh", signature=True), f"{SIGNATURE}: {CHANGED}"),
    "signature of another ISO": (of_another(SIGNATURE), f"{SIGNATURE}: {CHANGED}"),
    "sums and signature of another ISO": (of_another(SUMS, SIGNATURE), "does not have the checksum"),
    "no signature": (plain(without(SIGNATURE)), f"{SIGNATURE}: it is not there: nobody vouches"),
    "signature that is none": (plain(added(SIGNATURE, b"x")), f"{SIGNATURE}: "),
    "signature of a stranger": (by_a_stranger, f"{SIGNATURE}: {STRANGER}"),
    "signature and key of a stranger": (by_a_stranger_with_a_key, f"key: {KEY} on the ISO is not the key"),
    "signature of a stranger beside": (stranger_beside, f"iso.asc: {STRANGER}"),
    "signature of another ISO beside": (other_beside, f"iso.asc: {CHANGED}"),
    "no key": (plain(without(KEY)), f"{KEY} is listed in"),
    "provenance of another ISO": (of_another(PROVENANCE), f"{RPM}: no provenance on the ISO speaks of it"),
    "no provenance": (plain(without(PROVENANCE)), f"{RPM}: no provenance on the ISO speaks of it"),
    "provenance that is none": (plain(added(PROVENANCE, b"{}")), PROVENANCE),
    "metadata's signature of another ISO": (of_another(f"{REPOMD}.asc"), f"{REPOMD}.asc: {CHANGED}"),
    "no signature of metadata": (plain(without(f"{REPOMD}.asc")), f"{REPOMD}.asc: it is not signed"),
    "RPM of another ISO": (of_another(RPM), f"{RPM} does not have the SHA-256 that it gives"),
    "RPM, provenance and manifest of another ISO": (of_another(RPM, PROVENANCE, ON_ISO), "the checksum that /SHA256"),
    "RPM that nobody signed": (unsigned_rpm, f"{RPM}: it is not signed"),
    "RPM of a stranger": (strangers_rpm, f"{RPM}: {STRANGER}"),
    "RPM more": (plain(added("/planex/evil-1-1.noarch.rpm", b"x")), "is on the ISO, but not in it"),
    "no RPM": (plain(without(RPM)), f"{RPM} is in it, but not on the ISO"),
    "manifest of another ISO": (of_another(ON_ISO), f"{RPM} does not have the SHA-256 that it gives"),
    "no manifest": (plain(without(ON_ISO)), f"manifest: {ON_ISO}: it is not on the ISO"),
    "manifest that names no signer": (no_signer_named, "manifest: it says that nobody signed"),
    "file more": (plain(added("/ks.cfg", b"rootpw x")), "/ks.cfg is not listed in"),
    "no sums": (plain(without(SUMS)), f"{SIGNATURE}: it is not there: nobody vouches"),
    "other label": (plain(remade("-volid", "OTHER")), "but the label is 'OTHER'"),
    "no boot code": (plain(zeroed(0, 432)), "the MBR has an active partition, but no code"),
    "cut off": (plain(cut(2048)), "it is cut off"),
}


@pytest.fixture(scope="module")
def other(made: tuple[Path, Path], keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """Another ISO of the same makers: its package has another kernel."""
    folder = tmp_path_factory.mktemp("other")
    (folder / "tiny-host.spec").write_text(SPEC.replace("echo kernel", "echo leaky-kernel"))
    words = ["rpmbuild", "-bb", "--define", f"_topdir {folder}/rpm", str(folder / "tiny-host.spec")]
    run(words, env={"SOURCE_DATE_EPOCH": str(tiny_iso.EPOCH)})
    (rpm,) = (folder / "rpm" / "RPMS").rglob("*.rpm")
    project = signing_project((made[0], rpm), keys, folder / "workspace")
    return build_iso(load(project.workspace.root), Reporter()).iso


@pytest.mark.parametrize(("forge", "message"), FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_is_refused(
    signed: Path,  # noqa: F811
    other: Path,
    made: tuple[Path, Path],  # noqa: F811
    keys: Keys,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forge: Forgery,
    message: str,
) -> None:
    monkeypatch.setattr(closure, "find", lambda tool: None)  # what dnf says of closures takes longest; no forgery
    copy = tmp_path / "copy.iso"
    (tmp_path / "forger").mkdir()
    forge(signed, copy, Forger(other, made[1], keys, tmp_path / "forger"))
    found = told(copy, keys.key("release")).get("wrong", [])
    assert any(message in text for text in found), found
