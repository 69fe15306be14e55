# SPDX-License-Identifier: LGPL-2.1-or-later
"""Releases that go up by themselves: how often what a package is made of was changed, by the workspace's git history.

The same commit gives the same release on every machine. A change that is in no commit is marked behind a caret, which
rpm sorts above the commit's release and below that of the next one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from planex.checksums import digest_of, digest_of_text
from planex.content import records
from planex.distro.autospec import asks_release
from planex.distro.config import Config
from planex.distro.recipe import Recipe
from planex.errors import ConfigError, Problem, keep_or_raise
from planex.git.history import (
    UNSHALLOW,
    Count,
    CountedParts,
    Position,
    commit_time,
    count_changes,
    position_of,
    uncommitted,
)
from planex.git.rerere import FOLDER as RERERE
from planex.regular import NotRegular, read_text
from planex.workspace import Workspace

FORMAT = 1
_PATHS = ("specs", "patchqueues", "mock-configs")
_RELEASE = re.compile(r"\{[{%][^}]*\brelease\b")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGITS, _DIRTY_DIGITS = 7, 8


@dataclass(frozen=True, slots=True)
class InHistory:
    """The workspace in its history: counts at the commit, and what was changed since, by part, with a digest of it."""

    commit: str
    day: str
    counts: Mapping[str, Count]
    changes: Mapping[str, str]


def with_releases(
    recipes: Mapping[str, Recipe],
    config: Config,
    target_name: str,
    workspace: Workspace,
    broken: dict[str, ConfigError] | None = None,
) -> dict[str, Recipe]:
    """The recipes with the ``release`` that each gets where ``autorelease`` is on; the others as they are.

    Mistakes of packages go to ``broken``, or are raised all together.
    """
    moving = {name for name, recipe in recipes.items() if _moves(recipe, config)}
    if not moving:
        return dict(recipes)
    state = _state(workspace)
    released, faults = dict(recipes), dict[str, ConfigError]()
    for name in sorted(moving):
        try:
            released[name] = _released(recipes[name], target_name, state)
        except ConfigError as error:
            faults[name] = error
    keep_or_raise(faults, broken)
    return released


def release_of(written: str, count: Count, pin: str = "", *, day: str = "", commit: str = "", changes: str = "") -> str:
    """A release. ``written``: by a person; ``pin``: upstream's commit; ``changes``: a digest of what is uncommitted."""
    number, when = count
    release = f"{written}.{number}" if written else str(number)
    if changes:
        return f"{release}.0^{day}git{commit[:_DIGITS]}.dirty{changes[:_DIRTY_DIGITS]}"
    return f"{release}^{_day(when)}git{pin[:_DIGITS]}" if pin else release


def _moves(recipe: Recipe, config: Config) -> bool:
    """Whether it is on; planex.yaml turns it on where a template asks for the release, package.yaml must be obeyed."""
    own = recipe.settings.autorelease
    return own if own is not None else config.autorelease and _asks(recipe)


def _asks(recipe: Recipe) -> bool:
    text = _text(recipe.template)
    return asks_release(text) or (recipe.is_template and _RELEASE.search(text) is not None)


def _released(recipe: Recipe, target_name: str, state: InHistory) -> Recipe:
    if not _asks(recipe):
        problem = Problem(recipe.template, 0, "does not ask for the release, and package.yaml has 'autorelease: true'")
        raise ConfigError([problem], "a template (.spec.j2) with the line: Release: {{ release }}%{?dist}")
    parts = (recipe.name, f"mock-configs/{target_name}.cfg")
    counts = [state.counts[part] for part in parts if part in state.counts]
    count = (sum(number for number, _ in counts), max((when for _, when in counts), default=0))
    changes = [state.changes[part] for part in parts if part in state.changes]
    variables = recipe.settings.variables
    written, pin = variables.get("release", ""), str(variables.get("commit", ""))
    release = release_of(
        str(written), count, pin if _COMMIT.fullmatch(pin) else "", day=state.day, commit=state.commit,
        changes=digest_of_text(" ".join(changes)) if changes else "",
    )  # fmt: skip
    settings = recipe.settings.model_copy(update={"variables": {**variables, "release": release}})
    return replace(recipe, settings=settings)


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except NotRegular:
        return ""  # rendering tells


def _part(path: str) -> str | None:
    """The part that a file is of: a package, or the file itself. Recorded solutions of conflicts build nothing."""
    top, _, rest = path.partition("/")
    if top not in ("specs", "patchqueues"):
        return path
    package, _, inner = rest.partition("/")
    return package if inner and not inner.startswith(f"{RERERE}/") else None


def _state(workspace: Workspace) -> InHistory:
    root = workspace.root
    position = position_of(root)
    if position is None:
        message = f"{root} is at no commit of a git repository, and 'autorelease' counts commits"
        raise ConfigError(message, "git init, git add, git commit")
    if position.shallow:
        raise ConfigError(f"{root} is a shallow clone, and 'autorelease' counts all commits", UNSHALLOW)
    changes = _digests(root, uncommitted(root, position, _PATHS))
    day = _day(commit_time(root, position.commit)) if changes else ""
    return InHistory(position.commit, day, _counts(workspace, position), changes)


def _counts(workspace: Workspace, position: Position) -> Mapping[str, Count]:
    """One walk for each new commit, from the one before."""
    path = workspace.cache / "releases.json"
    known = records.load(path, CountedParts, FORMAT)
    if known is None or (known.commit, known.prefix) != (position.commit, position.prefix):
        known = count_changes(workspace.root, position, _PATHS, _part, known)
        records.save(path, known, FORMAT)
    return known.parts


def _digests(root: Path, names: Collection[str]) -> dict[str, str]:
    """Part to a digest of its files in ``names``."""
    rows: dict[str, list[str]] = {}
    for name in names:
        if part := _part(name):
            rows.setdefault(part, []).append(f"{name} {_digest(root / name)}")
    return {part: digest_of_text("\n".join(each)) for part, each in rows.items()}


def _digest(path: Path) -> str:
    try:
        return digest_of(path, "SHA256")
    except (NotRegular, OSError):
        return "gone"


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d")
