# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex try``: the host with what a person just compiled, booted without a new ISO."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.cli.work import opened_bench, stage
from planex.distro.project import Project, load_project
from planex.drafts import temporary_folder
from planex.engine.workshop import Workshop
from planex.errors import PlanexError
from planex.host.definition import IsoDefinition, load_definition
from planex.host.handed import command as to_run
from planex.host.handed import hand_over, on_host
from planex.host.manifest import Manifest
from planex.host.plan import iso_path, load_manifest
from planex.machine.boot import BootFailed, hear
from planex.machine.commanding import BEGIN, END, Commanded
from planex.machine.conversation import Conversation
from planex.machine.guest import LISTED, guest_turns
from planex.machine.proof import without_escapes
from planex.machine.qemu import Handed, Machine, accel_here, find_program, qemu_argv
from planex.medium.entry import BootEntry
from planex.medium.menu import kernel_arguments
from planex.medium.xorriso import open_image
from planex.nearest import did_you_mean
from planex.run import attended
from planex.units import clock
from planex.work.bench import home_of, kept_root


@click.command(name="try", short_help="Boot the host with what was just compiled, without a new ISO.")
@click.argument("packages", nargs=-1)
@click.option(
    "--run", "command", metavar="CMD", help="Run these lines of shell on the host; their exit status is ours."
)
@click.option("--console", is_flag=True, help="Leave the serial console to you; Ctrl-C ends the machine.")
@click.option(
    "--scenario", type=click.Choice(["live", "guest"]), default="live", show_default=True, help="As for planex boot."
)
@click.option(
    "--entry", "entry_name", metavar="NAME", help="Entry of iso.yaml with a hypervisor (default: the default)."
)
@click.option("--timeout", type=click.IntRange(1), default=300, show_default=True, help="Seconds until it must be up.")
@click.option("--memory", type=click.IntRange(512), default=2048, show_default=True, help="MiB of the machine.")
@click.option(
    "--accel", type=click.Choice(["auto", "kvm", "tcg"]), default="auto", show_default=True, help="As for planex boot."
)
@click.option("--show", is_flag=True, help="Show the serial console live.")
@pass_context
def try_out(context: Context, /, packages: tuple[str, ...], **options: Any) -> None:
    """Boot this workspace's host with PACKAGES as they are now; prints what `xl list` says there.

    A package with a tree that was compiled (`planex work build`) is compiled and packed from that. Of others, and where
    none is named of all, what `planex build` made since the ISO is taken. Their files are laid over the live root;
    Xen, kernel and initrd are put in the machine's memory, with no boot loader. Scriptlets of packages are not run. The
    ISO is the medium, so it must have been made once.

    \b
    Examples:
      planex try xen
      planex try xen --run 'xl info; xl dmesg | grep -i command'
      planex try --console
    """
    wish = TryWish(**options)
    began = time.monotonic()
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    definition = load_definition(context.workspace, context.target_name)
    iso = iso_path(project.folder, definition, context.config)
    manifest = load_manifest(iso)
    entry = _entry(definition, wish.entry_name)
    rpms = on_host(_rpms(context, project, packages, manifest), manifest)
    context.reporter.info(f"over {iso.name}: {', '.join(rpm.name for rpm in rpms) or 'nothing that is newer'}")
    logs = context.workspace.logs(context.target_name, "try")
    logs.mkdir(parents=True, exist_ok=True)
    with temporary_folder(logs, "try") as folder:
        init, image = context.workspace.iso / "initrd" / "init", open_image(iso)
        lines = to_run(wish.command, BEGIN, END) if wish.command else []
        files = hand_over(image, entry, rpms, init, lines, folder)
        arguments = kernel_arguments(entry, definition.label, definition.live.image if definition.live else "")
        handed = Handed(files.hypervisor, entry.xen_args, files.kernel, arguments, files.initrd)
        machine = Machine(iso.resolve(), memory=wish.memory, accel=accel_here(wish.accel), handed=handed)
        if wish.console:
            with attended(qemu_argv(find_program(), machine, None), terminal=False) as (process, _):
                sys.exit(process.wait())
        status = _boot(context, machine, wish, definition, logs / "serial.log")
    context.reporter.success(f"{clock(time.monotonic() - began)} in all")
    sys.exit(status)


_MORE = "give it more time (--timeout), or look on (--show)"


@dataclass(frozen=True, slots=True)
class TryWish:
    """The options."""

    command: str | None
    console: bool
    scenario: str
    entry_name: str | None
    timeout: int
    memory: int
    accel: str
    show: bool


def _entry(definition: IsoDefinition, name: str | None) -> BootEntry:
    known = {entry.name: entry for entry in definition.entries if entry.hypervisor}
    wanted = name or next((entry.name for entry in definition.entries if entry.default), "")
    if wanted not in known:
        message = f"iso.yaml has no entry '{wanted}' that starts Xen" if wanted else "iso.yaml has no default entry"
        raise PlanexError(f"{message}{did_you_mean(wanted, list(known))}", f"name one: --entry {' or '.join(known)}")
    return known[wanted]


def _rpms(context: Context, project: Project, asked: tuple[str, ...], manifest: Manifest) -> list[Path]:
    """Of trees and of results; PlanexError where a package that was asked for has neither."""
    names = project.choose_built(asked)
    trees = [name for name in names if kept_root(home_of(project, name))]
    found = [rpm for name in trees for rpm in _of_tree(context, name)]
    workshop, known = Workshop(project), {rpm.unsigned for rpm in manifest.rpms}
    for name in names:
        if name not in trees:
            result = workshop.store.last(name)
            if result is None and asked:
                raise PlanexError(f"{name} is not built", f"planex build {name}, or planex work {name}")
            found += [path for digest, path in (result.rpm_paths if result else {}).items() if digest not in known]
    return found


def _of_tree(context: Context, name: str) -> list[Path]:
    opened = opened_bench(context, name, offline=False)
    with opened as (ready, began), stage(context, began, "packed") as task:
        return ready.packages(task, again=False)


def _boot(context: Context, machine: Machine, wish: TryWish, definition: IsoDefinition, log: Path) -> int:
    """Boot it; the exit status."""
    show = (lambda text: echo(without_escapes(text), nl=False, err=True)) if wish.show else lambda text: None
    ear = Commanded() if wish.command else _talk(wish, definition)
    with context.reporter.task("boot") as task:
        task.phase(f"{wish.scenario}, {machine.accel}")
        end = hear(machine, log, ear, wish.timeout, show)
    proof = ear.listener.proof()
    if proof is None or not ear.finished():
        raise BootFailed(f"the host did not come so far: {ear.fatal or end.text}", log, _MORE)
    context.reporter.success(f"Xen {proof.xen}, Linux {proof.kernel}, up in {clock(task.seconds)}; console: {log}")
    said, status = ear.answer() or ("", 1) if isinstance(ear, Commanded) else (ear.said.strip(), 0)
    echo(said if wish.command or wish.scenario == "guest" else proof.xl_list)
    return status


def _talk(wish: TryWish, definition: IsoDefinition) -> Conversation:
    if wish.scenario == "guest" and definition.live:
        turns = guest_turns(definition.live.kernel, definition.live.initrd)
        return Conversation(turns, LISTED, r"(?m)^libxl: error: .*|^failed to .*|command not found.*")
    return Conversation((), r"planex-boot-report: end", r"(?!)")
