# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex release``: publish what independent verifiers vouch for."""

from __future__ import annotations

from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.host.release import ReleaseWish, read_summaries, verifiers_of
from planex.host.release import release as publish
from planex.trust.gpg import read_key

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command(short_help="Publish an ISO that independent verifiers vouch for.")
@click.argument("image", metavar="ISO", type=_FILE)
@click.argument("summaries", metavar="SUMMARY...", nargs=-1, required=True, type=_FILE)
@click.option("--key", required=True, type=_FILE, help="Public key that the ISO is signed with.")
@click.option("--verifier", "verifiers", multiple=True, required=True, type=_FILE, help="Public key that counts.")
@click.option("--require-verifiers", "needed", type=click.IntRange(1), default=2, show_default=True, help="How many.")
@click.option(
    "--to", "folder", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder of releases."
)
@pass_context
def release(
    context: Context,
    /,
    image: Path,
    summaries: tuple[Path, ...],
    key: Path,
    verifiers: tuple[Path, ...],
    needed: int,
    folder: Path,
) -> None:
    """Publish an ISO, with all that proves it, in a new folder of releases; prints its path.

    Each SUMMARY is what a verifier wrote: planex iso verify ISO --rebuild --write-summary. It counts if one of the
    --verifier keys signed it, if it is of these very bytes, and if they were built again and came out the same. A
    summary that does not count is an error, and the key that signed the ISO is no verifier. Needs no workspace.

    \b
    Example:
      planex release host.iso alice.json bob.json --key release.asc \\
          --verifier alice.asc --verifier bob.asc --to releases
    """
    signed_by = read_key(key)
    wish = ReleaseWish(image, signed_by, verifiers_of(verifiers, signed_by), needed, folder)
    echo(str(publish(wish, read_summaries(summaries), context.reporter)))
