# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the PatchN lines of a spec and how %prep applies them. Pure; for imports only, so by pattern and not by librpm:
a foreign spec need not be parsable under this distro's macros."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from planex.errors import ConfigError, Problem

_TAG = re.compile(r"(Name|Version|Release)\s*:\s*(\S+)", re.IGNORECASE)
_DEFINE = re.compile(r"%(?:global|define)\s+(\w+)\s+(\S.*)")
_PATCH = re.compile(r"Patch(\d*)\s*:\s*(\S+)", re.IGNORECASE)
_AUTO = re.compile(r"%(?:autosetup|autopatch)\b(.*)")
_APPLY = re.compile(r"%patch(?:(\d+)\b|\s+-P\s*(\d+)|\s+(\d+)\b)(.*)")
_STRIP = re.compile(r"-p\s*(\d+)")
_MACRO = re.compile(r"%\{\??(\w+)\}|%(\w+)")
_MAX_EXPANSIONS = 20


@dataclass(frozen=True, slots=True)
class SpecPatch:
    """A patch that a spec applies. ``line``: where its tag stands; ``comments``: those just above it."""

    number: int
    name: str
    line: int
    strip: int = 0
    comments: tuple[str, ...] = ()


def read_spec(path: Path) -> tuple[list[SpecPatch], list[str]]:
    """The patches in the order they are applied, and remarks on what a person should look at."""
    return parse_spec(path.read_text(errors="surrogateescape"), path)


def parse_spec(text: str, path: Path) -> tuple[list[SpecPatch], list[str]]:
    """As read_spec, from a text; ``path`` names it in errors."""
    lines = text.splitlines()
    listed = _listed(lines, path)
    remarks = [f"line {n}: %if around patches is not looked at" for n in _conditional(lines)]
    auto = next((match for line in lines if (match := _AUTO.match(line.strip()))), None)
    if auto:
        strip = _strip_of(auto[1])
        return [replace(item, strip=strip) for item in sorted(listed, key=lambda item: item.number)], remarks
    return _applied(lines, listed, path, remarks)


def _listed(lines: list[str], path: Path) -> list[SpecPatch]:
    macros = _macros(lines)
    found: list[SpecPatch] = []
    comments: list[str] = []
    in_list = False
    for number, line in enumerate(lines, 1):
        if line.startswith("%"):
            in_list = line.startswith("%patchlist")
        match = _PATCH.match(line)
        address = match[2] if match else line.strip() if in_list and line.strip()[:1] not in ("", "#", "%") else ""
        if address:
            place = int(match[1]) if match and match[1] else max((item.number for item in found), default=-1) + 1
            name = _expand(address, macros, path, number).rsplit("/", 1)[-1]
            found.append(SpecPatch(place, name, number, comments=tuple(comments)))
        comments = [*comments, line] if line.startswith("#") else []
    return found


def _macros(lines: list[str]) -> dict[str, str]:
    macros: dict[str, str] = {}
    for line in lines:
        if match := _DEFINE.match(line.strip()):
            macros[match[1]] = match[2].strip()
        elif match := _TAG.match(line):
            macros[match[1].lower()] = match[2]
    return macros


def _expand(text: str, macros: dict[str, str], path: Path, line: int) -> str:
    for _ in range(_MAX_EXPANSIONS):
        match = _MACRO.search(text)
        if match is None:
            return text
        name = match[1] or match[2]
        if name not in macros:
            break
        text = text[: match.start()] + macros[name] + text[match.end() :]
    raise ConfigError([Problem(path, line, f"cannot tell what {text} stands for")], "write the file's name out")


def _applied(
    lines: list[str], listed: list[SpecPatch], path: Path, remarks: list[str]
) -> tuple[list[SpecPatch], list[str]]:
    """Patches in the order of the %patch lines."""
    by_number = {item.number: item for item in listed}
    applied: list[SpecPatch] = []
    for number, line in enumerate(lines, 1):
        match = _APPLY.match(line.strip())
        if match is None:
            continue
        patch = by_number.pop(int(match[1] or match[2] or match[3]), None)
        if patch is None:
            raise ConfigError([Problem(path, number, f"{line.strip()}: no such patch, or applied twice")])
        if "-R" in match[4].split():
            raise ConfigError([Problem(path, number, f"{patch.name} is applied in reverse; write the reverse patch")])
        applied.append(replace(patch, strip=_strip_of(match[4])))
    names = [item.name for item in by_number.values()]
    return applied, remarks + ([f"never applied, so left behind: {', '.join(names)}"] if names else [])


def _strip_of(options: str) -> int:
    """rpm's default is 0."""
    match = _STRIP.search(options)
    return int(match[1]) if match else 0


def _conditional(lines: list[str]) -> list[int]:
    """Lines of %if that have a patch inside."""
    open_at: list[int] = []
    found: list[int] = []
    for number, line in enumerate(lines, 1):
        word = line.split(maxsplit=1)[0] if line.strip() else ""
        if word.startswith("%if"):
            open_at.append(number)
        elif word == "%endif" and open_at:
            open_at.pop()
        elif open_at and (_PATCH.match(line) or _APPLY.match(line.strip())) and open_at[-1] not in found:
            found.append(open_at[-1])
    return found
