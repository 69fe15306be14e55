# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex boot``: the proof that an ISO is a working Xen host."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource

from planex.cli.bootinstall import SCENARIOS, install_on_disk
from planex.cli.bootmatrix import MatrixWish, boot_all
from planex.cli.bootnetwork import on_network
from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.errors import ConfigError, PlanexError
from planex.host.definition import load_definition
from planex.host.plan import iso_path
from planex.machine.boot import Booted, too_small
from planex.machine.boot import boot as start
from planex.machine.proof import without_escapes
from planex.machine.qemu import FirmwareName, Machine, MediumName, accel_here
from planex.medium.xorriso import require_iso
from planex.report import Reporter
from planex.units import clock

MAX_TIMEOUT = 7 * 86400


@click.command(short_help="Start an ISO in QEMU and prove that Xen, dom0 and xl work.")
@click.argument("image", metavar="[ISO]", required=False, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--firmware", type=click.Choice(["bios", "uefi"]), default="bios", show_default=True)
@click.option(
    "--medium",
    type=click.Choice(get_args(MediumName)),
    default="cd",
    show_default=True,
    help="What the ISO is in, or written to; pxe: started from a network.",
)
@click.option(
    "--timeout",
    type=click.IntRange(1, MAX_TIMEOUT),
    default=300,
    show_default=True,
    help="Seconds that each start may take, but for those in which other programs had the processor.",
)
@click.option("--memory", type=click.IntRange(512), default=2048, show_default=True, help="MiB of the machine.")
@click.option(
    "--accel",
    type=click.Choice(["auto", "kvm", "tcg"]),
    default="auto",
    show_default=True,
    help="kvm: hardware virtualisation; tcg: emulation; auto: kvm where it can work.",
)
@click.option(
    "--scenario",
    type=click.Choice(["live", *SCENARIOS]),
    default="live",
    show_default=True,
    help="install...: on a disk; the proof is that of the installed host.",
)
@click.option(
    "--answers",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Answer file for --scenario install, instead of a simple one.",
)
@click.option(
    "--upgrade-to",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Repository that --scenario upgrade takes the host to, instead of a newer Xen made for it.",
)
@click.option(
    "--cuts", type=click.IntRange(1, 1000), default=20, show_default=True, help="Power cuts of install-cut-off."
)
@click.option("--matrix", is_flag=True, help="Start every entry by every firmware and medium, and do all scenarios.")
@click.option(
    "--only", multiple=True, metavar="PATTERN", help="Cells of --matrix: 'bios-*', 'uefi-usb-xen'. Repeatable."
)
@click.option(
    "--jobs", type=click.IntRange(0), default=0, help="Machines of --matrix at once (default: as many as fit)."
)
@click.option("--show", is_flag=True, help="Show the serial console live.")
@click.option("--log", type=click.Path(path_type=Path, dir_okay=False), help="Keep the serial console's text here.")
@click.option("--json", "as_json", is_flag=True, help="Print the proof as JSON.")
@pass_context
def boot(context: Context, /, image: Path | None, **options: Any) -> None:
    """Start ISO (default: this workspace's) in a virtual machine and wait for the proof that it works.

    The proof comes from the host itself, over the serial console: Xen's version line, dom0's kernel, and what
    `xl info` and `xl list` print there, with Domain-0. Anything less is a failure. The machine has no network,
    but for one that it starts from, and is off again at the end.

    With `--scenario install` the ISO is this workspace's: it first installs itself, by an answer file, and the proof
    comes from the machine that is then started from its disk alone. -typed answers the questions over the serial line,
    -two-disks and -old-content say it all, -cut-off cuts the power in between. The time limit holds for each start.

    With `--matrix` all of that is done, several machines at a time; a cell that fails stops no other. A table, JUnit
    XML, consoles, pictures of the menus and a web page are the result.

    \b
    Examples:
      planex boot                               the ISO of this workspace, by BIOS from a CD
      planex boot --firmware uefi --medium usb
      planex boot --scenario install            on a disk, unattended, then from that disk
      planex boot OLD.iso --scenario upgrade --upgrade-to _build/bookworm/repo   from that host to what is built
      planex boot --matrix --only 'bios-*-xen'  some of every way
    """
    wish = BootWish(**options)
    if wish.upgrade_to and wish.scenario != "upgrade":
        raise click.UsageError("--upgrade-to is for --scenario upgrade")
    iso = image or _built_iso(context)
    if not iso.exists():
        raise PlanexError(f"no such ISO: {iso}", "make it: planex iso build")
    require_iso(iso)
    machine = Machine(iso.resolve(), wish.firmware, wish.medium, wish.memory, accel_here(wish.accel))
    if warning := too_small(machine):
        context.reporter.warn(f"{warning}: it may not come up")
    if wish.matrix:
        _boot_all(context, machine, wish)
    elif wish.medium == "pxe":
        with on_network(machine, _serial_log(context, iso, "", "").parent) as machine:
            _boot_one(context, machine, wish)
    else:
        _boot_one(context, machine, wish)


@dataclass(frozen=True, slots=True)
class BootWish:
    """The options."""

    firmware: FirmwareName
    medium: MediumName
    timeout: int
    memory: int
    accel: str
    scenario: str
    answers: Path | None
    upgrade_to: Path | None
    cuts: int
    matrix: bool
    only: tuple[str, ...]
    jobs: int
    show: bool
    log: Path | None
    as_json: bool


def _boot_one(context: Context, machine: Machine, wish: BootWish) -> None:
    assert machine.iso is not None
    scenario = wish.scenario
    what = wish.medium if scenario == "live" else scenario
    serial = wish.log or _serial_log(context, machine.iso, wish.firmware, what)
    run = partial(start, machine, serial, wish.timeout)
    if scenario != "live":
        words = (context, machine, scenario, wish.answers, wish.cuts, serial, wish.timeout)
        run = partial(install_on_disk, *words, upgrade_to=wish.upgrade_to)
    if wish.show:
        booted = run(lambda text: echo(without_escapes(text), nl=False, err=True))
    else:
        with context.reporter.task("boot") as task:
            task.phase(f"{scenario}, {wish.firmware}, {machine.accel}")
            booted = run()
    _report_health(booted, context.reporter)
    echo(json.dumps(_as_data(booted), indent=2) if wish.as_json else _as_text(booted))


def _boot_all(context: Context, machine: Machine, wish: BootWish) -> None:
    for name in ("firmware", "medium", "scenario", "answers", "show", "log"):
        source = click.get_current_context().get_parameter_source(name)
        if source is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name} is not for --matrix; choose cells with --only")
    folder = context.workspace.logs(context.target_name, "boot") / "matrix"
    boot_all(context, machine, MatrixWish(wish.only, wish.jobs, folder, wish.timeout, wish.cuts), wish.as_json)


def _built_iso(context: Context) -> Path:
    definition = load_definition(context.workspace, context.target_name)
    return iso_path(context.workspace.target(context.target_name), definition, context.config)


def _serial_log(context: Context, iso: Path, firmware: str, medium: str) -> Path:
    """In the workspace's logs, or beside nothing in particular: the current folder."""
    name = f"serial-{firmware}-{medium}.log"
    try:
        return context.workspace.logs(context.target_name, "boot") / name
    except ConfigError:
        return Path(f"{iso.stem}.{name}")


def _report_health(booted: Booted, reporter: Reporter) -> None:
    proof, machine = booted.proof, booted.machine
    if proof.failed_units:
        reporter.warn(f"these units of the host failed: {', '.join(proof.failed_units)}; see {booted.serial}")
    medium = f"{machine.iso.name} by {machine.firmware.upper()} from {machine.medium}" if machine.iso else ""
    name = f"{medium or f'installed host by {machine.firmware.upper()} from its disk'} ({machine.accel})"
    reporter.success(f"{name}: Xen {proof.xen}, Linux {proof.kernel}, up in {clock(booted.seconds)}")


def _as_text(booted: Booted) -> str:
    proof = booted.proof
    return "\n".join(
        [
            proof.xen_line,
            f"dom0 kernel: {proof.kernel}",
            *([f"root: {proof.root}"] if proof.root else []),
            f"\n$ xl info\n{proof.xl_info}",
            f"\n$ xl list\n{proof.xl_list}",
            f"\nbooted by {booted.machine.firmware.upper()} in {booted.seconds:.0f} s; serial console: {booted.serial}",
        ]
    )


def _as_data(booted: Booted) -> dict[str, object]:
    proof, machine = booted.proof, booted.machine
    return {
        "iso": str(machine.iso) if machine.iso else None,
        "firmware": machine.firmware,
        "medium": machine.medium if machine.iso else "installed",
        "accel": machine.accel,
        "xen": proof.xen,
        "xen_line": proof.xen_line,
        "kernel": proof.kernel,
        "root": proof.root,
        "xl_info": proof.xl_info,
        "xl_list": proof.xl_list,
        "failed_units": list(proof.failed_units),
        "seconds": round(booted.seconds, 1),
        "serial": str(booted.serial),
    }
