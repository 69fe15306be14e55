# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex verify``: what an RPM can prove of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from planex.cli.checks import checks_text, raise_wrong, rows
from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.host.rpmproof import RpmProof, prove_rpm
from planex.host.verify import find_manifest
from planex.trust.gpg import read_key

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command(short_help="Prove that an RPM is what its makers signed.")
@click.argument("rpm", type=_FILE)
@click.option("--key", type=_FILE, help="Public key of who should have signed it, from where you trust it.")
@click.option("--provenance", type=_FILE, help="Its provenance (default: what lies in provenance/ beside the RPM).")
@click.option("--manifest", type=_FILE, help="Manifest of the ISO that it should be on.")
@click.option("--json", "as_json", is_flag=True, help="Print what was checked as JSON.")
@pass_context
def verify(
    context: Context, rpm: Path, key: Path | None, provenance: Path | None, manifest: Path | None, as_json: bool
) -> None:
    """Check an RPM: digests, signature, provenance and manifest; prints what was checked, and what it was made of.

    Provenance names the spec, the sources, the patches and the RPMs that it was built with. Signatures are checked with
    --key only. The exit status is 1 where something is wrong. Needs no workspace.

    \b
    Example:
      planex verify xen-4.20.3-1.x86_64.rpm --key release.asc
    """
    trusted = read_key(key) if key else None
    proof = prove_rpm(rpm, trusted, provenance, find_manifest(rpm, manifest) if manifest else None)
    echo(_json(rpm, proof) if as_json else "\n".join(_text(proof)))
    raise_wrong(rpm.name, proof.checked)
    if trusted is None:
        context.reporter.warn("nobody's signature was checked: give the key of who should have signed: --key FILE")


def _text(proof: RpmProof) -> Iterator[str]:
    yield checks_text(proof.checked)
    yield from (f"made of  {material}" for material in proof.materials)


def _json(rpm: Path, proof: RpmProof) -> str:
    materials = [asdict(material) for material in proof.materials]
    return json.dumps({"rpm": str(rpm), "checks": rows(proof.checked), "materials": materials}, indent=2)
