# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenarios that install: what is typed, what is waited for, which disks the machine has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from planex.cli.bootinstall import SCENARIOS
from planex.cli.installtrial import ASK, AUTO, InstallTrial, entry_turn
from planex.errors import PlanexError
from planex.host.definition import IsoDefinition, load_definition
from planex.machine.boot import BootFailed
from planex.machine.conversation import Conversation, Turn, choose_entry
from planex.machine.install import ANSWERS, TWO_DISKS, make_disk, put_old_content, write_answers
from planex.machine.qemu import Machine, Ovmf, qemu_argv
from planex.report import Reporter
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.unit.test_boot_proof import CONSOLE

FakeTool = Callable[[str, str], Path]
TITLES = ["Live", "Serial", "Install"]


def talk(*turns: Turn) -> Conversation:
    return Conversation(turns, "it is done", "it failed: .*")


@pytest.fixture
def definition() -> IsoDefinition:
    return load_definition(Workspace(ROOT))


def test_an_entry_is_chosen_once_the_whole_menu_is_there() -> None:
    turn = choose_entry(TITLES, default=0, wanted=2)
    conversation = talk(turn)
    assert conversation.feed("\x1b[2JLive\r\nSer") is None
    assert conversation.feed("ial\r\n\x1b[1;1HInst") is None
    assert conversation.feed("all") == "\x0e\x0e\r"
    assert choose_entry(TITLES, default=2, wanted=0).say == "\x10\x10\r"


def test_each_answer_waits_for_its_question() -> None:
    conversation = talk(Turn("name", "one\r"), Turn("name", "two\r"))
    assert conversation.feed("your name? ") == "one\r"
    assert conversation.feed("one\r\nyour ") is None
    assert conversation.feed("name? ") == "two\r"
    assert not conversation.finished()
    conversation.feed("it is do")
    assert conversation.waited_for() == "it is done"
    conversation.feed("ne")
    assert conversation.finished()
    assert conversation.fatal == ""


def test_what_was_thrown_away_is_typed_again() -> None:
    conversation = talk(Turn("ready", "one\r", again=1e-9), Turn("name", "two\r"))
    assert conversation.feed("") is None
    assert conversation.feed("ready") == "one\r"
    assert conversation.feed("") == "one\r"
    assert conversation.feed("name") == "two\r"
    assert conversation.feed("") is None
    once = talk(Turn("ready", "one\r"), Turn("name", ""))
    assert [once.feed(text) for text in ("ready", "", "x")] == ["one\r", None, None]


@pytest.mark.parametrize(
    ("text", "fatal"),
    [("it failed: no disk\n", "it failed: no disk"), ("Kernel panic - not syncing: x\n", "the kernel panicked")],
)
def test_a_failure_ends_it_at_any_time(text: str, fatal: str) -> None:
    conversation = talk(Turn("never", ""))
    conversation.feed(text)
    assert conversation.fatal.startswith(fatal)


def test_entries_of_this_workspace_can_be_chosen(definition: IsoDefinition) -> None:
    for name in (AUTO, ASK):
        turn = entry_turn(definition, name)
        assert turn.say.endswith("\r")
        assert turn.hear.replace("\\", "") == definition.entries[-1].title
    with pytest.raises(PlanexError, match="no entry 'nothing'"):
        entry_turn(definition, "nothing")


def test_every_entry_of_the_installer_has_one_for_a_serial_line(definition: IsoDefinition) -> None:
    arguments = {entry.name: entry.kernel_args.split() for entry in definition.entries}
    for name in ("install", "unattended", "rescue"):
        last = [
            [word for word in arguments[each] if word.startswith("console=")][-1] for each in (name, f"{name}-serial")
        ]
        assert last == ["console=tty0", "console=ttyS0,115200"]


def test_disks_keep_what_is_written_and_come_after_the_iso(tmp_path: Path) -> None:
    machine = Machine(Path("/x/a,b.iso"), disks=(Path("/d/1"), Path("/d/2")), answers=Path("/a"), ssh_port=2222)
    argv = qemu_argv("qemu", machine, None)
    text = " ".join(argv)
    assert "if=none,id=drive0,format=raw,readonly=on,file=/x/a,,b.iso -device ide-cd,drive=drive0," in text
    assert "drive=drive0,bus=ide.0,unit=0,bootindex=0" in text
    assert "file=/d/2 -device ide-hd,drive=drive2,bus=ide.1,unit=0,bootindex=2" in text
    assert "snapshot" not in text
    assert "driver=vvfat,dir=/a,label=OEMDRV,read-only=on" in text
    assert argv[argv.index("-netdev") + 1] == "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22"


def test_an_installed_machine_has_its_disks_alone() -> None:
    argv = qemu_argv("qemu", Machine(None, "uefi", disks=(Path("/d/1"),)), Ovmf(Path("/c"), Path("/v")))
    assert argv[-1] == "ide-hd,drive=drive0,bus=ide.0,bootindex=0"
    assert argv[argv.index("-nic") + 1] == "none"


def test_answers_for_two_disks_name_the_disk_of_each_partition() -> None:
    parts = [line for line in TWO_DISKS.splitlines() if line.startswith("part ")]
    assert all("--ondisk=sd" in line for line in parts)
    assert len(parts) == 2
    assert "--only-use=sda,sdb" in TWO_DISKS


# A machine that installs where it has an ISO and proves itself where it has none.
QEMU = """\
#!/bin/sh
case "$*" in
*ide-cd*) printf '{menu}\\n'; read -r choice; printf '{said}\\n' ;;
*) cat {console} ;;
esac
exec sleep 100
"""


ROOT_LINE = "planex-boot-report: root /dev/sda3 ext4\n"


def trial(tmp_path: Path, definition: IsoDefinition, root: str = ROOT_LINE) -> InstallTrial:
    end = "planex-boot-report: end"
    (tmp_path / "console").write_text(CONSOLE.replace(end, root + end))
    machine = Machine(tmp_path / "host.iso", disks=(make_disk(tmp_path / "disk.img", 1),))
    log = tmp_path / "logs" / "serial.log"
    return InstallTrial(machine, definition, tmp_path / "work", log, 20, lambda text: None, Reporter())


@pytest.fixture
def ssh(fake_tool: FakeTool) -> Path:
    """A network on which every host answers."""
    return fake_tool("ssh", "#!/bin/sh\nprintf 'one\\nName ID\\nDomain-0 0\\n'\n")


def test_an_installed_host_is_started_from_its_disk(
    tmp_path: Path, definition: IsoDefinition, fake_tool: FakeTool, ssh: Path
) -> None:
    menu = definition.entries[-1].title
    script = QEMU.format(menu=menu, said="planex-installer: done", console=tmp_path / "console")
    fake_tool("qemu-system-x86_64", script.replace("read -r choice", "head -c 7 >/dev/null"))
    booted = SCENARIOS["install"](trial(tmp_path, definition))
    assert booted.machine.iso is None
    assert booted.proof.root == "/dev/sda3 ext4"
    answers = (tmp_path / "work/answers/ks.cfg").read_text()
    assert answers.startswith(ANSWERS)
    assert 'sshkey --username=root "ssh-ed25519 ' in answers
    assert (tmp_path / "logs/serial-install.log").read_text().endswith("planex-installer: done\n")


@pytest.mark.parametrize("root", ["", ROOT_LINE.replace("/dev/sda3 ext4", "overlay  overlay")])
def test_a_host_whose_root_is_on_no_disk_is_no_installed_one(
    root: str, tmp_path: Path, definition: IsoDefinition, fake_tool: FakeTool, ssh: Path
) -> None:
    script = QEMU.format(menu=definition.entries[-1].title, said="planex-installer: done", console=tmp_path / "console")
    fake_tool("qemu-system-x86_64", script.replace("read -r choice", "head -c 7 >/dev/null"))
    with pytest.raises(BootFailed, match="does not say that its root is on a disk"):
        SCENARIOS["install"](trial(tmp_path, definition, root))


def test_a_failed_installation_is_told_in_the_installers_words(
    tmp_path: Path, definition: IsoDefinition, fake_tool: FakeTool
) -> None:
    menu, said = definition.entries[-1].title, "planex-installer: failed\\nno disk is named\\n\\nThe log is here\\n"
    script = QEMU.format(menu=menu, said=said, console="/dev/null")
    fake_tool("qemu-system-x86_64", script.replace("read -r choice", "head -c 7 >/dev/null"))
    with pytest.raises(BootFailed, match="planex-installer: failed\nno disk is named"):
        SCENARIOS["install"](trial(tmp_path, definition))


def test_old_content_looks_like_a_file_system(tmp_path: Path) -> None:
    disk = make_disk(tmp_path / "disk", 1)
    put_old_content(disk)
    data = disk.read_bytes()
    assert len(data) == 1 << 20
    assert data[32769:32774] == b"CD001"
    assert data[32808:32840].rstrip() == b"PRECIOUS"
    assert write_answers(tmp_path / "answers", "x").joinpath("ks.cfg").read_text() == "x"
