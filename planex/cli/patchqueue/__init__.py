# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue``: the commands, each loaded only when it is used."""

from __future__ import annotations

import click

from planex.cli.groups import SectionedGroup, Sections

COMMANDS: Sections = {
    "Commands": {
        "status": ("planex.cli.patchqueue.queue:status", "Show the queue in order, with where each patch comes from."),
        "stats": ("planex.cli.patchqueue.stats:stats", "Show how large and how old the queue is, also over time."),
        "check": ("planex.cli.patchqueue.queue:check", "Try every patch on the locked source."),
        "checkout": ("planex.cli.patchqueue.tree:checkout", "Make a git tree with one commit per patch."),
        "refresh": ("planex.cli.patchqueue.tree:refresh", "Write a git tree back into the queue."),
        "rebase": ("planex.cli.patchqueue.rebase:rebase", "Carry the queue to another upstream version."),
        "forecast": (
            "planex.cli.patchqueue.forecast:forecast",
            "Show what would become of the queue on other versions.",
        ),
        "review": ("planex.cli.patchqueue.review:review", "Go through what needs a person."),
        "import": (
            "planex.cli.patchqueue.importing:import_queue",
            "Make a queue from quilt, guilt, a tarball, git or a spec.",
        ),
        "upstream": ("planex.cli.patchqueue.upstream:upstream", "Write patches as upstream wants them."),
        "bisect": ("planex.cli.patchqueue.bisecting:bisect", "Find the patch that breaks a command."),
    }
}


@click.group(
    cls=SectionedGroup,
    sections=COMMANDS,
    short_help="Work on patch queues, and carry them to new upstream versions (short: pq).",
)
def patchqueue() -> None:
    """Work on the patch queues in patchqueues/PKG, and carry them to new upstream versions.

    \b
    Examples:
      planex pq status xen                       what is in the queue, and why
      planex pq checkout xen && cd trees/xen     one commit per patch, ready to work in
      planex pq refresh xen                      write the commits back
      planex pq forecast xen --onto 4.21.0       what would become of each patch
      planex pq rebase xen 4.21.0                do it
    """
