# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scenarios of ``planex boot`` that upgrade an installed host: to a Xen that works, to one that panics, and to what
a repository has."""

from __future__ import annotations

from collections.abc import Callable
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
    login = _login(trial)
    if trial.upgrade_to is None:
        _upgraded(trial, login, broken=False)
        return _comes_up(trial, login, _new)
    pair = _to_repository(trial, login, trial.upgrade_to)
    return _comes_up(trial, login, lambda running: "" if running == pair else _fallen_back(running, pair))


def rollback(trial: InstallTrial) -> Booted:
    """The newer Xen panics; at the next start, without anybody's help, the old pair comes up, and again at the next."""
    login = _login(trial)
    before = _upgraded(trial, login, broken=True)
    log = trial.log_of("panic")
    listener = Listener()
    hear(trial.machine.from_disk(), log, listener, trial.timeout, trial.show)
    if not listener.fatal.startswith("Xen panicked"):
        raise BootFailed(f"the upgraded host did not panic: {listener.fatal or listener.progress()}", log)
    trial.reporter.success(f"after the upgrade {listener.fatal}; console: {log}")
    booted = _comes_up(replace(trial, log=trial.log_of("back")), login, _old)
    trial.reporter.success(f"the next start is by the old pair: Xen {booted.proof.xen}; console: {booted.serial}")
    if booted.proof.xen != before.proof.xen:
        raise BootFailed(f"that is not the Xen from before, {before.proof.xen}", booted.serial)
    return _comes_up(trial, login, _old)


def _login(trial: InstallTrial) -> Login:
    if login := make_login(trial.folder / "login"):
        return login
    hint = "run `planex doctor` to see how to get it"
    raise PlanexError("ssh is not installed; it is needed to upgrade a host", hint)


def _upgraded(trial: InstallTrial, login: Login, broken: bool) -> Booted:
    package = _package(trial, broken).read_bytes()

    def visit() -> None:
        said = log_in(login, _UPGRADE, package, _PATIENCE).split()
        if len(said) != 2 or f"xen-{VERSION}.gz+" not in said[1]:
            raise PlanexError(f"dnf did not make a menu with the new pair first and the old one kept: {' '.join(said)}")
        trial.reporter.success(f"upgraded; the menu starts {said[1]} and has the pair from before")

    return _installed(trial, login, visit)


def _to_repository(trial: InstallTrial, login: Login, repository: Path) -> str:
    """By dnf, to what the repository has; the pair that the menu then starts."""
    packed, pairs = pack_repository(repository), list[str]()

    def visit() -> None:
        said = log_in(login, _TO_REPOSITORY, packed, _PATIENCE).split()
        if len(said) != 3:
            raise PlanexError(f"the upgraded host has no menu that starts a pair of Xen and kernel: {' '.join(said)}")
        count, behind, pair = said
        if behind != "0":
            raise PlanexError(f"dnf left {many(int(behind), 'RPM')} behind that {repository} has newer")
        trial.reporter.success(f"upgraded: {many(int(count), 'RPM')} new; the menu starts {pair}")
        pairs.append(pair.strip('"'))

    _installed(trial, login, visit)
    return pairs[-1]


def _installed(trial: InstallTrial, login: Login, visit: Callable[[], None]) -> Booted:
    first = replace(trial, log=trial.log_of("before"))
    return first.installed(trial.with_login(login), trial.turns(AUTO), visit)


def _package(trial: InstallTrial, broken: bool) -> Path:
    live = trial.definition.live
    assert trial.machine.iso is not None
    image = xorriso.open_image(trial.machine.iso).read(live.hypervisor if live else HYPERVISOR)
    return newer_package(break_hypervisor(image) if broken else image, trial.folder / "newer")


def _new(pair: str) -> str:
    return "" if pair.startswith(f"xen-{VERSION}.gz+") else f"the host runs on the wrong pair: {pair}"


def _old(pair: str) -> str:
    return "" if _new(pair) else f"the host runs on the wrong pair: {pair}"


def _fallen_back(pair: str, wanted: str) -> str:
    return f'the host came up by {pair or "an entry without a pair"}, and not by "{wanted}"'


def _comes_up(trial: InstallTrial, login: Login, fault: Callable[[str], str]) -> Booted:
    """Start the installed host. ``fault`` says what is wrong with the pair that it runs on, or nothing."""

    def visit() -> None:
        running = log_in(login, f"sync; {_RUNNING}").strip()
        if wrong := fault(running):
            raise PlanexError(wrong)
        trial.reporter.success(f"the host runs on {running}")

    machine = replace(trial.machine, ssh_port=login.port)
    return from_disk(machine, trial.log, trial.timeout, trial.show, visit)
