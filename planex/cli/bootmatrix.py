# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex boot --matrix``: every way to start the ISO, every entry of its menu, every scenario; several at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from planex.checksums import digest_of
from planex.cli.bootinstall import SCENARIOS, install_on_disk
from planex.cli.bootnetwork import on_network
from planex.cli.context import Context
from planex.cli.installtrial import entry_turn
from planex.cli.output import columns, echo
from planex.content import records
from planex.disk import naming
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.host.definition import IsoDefinition, load_definition
from planex.machine.matrix import (
    Cell,
    CellResult,
    Trial,
    at_once_here,
    boot_entry,
    chosen,
    in_short,
    run_cells,
    sign_of,
)
from planex.machine.qemu import FirmwareName, Machine, MediumName
from planex.pages.bootmatrix import MatrixRun, matrix_data, matrix_page, matrix_text
from planex.pages.junit import boots_junit
from planex.units import clock, many

SCENARIO = "scenario-"
"""How cells begin that are no entry of the menu."""
PROVED = "proved.json"
"""What was proved by runs that were interrupted, of cells that no run since then asked for."""
_FORMAT = 2
MEDIA: tuple[MediumName, ...] = ("cd", "usb", "nvme", "pxe")


@dataclass(frozen=True, slots=True)
class MatrixWish:
    """What the user chose. ``patterns``: of names of cells; ``jobs``: machines at once, 0: as many as fit."""

    patterns: Sequence[str]
    jobs: int
    folder: Path
    timeout: float
    cuts: int


@dataclass(frozen=True, slots=True)
class ProvedBoots:
    """What an interrupted run had proved. ``of``: the SHA-256 of the ISO, and what machines it was started on."""

    of: str
    results: tuple[CellResult, ...] = ()


def boot_all(context: Context, machine: Machine, wish: MatrixWish, as_json: bool) -> None:
    """Go through the cells, write the reports, print the table; raises PlanexError where a cell has no proof."""
    assert machine.iso is not None
    iso, of = machine.iso.name, f"{digest_of(machine.iso, 'SHA256')} {machine.memory} {machine.accel} {wish.cuts}"
    definition = load_definition(context.workspace, context.target_name)
    cells = chosen(_cells(definition), wish.patterns)
    jobs = wish.jobs or at_once_here(machine.memory)
    context.reporter.info(f"{many(len(cells), 'boot')}, {jobs} at once; reports: {wish.folder}")
    began, started = time.time(), time.monotonic()
    with ExitStack() as stack:
        if any(cell.medium == "pxe" for cell in cells):
            machine = stack.enter_context(on_network(machine, wish.folder))
        trials = {cell: _trial(context, machine, definition, cell, wish) for cell in cells}
        results = _go_on(context, trials, wish.folder, jobs, ProvedBoots(of))
    facts = [
        ("took", clock(time.monotonic() - started)),
        ("machines at once", str(jobs)),
        ("memory of each", f"{machine.memory} MiB"),
        ("accelerator", machine.accel),
    ]
    titles = {entry.name: entry.title for entry in definition.entries}
    run = MatrixRun(iso, results, titles, facts)
    _write(run, wish.folder, began)
    echo(json.dumps(matrix_data(run), indent=2) if as_json else matrix_text(run, columns()))
    if run.failed:
        raise PlanexError(run.verdict, f"look at {wish.folder / 'index.html'}")


def _go_on(
    context: Context, trials: Mapping[Cell, Trial], folder: Path, jobs: int, proved: ProvedBoots
) -> list[CellResult]:
    """The results of all trials; what a run of the same ISO proved before it was interrupted is not done again."""
    path = folder / PROVED
    before = records.load(path, ProvedBoots, _FORMAT)
    kept = {result.cell: result for result in before.results} if before and before.of == proved.of else {}
    if known := len(kept.keys() & trials.keys()):
        context.reporter.info(f"{many(known, 'boot')} proved by the run that was interrupted")

    def tell(result: CellResult) -> None:
        _tell(context, result)
        if not result.fault:
            kept[result.cell] = result
            records.save(path, replace(proved, results=tuple(kept.values())), _FORMAT)

    found = run_cells({cell: trial for cell, trial in trials.items() if cell not in kept}, folder, jobs, tell)
    results = kept | {result.cell: result for result in found}
    rest = tuple(result for cell, result in kept.items() if cell not in trials)
    if rest:
        records.save(path, replace(proved, results=rest), _FORMAT)
    else:
        with naming(path, "delete"):
            path.unlink(missing_ok=True)
    return [results[cell] for cell in trials]


def _cells(definition: IsoDefinition) -> Iterator[Cell]:
    firmwares: tuple[FirmwareName, ...] = get_args(FirmwareName)
    for firmware in firmwares:
        for medium in MEDIA:
            yield from (Cell(firmware, medium, entry.name) for entry in definition.entries)
    for firmware in firmwares:
        yield from (Cell(firmware, "cd", f"{SCENARIO}{scenario}") for scenario in SCENARIOS)


def _trial(context: Context, machine: Machine, definition: IsoDefinition, cell: Cell, wish: MatrixWish) -> Trial:
    netboot = machine.netboot if cell.medium == "pxe" else None
    machine = replace(machine, firmware=cell.firmware, medium=cell.medium, netboot=netboot)
    entries = {entry.name: entry for entry in definition.entries}
    if entry := entries.get(cell.what):
        sign = sign_of(entry.hypervisor is not None, entry.kernel_args)
        return lambda log: boot_entry(machine, entry_turn(definition, cell.what), sign, log, wish.timeout)
    scenario = cell.what.removeprefix(SCENARIO)
    return lambda log: in_short(install_on_disk(context, machine, scenario, None, wish.cuts, log, wish.timeout).proof)


def _tell(context: Context, result: CellResult) -> None:
    words = f"{result.cell.name}: {(result.fault or result.said).splitlines()[0]}, {clock(result.seconds)}"
    (context.reporter.failure if result.fault else context.reporter.success)(words)


def _write(run: MatrixRun, folder: Path, began: float) -> None:
    files: Mapping[str, str] = {
        "index.html": matrix_page(run, folder),
        "junit.xml": boots_junit(run.results, f"boot {run.iso}", began),
        "matrix.json": json.dumps(matrix_data(run), indent=2) + "\n",
    }
    for name, text in files.items():
        write_atomic(folder / name, text)
