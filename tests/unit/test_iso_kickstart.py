# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kickstart of the repository's own EL targets: pykickstart reads it as the installers would."""

from __future__ import annotations

import shutil

import pytest
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from planex.cage.command import Cage, caged
from planex.distro.config import load_config
from planex.distro.project import load_project
from planex.host.definition import load_definition
from planex.host.kickstart import kickstart_files
from planex.run import run
from planex.workspace import Workspace
from tests.conftest import ROOT


@pytest.fixture(scope="module", params=["el9", "el10"])
def kickstart(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, KickstartParser]:
    """The target, and its kickstart as the handler of that release reads it."""
    target = request.param
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    shutil.copy(ROOT / "planex.yaml", workspace.root)
    for name in ("mock-configs", "repos", "iso", "specs", "patchqueues"):
        shutil.copytree(ROOT / name, workspace.root / name)
    project = load_project(workspace, load_config(workspace), target)
    work = tmp_path_factory.mktemp("work")
    (made,) = kickstart_files(project, load_definition(workspace, target), work)
    parser = KickstartParser(makeVersion(f"RHEL{target.removeprefix('el')}"))
    parser.readKickstart(str(made.source))
    return target, parser


def test_it_installs_the_group_from_the_repository_on_the_medium(kickstart: tuple[str, KickstartParser]) -> None:
    handler = kickstart[1].handler
    assert [group.name for group in handler.packages.groupList] == ["core", "xen-host"]
    assert [(repo.name, repo.baseurl) for repo in handler.repo.dataList()] == [
        ("planex-host", "file:///run/install/repo/planex")
    ]
    assert "console=ttyS0,115200" in handler.bootloader.appendLine


def test_it_wipes_nothing_unasked(kickstart: tuple[str, KickstartParser]) -> None:
    handler = kickstart[1].handler
    assert not handler.clearpart.seen and not handler.autopart.seen and not handler.rootpw.seen
    assert handler.partition.dataList() == []


SYSTEM = r"""
mkdir -p /boot/grub2 /etc/default /etc/grub.d /fake
touch /boot/xen.gz /etc/grub.d/10_linux /etc/grub.d/20_linux_xen
chmod 755 /etc/grub.d/*
printf 'GRUB_DEFAULT=saved\nGRUB_ENABLE_BLSCFG=true\nGRUB_CMDLINE_LINUX="quiet"\n' >/etc/default/grub
printf '#!/bin/sh\nfor f in /etc/grub.d/*; do [ ! -x $f ] || echo $f /xen-4.gz; done >$2\n' >/fake/grub2-mkconfig
chmod 755 /fake/grub2-mkconfig
"""
"""What of an installed system the script sees, with a stand-in for grub2-mkconfig."""


@pytest.mark.tools("bwrap")
def test_its_script_puts_xen_first_and_turns_bls_off(kickstart: tuple[str, KickstartParser]) -> None:
    """Run in a cage, whose /etc and /boot are nothing but this."""
    (script,) = kickstart[1].handler.scripts
    assert script.errorOnFail
    cage = Cage(env={"PATH": "/fake:/usr/bin:/bin"}, superuser=True)
    said = run(
        caged(cage, ["sh", "-c", f"{SYSTEM}\n{script.script}\ncat /boot/grub2/grub.cfg /etc/default/grub"])
    ).stdout
    assert said.splitlines()[:5] == [
        "/etc/grub.d/09_linux_xen /xen-4.gz",
        "/etc/grub.d/10_linux /xen-4.gz",
        'GRUB_CMDLINE_LINUX="quiet"',
        "GRUB_ENABLE_BLSCFG=false",
        "GRUB_DEFAULT=0",
    ]
