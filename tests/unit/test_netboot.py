# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a network starts: menus told where files are, and the network that a virtual machine is given."""

from __future__ import annotations

import http.client
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from planex.machine.proof import Listener
from planex.machine.qemu import Machine, Netboot, qemu_argv
from planex.machine.web import web_server
from planex.medium.grubscript import parse_grub
from planex.medium.menu import render_grub
from planex.medium.netboot import FIRMWARES, GRUB, loader_argv, network_menu
from tests.unit.test_iso_menu import BARE, MENU, XEN

IMAGE = {"/LiveOS/squashfs.img": "ab12"}
TEXT = render_grub(replace(MENU, entries=(XEN, BARE)))


def test_a_menu_for_a_network_has_no_label_and_every_file_beside_the_loader() -> None:
    menu = network_menu(TEXT, IMAGE, "http://10.0.0.1:8080/planex/", "inst.ks=$live/ks.cfg")
    lines = menu.text.splitlines()
    assert lines[0] == "set live=http://10.0.0.1:8080/planex"
    assert "  multiboot2 $prefix/boot/xen.gz dom0_mem=1024M com1=115200,8n1 console=com1,vga" in lines
    assert (
        "  module2 $prefix/boot/vmlinuz root=live:$live/LiveOS/squashfs.img rd.live.sha256=ab12 inst.ks=$live/ks.cfg "
        "rd.live.image console=tty0 console=hvc0"
    ) in lines
    assert "  module2 --nounzip $prefix/boot/initrd.img" in lines
    assert "HOST-1.0" not in menu.text and "search" not in menu.text
    assert not parse_grub(menu.text).faults


def test_without_a_url_it_is_the_server_that_grub_came_from() -> None:
    text = network_menu(TEXT, IMAGE, "").text
    assert "set live=http://$net_default_server\n" in text
    assert "regexp --set=1:folder" in text
    assert not parse_grub(text).faults


def test_entries_with_another_root_are_left_out_and_told() -> None:
    menu = network_menu(
        render_grub(replace(MENU, entries=(BARE, XEN, BARE.model_copy(update={"name": "b"})))), IMAGE, ""
    )
    assert menu.left_out == ("No Xen", "No Xen")
    assert [entry.title for entry in parse_grub(menu.text).entries] == ["Live host"]
    assert not parse_grub(menu.text).faults


def test_an_image_elsewhere_is_found_by_the_words_of_the_menu() -> None:
    menu = network_menu(render_grub(replace(MENU, image="/live/root.img")), {"/live/root.img": "cd"}, "http://a")
    assert menu.image == "/live/root.img"
    assert "root=live:$live/live/root.img rd.live.sha256=cd rd.live.image console" in menu.text
    assert "squashimg" not in menu.text


def test_grub_is_made_without_a_prefix_for_each_firmware() -> None:
    argv = loader_argv("grub-mkimage", GRUB / "i386-pc", FIRMWARES["bios"], Path("/s/bios.0"))
    assert argv[argv.index("--prefix") + 1] == ""
    assert argv[argv.index("--format") + 1] == "i386-pc-pxe"
    assert {"pxe", "tftp", "multiboot2", "regexp"} <= set(argv)
    assert "efinet" in loader_argv("grub-mkimage", GRUB, FIRMWARES["uefi"], Path("/s/uefi.efi"))


def test_a_machine_on_a_network_has_nothing_else_there_and_no_iso() -> None:
    net = Netboot(Path("/s,et"), {"bios": "bios.0", "uefi": "uefi.efi"}, 4711)
    machine = Machine(Path("/x/host.iso"), medium="pxe", netboot=net)
    text = " ".join(qemu_argv("qemu", machine, None))
    assert (
        "-netdev user,id=net,restrict=on,tftp=/s,,et,bootfile=bios.0,guestfwd=tcp:10.0.2.9:80-tcp:127.0.0.1:4711"
        in text
    )
    assert "host.iso" not in text
    text = " ".join(qemu_argv("qemu", replace(machine, disks=(Path("/d"),)), None))
    assert "bus=ide.0,unit=0,bootindex=1" in text


def test_the_web_server_keeps_its_one_connection_whatever_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    with web_server(tmp_path) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        for path, status in (("nothing", 404), ("file", 200), ("file", 200)):
            wire.sendall(f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(wire)
            answer.begin()
            assert (answer.status, answer.read() == b"content") == (status, status == 200)


@pytest.mark.parametrize(
    ("line", "fatal"),
    [(">>Start PXE over IPv4.", False), ("  PXE-E16: No valid offer received.", True), ("No bootable device.", True)],
)
def test_firmware_that_looks_on_the_network_is_waited_for(line: str, fatal: bool) -> None:
    listener = Listener()
    listener.feed(f"{line}\n")
    assert bool(listener.fatal) == fatal
