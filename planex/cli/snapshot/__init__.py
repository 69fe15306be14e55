# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex snapshot``: nightly states of a workspace, kept, compared and promoted."""

from __future__ import annotations

import click

from planex.cli.groups import SectionedGroup, Sections

COMMANDS: Sections = {
    "Commands": {
        "create": (
            "planex.cli.snapshot.making:create",
            "Make one of the workspace's commit: whole, or none.",
        ),
        "list": ("planex.cli.snapshot.looking:list_snapshots", "List them, the newest first."),
        "show": ("planex.cli.snapshot.looking:show", "Show what one holds, and what became of each part."),
        "diff": ("planex.cli.snapshot.looking:diff", "Show what differs between two."),
        "bisect": (
            "planex.cli.snapshot.bisecting:bisect",
            "Find the commit or package that broke something between two.",
        ),
        "site": ("planex.cli.snapshot.siting:site", "Write the pages that a team reads in the morning."),
        "upgrade": (
            "planex.cli.snapshot.upgrading:upgrade",
            "Try `dnf upgrade` from snapshots to what is built, or to another.",
        ),
        "promote": ("planex.cli.snapshot.promoting:promote_one", "Let a channel lead to one."),
        "channels": ("planex.cli.snapshot.promoting:channels", "List the channels, and where they lead."),
        "audit": ("planex.cli.snapshot.promoting:audit_all", "Check who promoted what, and that channels lead there."),
        "publish": ("planex.cli.snapshot.publishing:publish_all", "Have them at another place, whole."),
        "gc": ("planex.cli.snapshot.deleting:gc", "Delete old ones; shows first what would go."),
    }
}


@click.group(
    cls=SectionedGroup,
    sections=COMMANDS,
    short_help="Make, keep, compare and promote snapshots of the workspace.",
)
def snapshot() -> None:
    """Make, keep, compare and promote snapshots: all that one commit of the workspace makes.

    They are in snapshots/TARGET/, a folder each, with links `latest`, `latest-good` and channels/NAME.

    \b
    Examples:
      planex snapshot create                   what a nightly job runs
      planex snapshot diff latest-good latest  what changed, and what broke
      planex snapshot promote latest-good testing --why "smoke-tested on rack 3"
    """
