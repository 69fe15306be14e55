# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a source needs to be built, guessed from its files and held against what there is. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from planex.scaffold.survey import Survey

_PKGCONFIG = (
    re.compile(r"PKG_(?:CHECK_MODULES|CHECK_EXISTS)\s*\(\s*\[?\w+\]?\s*,\s*\[?([^\])]+)"),
    re.compile(r"pkg_(?:check|search)_modules?\s*\(\s*\w+((?:\s+[^\s)]+)+)", re.IGNORECASE),
)
_MESON = re.compile(r"\bdependency\(\s*'([\w.+-]+)'")
_CMAKE = re.compile(r"\bfind_package\s*\(\s*([\w-]+)", re.IGNORECASE)
_PROGRAM = re.compile(r"(?:AC_(?:PATH|CHECK)_(?:PROGS?|TOOL)\s*\(\s*\[?\w+\]?\s*,\s*\[?|find_program\(\s*'?)([\w.+-]+)")
_WORD = re.compile(r"[A-Za-z][\w.+-]*$")
_VERSION_WORDS = {"REQUIRED", "QUIET", "IMPORTED_TARGET", "GLOBAL"}
_BY_SUFFIX = {
    (".y", ".yy", ".ypp"): "bison",
    (".l", ".ll", ".lex"): "flex",
    (".po",): "gettext",
    (".texi", ".texinfo"): "/usr/bin/makeinfo",
    (".pod",): "/usr/bin/pod2man",
    (".vala",): "/usr/bin/valac",
    (".asm", ".nasm"): "/usr/bin/nasm",
}
_CONTROL = re.compile(r"^Build-Depends(?:-Arch)?:(.*(?:\n[ \t].*)*)", re.MULTILINE)
_DEPENDENCY = re.compile(r"([a-z0-9][a-z0-9+.-]*)(?::\w+)?")
_PACKAGING = re.compile(r"debhelper|dh-|dpkg|debconf|po-debconf|lintian|cdbs|quilt$|hardening|d-shlibs|pkg-kde")
_MULTIARCH = ("/usr/include", "/usr/include/x86_64-linux-gnu")


@dataclass(frozen=True)
class Stock:
    """What packages there are. ``offers``: whether a capability can be had; ``owners``: path to packages that have it;
    ``always``: packages of every buildroot."""

    offers: Callable[[str], bool]
    owners: Mapping[str, Iterable[str]]
    always: frozenset[str] = frozenset()

    def owner(self, *paths: str) -> str | None:
        return next((name for path in paths for name in sorted(self.owners.get(path, ()))), None)

    def header(self, name: str) -> str | None:
        """The package with a header."""
        return self.owner(*(f"{folder}/{name}" for folder in _MULTIARCH))

    def module(self, name: str) -> str | None:
        """A pkg-config module, as a capability."""
        return f"pkgconfig({name})" if self.offers(f"pkgconfig({name})") else None

    def program(self, name: str) -> str | None:
        return self.owner(f"/usr/bin/{name}", f"/usr/sbin/{name}")


@dataclass(frozen=True, slots=True)
class Guessed:
    """``found`` can be had here; ``lacking`` cannot, and may be needed."""

    found: tuple[str, ...]
    lacking: tuple[str, ...]


def needs_of(survey: Survey, system: Iterable[str], stock: Stock, control: str = "") -> Guessed:
    """BuildRequires, best known first: the build system's, those of a debian/control, and those that files tell."""
    found: dict[str, None] = {}
    lacking: dict[str, None] = {}
    for name in (*system, *build_depends(control)):
        offered = next(filter(stock.offers, (name, _el_name(name))), None)
        (found if offered else lacking)[offered or name] = None
    of_cmake = list(_cmake(survey))
    for name in (*_modules(survey), *of_cmake):
        if capability := stock.module(name) or stock.module(name.lower()):
            found[capability] = None
        elif not control and name not in of_cmake:
            lacking[f"pkgconfig({name})"] = None
    for name in _others(survey, stock):
        if name not in stock.always:
            found[name] = None
    return Guessed(tuple(name for name in found if name not in stock.always), tuple(lacking))


def _el_name(name: str) -> str:
    """What a package of headers is called that Debian calls ``name-dev``."""
    return re.sub(r"-dev$", "-devel", name)


def _modules(survey: Survey) -> Iterator[str]:
    for _, text in survey.named("configure.ac", "configure.in", "CMakeLists.txt"):
        for pattern in _PKGCONFIG:
            for match in pattern.finditer(text):
                words = re.split(r"[\s,]+", match[1].replace("[", " ").strip())
                yield from (word for word in map(_module_name, words) if word)
    for _, text in survey.named("meson.build"):
        yield from _MESON.findall(text)


def _module_name(word: str) -> str:
    name = re.split(r"[<>=!]", word)[0]
    return name if _WORD.match(name) and name not in _VERSION_WORDS else ""


def _cmake(survey: Survey) -> list[str]:
    return [name for _, text in survey.named("CMakeLists.txt") for name in _CMAKE.findall(text)]


def _others(survey: Survey, stock: Stock) -> Iterator[str]:
    """Packages by the headers that code includes, by programs that are looked for, by kinds of files."""
    own = {path.rpartition("/")[2] for path in survey.files}
    for name in sorted(survey.includes):
        if name.rpartition("/")[2] not in own and (package := stock.header(name)):
            yield package
    for _, text in survey.named("configure.ac", "configure.in", "meson.build"):
        yield from (package for name in _PROGRAM.findall(text) if (package := stock.program(name)))
    for suffixes, wanted in _BY_SUFFIX.items():
        if survey.ends(*suffixes) and stock.offers(wanted):
            yield wanted


def build_depends(text: str) -> Iterator[str]:
    """Build-Depends of a debian/control that hold for this architecture and for the package itself."""
    for field in _CONTROL.findall(re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)):
        for entry in field.replace("\n", " ").split(","):
            first = entry.split("|")[0].strip()
            profile = re.search(r"<([^>]*)>", first)
            other = re.search(r"\[([^\]]*)\]", first)
            name = _DEPENDENCY.match(first)
            if not name or _PACKAGING.match(name[1]) or (profile and "!nocheck" in profile[1]):
                continue
            if other and not re.search(r"(?<!!)\b(amd64|any-amd64|linux-any)\b", other[1]) and "!" not in other[1]:
                continue
            yield name[1]
