# SPDX-License-Identifier: LGPL-2.1-or-later
"""A workspace of planex 4: ``SPECS/`` with links and pins, ``SOURCES/``, ``PINS/``, ``mock/``, as they lie."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from planex.errors import ConfigError, PlanexError
from planex.importers.incoming import LARGEST, Incoming
from planex.importers.links import OldLink, parse_link, parse_pins
from planex.importers.oldmock import mock_configs
from planex.importers.oldsources import Resources, carry
from planex.regular import NotRegular, inside, read_regular, read_text
from planex.rpm.nevra import require_name
from planex.rpm.spec import Macros, Package, SpecFile, parse_specs

_RULE = re.compile(r"^([A-Za-z][\w.-]*)\s*:(?![=:])", re.MULTILINE)
_DEFINES = re.compile(
    r"^(\w*(?:EXTRA_(?:FLAGS|DEFINES)|_FLAGS)|REPOSDIR|PINSDIR|SPECS|LINKS)\s*[:+?]?=.*", re.MULTILINE
)
_LEFT = ("planexrc", ".planexrc", "ignore")
_HIDDEN = ("default",)


@dataclass
class Planex4:
    """The old workspace. ``use_pins``: a pin stands in for its package's link, as it did."""

    root: Path
    resources: Resources
    use_pins: bool = True
    _used: set[Path] = field(default_factory=set)

    def incoming(self, macros: Macros, cache: Path) -> list[Incoming]:
        """All that is there; the last has no files, and says what was left behind."""
        specs = {require_name(path.name.split(".")[0]): path for path in sorted((self.root / "SPECS").glob("*.spec"))}
        if not specs:
            raise PlanexError(f"{self.root / 'SPECS'} has no *.spec", "name the folder that holds SPECS/")
        remarks: list[str] = []
        links = dict(self._links(specs, remarks))
        broken: dict[str, ConfigError] = {}
        given = {name: SpecFile(path, self.root / "SOURCES") for name, path in specs.items()}
        parsed = parse_specs(given, macros, cache, broken)
        made = [self._package(name, specs[name], links.get(name), parsed.get(name), broken.get(name)) for name in specs]
        mock = mock_configs(self.root)
        return [*made, *mock, Incoming("the rest", {}, (*remarks, *self._rest()))]

    def _links(self, specs: Mapping[str, Path], remarks: list[str]) -> Iterator[tuple[str, OldLink]]:
        """By package, the later before the earlier: a pin replaces the link wholly."""
        pins = sorted((self.root / "PINS").glob("*.pin")) + sorted((self.root / "SPECS").glob("*.pin"))
        paths = sorted((self.root / "SPECS").glob("*.lnk")) + sorted((self.root / "PINS").glob("*.lnk"))
        found: list[tuple[str, OldLink]] = []
        for path in [*paths, *pins, self.root / "pins"]:
            if not path.is_file():
                continue
            if not self.use_pins and path not in paths:
                remarks.append(f"{path.relative_to(self.root)}: a pin, left out by --no-pins")
                continue
            try:
                text = read_text(inside(path, self.root), LARGEST)
                named = (
                    parse_pins(text, path)
                    if path.name == "pins"
                    else [(path.name.split(".")[0], parse_link(text, path))]
                )
                found += list(named)
            except (ConfigError, NotRegular) as error:
                remarks.append(f"not carried: {error.message}")
        for name, link in found:
            if name in specs:
                yield name, link
            else:
                remarks.append(f"{link.path.relative_to(self.root)}: there is no SPECS/{name}.spec")

    def _package(
        self, name: str, path: Path, link: OldLink | None, parsed: Package | None, fault: ConfigError | None
    ) -> Incoming:
        remarks = [f"taken as it lies, but this target's rpm cannot read it: {fault.message}"] if fault else []
        text = read_regular(inside(path, self.root), LARGEST).decode("utf-8", "surrogateescape")
        carried = carry(text, name, parsed, link, self.resources)
        local = dict(self._local(name, parsed, carried.files, remarks))
        files = {f"specs/{name}/{file}": data for file, data in {**local, **carried.files}.items()}
        files[f"specs/{name}/{name}.spec"] = carried.text.encode("utf-8", "surrogateescape")
        files |= {f"patchqueues/{name}/{file}": data for file, data in carried.queue.items()}
        return Incoming(name, files, (*remarks, *carried.remarks))

    def _local(
        self, name: str, parsed: Package | None, given: Mapping[str, bytes], remarks: list[str]
    ) -> Iterator[tuple[str, bytes]]:
        """Sources and patches that lie in the old workspace, by the path in their Source line."""
        for source in parsed.sources if parsed else ():
            if source.is_remote or source.file_name in given:
                continue
            relative = PurePosixPath(source.url)
            path = self._find(name, relative)
            if path is None:
                remarks.append(f"{source.kind.title()}{source.number}: {source.url} is not in SOURCES/")
                continue
            self._used.add(path)
            yield str(relative), read_regular(inside(path, self.root), LARGEST)

    def _find(self, name: str, relative: PurePosixPath) -> Path | None:
        if relative.is_absolute() or ".." in relative.parts:
            return None
        places = ("SOURCES", f"SOURCES/{name}", "SPECS", "")
        return next((path for place in places if (path := self.root / place / relative).is_file()), None)

    def _rest(self) -> Iterator[str]:
        sources = sorted(path for path in (self.root / "SOURCES").rglob("*") if path.is_file())
        spare = [str(path.relative_to(self.root)) for path in sources if path not in self._used]
        if spare:
            yield f"named by no spec, left behind: {', '.join(spare)}"
        for name in _LEFT:
            if (self.root / name).exists():
                yield f"{name}: left behind; it configures programs of planex 4"
        if (self.root / "Makefile").is_file():
            yield from _of_makefile(read_text(inside(self.root / "Makefile", self.root)))


def _of_makefile(text: str) -> Iterator[str]:
    for match in _DEFINES.finditer(text):
        yield f"Makefile: `{match[0].strip()}` has no like here; macros belong into mock-configs/*.cfg"
    rules = [name for name in dict.fromkeys(_RULE.findall(text)) if name not in _HIDDEN]
    if rules:
        yield f"Makefile: its own rules are left behind: {', '.join(rules)}"
