# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes what the parts made into a snapshot. What the snapshot before it has too is there only once on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planex.checksums import digest_of
from planex.content import records, shelf
from planex.content.copies import copy_file, link_or_copy
from planex.content.stamps import files_below
from planex.distro.project import Project
from planex.errors import PlanexError
from planex.host.definition import load_definition
from planex.host.manifest import read_manifest
from planex.host.plan import checksum_path, iso_path, load_manifest, manifest_path
from planex.host.signing import signature_path
from planex.snapshot import parts
from planex.snapshot.record import BuiltPackage, PublishedFile, PublishedRpm, UpgradeProof
from planex.snapshot.upgrade import REPO, published
from planex.workspace import Workspace

ISO = "iso"
_RESULTS = Path("results") / "build.json"
_EVENTS = "events.jsonl"


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was taken."""

    packages: tuple[BuiltPackage, ...]
    rpms: tuple[PublishedRpm, ...] = ()
    iso: PublishedFile | None = None


@dataclass(frozen=True)
class Gatherer:
    """``draft``: the snapshot to be; ``previous``: the folder of the one before it."""

    project: Project
    draft: Path
    previous: Path | None

    def gather(self, *, whole: bool, iso: bool) -> Gathered:
        """Reports and logs; and if all is ``whole``, the repository and the ISO."""
        packages = tuple(built_packages(self.draft, self.project.workspace))
        self._logs(packages)
        if not whole:
            return Gathered(packages)
        return Gathered(packages, tuple(self._repository()), self._iso() if iso else None)

    def mark(self, part: str) -> str:
        """What a part made, by a name that changes with it; empty for a part that makes nothing that is gathered."""
        match part:
            case parts.BUILD:
                return self.project.repository.resolve().name
            case parts.ISO:
                manifest = read_manifest(manifest_path(self._image))
                return manifest.sha256 if manifest else ""
        return ""

    @property
    def _image(self) -> Path:
        definition = load_definition(self.project.workspace, self.project.target_name)
        return iso_path(self.project.folder, definition, self.project.config)

    def retreat(self) -> Gathered:
        """What is left where something could not be taken: reports and logs."""
        for name in (REPO, ISO):
            shelf.remove(self.draft / name)
        return Gathered(tuple(built_packages(self.draft, self.project.workspace)))

    def _logs(self, packages: tuple[BuiltPackage, ...]) -> None:
        """The build logs of what was built, or failed to be."""
        for package in packages:
            for log in self.project.workspace.logs(self.project.target_name, package.package).glob("*.log"):
                if package.status:
                    self._take(log, Path("packages") / package.package / log.name)

    def _repository(self) -> Iterator[PublishedRpm]:
        source = self.project.repository.resolve()
        for rpm in published(source):
            self._take(source / rpm.location, Path(REPO) / rpm.location, rpm.digest)
            yield rpm
        for name in files_below(source):  # metadata, signatures, the public key
            if not name.endswith(".rpm"):
                self._take(source / name, Path(REPO) / name)

    def _iso(self) -> PublishedFile:
        image = self._image
        manifest = load_manifest(image)
        self._take(image, place := Path(ISO) / image.name, manifest.sha256)
        for beside in (checksum_path(image), manifest_path(image), signature_path(image)):
            if beside.exists():
                self._take(beside, Path(ISO) / beside.name)
        return PublishedFile(str(place), manifest.size, manifest.sha256)

    def _take(self, source: Path, place: Path, digest: str = "") -> None:
        """Copy a file; with ``digest`` it must have that, or is linked where the snapshot before has the same."""
        target = self.draft / place
        target.parent.mkdir(parents=True, exist_ok=True)
        old = self.previous / place if self.previous else None
        if digest and old and old.is_file() and digest_of(old, "sha256") == digest:
            link_or_copy(old, target)
            return
        copy_file(source, target)
        if digest and (found := digest_of(target, "sha256")) != digest:
            raise PlanexError(f"{source} is damaged: its SHA-256 is {found}, not {digest}", "planex store verify")


def built_packages(folder: Path, workspace: Workspace) -> Iterator[BuiltPackage]:
    """What the build's plan and outcome say of every package."""
    outcomes = {row["package"]: row for row in _json(folder / _RESULTS).get("packages", [])}
    for event in _events(folder / _EVENTS):
        name, outcome = event["package"], outcomes.pop(event["package"], {})
        yield _built(workspace, name, event["action"], tuple(event["reasons"]), outcome)
    yield from (_built(workspace, name, "", (), outcome) for name, outcome in outcomes.items())


def upgrade_proofs(folder: Path) -> tuple[UpgradeProof, ...]:
    """What the part that tries upgrades says."""
    rows = _json(folder / "results" / f"{parts.UPGRADE}.json").get("upgrades", [])
    return tuple(records.from_plain(row, UpgradeProof) for row in rows)


def sentence_of(folder: Path, part: str) -> str:
    """What a part that watches upstream has to say in a sentence; empty where nothing is out."""
    return str(_json(folder / "results" / f"{part}.json").get("sentence", ""))


def _built(
    workspace: Workspace, name: str, action: str, reasons: tuple[str, ...], outcome: dict[str, Any]
) -> BuiltPackage:
    error = workspace.inside(outcome.get("error") or "")
    return BuiltPackage(name, action, reasons, outcome.get("status", ""), outcome.get("seconds", 0.0), error)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}  # the build did not come so far
    return found if isinstance(found, dict) else {}


def _events(path: Path) -> Iterator[dict[str, Any]]:
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    for line in lines:
        with suppress(ValueError):  # the last line of a build that was killed
            event = json.loads(line)
            if event.get("event") == "package_planned":
                yield event
