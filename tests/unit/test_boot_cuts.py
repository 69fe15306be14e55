# SPDX-License-Identifier: LGPL-2.1-or-later
"""Power cuts in the middle of an installation: when they come, what is kept, what the disk may say afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from planex.cli.bootinstall import SCENARIOS
from planex.errors import PlanexError
from planex.host.definition import load_definition
from planex.machine import cuts as module
from planex.machine.boot import BootFailed
from planex.machine.conversation import Turn
from planex.machine.cuts import SPEAKS, STEPS, AfterCut, Cut, Layers, PowerCuts, complaint, look
from planex.machine.monitor import make_pipes
from planex.machine.qemu import Machine, qemu_argv
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.unit.test_boot_install import ssh, talk, trial  # noqa: F401
from tests.unit.test_boot_matrix import qmp

FakeTool = Callable[[str, str], Path]
BEGUN, BOOT_LOADER, SYSTEM = "Partitions on /dev/sda\n", "Boot loader, which says\n", "The system\n"


def power(*moments: float) -> PowerCuts:
    return PowerCuts(talk(Turn("menu", "\r")), lambda: Path("kept"), moments)


def test_the_disk_is_kept_at_each_moment_but_the_last() -> None:
    cuts = power(0, 0, 0)
    assert cuts.feed("menu") == "\r"
    assert not cuts.finished() and not cuts.made
    cuts.feed(BEGUN)
    assert not cuts.finished()
    cuts.feed(BOOT_LOADER + SYSTEM)
    assert cuts.finished()
    assert [(cut.disk, cut.step) for cut in cuts.made] == [(Path("kept"), 0), (Path("kept"), SPEAKS)]


def test_moments_are_parts_of_the_time_that_the_machine_needs() -> None:
    cuts = power(1e9, 1e9)
    cuts.feed("menu")
    cuts.feed(BEGUN)
    assert not cuts.made and not cuts.finished()
    cuts.feed("it is done")
    assert cuts.finished(), "what is installed cannot be cut off"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The installation on this di\x1b[0msk was not finished: x", module.UNFINISHED),
        (
            "TThhee  iinnssttaallllaattiioonn  oonn  tthhiiss  ddiisskk  wwaass  nnoott  ffiinniisshheedd::",
            module.UNFINISHED,
        ),
        ("No bootable device.", "No bootable device"),
        ("planex-boot-report: end\n", module.WHOLE),
        ("error: no such partition\r\ngrub rescue> ", "grub rescue>"),
        ("GRUB loading", ""),
    ],
)
def test_what_a_disk_says_after_a_cut(text: str, said: str) -> None:
    ear = AfterCut()
    ear.feed(text[:20])
    ear.feed(text[20:])
    assert (ear.said, ear.finished()) == (said, bool(said))


@pytest.mark.parametrize(
    ("step", "said", "fine"),
    [
        (SPEAKS - 1, "No bootable device", True),
        (SPEAKS, "No bootable device", False),
        (SPEAKS - 1, "grub rescue>", False),
        (SPEAKS, module.UNFINISHED, True),
        (len(STEPS) - 1, module.WHOLE, True),
        (SPEAKS, "", False),
    ],
)
def test_a_disk_with_a_boot_loader_has_to_say_what_it_is(step: int, said: str, fine: bool) -> None:
    assert (complaint(step, said) == "") == fine


def test_each_state_lies_below_the_next(tmp_path: Path) -> None:
    monitor, disk = make_pipes(tmp_path / "monitor"), tmp_path / "disk.img"
    layers = Layers(monitor, "drive1", disk)
    serving = qmp(monitor, ['{"return": {}}', '{"return": {}}'])
    assert layers.keep() == disk
    serving.join(20)
    serving = qmp(monitor, ['{"error": {"desc": "already"}}', '{"return": {}}'])
    assert layers.keep() == tmp_path / "layer1.qcow2"
    serving.join(20)
    qmp(monitor, ['{"return": {}}', '{"error": {"desc": "no room"}}'])
    with pytest.raises(PlanexError, match="did not do 'blockdev-snapshot-sync': no room"):
        layers.keep()


def test_a_look_leaves_the_disk_as_it_is() -> None:
    machine = Machine(
        None, disks=(Path("/d/disk.img"), Path("/d/layer1.qcow2")), keeps=False, bios_port=Path("/d/port")
    )
    argv = " ".join(qemu_argv("qemu", machine, None))
    assert "format=raw,snapshot=on,file=/d/disk.img" in argv
    assert "-fw_cfg name=etc/sercon-port,file=/d/port" in argv, "or nobody hears that the disk is empty"
    assert "format=qcow2,snapshot=on,file=/d/layer1.qcow2" in argv


def test_a_disk_that_says_nothing_is_a_failure(tmp_path: Path, fake_tool: FakeTool) -> None:
    fake_tool("qemu-system-x86_64", "#!/bin/sh\necho 'No bootable device'\nexec sleep 100\n")
    machine, log = Machine(tmp_path / "host.iso", disks=(tmp_path / "disk.img",)), tmp_path / "logs" / "x.log"
    assert look(machine, Cut(machine.disks[0], 1, 0), log, 20, lambda text: None) == "No bootable device"
    with pytest.raises(
        BootFailed, match=r"cut off 1\.0 s after the first write, in 'The system', the disk does not say"
    ):
        look(machine, Cut(machine.disks[0], 1, SPEAKS), log, 20, lambda text: None)


# A machine that is cut off where it has an ISO, says so the first time that it has none, and is installed the next.
QEMU = """\
#!/bin/sh
case "$*" in
*ide-cd*) printf '{menu}\\n'; head -c 7 >/dev/null; printf 'Partitions on /dev/sda\\nThe system\\n'
          test -e {folder}/looked && printf 'planex-installer: done\\n' ;;
*) test -e {folder}/looked && exec cat {folder}/console
   touch {folder}/looked; echo 'The installation on this disk was not finished' ;;
esac
exec sleep 100
"""


def test_after_a_cut_the_disk_says_so_and_is_installed_on_again(
    tmp_path: Path,
    fake_tool: FakeTool,
    ssh: Path,  # noqa: F811
) -> None:
    wanted = replace(trial(tmp_path, load_definition(Workspace(ROOT))), cuts=1)
    fake_tool("qemu-system-x86_64", QEMU.format(menu=wanted.definition.entries[-1].title, folder=tmp_path))
    booted = SCENARIOS["install-cut-off"](wanted)
    assert booted.proof.root == "/dev/sda3 ext4"
    assert module.UNFINISHED in wanted.log_of("aftercut1").read_text()
