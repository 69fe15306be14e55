# SPDX-License-Identifier: LGPL-2.1-or-later
"""SLSA provenance of a package: which RPMs were made, by which builder, of which spec, sources, patches and RPMs.

It has no times and no name of a machine, and nothing that the history of a workspace decides: whoever builds the same
again gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from planex.content.key import Inputs
from planex.content.store import Result
from planex.distro.origins import UsedPatch, UsedSource, patches_of, sources_of
from planex.distro.project import Project
from planex.trust.provenance import SLSA
from planex.trust.statement import Statement, Subject

BUILD_TYPE = "urn:planex:package:1"
_OWN = ("spec", "buildroot", "dependency")
"""Inputs of the rebuild key besides sources and patches; what of the base comes along is in the manifest's base."""


def provenance(project: Project, name: str, result: Result, signed: Mapping[str, str]) -> bytes:
    """The statement of a package. ``signed``: SHA-256 of RPMs as built to that of their signed copies."""
    made = result.inputs
    sources, patches = sources_of(project, name, made), patches_of(project, name, made)
    materials = [*map(_source, sources), *map(_patch, patches), *_others(made)]
    definition = {
        "buildType": BUILD_TYPE,
        "externalParameters": {"package": name, "target": project.target_name},
        "resolvedDependencies": materials,
    }
    predicate = {"buildDefinition": definition, "runDetails": {"builder": {"id": f"urn:planex:{result.builder}"}}}
    return Statement(tuple(_subjects(result, signed)), SLSA, predicate).to_json()


def _subjects(result: Result, signed: Mapping[str, str]) -> Iterator[Subject]:
    for name, digest in sorted(result.rpms.items()):
        if digest in signed:
            yield Subject(name, {"sha256": signed[digest]})
        yield Subject(f"unsigned/{name}", {"sha256": digest})


def _source(row: UsedSource) -> dict[str, Any]:
    algorithm, _, value = row.checksum.partition(":")
    known = {"uri": row.url} if row.url else {}
    return {"name": f"source {row.name}", **known, "digest": {algorithm.lower(): value}}


def _patch(row: UsedPatch) -> dict[str, Any]:
    notes = {"subject": row.subject, "author": row.author, "upstream": row.upstream, "commits": list(row.commits)}
    known = {"annotations": notes} if row.subject or row.author or row.commits else {}
    return {"name": f"patch {row.name}", "digest": {"sha256": row.sha256}, **known}


def _others(made: Inputs) -> Iterator[dict[str, Any]]:
    for label, digest in made.rows:
        if label.partition(" ")[0] in _OWN:
            yield {"name": label, "digest": {"sha256": digest}}
