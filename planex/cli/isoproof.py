# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso verify`` and ``sbom``: what an ISO can prove of itself, and what is in it for other tools."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import click

from planex.cli.checks import checks_text, raise_wrong, rows
from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.disk import write
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.host.bill import BillForm, bill_of, bills_beside
from planex.host.checked import Checked, Standing
from planex.host.rebuild import RebuildWish, rebuild_iso
from planex.host.summary import summary_statement
from planex.host.verify import find_manifest, manifest_of, verify_iso
from planex.trust.dsse import envelope_text
from planex.trust.gpg import read_key
from planex.trust.settings import SignSettings
from planex.trust.signer import Signer

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_OUTPUT = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)


@click.command(short_help="Prove that an ISO is what its makers signed.")
@click.argument("image", metavar="ISO", type=_FILE)
@click.option("--manifest", type=_FILE, help="Its manifest (default: ISO.manifest.json, where it lies beside the ISO).")
@click.option("--key", type=_FILE, help="Public key of who should have signed it, from where you trust it.")
@click.option("--rebuild", is_flag=True, help="Make it once more from its commit, and compare every byte.")
@click.option("--from", "source", type=_FOLDER, default=".", help="Git repository with the commit (default: here).")
@click.option("--commit", default="", help="Rebuild this commit instead of the one that the manifest names.")
@click.option("--inputs", type=_FOLDER, help="Take the base and the downloads of this _build: digests prove them.")
@click.option("--results", is_flag=True, help="Take what is built in --inputs as well: quick, and proves less.")
@click.option("--work", type=click.Path(path_type=Path, file_okay=False), help="Rebuild in this folder, and keep it.")
@click.option("--write-summary", "summary", type=_OUTPUT, help="Write what was found to this file, signed by you.")
@click.option("--verifier", type=_FILE, help="Your public key, which signs the summary by gpg or --signer.")
@click.option("--signer", metavar="COMMAND", help="Signs the summary: prints a signature of the file it is given.")
@click.option("--json", "as_json", is_flag=True, help="Print what was checked as JSON.")
@pass_context
def verify(
    context: Context,
    /,
    image: Path,
    manifest: Path | None,
    key: Path | None,
    rebuild: bool,
    summary: Path | None,
    verifier: Path | None,
    signer: str | None,
    as_json: bool,
    **wish: Any,
) -> None:
    """Check signatures, sums, manifest and closure of an ISO; prints what was checked, a line each.

    Signatures are checked with --key only: the key on an ISO proves nothing. The exit status is 1 where something is
    wrong; each part that was tampered with is named. Needs no workspace.

    With --rebuild everything is built again from the commit that the manifest names, with the published signatures put
    in: the ISO must come out with the same bytes. Each file that differs is named.

    With --write-summary what was found is written as SLSA's verification summary, for `planex release`.

    \b
    Examples:
      planex iso verify host.iso --key release.asc
      planex iso verify host.iso --key release.asc --rebuild --from ~/distro
    """
    if not rebuild and (unused := [name for name in ("commit", "inputs", "results", "work") if wish[name]]):
        raise click.UsageError(f"--{unused[0]} is for a rebuild: --rebuild")
    if wish["results"] and not wish["inputs"]:
        raise click.UsageError("--results takes what is built in a _build folder: name it by --inputs")
    if summary and not (key and verifier):
        raise click.UsageError("a summary says who signed the ISO, and who verified it: --key FILE --verifier FILE")
    trusted = read_key(key) if key else None
    writer = summary_writer(image, summary, verifier, signer) if summary and verifier else None
    checked = verify_iso(image, find_manifest(image, manifest), trusted)
    if rebuild:
        checked += _rebuilt(context, image, checked, RebuildWish(**wish))
    data = {"iso": str(image), "checks": rows(checked)}
    echo(json.dumps(data, indent=2) if as_json else checks_text(checked))
    if writer:
        writer(checked, rebuild and not wish["results"])  # who took what was built has not built it
    raise_wrong(image.name, checked)
    if trusted is None:
        context.reporter.warn("nobody's signature was checked: give the key of who should have signed: --key FILE")


def _rebuilt(context: Context, image: Path, checked: Sequence[Checked], wish: RebuildWish) -> list[Checked]:
    if any(each.standing is Standing.WRONG for each in checked):
        return [Checked("rebuild", Standing.UNKNOWN, "not done: the ISO is not what it says")]
    return rebuild_iso(image, manifest_of(image), wish, context.reporter)


def summary_writer(
    image: Path, output: Path, verifier: Path, command: str | None
) -> Callable[[Sequence[Checked], bool], None]:
    """Writes a signed summary; it is known to be possible before the work begins."""
    settings = SignSettings(key=verifier.name, command=tuple(shlex.split(command or "")))
    key, begun = read_key(verifier), manifest_of(image)

    def write_summary(checked: Sequence[Checked], rebuilt: bool) -> None:
        if manifest_of(image) != begun:
            raise PlanexError(f"{image} changed while it was verified", "verify it again when nobody writes to it")
        text = summary_statement(begun, checked, key, datetime.now(UTC), rebuilt=rebuilt)
        with TemporaryDirectory(prefix="planex.") as kept:
            write_atomic(output, envelope_text(Signer(key, settings, Path(kept)), text))

    with TemporaryDirectory(prefix="planex.") as kept:
        Signer(key, settings, Path(kept)).try_out()
    return write_summary


@click.command(short_help="Write what is in an ISO as a bill of materials (CycloneDX, SPDX).")
@click.argument("image", metavar="ISO", type=_FILE)
@click.option(
    "--format", "form", type=click.Choice(get_args(BillForm)), default="cyclonedx", show_default=True, help="Whose."
)
@click.option("-o", "--output", type=_OUTPUT, help="File (default: ISO.cdx.json, ISO.spdx.json).")
@pass_context
def sbom(context: Context, image: Path, form: BillForm, output: Path | None) -> None:
    """Write a bill of materials of an ISO of planex, from its manifest; prints the file's path.

    CycloneDX 1.6: each package has what upstream released, the patches (as pedigree) and its RPMs; the base's packages
    stand beside. SPDX 2.3: the same as packages and relations between them. The same ISO gives the same bytes. Needs no
    workspace, but the extra `sbom`: pip install 'planex[sbom]'.

    \b
    Example:
      planex iso sbom host.iso --format spdx
    """
    path = output or bills_beside(image)[form]
    write(path, bill_of(manifest_of(image), form))
    echo(str(path))
