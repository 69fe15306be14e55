# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex worker``: a machine that builds for others."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.farming import dispatch, keys_option
from planex.cli.parsed import parsed
from planex.units import parse_size


@click.command(short_help="Build packages that others plan, as part of a farm.")
@click.option("--join", required=True, metavar="ADDRESS", help="The farm's scheduler: dask:HOST:PORT.")
@keys_option
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="planex-worker",
    show_default=True,
    help="Where it keeps and makes things.",
)
@click.option("--name", default=socket.gethostname, help="What it is called in reports (default: as its host).")
@click.option("--cores", type=click.FloatRange(min=0.1), help="Cores to build with (default: all).")
@click.option(
    "--memory",
    metavar="SIZE",
    callback=parsed(parse_size),
    help="Memory to build with, as in 16G (default: four fifths).",
)
@click.option("--label", "labels", multiple=True, metavar="WORD", help="Something it has, for `build --label`.")
@pass_context
def worker(
    context: Context,
    join: str,
    keys: Path | None,
    folder: Path,
    name: str,
    cores: float | None,
    memory: int | None,
    labels: tuple[str, ...],
) -> None:
    """Build packages that others plan (`planex build --on`) until it is stopped.

    It needs no workspace: what a package is built of comes by the shared store.

    \b
    Example:
      planex worker --join dask:build.example.org:8786 --keys /etc/planex/farm
    """
    from planex.engine.farm.address import is_listening, read_address
    from planex.engine.farm.equipment import equip, found_words, resources_of

    address, serve = read_address(join, keys), dispatch().serve_worker
    words = found_words(labels)
    home = equip(folder)
    context.reporter.info(f"{name} joins {address.url}")
    if not is_listening(address):
        context.reporter.warn(f"nobody answers at {address.url} yet: it is asked again for a minute")
    told = ", ".join(sorted(words))
    serve(
        address, home, name, resources_of(cores, memory, words), lambda: context.reporter.info(f"{name} serves: {told}")
    )
