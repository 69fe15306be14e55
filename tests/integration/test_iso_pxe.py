# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a network starts instead of an ISO: made whole and the same twice, and loaded by real firmware."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from planex.cli import cli
from planex.errors import PlanexError
from planex.host.customise import customise
from planex.host.pxe import make_pxe_set
from planex.machine.boot import boot
from planex.machine.qemu import WEB, FirmwareName, Machine, Netboot
from planex.machine.web import web_server
from planex.medium.netboot import FIRMWARES, GRUB
from planex.medium.xorriso import open_image
from tests.integration import tiny_iso
from tests.integration.test_boot import WORDS

pytestmark = [
    pytest.mark.tools(*tiny_iso.TOOLS),
    pytest.mark.skipif(not (GRUB / "i386-pc").is_dir(), reason="GRUB for BIOS is not installed (grub-pc-bin)"),
]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("host")
    return tiny_iso.make_host(tiny_iso.make_base(folder), folder / "host")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_set_has_what_its_menu_starts_and_the_sums_of_all(host: Path, tmp_path: Path) -> None:
    (tmp_path / "ks").write_text("rootpw --lock\n")
    iso = customise(host, tmp_path / "own.iso", tmp_path / "ks", "quiet").iso
    files = contents(make_pxe_set(iso, tmp_path / "set", "").folder)
    same = {"boot/xen.gz", "boot/vmlinuz", "boot/initrd.img", "LiveOS/squashfs.img", "ks.cfg"}
    made = {"bios.0", "uefi.efi", "grub.cfg", "boot.ipxe", "README.txt", "SHA256SUMS"}
    assert files.keys() == same | made
    assert all(files[name] == open_image(iso).read(f"/{name}") for name in same)
    sums = dict(line.split("  ")[::-1] for line in files.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    menu = files["grub.cfg"].decode()
    assert f"rd.live.sha256={sums['LiveOS/squashfs.img']} inst.ks=$live/ks.cfg rd.live.image quiet\n" in menu


def test_the_same_iso_gives_the_same_bytes(host: Path, tmp_path: Path) -> None:
    one, two = (make_pxe_set(host, tmp_path / name, "http://a").folder for name in ("one", "two"))
    assert contents(one) == contents(two)


def test_what_cannot_be_a_set_is_refused_and_nothing_is_left(host: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(PlanexError, match="set exists"):
        make_pxe_set(host, tmp_path / "set", "")
    (tmp_path / "set").rmdir()
    with pytest.raises(PlanexError, match=r"no entry of .* starts a live host"):
        make_pxe_set(tiny_iso.make_base(tmp_path), tmp_path / "set", "")
    image = open_image(host)
    damaged = bytearray(host.read_bytes())
    damaged[image.spans["/LiveOS/squashfs.img"][0].start] ^= 1
    (tmp_path / "damaged.iso").write_bytes(damaged)
    with pytest.raises(PlanexError, match=r"/LiveOS/squashfs\.img is not what its SHA256SUMS says"):
        make_pxe_set(tmp_path / "damaged.iso", tmp_path / "set", "")
    assert not [path for path in tmp_path.iterdir() if "set" in path.name]
    result = CliRunner().invoke(cli, ["iso", "pxe", str(host), str(tmp_path / "set"), "--url", "https://a/$b"])
    assert result.exit_code == 2
    assert "is no URL that the initrd can fetch from" in result.output


@pytest.mark.slow
@pytest.mark.tools("qemu-system-x86_64")
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_firmware_loads_grub_its_menu_and_the_web(host: Path, tmp_path: Path, firmware: FirmwareName) -> None:
    """The host's words come half from the menu, by TFTP, and half from the web server."""
    folder = make_pxe_set(host, tmp_path / "set", f"http://{WEB}").folder
    first, rest = WORDS.split("\n", 1)
    (folder / "words").write_text(rest)
    lines = ["serial --unit=0 --speed=115200", "terminal_output serial", f"echo '{first}'"]
    (folder / "grub.cfg").write_text("\n".join([*lines, f"cat (http,{WEB})/words", "sleep 600"]) + "\n")
    with web_server(folder) as port:
        net = Netboot(folder, {"bios": FIRMWARES["bios"].file, "uefi": FIRMWARES["uefi"].file}, port)
        machine = Machine(host, firmware, "pxe", memory=512, netboot=net)
        assert boot(machine, tmp_path / "serial.log", 120).proof.xen == "4.20.3"
