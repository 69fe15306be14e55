# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ``planex try`` puts in a machine's memory, and what it hears from it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.host.handed import command, hand_over, on_host
from planex.host.live import Installed
from planex.machine.commanding import BEGIN, END, Commanded
from planex.machine.qemu import Handed, Machine, qemu_argv
from planex.medium.cpio import archive, file
from planex.medium.entry import BootEntry
from planex.run import run
from tests.unit.iso_factory import make_image
from tests.unit.manifest_factory import make_manifest
from tests.unit.rpm_factory import make_rpm

ENTRY = BootEntry(
    name="xen", title="x", hypervisor="/boot/xen.gz", kernel="/boot/vmlinuz", initrd="/boot/initrd.img", default=True
)
XEN = b"\x7fELF of the medium"
INITRD = gzip.compress(archive([file("init", b"old"), file("bin/busybox", b"b")])) + b"\0"
FILES = {"/boot/xen.gz": gzip.compress(XEN), "/boot/vmlinuz": b"kernel", "/boot/initrd.img": INITRD}
INIT = "#!/bin/sh\n[ -d /changed ] && echo new\n"
INSTALL = """\
mkdir -p %{buildroot}/boot %{buildroot}/usr/bin
printf '\\177ELF of the package' | gzip >%{buildroot}/boot/xen-9.gz
ln -s xen-9.gz %{buildroot}/boot/xen-0.gz
echo tool >%{buildroot}/usr/bin/tool
"""


@pytest.fixture
def init(tmp_path: Path) -> Path:
    path = tmp_path / "init"
    path.write_text(INIT)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "handed"
    path.mkdir()
    return path


def unpacked(initrd: Path) -> dict[str, str]:
    """Files of the archives in an initrd behind the first, as Linux sees them."""
    found = initrd.parent / "seen"
    found.mkdir()
    rest = initrd.read_bytes()[len(INITRD) + -len(INITRD) % 4 :]
    (initrd.parent / "rest").write_bytes(rest)
    script = f"cd {found} && (cpio -idmu --quiet; cpio -idmu --quiet) <../rest"
    run(["sh", "-c", script], check=False)
    return {
        str(path.relative_to(found)): path.read_text(errors="replace") for path in found.rglob("*") if path.is_file()
    }


@pytest.mark.tools("rpmbuild", "rpm2cpio", "cpio", "bwrap")
def test_files_of_packages_are_in_the_initrd(tmp_path: Path, folder: Path, init: Path) -> None:
    rpm = make_rpm(tmp_path / "rpm", install=INSTALL, files="/boot/xen-*.gz\n/usr/bin/tool")
    made = hand_over(make_image(tmp_path / "i.iso", FILES), ENTRY, [rpm], init, command("xl list", "B", "E"), folder)
    assert made.hypervisor.read_bytes() == b"\x7fELF of the package", "a link to it is no second one"
    assert made.kernel.read_bytes() == b"kernel"
    assert made.initrd.read_bytes().startswith(INITRD)
    seen = unpacked(made.initrd)
    assert "echo B; HOME=/root /bin/sh /planex-try; echo E $?" in seen["changed/etc/systemd/system/planex-try.service"]
    assert (seen["changed/usr/bin/tool"], seen["changed/planex-try"], seen["init"]) == ("tool\n", "xl list\n", INIT)


@pytest.mark.tools("bwrap")
def test_without_packages_it_is_the_medium(tmp_path: Path, folder: Path, init: Path) -> None:
    made = hand_over(make_image(tmp_path / "i.iso", FILES), ENTRY, [], init, [], folder)
    assert (made.hypervisor.read_bytes(), unpacked(made.initrd)) == (XEN, {"init": INIT})


@pytest.mark.tools("bwrap")
def test_what_cannot_be_started_is_refused(tmp_path: Path, folder: Path, init: Path) -> None:
    bad = make_image(tmp_path / "i.iso", {**FILES, "/boot/xen.gz": b"MZ is no gzip"})
    with pytest.raises(PlanexError, match="the hypervisor is no compressed ELF file"):
        hand_over(bad, ENTRY, [], init, [], folder)
    init.write_text("#!/bin/sh\n")
    with pytest.raises(PlanexError, match="does not know what to do with /changed"):
        hand_over(bad, ENTRY, [], init, [], folder)


def test_only_what_the_host_has_is_laid_over_it() -> None:
    packages = (Installed("xen-libs-4.20-1.x86_64", "", "built", "", 0),)
    rpms = [Path("/r/xen-libs-4.21-2.x86_64.rpm"), Path("/r/xen-libs-devel-4.21-2.x86_64.rpm")]
    assert on_host(rpms, make_manifest(packages=packages)) == rpms[:1]


def test_qemu_is_told_what_to_start() -> None:
    handed = Handed(Path("/x/xen"), "com1=115200,8n1", Path("/x/a,b"), "console=tty0,hvc0", Path("/x/initrd"))
    words = qemu_argv("qemu", Machine(Path("/x/i.iso"), handed=handed), None)
    at = words.index("-kernel")
    modules = "/x/a,,b console=tty0,,hvc0,/x/initrd"
    assert words[at : at + 6] == ["-kernel", "/x/xen", "-append", "com1=115200,8n1", "-initrd", modules]
    assert words[-1].endswith("media=cdrom,readonly=on,file=/x/i.iso"), "which is still the medium"


def test_what_a_command_prints_is_heard(tmp_path: Path) -> None:
    ear = Commanded()
    ear.feed("planex-boot-report: begin\r\nplanex-boot-report: end\r\n")
    ear.feed(f"{BEGIN}\r\none\r\n(XEN) as xl dmesg says\r\ntwo\r\n{END[:8]}")
    assert (ear.finished(), ear.answer()) == (False, None)
    ear.feed(f"{END[8:]} 3\r\n")
    assert (ear.finished(), ear.answer()) == (True, ("one\n(XEN) as xl dmesg says\ntwo", 3))
