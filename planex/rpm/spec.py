# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a rendered spec says, under the macros of a target and never those of the host."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planex.cage.ask import SECONDS, ask
from planex.checksums import digest_of, digest_of_text
from planex.content import records
from planex.errors import ConfigError, Problem, keep_or_raise
from planex.rpm.capability import Capability
from planex.rpm.leftovers import Leftover

FORMAT = 9
CAGED_CONFIG = "/rpmconfig"
"""Where a cage has a target's macro files."""
_HOST_RPMCONFIG = Path("/usr/lib/rpm")
_GENERIC = ("macros", "rpmrc", "platform")
_READS = re.compile(r"%\s*include\b|%\{load:|%\{lua:|%\(|%\{(?:shescape|exists):")
"""What can read a file while a spec is parsed."""
_ERROR = re.compile(r"error: (?:.*?line (\d+): )?(.*)")


@dataclass(frozen=True, slots=True)
class Subpackage:
    """One RPM that a spec makes. ``files``: paths and patterns of its %files section."""

    name: str
    version: str
    release: str
    arch: str
    provides: tuple[Capability, ...]
    requires: tuple[Capability, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A SourceN or PatchN line. The file's name is what stands behind the last ``/`` (of the fragment, if any)."""

    number: int
    url: str
    kind: str

    @property
    def file_name(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    @property
    def is_remote(self) -> bool:
        return ":" in self.url


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What %setup does: it unpacks sources, by their files' names, and enters a folder that must come out of them."""

    folder: str
    tarballs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Package:
    """A parsed spec. ``changelog_time``: seconds since 1970 of the newest %changelog entry, 0 without one.

    ``generates``: it has a %generate_buildrequires, if only in a branch that is not taken.
    ``exclusive_archs`` and ``excluded_archs``: the words of ExclusiveArch and ExcludeArch.
    """

    name: str
    epoch: int | None
    version: str
    release: str
    arch: str
    changelog_time: int
    build_requires: tuple[Capability, ...]
    sources: tuple[Source, ...]
    subpackages: tuple[Subpackage, ...]
    build_conflicts: tuple[Capability, ...] = ()
    generates: bool = False
    exclusive_archs: tuple[str, ...] = ()
    excluded_archs: tuple[str, ...] = ()
    unpacks: tuple[Unpacked, ...] = ()
    leftovers: tuple[Leftover, ...] = ()

    def refuses(self, arch: str) -> str | None:
        """Why this package is not built for ``arch``, or None: rpmbuild's rule, which wants the very word."""
        if self.exclusive_archs and arch not in self.exclusive_archs:
            return f"not for {arch} (ExclusiveArch: {' '.join(self.exclusive_archs)})"
        if arch in self.excluded_archs:
            return f"not for {arch} (ExcludeArch: {' '.join(self.excluded_archs)})"
        return None

    @property
    def rpm_names(self) -> tuple[str, ...]:
        """File names of the RPMs that a build must give."""
        return tuple(f"{sub.name}-{sub.version}-{sub.release}.{sub.arch}.rpm" for sub in self.subpackages)


@dataclass(frozen=True, slots=True)
class Macros:
    """The macros of a target: rpm's configuration folder and the definitions of the mock configuration."""

    rpmconfig: Path
    definitions: Mapping[str, str]


def target_macros(base: Path, cache: Path, definitions: Mapping[str, str]) -> Macros:
    """Macro files of an embedded base, or rpm's generic ones without what the host's packages added to them."""
    own = base / "rpmconfig"
    if own.is_dir():
        return Macros(own, definitions)
    generic = cache / "rpmconfig"
    generic.mkdir(parents=True, exist_ok=True)
    for name in _GENERIC:
        link = generic / name
        if not link.is_symlink():
            link.symlink_to(_HOST_RPMCONFIG / name)
    return Macros(generic, definitions)


@dataclass(frozen=True, slots=True)
class SpecFile:
    """A rendered spec, and the folder with the sources that it may read while it is parsed."""

    path: Path
    sources: Path

    @property
    def read_while_parsed(self) -> str:
        """Digest of the sources, for a spec that has a way to read them."""
        if not self.sources.is_dir() or not _READS.search(self.path.read_text(errors="replace")):
            return ""
        files = sorted(path for path in self.sources.iterdir() if path.is_file())
        return " ".join(f"{path.name} {digest_of(path, 'SHA256')}" for path in files)


def parse_specs(
    specs: Mapping[str, SpecFile], macros: Macros, cache: Path, broken: dict[str, ConfigError] | None = None
) -> dict[str, Package]:
    """Package name (of the recipe) to parsed spec. Unchanged specs come from ``cache``.

    Mistakes go to ``broken``, or are raised all together.
    """
    paths = {name: spec.path for name, spec in specs.items()}
    places = {name: cache / f"{_key(spec, macros)}.json" for name, spec in specs.items()}
    known = {name: records.load(place, Package, FORMAT) for name, place in places.items()}
    answers = _ask_librpm({name: specs[name] for name, package in known.items() if package is None}, macros)
    made = {name: records.from_plain(each, Package) for name, each in answers.items() if "errors" not in each}
    for name, package in made.items():
        records.save(places[name], package, FORMAT)
    packages = {name: found for name, package in known.items() if (found := package or made.get(name))}
    faults = {name: _fault(paths[name], each["errors"]) for name, each in answers.items() if "errors" in each}
    faults |= _wrong_names(packages, paths)
    keep_or_raise(faults, broken)
    return {name: package for name, package in packages.items() if name not in faults}


def _key(spec: SpecFile, macros: Macros) -> str:
    parts = [FORMAT, str(macros.rpmconfig.resolve()), sorted(macros.definitions.items()), spec.path.read_text()]
    return digest_of_text(json.dumps([*parts, spec.read_while_parsed]))


def _ask_librpm(specs: Mapping[str, SpecFile], macros: Macros) -> dict[str, Any]:
    definitions = dict(macros.definitions)
    questions = {
        name: {"macros": definitions, "spec": f"/specs/{name}/{spec.path.name}", "sources": f"/sources/{name}"}
        for name, spec in specs.items()
    }
    folders = {f"/specs/{name}": spec.path.parent for name, spec in specs.items()}
    folders |= {f"/sources/{name}": spec.sources for name, spec in specs.items() if spec.sources.is_dir()}
    env = {"RPM_CONFIGDIR": CAGED_CONFIG}
    readable = {CAGED_CONFIG: macros.rpmconfig, **folders}
    return ask("planex.rpm.librpm", questions, readable=readable, env=env, seconds=SECONDS)


def _fault(path: Path, said: str) -> ConfigError:
    return ConfigError(_problems(str(path), said), "the rendered spec is a plain file: look at that line in it")


def _problems(path: str, said: str) -> list[Problem]:
    matches = [match for line in said.splitlines() if (match := _ERROR.match(line))]
    found = [Problem(Path(path), int(match.group(1) or 0), match.group(2)) for match in matches]
    return found or [Problem(Path(path), 0, said.strip().splitlines()[-1])]


def _wrong_names(packages: Mapping[str, Package], paths: Mapping[str, Path]) -> dict[str, ConfigError]:
    text = "Name is '{}', but the package's folder is specs/{}"
    return {
        name: ConfigError(
            [Problem(paths[name], 0, text.format(package.name, name))], "rename the folder or change Name"
        )
        for name, package in packages.items()
        if package.name != name
    }
