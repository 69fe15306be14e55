# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex farm``: the scheduler of machines that build together, and their keys."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.farming import dispatch, keys_option
from planex.cli.output import echo
from planex.cli.parsed import parsed
from planex.run import run_logged
from planex.units import parse_time


@click.group(short_help="Let several machines build together.")
def farm() -> None:
    """Let several machines build together: `planex build --on ADDRESS`."""


@farm.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def keys(folder: Path) -> None:
    """Make the keys of a farm in a new FOLDER.

    Every machine of the farm needs a copy. Who has one can run programs on all of them.

    \b
    Example:
      planex farm keys keys
    """
    from planex.engine.farm.address import make_keys

    make_keys(folder)
    echo(str(folder))


@farm.command()
@click.option("--listen", default="127.0.0.1:8786", show_default=True, metavar="HOST:PORT", help="Where it is reached.")
@click.option(
    "--silence",
    default="60s",
    show_default=True,
    metavar="TIME",
    callback=parsed(parse_time),
    help="After it, a worker counts as lost.",
)
@keys_option
def scheduler(listen: str, silence: float, keys: Path | None) -> None:
    """Hand out packages to workers, until it is stopped. Prints its address.

    \b
    Example:
      planex farm scheduler
    """
    from planex.engine.farm.address import read_address

    dispatch().serve_scheduler(read_address(listen, keys), echo, silence)


@farm.command()
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="How many.")
@click.option("--cores", type=click.FloatRange(min=0.1), help="Cores of each (default: their part of this machine's).")
@click.option("--listen", default="127.0.0.1:0", show_default=True, metavar="HOST:PORT", help="Where it is reached.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="planex-farm",
    show_default=True,
    help="Where workers keep and make things.",
)
@keys_option
@pass_context
def up(context: Context, workers: int, cores: float | None, listen: str, folder: Path, keys: Path | None) -> None:
    """Make a farm on this machine, to try it: a scheduler and some workers, until Ctrl-C. Prints its address.

    \b
    Example:
      planex farm up --workers 2
    """
    from planex.engine.farm.address import read_address

    address = read_address(listen, keys)
    share = cores or max(0.5, (os.cpu_count() or 1) / workers)

    def start(name: str, where: str) -> None:
        words = ["worker", "--join", where, "--name", name, "--folder", str(folder / name), "--cores", str(share)]
        words += ["--keys", str(keys)] if keys else []
        argv = [sys.executable, "-P", "-m", "planex", *words]
        done = run_logged(argv, folder / f"{name}.log", env=dict(os.environ), check=False, leash=True)
        if done.returncode:
            context.reporter.warn(f"{name} ended with status {done.returncode}: see {folder / name}.log")

    with ThreadPoolExecutor(workers) as pool:

        def ready(where: str) -> None:
            for number in range(1, workers + 1):
                pool.submit(start, f"worker-{number}", where)
            echo(where)

        dispatch().serve_scheduler(address, ready)
