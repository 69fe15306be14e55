# SPDX-License-Identifier: LGPL-2.1-or-later
"""This repository's own packages: specs/, patchqueues/ and the report that a booted host writes to its console."""

from __future__ import annotations

import datetime
import re
import subprocess
from pathlib import Path

import pytest

from planex.checksums import read_checksums
from planex.distro.config import load_config
from planex.distro.recipe import find_recipes, render_specs
from planex.machine.proof import Listener
from planex.patchqueue.format.queue import load_queue
from planex.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
WORKSPACE = Workspace(ROOT)
CONFIG = load_config(WORKSPACE)
RECIPES = find_recipes(WORKSPACE)
Specs = dict[str, dict[str, str]]
QUEUES = sorted(path.parent for path in WORKSPACE.patchqueues.glob("*/series"))


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> Specs:
    """For each target the specs of all packages."""
    cache = tmp_path_factory.mktemp("templates")
    return {target: render_specs(RECIPES, CONFIG, target, cache) for target in CONFIG.targets}


@pytest.mark.parametrize("target", CONFIG.targets)
@pytest.mark.parametrize("package", RECIPES)
def test_every_template_renders_for_every_target(package: str, target: str, specs: Specs) -> None:
    spec = specs[target][package]
    assert re.search(rf"^Name: +{package}$", spec, re.MULTILINE)
    assert "{{" not in spec and "{%" not in spec


@pytest.mark.parametrize("package", RECIPES)
def test_the_newest_changelog_entry_has_the_weekday_of_its_date(package: str, specs: Specs) -> None:
    """rpm takes SOURCE_DATE_EPOCH from it, and only warns of a wrong day."""
    spec = specs[next(iter(CONFIG.targets))][package]
    entry = re.search(r"^%changelog\n\* (\w{3}) (\w{3} \d{2} \d{4}) .+ <\S+@\S+> - (\S+)$", spec, re.MULTILINE)
    assert entry, "no entry in the form of EL"
    assert datetime.datetime.strptime(entry[2], "%b %d %Y").strftime("%a") == entry[1]
    version = re.search(r"^Version: +(\S+)$", spec, re.MULTILINE)
    assert version and entry[3].rsplit("-", 1)[0] == version[1]


@pytest.mark.parametrize("package", RECIPES)
def test_every_remote_source_has_a_sha512(package: str, specs: Specs) -> None:
    recipe = RECIPES[package]
    spec = specs[next(iter(CONFIG.targets))][package]
    remote = re.findall(r"^Source\d+: +(?:debian|pypi|https?):\S+", spec, re.MULTILINE)
    checksums = read_checksums(recipe.checksums) if recipe.checksums.exists() else {}
    assert len(checksums) == len(remote)
    assert all(checksum.algorithm.upper() == "SHA512" for checksum in checksums.values())


@pytest.mark.parametrize("folder", QUEUES, ids=lambda folder: folder.name)
def test_every_patch_says_who_why_and_when(folder: Path) -> None:
    queue = load_queue(folder, frozenset({"debug"}))
    assert {path.name for path in folder.glob("*.patch")} == {patch.name for patch in queue.applied}
    for patch in queue.applied:
        assert patch.damage is None
        header = patch.data[: patch.diff_start].decode()
        assert re.search(r"^From: .+ <.+>$", header, re.MULTILINE)
        assert re.search(r"^Date: .+ \+0000$", header, re.MULTILINE)
        assert re.search(r"^Subject: \[PATCH\] .+", header, re.MULTILINE)
        assert re.search(r"^Signed-off-by: .+ <.+>$", header, re.MULTILINE)


def test_the_guarded_patch_is_left_out_unless_asked_for() -> None:
    plain = {patch.name for patch in load_queue(WORKSPACE.patchqueues / "xen").applied}
    debug = {patch.name for patch in load_queue(WORKSPACE.patchqueues / "xen", frozenset({"debug"})).applied}
    assert debug - plain == {"xen-console-print-everything.patch"}


def test_no_slow_start_costs_the_login_on_a_serial_console(specs: Specs) -> None:
    """systemd waits 90 s for the device of a console, unless it is told otherwise; a machine may need longer."""
    words = (WORKSPACE.root / "iso" / "iso.yaml").read_text()
    consoles = set(re.findall(r"\bconsole=(hvc\d|ttyS\d)", words))
    spec = specs[next(iter(CONFIG.targets))]["planex-host"]
    patient = re.search(r"for console in ([^;]+); do\n.*%\{SOURCE2\}.*/dev-\$console\.device\.d/\S+\.conf\n", spec)
    assert patient and consoles == set(patient[1].split())
    assert "\nJobRunningTimeoutSec=infinity\n" in (WORKSPACE.specs / "planex-host" / "console.conf").read_text()


def _report(tmp_path: Path, *, xen: bool, failed: str = "") -> str:
    """What the host's script writes to its console, with programs that only talk."""
    programs = {
        "uname": "echo 6.12.107-1.pl1.x86_64",
        "xl": 'if [ "$1" = info ]; then echo "xen_version            : 4.20.4-pre-1.pl1"\n'
        'else echo "Domain-0                                     0  1024     1     r-----      16.1"; fi',
        "systemctl": f"printf '%s' '{failed}'",
    }
    files = {"type": "xen", "version/major": "4", "version/minor": "20", "version/extra": ".4-pre-1.pl1"}
    for name, text in programs.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    for name, text in files.items() if xen else ():
        file = tmp_path / "root/sys/hypervisor" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    (tmp_path / "root/dev").mkdir(parents=True)
    script = WORKSPACE.specs / "planex-host" / "boot-report"
    env = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    subprocess.run(["sh", script, tmp_path / "root"], check=True, env=env)
    return (tmp_path / "root/dev/console").read_text()


def test_the_report_under_xen_is_the_proof_that_planex_boot_takes(tmp_path: Path) -> None:
    listener = Listener()
    listener.feed("(XEN) Xen version 4.20.4-pre-1.pl1 (planex@planex.example.org) debug=n\n")
    listener.feed(_report(tmp_path, xen=True))
    proof = listener.proof()
    assert proof, listener.missing()
    assert (proof.xen, proof.kernel, proof.failed_units) == ("4.20.4-pre-1.pl1", "6.12.107-1.pl1.x86_64", ())


def test_the_report_without_xen_says_so_and_proves_nothing(tmp_path: Path) -> None:
    text = _report(tmp_path, xen=False)
    assert "planex-boot-report: xen none\nplanex-boot-report: failed-units 0\nplanex-boot-report: end\n" in text
    listener = Listener()
    listener.feed(text)
    assert listener.finished() and listener.proof() is None


def test_the_report_names_the_units_that_failed(tmp_path: Path) -> None:
    failed = "a.service loaded failed failed A\nb.service loaded failed failed B"
    assert f"planex-boot-report: failed-units 2\n{failed}\n" in _report(tmp_path, xen=True, failed=failed)
