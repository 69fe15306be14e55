# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue bisect``."""

from __future__ import annotations

import json
import sys

import click

from planex.bisection import Conclusion, Judgement
from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.cli.patchqueue.opening import alone, queue_of
from planex.cli.patchqueue.options import guards_option, json_option, offline_option
from planex.errors import PlanexError
from planex.patchqueue.commits import bisecting
from planex.patchqueue.commits.bisecting import Culprit


@click.command(short_help="Find the patch that breaks a command.")
@click.argument("package")
@click.option("--run", "command", required=True, metavar="CMD", help="Shell command, run in the source tree.")
@guards_option
@json_option
@offline_option
@pass_context
def bisect(context: Context, package: str, command: str, guards: tuple[str, ...], as_json: bool, offline: bool) -> None:
    """Find the first patch of PACKAGE's queue with which CMD fails.

    CMD runs in one tree that is moved from patch to patch, so a make in it compiles only what changed. Exit status 0
    means good, 125 that it cannot tell, any other that it is broken.

    \b
    Example:
      planex pq bisect xen --run 'make -j2 xen'
    """
    found = queue_of(context, package, guards, offline=offline)
    log = context.workspace.build / "patchqueue" / f"{package}-bisect.log"
    log.unlink(missing_ok=True)
    with alone(found), context.reporter.task(package) as task:
        chain = found.chain(found.current(task))
        broken = [link.patch.name for link in chain.links if not link.applies]
        if broken:
            raise PlanexError(f"{', '.join(broken)}: does not apply", f"see planex patchqueue check {package}")

        def heard(point: str, result: Judgement) -> None:
            context.reporter.info(f"{point}: {result}")

        task.phase(command)
        culprit = bisecting.bisect(found.repository, chain, command, found.home, log, heard)
    echo(json.dumps({"answer": culprit.answer, "patches": culprit.patches}) if as_json else _text(culprit))
    context.reporter.info(f"output of all runs: {context.workspace.relative(log)}")
    sys.exit(0 if culprit.answer is Conclusion.FOUND else 1)


def _text(culprit: Culprit) -> str:
    if culprit.answer is Conclusion.FOUND:
        return f"{culprit.patches[0]} breaks it"
    if culprit.answer is Conclusion.UNSURE:
        return "one of these breaks it:\n" + "\n".join(f"  {name}" for name in culprit.patches)
    if culprit.answer is Conclusion.UNTOLD:
        return "not even with the whole queue can it be told"
    return "it works with the whole queue" if culprit.answer is Conclusion.NEVER else "it fails without any patch"
