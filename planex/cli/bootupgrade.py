# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scenarios of ``planex boot`` that upgrade an installed host: to a Xen that works, to one that panics, and to what
a repository has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from planex.cli.installtrial import AUTO, InstallTrial
from planex.errors import PlanexError
from planex.host.definition import HYPERVISOR
from planex.machine.boot import Booted, BootFailed, hear
from planex.machine.install import from_disk
from planex.machine.login import Login, log_in, make_login
from planex.machine.proof import Listener
from planex.machine.upgrade import VERSION, break_hypervisor, newer_package, pack_repository
from planex.medium import xorriso
from planex.units import many

_UPGRADE = f"""set -e
cat >/root/newer.rpm
[ -e /boot/xen-{VERSION}.gz ] || dnf --assumeyes --noplugins --disablerepo='*' upgrade /root/newer.rpm >&2
sync
grep -c 'multiboot2 /boot/kept/xen-' /boot/grub/grub.cfg
sed -n 's/^set default=//p' /boot/grub/grub.cfg
"""
_TO_REPOSITORY = """set -e
new=/root/new
if [ ! -e $new ]; then
    rm -rf $new.part
    python3 -c 'import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode="r|").extractall(sys.argv[1])' \\
        $new.part
    rpm -qa | sort >$new.part/before
    mv $new.part $new
fi
dnf="dnf --assumeyes --noplugins --disablerepo=* --repofrompath=new,$new --setopt=new.gpgcheck=0"
$dnf upgrade >&2
sync
rpm -qa | sort | comm -13 $new/before - | wc -l
$dnf --quiet repoquery --upgrades | wc -l
sed -n 's/^set default=//p' /boot/grub/grub.cfg
"""
"""Python unpacks: it is there where dnf is. What is printed: how many RPMs are new, how many stay behind, and the entry
that is started next."""
_PATIENCE = 600.0
"""Seconds that dnf may take in an emulated machine."""
_RUNNING = "tr ' ' '\\n' </proc/cmdline | sed -n s/^planex.pair=//p"


def upgrade(trial: InstallTrial) -> Booted:
    """The newer Xen, or all that a repository has, comes up, and is what the host runs on from then on."""
    if trial.upgrade_to:
        return _to_repository(trial, trial.upgrade_to)
    login, _ = _upgraded(trial, broken=False)
    return _comes_up(trial, login, new=True)


def rollback(trial: InstallTrial) -> Booted:
    """The newer Xen panics; at the next start, without anybody's help, the old pair comes up, and again at the next."""
    login, before = _upgraded(trial, broken=True)
    log = trial.log_of("panic")
    listener = Listener()
    hear(trial.machine.from_disk(), log, listener, trial.timeout, trial.show)
    if not listener.fatal.startswith("Xen panicked"):
        raise BootFailed(f"the upgraded host did not panic: {listener.fatal or listener.progress()}", log)
    trial.reporter.success(f"after the upgrade {listener.fatal}; console: {log}")
    booted = _comes_up(replace(trial, log=trial.log_of("back")), login, new=False)
    trial.reporter.success(f"the next start is by the old pair: Xen {booted.proof.xen}; console: {booted.serial}")
    if booted.proof.xen != before.proof.xen:
        raise BootFailed(f"that is not the Xen from before, {before.proof.xen}", booted.serial)
    return _comes_up(trial, login, new=False)


def _to_repository(trial: InstallTrial, repository: Path) -> Booted:
    """By dnf, to what the repository has; the pair that its menu then starts must be the one that comes up."""
    login, packed, menu = _login(trial), pack_repository(repository), [""]

    def visit() -> None:
        count, behind, menu[0] = log_in(login, _TO_REPOSITORY, packed, _PATIENCE).split()
        if behind != "0":
            raise PlanexError(f"dnf left {many(int(behind), 'RPM')} behind that {repository} has newer")
        trial.reporter.success(f"upgraded: {many(int(count), 'RPM')} new; the menu starts {menu[0]}")

    def running() -> None:
        pair = log_in(login, f"sync; {_RUNNING}").strip()
        if pair not in menu[0]:
            raise PlanexError(f"the host came up by {pair or 'an entry without a pair'}, and not by {menu[0]}")
        trial.reporter.success(f"the upgraded host runs on {pair}")

    machine = replace(trial.with_key(login.public), ssh_port=login.port)
    replace(trial, log=trial.log_of("before")).installed(machine, trial.turns(AUTO), visit)
    machine = replace(trial.machine, ssh_port=login.port)
    return from_disk(machine, trial.log, trial.timeout, trial.show, running)


def _login(trial: InstallTrial) -> Login:
    if login := make_login(trial.folder / "login"):
        return login
    raise PlanexError(
        "ssh is not installed; it is needed to upgrade a host", "run `planex doctor` to see how to get it"
    )


def _upgraded(trial: InstallTrial, broken: bool) -> tuple[Login, Booted]:
    login = _login(trial)
    package = _package(trial, broken)
    machine = trial.with_key(login.public)

    def visit() -> None:
        said = log_in(login, _UPGRADE, package.read_bytes(), _PATIENCE).split()
        if len(said) != 2 or f"xen-{VERSION}.gz+" not in said[1]:
            raise PlanexError(f"dnf did not make a menu with the new pair first and the old one kept: {' '.join(said)}")
        trial.reporter.success(f"upgraded; the menu starts {said[1]} and has the pair from before")

    first = replace(trial, log=trial.log_of("before"))
    return login, first.installed(replace(machine, ssh_port=login.port), trial.turns(AUTO), visit)


def _package(trial: InstallTrial, broken: bool) -> Path:
    live = trial.definition.live
    assert trial.machine.iso is not None
    image = xorriso.open_image(trial.machine.iso).read(live.hypervisor if live else HYPERVISOR)
    return newer_package(break_hypervisor(image) if broken else image, trial.folder / "newer")


def _comes_up(trial: InstallTrial, login: Login, new: bool) -> Booted:
    def visit() -> None:
        running = log_in(login, f"sync; {_RUNNING}").strip()
        if running.startswith(f"xen-{VERSION}.gz+") != new:
            raise PlanexError(f"the host runs on the wrong pair: {running}")
        trial.reporter.success(f"the host runs on {running}")

    machine = replace(trial.machine, ssh_port=login.port)
    return from_disk(machine, trial.log, trial.timeout, trial.show, visit)
