# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scenarios with a guest, with a disk that nobody named, and with upgrades that work or panic."""

from __future__ import annotations

import gzip
import re
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from planex.cli import bootinstall, bootupgrade
from planex.cli.bootinstall import SCENARIOS
from planex.errors import PlanexError
from planex.host.definition import IsoDefinition, load_definition
from planex.machine.boot import BootFailed
from planex.machine.guest import ANSWERED, LISTED, guest_turns
from planex.machine.install import OTHER_DISK
from planex.machine.upgrade import break_hypervisor, newer_package, pack_repository
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.unit.test_boot_install import QEMU, ROOT_LINE, trial
from tests.unit.test_boot_proof import CONSOLE

FakeTool = Callable[[str, str], Path]
XEN = gzip.compress(b"code xen-3.0\0 and xen-3.0-x86_64 code")
ALIVE, DEAD = "192.0.2.1 is alive!", "No response from 192.0.2.1"


@pytest.fixture
def definition() -> IsoDefinition:
    return load_definition(Workspace(ROOT))


def test_only_a_guest_that_hears_its_host_is_one() -> None:
    dom0, guest = "00000000-0000-0000-0000-000000000000", "0a1b2c3d-0000-4000-8000-00000000000f"
    assert re.search(ANSWERED, f"planex-guest-42 {guest}\n{ALIVE}")
    assert not re.search(ANSWERED, f"planex-guest-42 {dom0}\n{ALIVE}")
    assert not re.search(ANSWERED, f"planex-guest-42 {guest}\n{DEAD}")
    typed = "".join(turn.say for turn in guest_turns("/boot/vmlinuz", "/boot/initrd.img"))
    assert "planex-guest-42" not in typed, "an echo would be proof enough"
    assert re.search(LISTED, "planex-guest   1   192     1     -b----       0.4")
    assert not re.search(LISTED, "planex-guest   0   192     1     -b----       0.4")


def test_no_line_is_longer_than_what_xen_keeps_for_dom0() -> None:
    assert max(len(turn.say) for turn in guest_turns("/boot/vmlinuz", "/boot/initrd.img")) < 128


def test_the_broken_hypervisor_differs_in_what_it_wants_of_its_dom0() -> None:
    assert gzip.decompress(break_hypervisor(XEN)) == b"code xen-0.0\0 and xen-3.0-x86_64 code"
    with pytest.raises(PlanexError, match="cannot be made to panic"):
        break_hypervisor(gzip.compress(b"something else"))


@pytest.mark.tools("rpmbuild")
def test_the_newer_package_has_the_hypervisor_alone(tmp_path: Path) -> None:
    package = newer_package(XEN, tmp_path / "newer")
    query = ["rpm", "-qp", "--qf", "%{NAME} %{VERSION} %{ARCH}\n[%{FILENAMES}\n]", str(package)]
    assert subprocess.run(query, capture_output=True, text=True, check=True).stdout.split() == [
        *("xen-hypervisor", "99", "x86_64", "/boot/xen-99.gz")
    ]


def installing(tmp_path: Path, definition: IsoDefinition, more: str = "") -> str:
    menu = definition.entries[-1].title
    script = QEMU.format(menu=menu, said="planex-installer: done", console=tmp_path / "console")
    return script.replace("read -r choice", f"head -c 7 >/dev/null{more}")


@pytest.mark.parametrize("written", [False, True])
def test_a_disk_that_nobody_named_stays_as_it_is(
    written: bool, tmp_path: Path, definition: IsoDefinition, fake_tool: FakeTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootinstall, "FULL_DISK", 1)
    assert "--only-use=sdb" in OTHER_DISK and "--drives=sdb" in OTHER_DISK and "sda" not in OTHER_DISK
    where = tmp_path / "work/full.img"
    damage = f"; printf x | dd of={where} bs=1 seek=77777 conv=notrunc 2>/dev/null" if written else ""
    fake_tool("qemu-system-x86_64", installing(tmp_path, definition, damage))
    this = trial(tmp_path, definition)
    this.folder.mkdir()
    if not written:
        assert SCENARIOS["install-other-disk"](this).proof.root == "/dev/sda3 ext4"
        return
    with pytest.raises(BootFailed, match="which nobody named, was written to"):
        SCENARIOS["install-other-disk"](this)


PANIC = "(XEN) Xen version 4.20.3 (x)\n(XEN) Panic on CPU 0:\n"
MENU = '"xen-99.gz+vmlinuz-6"'
SSH = """\
#!/bin/sh
for word; do last=$word; done
case "$last" in
*newer.rpm*) cat >/dev/null; echo 3; echo '"xen-99.gz+vmlinuz-6"' ;;
*repofrompath*) cat >{state}.tar; echo "2 {behind}"; echo '{menu}' ;;
*) cat {state} ;;
esac
"""


@pytest.fixture
def upgraded(
    tmp_path: Path, definition: IsoDefinition, fake_tool: FakeTool, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], str]:
    """Goes through a scenario on a host that says ``running`` of itself; the second start from disk says ``second``."""
    monkeypatch.setattr(bootupgrade, "_package", lambda trial, broken: tmp_path / "newer.rpm")
    (tmp_path / "newer.rpm").write_bytes(b"rpm")

    def go(
        scenario: str, running: str, second: str = "", to: Path | None = None, behind: int = 0, menu: str = MENU
    ) -> str:
        this = replace(trial(tmp_path, definition), upgrade_to=to)
        (tmp_path / "running").write_text(running)
        (tmp_path / "second").write_text(second or (tmp_path / "console").read_text())
        fake_tool("ssh", SSH.format(state=tmp_path / "running", behind=behind, menu=menu))
        times = f"echo x >>{tmp_path}/starts; [ $(wc -l <{tmp_path}/starts) = 2 ] && cat {tmp_path}/second ||"
        script = installing(tmp_path, definition).replace("*) cat", f"*) {times} cat")
        fake_tool("qemu-system-x86_64", script)
        return SCENARIOS[scenario](this).proof.xen

    return go


def test_an_upgrade_ends_on_the_newer_xen(upgraded: Callable[..., str]) -> None:
    assert upgraded("upgrade", "xen-99.gz+vmlinuz-6\n") == "4.20.3"


def test_an_upgrade_that_left_the_host_on_the_old_xen_is_none(upgraded: Callable[..., str]) -> None:
    with pytest.raises(PlanexError, match=r"the host runs on the wrong pair: xen-4.gz\+vmlinuz-6"):
        upgraded("upgrade", "xen-4.gz+vmlinuz-6\n")


def repository(folder: Path) -> Path:
    for name in ("repodata/repomd.xml", "xen-99-1.x86_64.rpm", "xen-debuginfo-99-1.x86_64.rpm"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_a_host_is_upgraded_to_a_repository(tmp_path: Path, upgraded: Callable[..., str]) -> None:
    assert upgraded("upgrade", "xen-99.gz+vmlinuz-6\n", to=repository(tmp_path / "new")) == "4.20.3"
    with tarfile.open(tmp_path / "running.tar") as archive:
        assert archive.getnames() == ["repodata/repomd.xml", "xen-99-1.x86_64.rpm"]


def test_an_upgrade_to_a_repository_that_falls_short(tmp_path: Path, upgraded: Callable[..., str]) -> None:
    new = repository(tmp_path / "new")
    with pytest.raises(PlanexError, match=r"dnf left 1 RPM behind that .*new has newer"):
        upgraded("upgrade", "xen-99.gz+vmlinuz-6\n", to=new, behind=1)


def test_an_upgraded_host_that_falls_back_is_told(tmp_path: Path, upgraded: Callable[..., str]) -> None:
    new = repository(tmp_path / "new")
    with pytest.raises(PlanexError, match=r'came up by xen-4.gz\+vmlinuz-6, and not by "xen-99.gz'):
        upgraded("upgrade", "xen-4.gz+vmlinuz-6\n", to=new)


def test_an_upgraded_host_without_a_pair_has_not_come_up_by_it(tmp_path: Path, upgraded: Callable[..., str]) -> None:
    with pytest.raises(PlanexError, match="came up by an entry without a pair, and not by"):
        upgraded("upgrade", "\n", to=repository(tmp_path / "new"))


def test_an_upgraded_host_without_a_menu_is_told(tmp_path: Path, upgraded: Callable[..., str]) -> None:
    with pytest.raises(PlanexError, match="has no menu that starts a pair of Xen and kernel: 2 0"):
        upgraded("upgrade", "", to=repository(tmp_path / "new"), menu="")


def test_a_folder_without_metadata_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(PlanexError, match="is no repository"):
        pack_repository(tmp_path)


def test_a_rollback_is_a_panic_and_then_the_old_xen(upgraded: Callable[..., str]) -> None:
    assert upgraded("rollback", "xen-4.gz+vmlinuz-6\n", PANIC) == "4.20.3"


def test_without_a_panic_there_was_nothing_to_go_back_from(upgraded: Callable[..., str]) -> None:
    with pytest.raises(BootFailed, match="did not panic: the host is up"):
        upgraded("rollback", "xen-4.gz+vmlinuz-6\n", CONSOLE.replace("end", ROOT_LINE))
