# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ``.lnk`` and ``.pin`` files of planex 4, and its older ``pins``. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planex.errors import ConfigError, Problem

_KEY = re.compile(r"(source|archive|patch|patchqueue)(\d*)", re.IGNORECASE)
_PREFIX = {"patch": "patches", "patchqueue": "patchqueue"}
"""What schema 2 calls ``prefix``."""
_KNOWN = {"schemaversion", "ignoreautosetup"}


@dataclass(frozen=True, slots=True)
class OldResource:
    """A ``SourceN``, ``ArchiveN`` or ``PatchQueueN``; ``commitish`` where the URL leads to a git repository."""

    kind: str
    number: int
    url: str
    prefix: str = ""
    commitish: str = ""


@dataclass(frozen=True, slots=True)
class OldLink:
    """What a link or a pin adds to a spec. ``own_patching``: its %prep applies patches without %autosetup."""

    path: Path
    resources: tuple[OldResource, ...]
    own_patching: bool = False
    remarks: tuple[str, ...] = ()

    def of(self, kind: str) -> list[OldResource]:
        return sorted((each for each in self.resources if each.kind == kind), key=lambda each: each.number)


def parse_link(text: str, path: Path) -> OldLink:
    """ConfigError for what is none of schema 2 or 3."""
    data = _object(text, path)
    folded = {str(key).lower(): value for key, value in data.items()}
    schema = str(folded.get("schemaversion", "1"))
    if schema not in ("2", "3"):
        raise ConfigError([Problem(path, 0, f"has SchemaVersion {schema}: only 2 and 3 are known")])
    resources: list[OldResource] = []
    remarks: list[str] = []
    for key, value in data.items():
        match = _KEY.fullmatch(str(key))
        if match and schema == "2" and match[1].lower() == "source":
            remarks.append(f"{path.name}: {key} was never looked at in schema 2")
        elif match:
            resources.append(_resource(match, value, schema, path))
        elif str(key).lower() not in _KNOWN:
            remarks.append(f"{path.name}: {key} is no key that planex 4 knew")
    return OldLink(path, tuple(resources), folded.get("ignoreautosetup") is True, tuple(remarks))


def parse_pins(text: str, path: Path) -> Iterator[tuple[str, OldLink]]:
    """Package and link of each entry of a ``pins`` file: ``{"SPECS/x.spec": {"0": "repository#commit"}}``."""
    for spec, sources in _object(text, path).items():
        given = sources.items() if isinstance(sources, dict) else [("0", sources)]
        found = [
            OldResource("source", int(number), f"ssh://{repository}", commitish=commit or "HEAD")
            for number, value in given
            for repository, _, commit in [str(value).partition("#")]
            if str(number).isdigit()
        ]
        yield Path(str(spec)).name.split(".")[0], OldLink(path, tuple(found))


def _object(text: str, path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError([Problem(path, getattr(error, "lineno", 0), "is not JSON")]) from None
    if not isinstance(data, dict):
        raise ConfigError([Problem(path, 1, "is not a JSON object")])
    return data


def _resource(match: re.Match[str], value: object, schema: str, path: Path) -> OldResource:
    kind, number = match[1].lower(), int(match[2] or 0)
    if not isinstance(value, dict) or not isinstance(value.get("URL"), str):
        raise ConfigError([Problem(path, 0, f"{match[0]} has no URL")])
    prefix = value.get(_PREFIX.get(kind, "prefix") if schema == "2" else "prefix") or ""
    kind = "archive" if kind == "patch" else kind
    return OldResource(kind, number, value["URL"], str(prefix), str(value.get("commitish") or ""))
