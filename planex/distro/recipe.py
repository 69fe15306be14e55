# SPDX-License-Identifier: LGPL-2.1-or-later
"""A package as a person writes it: template or spec, package.yaml, checksums, patch queue; and its rendered spec."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from planex.distro.autospec import CHANGELOG, asks_changelog, filled_in
from planex.distro.config import Config, LimitSettings
from planex.errors import ConfigError, Problem, keep_or_raise
from planex.fields import Names, Words, text_of
from planex.nearest import did_you_mean
from planex.patchqueue.format.queue import Patch, PatchQueue, load_queue
from planex.regular import NotRegular, read_text
from planex.schema import Model, load
from planex.template import Template, render_all
from planex.trust.signer import key_text
from planex.workspace import Workspace

FIRST_PATCH = 1
GIVEN = ("distro", "target", "package", "patches", "patch_lines")
"""Variables of every template, beside those of package.yaml."""
_SOURCE_LINE = re.compile(r"^(Source|Patch)\d*\s*:", re.IGNORECASE)
_PATCH_LINE = re.compile(r"^Patch(\d*)\s*:", re.IGNORECASE)
_APPLIES_PATCHES = re.compile(r"^\s*%(?:autosetup|autopatch)\b.*", re.MULTILINE)
_APPLIES_NONE = re.compile(r"%autosetup\b.*\s-N\b")
_STRIP = re.compile(r"\s-p\s*(\d+)")


Value = Annotated[
    str | bool | tuple[str, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else text_of(v))
]


def _unreserved(name: str) -> str:
    if name in GIVEN:
        raise ValueError("this variable is set by planex; choose another name")
    return name


Variable = Annotated[str, AfterValidator(_unreserved)]


class Upstream(Model):
    """Upstream's git repository; ``tag`` is a pattern with ``{version}``."""

    git: str
    tag: str = "{version}"


class Updates(Model):
    """Where newer versions are looked for: one of these. ``tag`` is a pattern with ``{version}``."""

    git: str = ""
    tag: str = ""
    page: str = ""
    """URL of a page that links to tarballs."""
    pypi: str = ""
    debian: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(map(bool, (self.git, self.page, self.pypi, self.debian))) != 1 or (self.tag and not self.git):
            raise ValueError("give one of git (with tag), page, pypi, debian")
        return self


class Settings(Model):
    """package.yaml."""

    variables: dict[Variable, Value] = Field(default_factory=dict)
    """What the template sees, ``version`` and ``release`` among them."""
    guards: Words = ()
    """Guards chosen in the patch queue, besides the target's."""
    upstream: Upstream | None = None
    update: Updates | None = None
    watch: bool = False
    """Each snapshot asks what is new upstream, and forecasts the queue on it."""
    mirrors: dict[str, Words] = Field(default_factory=dict)
    """For a source's file name, other URLs to try when the one in the spec fails."""
    limits: LimitSettings = LimitSettings()
    """What the build of this package may use."""
    autorelease: bool | None = None
    """Count the release by git history; None: as planex.yaml says."""
    bootstrap: bool = False
    """The spec has a build condition ``bootstrap``, by which it can be built without what needs it."""
    replaces: Names = ()
    """Packages of the base whose names, capabilities and files this package may take."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The files of one package."""

    name: str
    folder: Path
    template: Path
    settings: Settings
    queue: PatchQueue

    @property
    def is_template(self) -> bool:
        return self.template.suffix == ".j2"

    def line_of_tag(self, kind: str, number: int) -> int:
        """Line of ``SourceN:`` or ``PatchN:`` in the template; 0 where it does not stand there as it is."""
        tag = re.compile(rf"^{kind}{number or '0?'}\s*:", re.IGNORECASE)
        lines = enumerate(_read(self.template).splitlines(), 1)
        return next((line for line, text in lines if tag.match(text)), 0)

    @property
    def checksums(self) -> Path:
        return self.folder / "sources"


def find_recipes(
    workspace: Workspace, guards: Iterable[str] = (), broken: dict[str, ConfigError] | None = None
) -> dict[str, Recipe]:
    """All packages of the workspace by name. Those with mistakes go to ``broken``, or are raised all together."""
    recipes: dict[str, Recipe] = {}
    faults: dict[str, ConfigError] = {}
    for name in package_names(workspace):
        try:
            recipes[name] = load_recipe(workspace, name, guards)
        except ConfigError as error:
            faults[name] = error
    keep_or_raise(faults | _orphan_queues(workspace, recipes), broken)
    if not recipes and not faults and broken is None:
        raise no_packages(workspace)
    return recipes


def package_names(workspace: Workspace) -> list[str]:
    """Of all that is in specs/, whether it can be read or not."""
    return sorted(path.name for path in workspace.specs.glob("[!.]*") if path.is_dir())


def require_known(asked: Iterable[str], names: Sequence[str]) -> None:
    """ConfigError for what is no package, with the nearest that is."""
    unknown = [f"no package '{name}' in specs/{did_you_mean(name, names)}" for name in asked if name not in names]
    if unknown:
        raise ConfigError("\n".join(unknown), f"packages: {', '.join(names)}" if names else None)


def no_packages(workspace: Workspace) -> ConfigError:
    """For a workspace in which there is nothing to do."""
    return ConfigError(f"no packages in {workspace.specs}", "make one: planex new, planex import; see docs/packages.md")


def load_recipe(workspace: Workspace, name: str, guards: Iterable[str] = ()) -> Recipe:
    """One package, its patch queue read with its own and the given guards."""
    folder = workspace.specs / name
    settings_file = folder / "package.yaml"
    settings = load(settings_file, Settings) if os.path.lexists(settings_file) else Settings()
    queue = load_queue(workspace.patchqueues / name, frozenset(guards) | frozenset(settings.guards))
    return Recipe(name, folder, _template(folder), settings, queue)


def _template(folder: Path) -> Path:
    candidates = [folder / f"{folder.name}.spec.j2", folder / f"{folder.name}.spec"]
    found = [path for path in candidates if path.is_file()]
    if not found:
        raise ConfigError([Problem(candidates[0], 0, "file not found (nor a plain .spec)")])
    if len(found) > 1:
        raise ConfigError([Problem(folder, 0, f"has both {found[0].name} and {found[1].name}; keep one")])
    others = [path.name for path in sorted(folder.glob("*.spec*")) if path.name.endswith((".spec", ".spec.j2"))]
    if others != [found[0].name]:
        hint = "a folder of specs/ is one package: give each spec a folder of its name"
        raise ConfigError([Problem(folder, 0, f"has more than one spec: {', '.join(others)}")], hint)
    return found[0]


def _orphan_queues(workspace: Workspace, recipes: dict[str, Recipe]) -> dict[str, ConfigError]:
    queues = sorted(path.parent for path in workspace.patchqueues.glob("*/series"))
    known = {path.name for path in workspace.specs.glob("*")}
    text = "patch queue of no package: specs/{}/ is missing{}"
    return {
        queue.name: ConfigError([Problem(queue, 0, text.format(queue.name, did_you_mean(queue.name, list(recipes))))])
        for queue in queues
        if queue.name not in known
    }


def render_specs(
    recipes: Mapping[str, Recipe],
    config: Config,
    target_name: str,
    cache: Path,
    broken: dict[str, ConfigError] | None = None,
) -> dict[str, str]:
    """The text of every package's spec for a target. Mistakes go to ``broken``, or are raised all together."""
    faults: dict[str, ConfigError] = {}
    texts: dict[str, str] = {}
    rendered = render_all(_templates(recipes, config, target_name, faults), cache)
    for name, recipe in recipes.items():
        try:
            if not recipe.is_template:
                texts[name] = insert_patches(_read(recipe.template), recipe.queue.patches, recipe.template, name)
            elif name in rendered:
                texts[name] = _checked(rendered[name], recipe)
            if name in texts:
                texts[name] = _filled_in(texts[name], recipe)
        except ConfigError as error:
            faults[name] = error
    keep_or_raise(faults, broken)
    return texts


def _filled_in(text: str, recipe: Recipe) -> str:
    """With the release and the changelog of a spec from dist-git."""
    changelog = recipe.folder / CHANGELOG
    entries = _read(changelog) if asks_changelog(text) and changelog.is_file() else ""
    return filled_in(text, str(recipe.settings.variables.get("release", "1")), entries)


def _templates(
    recipes: Mapping[str, Recipe], config: Config, target_name: str, faults: dict[str, ConfigError]
) -> dict[str, Template]:
    """What is to be rendered; what cannot be read is told in ``faults``."""
    templates: dict[str, Template] = {}
    for name, recipe in recipes.items():
        try:
            if recipe.is_template:
                variables = _variables(recipe, config, target_name)
                templates[name] = Template(recipe.template, _read(recipe.template), variables)
        except ConfigError as error:
            faults[name] = error
    return templates


def _checked(rendered: str | ConfigError, recipe: Recipe) -> str:
    if isinstance(rendered, ConfigError):
        raise rendered
    _require_patches_applied(rendered, recipe.queue.patches, recipe.template)
    return rendered


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except NotRegular as error:
        raise ConfigError([Problem(path, error.line, error.reason)], error.hint) from None


def patch_lines(patches: Iterable[Patch], package: str, first: int = FIRST_PATCH) -> str:
    """``PatchN:`` lines for a spec, with a comment that says where they come from; empty without patches."""
    lines = [f"Patch{number}: {Path(patch.name).name}" for number, patch in enumerate(patches, first)]
    return "\n".join([f"# Patch queue: patchqueues/{package}/series", *lines]) if lines else ""


def insert_patches(text: str, patches: Iterable[Patch], path: Path, package: str) -> str:
    """A plain spec with the queue's patches behind its last Source or Patch line; every other line as it was."""
    patches = list(patches)
    if not patches:
        return text
    _require_patches_applied(text, patches, path)
    lines = text.splitlines(keepends=True)
    preamble = next((n for n, line in enumerate(lines) if line.startswith("%description")), len(lines))
    tags = [n for n in range(preamble) if _SOURCE_LINE.match(lines[n])]
    if not tags:
        raise ConfigError([Problem(path, 0, "has a patch queue but no Source line")])
    block = patch_lines(patches, package, _last_patch_number(lines[:preamble]) + 1)
    lines.insert(tags[-1] + 1, block + "\n")
    return "".join(lines)


def _last_patch_number(preamble: Iterable[str]) -> int:
    """Highest number of the spec's own patches; rpm numbers a bare ``Patch:`` on from the one before it."""
    highest, last = FIRST_PATCH - 1, -1
    for line in preamble:
        if match := _PATCH_LINE.match(line):
            last = int(match.group(1)) if match.group(1) else last + 1
            highest = max(highest, last)
    return highest


def _require_patches_applied(text: str, patches: Iterable[Patch], path: Path) -> None:
    """The spec must apply the queue, dropping as many leading folders as the series says of each patch."""
    patches = list(patches)
    lines = [match.group(0) for match in _APPLIES_PATCHES.finditer(text) if not _APPLIES_NONE.search(match.group(0))]
    if patches and not lines:
        message = "has a patch queue, but no %autosetup or %autopatch line that would apply it"
        raise ConfigError([Problem(path, 0, message)], "use `%autosetup -p1` in %prep")
    if not patches or any("-S" in line for line in lines):
        return
    strip = _STRIP.search(lines[0])
    level = int(strip.group(1)) if strip else 0
    problems = [
        Problem(
            patch.path.parent / "series",
            patch.entry.line,
            f"{patch.name} is -p{patch.strip}, but {path.name} has "
            f"`{lines[0].strip()}`, which applies all patches with -p{level}",
        )
        for patch in patches
        if patch.strip != level
    ]
    if problems:
        raise ConfigError(problems, "use `%autosetup -p1` in %prep, and patches with paths like a/src/file.c")


def _variables(recipe: Recipe, config: Config, target_name: str) -> dict[str, Any]:
    target = config.targets[target_name]
    patches = [
        {"name": Path(patch.name).name, "subject": patch.subject, "number": number}
        for number, patch in enumerate(recipe.queue.patches, FIRST_PATCH)
    ]
    distro = {key: getattr(config, key) for key in ("name", "version", "vendor", "summary", "url")}
    signing_key = key_text(config.sign, Workspace(recipe.folder.parents[1])) if config.sign else ""
    return {
        **recipe.settings.variables,
        "distro": {**distro, "signing_key": signing_key.replace("%", "%%")},
        "target": {"name": target_name, "arch": target.arch, "base": target.base},
        "package": {"name": recipe.name},
        "patches": patches,
        "patch_lines": patch_lines(recipe.queue.patches, recipe.name),
    }
