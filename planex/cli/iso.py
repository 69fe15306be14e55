# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso``: the commands, each loaded only when it is used."""

from __future__ import annotations

import click

from planex.cli.groups import SectionedGroup, Sections

COMMANDS: Sections = {
    "Commands": {
        "build": ("planex.cli.isobuild:build", "Make the host ISO from the base ISO and the repository."),
        "show": ("planex.cli.isobuild:show", "Show what is on the host ISO: its packages and where they come from."),
        "check": ("planex.cli.isocheck:check", "Check that an ISO would start and is what it says."),
        "verify": ("planex.cli.isoproof:verify", "Prove that an ISO is what its makers signed."),
        "diff": ("planex.cli.isodiff:diff", "Show how an ISO differs from another."),
        "customize": (
            "planex.cli.isocustomize:customize",
            "Put an answer file, boot arguments or RPMs on a finished ISO.",
        ),
        "pxe": ("planex.cli.isopxe:pxe", "Make from an ISO what TFTP and HTTP servers need to start it."),
        "sbom": ("planex.cli.isoproof:sbom", "Write what is in an ISO as a bill of materials (CycloneDX, SPDX)."),
    }
}


@click.group(cls=SectionedGroup, sections=COMMANDS)
def iso() -> None:
    """Make and check the bootable host ISO."""
