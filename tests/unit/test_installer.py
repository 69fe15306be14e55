# SPDX-License-Identifier: LGPL-2.1-or-later
"""The installer's decisions: answers, refusals with their line, layouts, repart's definitions, menus."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from planex_installer import good as boot_good
from planex_installer import install, menu, system
from planex_installer.__main__ import main, on_serial, supervised, title_of
from planex_installer.answers import Account, Answers, NetworkCard, Partition, Password
from planex_installer.ask import Console, Quit, ask_answers, confirm
from planex_installer.bootcode import SIZE, boot_code
from planex_installer.checks import GRUB, PLATFORMS, check_answers, check_packages, check_programs
from planex_installer.disks import Content, Disk, choose, read_lsblk
from planex_installer.errors import InstallError, Refused
from planex_installer.install import dnf_argv
from planex_installer.kickstart import read_kickstart
from planex_installer.layout import Layout, definitions, describe, plan_layout
from planex_installer.menu import BootSettings
from planex_installer.program import Program
from planex_installer.source import fetch_answers, find_answers, words_of

from planex.machine.install import ANSWERS

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBB0 me@here"
GOOD = f"""\
ignoredisk --only-use=sda,sdb
clearpart --all --drives=sda
reqpart
part / --size=2000 --grow --ondisk=sda
part swap --size=200 --ondisk=sda
part /srv/guests --size=500 --maxsize=900 --grow --ondisk=sdb
rootpw --lock
sshkey --username=root "{KEY}"
user --name=jo --groups=sudo,adm --iscrypted --password=$6$salt$hash
network --bootproto=static --device=eth0 --ip=10.0.0.2 --netmask=255.255.255.0 --gateway=10.0.0.1 --hostname=one
timezone Europe/Berlin --utc
services --enabled=one.service --disabled=two
%packages
more
-less
%end
%pre
early
%end
%post --erroronfail --interpreter=/usr/bin/python3
late
%end
reboot
"""
GIB = 1 << 30
SDA = Disk("sda", "/dev/sda", 4 * GIB, "Old disk", "S1", False, (Content("sda1", GIB, "ext4", "precious"),))
SDB = Disk("sdb", "/dev/sdb", 2 * GIB)
MEDIUM = Disk("sr0", "/dev/sr0", GIB, contents=(Content("sr0", GIB, "iso9660", mounted=("/run/initramfs/live",)),))


def good() -> Answers:
    return read_kickstart(GOOD, "ks.cfg")


def simple(**changes: object) -> Answers:
    return replace(Answers(disks=("sdb",), root_password=Password("x")), **changes)  # type: ignore[arg-type]


def problems(work: object) -> str:
    assert callable(work)
    with pytest.raises(Refused) as caught:
        work()
    return str(caught.value)


def test_an_answer_file_says_all_there_is_to_say() -> None:
    answers = good()
    assert answers.disks == ("sda", "sdb")
    assert answers.clear == ("sda",)
    assert answers.partitions[2] == Partition("/srv/guests", 500, True, 900, "ext4", "sdb", 6)
    assert answers.partitions[1].kind == "swap"
    assert answers.root_password == Password()
    assert answers.keys == (("root", KEY),)
    assert answers.accounts == (Account("jo", Password("$6$salt$hash", True), ("sudo", "adm"), line=9),)
    assert answers.network == (NetworkCard("eth0", "10.0.0.2/24", "10.0.0.1", line=10),)
    assert (answers.hostname, answers.timezone, answers.end) == ("one", "Europe/Berlin", "reboot")
    assert (answers.enable, answers.disable) == (("one.service",), ("two",))
    assert (answers.packages, answers.unwanted) == (("more",), ("less",))
    assert [script.text for script in (*answers.before, *answers.after)] == ["early\n", "late\n"]
    assert answers.after[0].must_succeed
    assert answers.after[0].interpreter == "/usr/bin/python3"


def test_a_line_with_a_host_name_alone_is_no_card() -> None:
    answers = read_kickstart("network --hostname=two\nnetwork --bootproto=dhcp --device=link\n", "x")
    assert (answers.hostname, answers.network) == ("two", (NetworkCard(line=2),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lang en_US\n", "ks.cfg:1: 'lang' is not known here"),
        ("reboot\nautopart\n", "ks.cfg:2: 'autopart' is not known here"),
        ("\npart / --size=1 --encrypted\n", "ks.cfg:2: 'part' has no option --encrypted here; it has --fstype"),
        ("reqpart --add-boot\n", "ks.cfg:1: 'reqpart' has no option --add-boot here; it has none"),
        ("%addon x\n%end\n", "ks.cfg:1: '%addon' is not known here"),
        ("reboot\n%include /x\n", "ks.cfg:2: '%include' is not known here"),
        ("%packages --nocore\n%end\n", "ks.cfg:1: '%packages' has no option --nocore"),
        ("%post\nfoo\n", "ks.cfg:2: Section %post does not end with %end."),
        ("part / --size=much\n", "ks.cfg:1: argument --size: invalid int value: 'much'"),
        ('reboot\nrootpw "x\n', "ks.cfg:2: No closing quotation"),
        ("network --bootproto=bootp\n", "ks.cfg:1: network: --bootproto=bootp is not known"),
        ("\nnetwork --bootproto=static\n", "ks.cfg:2: network: --bootproto=static needs --ip and --netmask"),
        ("network --bootproto=static --ip=1.2.3 --netmask=255.0.0.0\n", "ks.cfg:1: network: Expected 4 octets"),
        ("network --mtu=big\n", "ks.cfg:1: network: --mtu=big is no number"),
    ],
)
def test_what_is_not_in_the_subset_is_refused_with_its_line(text: str, expected: str) -> None:
    assert problems(lambda: read_kickstart(text, "ks.cfg")).startswith(expected)


def test_a_script_is_taken_as_it_is() -> None:
    answers = read_kickstart("%post\necho %x\n%end\n", "x")
    assert answers.after[0].text == "echo %x\n"


def test_lsblk_is_read() -> None:
    part = {"name": "sda1", "path": "/dev/sda1", "type": "part", "size": GIB, "fstype": "ext4", "label": "precious"}
    disk = {"name": "sda", "path": "/dev/sda", "type": "disk", "size": 4 * GIB, "model": "Old disk ", "serial": "S1"}
    bare = {"name": "sdb", "path": "/dev/sdb", "type": "disk", "size": 2 * GIB, "model": None, "mountpoints": [None]}
    whole = {**bare, "name": "sdc", "fstype": "LVM2_member"}
    drive = {"name": "sr0", "path": "/dev/sr0", "type": "rom", "size": GIB}
    text = json.dumps({"blockdevices": [{**disk, "children": [part]}, bare, whole, drive]})
    found = read_lsblk(text)
    assert found[:2] == [SDA, SDB]
    assert found[2].contents[0].kind == "LVM2_member"
    assert len(found) == 3


def test_the_medium_and_what_is_mounted_cannot_be_chosen() -> None:
    assert "started from" in MEDIUM.why_not
    assert replace(SDB, contents=(Content("sdb1", 1, mounted=("/mnt",)),)).why_not == "it is in use: mounted on /mnt"
    assert replace(SDB, read_only=True).why_not == "it cannot be written to"
    assert SDA.why_not == ""


def test_a_disk_goes_by_any_of_its_names(tmp_path: Path) -> None:
    (tmp_path / "by-id").symlink_to("/dev/sda")
    assert choose([SDB, SDA], "sda") == choose([SDB, SDA], "/dev/sda") == SDA
    with pytest.raises(InstallError, match="no disk 'sdx' here; there are: sdb"):
        choose([SDB], "sdx")


def test_the_layout_is_what_was_asked_for() -> None:
    layout = plan_layout(good(), [SDA, SDB])
    boot, data = layout.disks
    assert [part.mount for part in boot.partitions] == ["biosboot", "/boot/efi", "swap", "/"]
    assert boot.path_of("/") == "/dev/sda4"
    assert data.path_of("/srv/guests") == "/dev/sdb1"
    assert [place for place, _, _ in layout.mounts()] == ["/", "/boot/efi", "/srv/guests"]
    assert layout.swaps() == ["/dev/sda3"]
    shown = "\n".join(describe(layout))
    assert 'will be lost: sda1  1.0 GiB  ext4  "precious"' in shown
    assert "/dev/sdb  2.0 GiB\n  is empty" in shown


def test_an_nvme_partition_has_a_p() -> None:
    assert Disk("nvme0n1", "/dev/nvme0n1", 1).partition(2) == "/dev/nvme0n1p2"


def test_without_partitions_the_root_has_all_of_the_disk() -> None:
    (plan,) = plan_layout(simple(), [SDA, SDB]).disks
    assert [(part.mount, part.grow) for part in plan.partitions][-1] == ("/", True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"disks": ()}, "no disk is named (ignoredisk --only-use=DISK); there are: sda, sdb"),
        ({"disks": ("sdx",)}, "no disk 'sdx' here"),
        ({"disks": ("sr0",)}, "/dev/sr0 cannot be used: it is the medium"),
        ({"disks": ("sda",)}, '/dev/sda is not empty (sda1  1.0 GiB  ext4  "precious"); to lose that, say clearpart'),
        ({"disks": ("sda",), "clear": ("sdb",)}, "/dev/sda is not empty"),
        ({"disks": ("sda", "sdb"), "clear": ()}, "part / names no disk (--ondisk), and there are 2"),
        ({"partitions": (Partition("/", 4000, line=7),)}, "/dev/sdb is too small: it has 2048 MiB, 4105 MiB are asked"),
        ({"partitions": (Partition("/", 100, line=7),)}, "answers:7: part /: 100 MiB, but it needs 1536"),
        ({"partitions": (Partition("/", 1600), Partition("/", 1600))}, "part /: there is more than one"),
        ({"partitions": (Partition("/srv", 1600),)}, "no root is asked for"),
        ({"partitions": (Partition("/", 1600), Partition("/a/../b", 20))}, "part /a/../b: a mount point is"),
        ({"partitions": (Partition("/", 1600), Partition("pv.01", 20))}, "part pv.01: a mount point is"),
        ({"partitions": (Partition("/", 1600, kind="btrfs"),)}, "--fstype=btrfs is not possible"),
        ({"partitions": (Partition("/", 0, grow=True),)}, "part /: --size is missing"),
        ({"partitions": (Partition("/", 1600, True, 1000),)}, "part /: --maxsize is below --size"),
        ({"partitions": (Partition("/", 1600, disk="sda"),)}, "part /: no disk 'sda' here; there are: sdb"),
    ],
)
def test_layouts_that_cannot_be_are_refused(changes: dict[str, object], expected: str) -> None:
    assert expected in problems(lambda: plan_layout(simple(**changes), [SDA, SDB, MEDIUM]))


def test_clearpart_without_drives_means_those_that_may_be_used() -> None:
    assert plan_layout(simple(disks=("sda",), clear=()), [SDA, SDB]).boot.disk == SDA
    only_initlabel = "ignoredisk --only-use=sda\nclearpart --none\nrootpw x\n"
    assert "not empty" in problems(lambda: plan_layout(read_kickstart(only_initlabel, "x"), [SDA]))


def test_repart_reads_what_the_layout_says() -> None:
    boot, data = plan_layout(good(), [SDA, SDB]).disks
    made = definitions(boot)
    assert list(made) == ["01-biosboot.conf", "02-esp.conf", "03-swap.conf", "04-root.conf"]
    assert made["01-biosboot.conf"] == (
        "[Partition]\nType=21686148-6449-6e6f-744e-656564454649\nLabel=planex-biosboot\n"
        "SizeMinBytes=1M\nSizeMaxBytes=1M\n"
    )
    assert "Type=esp\n" in made["02-esp.conf"]
    assert "SizeMaxBytes=100M\nFormat=vfat\n" in made["02-esp.conf"]
    assert made["04-root.conf"] == "[Partition]\nType=root\nLabel=planex-root\nSizeMinBytes=2000M\nFormat=ext4\n"
    (guests,) = definitions(data).values()
    assert "SizeMinBytes=500M\nSizeMaxBytes=900M\nFormat=ext4\n" in guests


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A live root, as far as answers are checked against it."""
    (tmp_path / "usr/share/zoneinfo/Europe").mkdir(parents=True)
    (tmp_path / "usr/share/zoneinfo/Europe/Berlin").touch()
    (tmp_path / "usr/share/zoneinfo/UTC").touch()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("live\n")
    (tmp_path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\nsshd:x:102:65534:::\n")
    (tmp_path / "etc/group").write_text("root:x:0:\nsudo:x:27:\nadm:x:4:\n")
    (tmp_path / "usr/lib/systemd/system").mkdir(parents=True)
    for unit in ("one.service", "many@.service"):
        (tmp_path / "usr/lib/systemd/system" / unit).touch()
    (tmp_path / "etc/os-release").write_text('ID=x\nPRETTY_NAME="host 1.0"\n')
    return tmp_path


def test_good_answers_have_no_complaint(source: Path) -> None:
    check_answers(good(), source)
    check_answers(read_kickstart(ANSWERS, "proof"), source)
    check_answers(simple(enable=("one", "one.service", "many@1.service")), source)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"root_password": Password()}, "nobody could log in"),
        ({"root_password": Password("plain", True)}, "rootpw: that is no hash of a password"),
        ({"root_password": Password("a:b")}, "rootpw: a password has no ':'"),
        ({"keys": (("root", "rubbish"),)}, "sshkey: no public key: 'rubbish'"),
        ({"keys": (("jo", KEY),)}, "sshkey: there will be no user 'jo'"),
        ({"accounts": (Account("Jo Doe", line=3),)}, "answers:3: user: 'Jo Doe' is no user name"),
        ({"accounts": (Account("root"),)}, "user: root is there already"),
        ({"accounts": (Account("jo", home="x"),)}, "user: 'x' is no path"),
        ({"accounts": (Account("jo", groups=("a b",)),)}, "user: 'a b' is no group"),
        ({"accounts": (Account("jo", gecos="a:b"),)}, "--gecos has no ':'"),
        ({"hostname": "-x"}, "'-x' is no host name"),
        ({"timezone": "../etc"}, "timezone: no '../etc'"),
        ({"timezone": "Europe/Nowhere"}, "timezone: no 'Europe/Nowhere'"),
        ({"enable": ("a b",)}, "services: 'a b' is no unit"),
        ({"enable": ("two",)}, "services: there is no unit 'two'"),
        ({"accounts": (Account("sshd"),)}, "user: sshd is a user of the system"),
        ({"accounts": (Account("jo", groups=("wheel",)),)}, "user: there is no group 'wheel'"),
        ({"accounts": (Account("jo", shell="/bin/zsh"),)}, "user: there is no /bin/zsh"),
        ({"packages": ("--x",)}, "%packages: '--x' is no package"),
        ({"network": (NetworkCard("a b"),)}, "network: 'a b' is no name of a network card"),
        ({"network": (NetworkCard(nameservers=("x",)),)}, "network: 'x' is no IP address"),
        ({"network": (NetworkCard("", "10.0.0.2/24", "10.0.1.1"),)}, "the gateway 10.0.1.1 is not in 10.0.0.0/24"),
        ({"network": (NetworkCard(mtu=7),)}, "an MTU is 68 to 65535, not 7"),
        ({"network": (NetworkCard(), NetworkCard())}, "network: every card twice"),
    ],
)
def test_answers_that_cannot_be_followed_are_refused(changes: dict[str, object], expected: str, source: Path) -> None:
    assert expected in problems(lambda: check_answers(simple(**changes), source))


class Without(Program):
    """A live host that lacks a program."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder / "log")
        self.name = name

    def has(self, name: str) -> bool:
        return name != self.name


@pytest.mark.parametrize("name", ["systemd-repart", "mkfs.vfat", "mkfs.ext4", "grub-install"])
def test_a_missing_program_is_told_before_the_first_write(name: str, tmp_path: Path) -> None:
    for platform in PLATFORMS:
        (tmp_path / platform).mkdir()
    layout = plan_layout(simple(), [SDB])
    check_programs(layout, simple(), Without(tmp_path, "dnf"), tmp_path)
    told = problems(lambda: check_programs(layout, simple(), Without(tmp_path, name), tmp_path))
    assert told == f"the program {name} is not on this live host"
    (tmp_path / "i386-pc").rmdir()
    assert "GRUB's part i386-pc" in problems(lambda: check_programs(layout, simple(), Without(tmp_path, ""), tmp_path))
    assert str(GRUB) == "/usr/lib/grub"


def test_dnf_is_needed_where_packages_are_asked_for(tmp_path: Path) -> None:
    answers = simple(packages=("more",))
    told = problems(lambda: check_programs(plan_layout(answers, [SDB]), answers, Without(tmp_path, "dnf"), tmp_path))
    assert "the program dnf is not" in told
    assert "--installroot=/t" in dnf_argv("install", ["more"], Path("/t"))


class Dnf(Program):
    """A live host whose dnf says this."""

    def __init__(self, folder: Path, says: str) -> None:
        super().__init__(folder / "log")
        self.says = says

    def run(self, argv: Sequence[str], text: str = "", check: bool = True, both: bool = False) -> str:
        assert "--assumeno" in argv
        return self.says


def test_packages_that_cannot_be_had_are_told_before_the_first_write(tmp_path: Path) -> None:
    answers = simple(packages=("more",), unwanted=("less",))
    check_packages(answers, Dnf(tmp_path, "Installing: more\nOperation aborted."))
    check_packages(answers, Dnf(tmp_path, "Package more is already installed.\nNothing to do."))
    missing = Dnf(tmp_path, "No match for argument: more\nError: Unable to find a match: more")
    assert "%packages: No match for argument: more Error:" in problems(lambda: check_packages(answers, missing))
    check_packages(simple(), missing)
    needed = Dnf(
        tmp_path, "Error: \n Problem: The operation would result in removing the following protected packages: host"
    )
    assert "%packages: Error: Problem: The operation would" in problems(lambda: check_packages(answers, needed))


SETTINGS = BootSettings("host 1.0", "1234-uuid", "part-uuid", serial=True)


def test_the_menu_starts_xen_first_then_without_then_what_was_there() -> None:
    text = menu.render_menu(SETTINGS, ["xen-4.9.gz", "xen-4.20.gz"], ["vmlinuz-6.9", "vmlinuz-6.12"])
    entries = re.findall(r'^menuentry "host 1.0, (.*?)" --id ', text, re.MULTILINE)
    assert entries == [
        "with Xen 4.20 and Linux 6.12",
        "without Xen, Linux 6.12",
        "with Xen 4.20 and Linux 6.9",
        "with Xen 4.9 and Linux 6.12",
        "with Xen 4.9 and Linux 6.9",
        "without Xen, Linux 6.9",
    ]
    assert 'set default="xen-4.20.gz+vmlinuz-6.12"' in text
    assert "set default=0" in menu.render_menu(SETTINGS, [], ["vmlinuz-6"])
    assert "  multiboot2 /boot/xen-4.20.gz dom0_mem=" in text
    assert (
        "  module2 /boot/vmlinuz-6.12 root=PARTUUID=part-uuid rootwait ro console=tty0 console=hvc0 panic=15 " in text
    )
    assert text.count("planex.pair=xen-4.9.gz+vmlinuz-6.12") == 1
    assert "  linux /boot/vmlinuz-6.12 root=PARTUUID=part-uuid rootwait ro console=tty0 console=ttyS0,115200\n" in text


def test_the_console_is_where_it_was_installed() -> None:
    text = menu.render_menu(replace(SETTINGS, serial=False), ["xen-4.gz"], ["vmlinuz-6"])
    assert "console=hvc0 console=tty0 panic" in text
    assert "console=ttyS0,115200 console=tty0\n" in text
    assert on_serial("console=tty0 console=ttyS0,115200 x")
    assert on_serial("console=hvc0")
    assert not on_serial("console=ttyS0,115200 console=tty0")
    assert not on_serial("quiet")


def test_a_menu_is_written_from_what_is_in_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "boot/grub").mkdir(parents=True)
    (tmp_path / "boot/xen-4.20.gz").touch()
    (tmp_path / "boot/xen.gz").symlink_to("xen-4.20.gz")
    menu.save_settings(tmp_path, SETTINGS)
    monkeypatch.setattr("sys.argv", ["planex-bootmenu", str(tmp_path)])
    assert menu.main() == 1
    (tmp_path / "boot/vmlinuz-6.12").touch()
    assert menu.main() == 0
    assert "Xen 4.20 and Linux 6.12" in (tmp_path / menu.MENU).read_text()


def installed(root: Path, *names: str) -> Path:
    (root / "boot/grub").mkdir(parents=True, exist_ok=True)
    (root / "proc").mkdir(exist_ok=True)
    for name in names:
        (root / "boot" / name).write_text(name)
    menu.save_settings(root, SETTINGS)
    return menu.write_menu(root)


def comes_up(root: Path, pair: str, monkeypatch: pytest.MonkeyPatch) -> int:
    (root / "proc/cmdline").write_text(f"root=x planex.pair={pair} console=hvc0\n")
    monkeypatch.setattr("sys.argv", ["planex-boot-good", str(root)])
    return boot_good.main()


OLD, NEW = "xen-4.19.gz+vmlinuz-6", "xen-4.20.gz+vmlinuz-6"


def test_a_pair_that_came_up_outlives_the_upgrade_of_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = installed(tmp_path, "xen-4.19.gz", "vmlinuz-6")
    assert comes_up(tmp_path, OLD, monkeypatch) == 0
    (tmp_path / "boot/xen-4.19.gz").unlink()
    installed(tmp_path, "xen-4.20.gz")
    text = file.read_text()
    assert f'set default="{NEW}"' in text
    assert "multiboot2 /boot/xen-4.20.gz " in text
    assert "multiboot2 /boot/kept/xen-4.19.gz " in text
    assert (tmp_path / "boot/kept/xen-4.19.gz").read_text() == "xen-4.19.gz"
    assert comes_up(tmp_path, NEW, monkeypatch) == 0
    assert not (tmp_path / "boot/kept/xen-4.19.gz").exists()
    assert "4.19" not in file.read_text()


def test_what_was_tried_in_vain_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "xen-4.19.gz", "xen-4.20.gz", "vmlinuz-6")
    assert (tmp_path / menu.ENVIRONMENT).stat().st_size == 1024
    menu.write_environment(tmp_path, {"tried": NEW, "good": OLD, "theirs": "x"})
    assert comes_up(tmp_path, OLD, monkeypatch) == 0
    assert menu.read_environment(tmp_path) == {"tried": NEW, "good": OLD, "theirs": "x"}
    assert comes_up(tmp_path, NEW, monkeypatch) == 0
    assert menu.read_environment(tmp_path) == {"good": NEW, "theirs": "x"}
    assert (tmp_path / menu.ENVIRONMENT).stat().st_size == 1024


@pytest.mark.parametrize("pair", ["", "xen-1.gz", "../x+vmlinuz-6", "xen-9.gz+vmlinuz-9"])
def test_a_start_that_is_no_pair_of_this_host_is_told(
    pair: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(tmp_path, "xen-4.19.gz", "vmlinuz-6")
    assert comes_up(tmp_path, pair, monkeypatch) == 1
    assert capsys.readouterr().err.startswith("planex-boot-good: ")
    assert menu.read_environment(tmp_path) == {}


def test_grub_has_one_block_to_remember_in(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no room"):
        menu.write_environment(tmp_path, {"good": "x" * 1024})


def test_an_unfinished_disk_says_so_and_starts_nothing() -> None:
    text = menu.unfinished_menu()
    assert all(f'echo "{line}"' in text for line in menu.UNFINISHED)
    assert not any(word in text for word in ("linux ", "multiboot2", "configfile"))
    code = boot_code(" ".join(menu.UNFINISHED))
    assert len(code) == SIZE
    assert " ".join(menu.UNFINISHED).encode() in code
    assert boot_code("x" * 1000)[-1] == 0


class _Repart(Program):
    """Makes partition tables as systemd-repart does: what stood in the first sector is gone."""

    def run(self, argv: Sequence[str], text: str = "", check: bool = True, both: bool = False) -> str:
        self.note(argv[0])
        if argv[0] == "systemd-repart":
            with Path(argv[-1]).open("r+b") as disk:
                disk.write(bytes(512))
        elif b"was not finished" not in self.disk.read_bytes():
            self.note("the disk says nothing")
        return ""

    disk: Path


def test_the_disk_says_what_it_is_as_soon_as_it_has_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "STATE", tmp_path)
    plans = plan_layout(good(), [SDA, SDB]).disks
    layout = Layout(
        tuple(replace(plan, disk=replace(plan.disk, path=str(tmp_path / plan.disk.name))) for plan in plans)
    )
    for plan in layout.disks:
        Path(plan.disk.path).write_bytes(bytes(1024))
    program = _Repart(tmp_path / "log")
    program.disk = Path(layout.boot.disk.path)
    install._partition(install.Installation(good(), layout, "x", False, program, lambda text: None))
    said = [line.split(" ", 1)[1] for line in (tmp_path / "log").read_text().splitlines()]
    assert said == ["systemd-repart", "systemd-repart", "udevadm"]


def test_network_files() -> None:
    assert (
        system.network_file(NetworkCard()) == "[Match]\nType=ether\nName=!vif* !xenbr* !veth*\n\n[Network]\nDHCP=yes\n"
    )
    fixed = NetworkCard("eth0", "10.0.0.2/24", "10.0.0.1", ("1.1.1.1",), 9000, on=False, ipv6=False)
    assert system.network_file(fixed) == (
        "[Match]\nName=eth0\n\n[Network]\nAddress=10.0.0.2/24\nGateway=10.0.0.1\nDNS=1.1.1.1\n"
        "LinkLocalAddressing=no\nIPv6AcceptRA=no\n\n[Link]\nMTUBytes=9000\nActivationPolicy=manual\n"
    )


def test_a_card_goes_by_its_address_too() -> None:
    assert system.network_file(NetworkCard("52:54:00:12:34:56")).startswith("[Match]\nMACAddress=52:54:00:12:34:56\n")


def test_fstab_goes_by_uuid() -> None:
    text = system.fstab({"/boot/efi": ("E", "vfat"), "/": ("R", "ext4")}, ["S"])
    assert text.splitlines()[1:] == [
        "UUID=R  /  ext4  defaults,errors=remount-ro  0  1",
        "UUID=E  /boot/efi  vfat  umask=0077,nofail  0  2",
        "UUID=S  none  swap  defaults  0  0",
    ]


def test_an_answer_file_is_looked_for_on_the_medium_last(tmp_path: Path) -> None:
    program = Program(tmp_path / "log")
    assert find_answers("quiet", program, tmp_path) is None
    (tmp_path / "ks.cfg").write_text("reboot\r\n")
    assert find_answers("quiet", program, tmp_path) == ("reboot\n", "ks.cfg on the medium")
    assert find_answers("inst.ks=cdrom:/ks.cfg", program, tmp_path) == ("reboot\n", "cdrom:/ks.cfg")
    assert words_of("a=1 a=2 b") == {"a": "2", "b": ""}


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("nfs:host:/x", "an answer file is named http://"),
        ("hd:LABEL=NOWHERE:/ks.cfg", "no volume is labelled NOWHERE"),
        ("cdrom:/missing", "No such file"),
        ("http:///x", "names no host"),
        ("cdrom:/binary", "no text in UTF-8"),
        ("cdrom:/large", "larger than an answer file can be"),
    ],
)
def test_an_answer_file_out_of_reach_is_named(named: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_bytes(b"x" * ((1 << 20) + 1))
    with pytest.raises(InstallError, match=expected):
        fetch_answers(named, Program(tmp_path / "log"), tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server of tmp_path on the loopback."""
    handler = partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_an_answer_file_comes_by_http(server: str, tmp_path: Path) -> None:
    (tmp_path / "ks.cfg").write_text("reboot\n")
    program = Program(tmp_path / "log")
    assert find_answers(f"inst.ks={server}/ks.cfg", program, tmp_path) == ("reboot\n", f"{server}/ks.cfg")
    with pytest.raises(InstallError, match="/missing: HTTP 404"):
        fetch_answers(f"{server}/missing", program)


def test_a_server_that_stays_away_is_asked_again_and_then_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planex_installer.source._PAUSE", 0)
    with pytest.raises(InstallError, match="refused"):
        fetch_answers("http://127.0.0.1:1/ks.cfg", Program(tmp_path / "log"))
    assert (tmp_path / "log").read_text().count("of 6)") == 6


def console(lines: Sequence[str], secrets: Sequence[str] = ("pw", "pw")) -> tuple[Console, list[str]]:
    said: list[str] = []
    given, hidden = iter(lines), iter(secrets)

    def read(question: str) -> str:
        said.append(question)
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    return Console(said.append, read, lambda _: next(hidden)), said


def test_a_person_is_asked_and_shown_what_will_be_lost(source: Path) -> None:
    person, said = console(
        ["7", "1", "one", KEY, "10.0.0.300/24", "10.0.0.2/24", "10.0.0.1", "", "Europe/Berlin", "install"]
    )
    answers = ask_answers(person, [MEDIUM, SDA, SDB], source)
    assert answers.disks == answers.clear == ("/dev/sda",)
    assert answers.root_password == Password("pw")
    assert answers.network == (NetworkCard("", "10.0.0.2/24", "10.0.0.1"),)
    assert (answers.hostname, answers.timezone, answers.keys) == ("one", "Europe/Berlin", (("root", KEY),))
    assert "  one of: 1, 2" in said
    confirm(person, plan_layout(answers, [SDA]))
    assert any("will be lost: sda1" in line for line in said)


def test_wrong_answers_are_asked_for_again(source: Path) -> None:
    person, said = console(["2", "-", "", "", "", "ok", "", "", ""], ["a", "b", "", "pw", "pw"])
    answers = ask_answers(person, [SDA, SDB], source)
    assert (answers.hostname, answers.network, answers.timezone) == ("ok", (NetworkCard(),), "UTC")
    assert "  The two are not the same." in said
    assert any("is no host name" in line and "nobody could log in" in line for line in said)


@pytest.mark.parametrize("lines", [["quit"], [], ["1", "x", "", "", "", "no"]])
def test_a_person_can_end_it_at_any_time(lines: list[str], source: Path) -> None:
    person, _ = console(lines)
    with pytest.raises(Quit):
        confirm(person, plan_layout(ask_answers(person, [SDB], source), [SDB]))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InstallError("no disk"), "planex-installer: failed\nno disk"),
        (KeyError("odd"), "planex-installer: failed\nKeyError: 'odd'"),
        (Quit(), "planex-installer: quit\nNothing was written."),
        (KeyboardInterrupt(), "planex-installer: interrupted"),
    ],
)
def test_whatever_ends_it_is_told_and_followed_by_a_shell(
    error: BaseException, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shells: list[list[str]] = []
    monkeypatch.setattr("planex_installer.__main__.LOG", tmp_path / "log")
    monkeypatch.setattr("planex_installer.__main__.subprocess.call", shells.append)

    def work(_: Program) -> str:
        raise error

    assert supervised(work) == 1
    assert said in capsys.readouterr().out
    assert shells == [["/bin/bash", "--login"]]


@pytest.mark.parametrize(("end", "verb"), [("reboot", "reboot"), ("poweroff", "poweroff")])
def test_the_machine_restarts_only_after_a_success(
    end: str, verb: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("planex_installer.__main__.LOG", tmp_path / "log")
    monkeypatch.setattr("planex_installer.__main__.subprocess.run", started.append)
    assert supervised(lambda _: end) == 0
    assert started == [["systemctl", verb]]


def test_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([]) == main(["ask", "auto"]) == 2
    (tmp_path / "ks.cfg").write_text("lang en\n")
    assert main(["check", str(tmp_path / "ks.cfg")]) == 1
    assert main(["check", str(tmp_path / "missing")]) == 1
    said = capsys.readouterr().err
    assert "usage: planex-installer" in said
    assert "ks.cfg:1: 'lang' is not known" in said
    (tmp_path / "ks.cfg").write_text("rootpw x\n")
    assert main(["check", str(tmp_path / "ks.cfg")]) == 0


def test_a_machine_without_a_disk_is_told(source: Path) -> None:
    with pytest.raises(InstallError, match="no disk that a system could be installed on"):
        ask_answers(console([])[0], [MEDIUM], source)
    assert title_of(source) == "host 1.0"
