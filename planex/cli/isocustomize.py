# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso customize``: answers and arguments of one's own on an ISO that is finished."""

from __future__ import annotations

import re
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.host.customise import KICKSTART, Customised, customise, reset
from planex.medium.xorriso import require_iso

_ARGUMENT = re.compile(r"[^\s\"'\\{};$]+")


@click.command(short_help="Put an answer file or boot arguments on a finished ISO.")
@click.argument("iso", metavar="IN", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--kickstart",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Answer file of the installer, found by its unattended entries.",
)
@click.option("--args", "arguments", multiple=True, metavar="WORDS", help="More arguments for all kernels. Repeatable.")
@click.option("--reset", "back", is_flag=True, help="Take back what was customised.")
@pass_context
def customize(
    context: Context, /, iso: Path, output: Path, kickstart: Path | None, arguments: tuple[str, ...], back: bool
) -> None:
    """Write OUT: the ISO IN with an answer file at its top, or with more arguments for the kernels of its menus.

    Nothing is built. Boot records stay, SHA256SUMS is written anew, and the result is checked as by `planex iso check`.
    What was replaced is kept on the ISO: customising it again starts from that, and --reset takes all back. A
    signature of IN proves nothing of OUT, and is left out. Needs no workspace.
    """
    words = " ".join(arguments).split()
    if back == bool(kickstart or words):
        raise click.UsageError("say what to put on it (--kickstart, --args), or --reset")
    wrong = next((word for word in words if not _ARGUMENT.fullmatch(word) or word == "---"), None)
    if wrong:
        raise click.UsageError(f"'{wrong}' cannot stand in a boot menu: no quotes, braces, backslash, $, ; and no ---")
    require_iso(iso)
    with context.reporter.task("iso") as task:
        task.phase("customize")
        done = reset(iso, output) if back else customise(iso, output, kickstart, " ".join(words))
    _tell(context, done)


def _tell(context: Context, done: Customised) -> None:
    if done.was_signed:
        context.reporter.warn(f"the ISO was signed; {done.iso.name} is not: sign it, or say where it comes from")
    if KICKSTART in done.changed:
        context.reporter.info("the unattended entries of its menu take their answers from it")
    echo(f"{done.iso}\nsha256   {done.sha256}\nchanged  {' '.join(done.changed)}")
