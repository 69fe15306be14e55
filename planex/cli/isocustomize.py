# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso customize``: answers, arguments and RPMs of one's own on an ISO that is finished."""

from __future__ import annotations

import re
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.host.customise import Customised, customise, reset
from planex.medium.xorriso import require_iso

_ARGUMENT = re.compile(r"[^\s\"'\\{};$]+")


@click.command(short_help="Put an answer file, boot arguments or RPMs on a finished ISO.")
@click.argument("iso", metavar="IN", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--kickstart",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Answer file of the installer, found by its unattended entries.",
)
@click.option("--args", "arguments", multiple=True, metavar="WORDS", help="More arguments for all kernels. Repeatable.")
@click.option(
    "--add-rpm",
    "rpms",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="RPM for its repository. Repeatable.",
)
@click.option("--reset", "back", is_flag=True, help="Take back what was customised.")
@pass_context
def customize(
    context: Context,
    /,
    iso: Path,
    output: Path,
    kickstart: Path | None,
    arguments: tuple[str, ...],
    rpms: tuple[Path, ...],
    back: bool,
) -> None:
    """Write OUT: the ISO IN with an answer file at its top, more arguments for its kernels, or more RPMs to install.

    Nothing is built. Boot records stay, SHA256SUMS is written anew, and the result is checked as by `planex iso check`.
    The answer file is checked by the installer that is on the ISO, and the repository for being closed.
    What was replaced is kept on the ISO: customising it again starts from that, and --reset takes all back. A
    signature of IN proves nothing of OUT, and is left out. Needs no workspace.

    \b
    Examples:
      planex iso customize host.iso site.iso --kickstart ks.cfg --add-rpm site-tools-1-1.noarch.rpm
      planex iso customize site.iso host.iso --reset
    """
    words = " ".join(arguments).split()
    if back == bool(kickstart or words or rpms):
        raise click.UsageError("say what to put on it (--kickstart, --args, --add-rpm), or --reset")
    wrong = next((word for word in words if not _ARGUMENT.fullmatch(word) or word == "---"), None)
    if wrong:
        raise click.UsageError(f"'{wrong}' cannot stand in a boot menu: no quotes, braces, backslash, $, ; and no ---")
    require_iso(iso)
    with context.reporter.task("iso") as task:
        task.phase("customize")
        done = reset(iso, output) if back else customise(iso, output, kickstart, " ".join(words), rpms)
    _tell(context, done)
    if kickstart:
        context.reporter.info("the unattended entries of its menu take their answers from it")


def _tell(context: Context, done: Customised) -> None:
    if done.was_signed:
        context.reporter.warn(f"the ISO was signed; {done.iso.name} is not: sign it, or say where it comes from")
        if done.repository:
            context.reporter.warn(f"{done.repository} is not signed any more: hosts that want signatures refuse it")
    for note in done.notes:
        context.reporter.warn(note)
    echo(f"{done.iso}\nsha256   {done.sha256}\nchanged  {' '.join(done.changed)}")
