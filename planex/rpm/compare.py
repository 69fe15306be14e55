# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one binary RPM has that another has not, a line each: files, Provides and Requires, scriptlets, sizes.

``planex.rpm.unlike`` says in a sentence why two RPMs have not the same bytes; this is for two that need not.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from planex.rpm.rpmfile import RpmHeader, capabilities, entries_of, read_main_header

_LISTS = {"provides": (1047, 1112, 1113), "requires": (1049, 1048, 1050), "conflicts": (1054, 1053, 1055)}
_LISTS |= {"obsoletes": (1090, 1114, 1115), "recommends": (5046, 5048, 5047)}
_SCRIPTS = {1023: "%pre", 1024: "%post", 1025: "%preun", 1026: "%postun", 1151: "%pretrans", 1152: "%posttrans"}
_SCRIPTS |= {1079: "%verifyscript", 1065: "a trigger", 5069: "a file trigger", 5079: "a transaction file trigger"}
_INTERPRETERS = {1023: 1085, 1024: 1086, 1025: 1087, 1026: 1088, 1151: 1153, 1152: 1154}
_SIZE, _SIZES, _DIGESTS, _USERS, _GROUPS, _FLAGS = 1009, 1028, 1035, 1039, 1040, 1037


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A path of an RPM; ``flags``: %config, %doc and the like, as rpm's bits."""

    mode: int
    link: str
    size: int
    digest: str
    owner: str
    flags: int


def compare_rpms(old: BinaryIO, new: BinaryIO) -> Iterator[str]:
    """Lines, empty where nothing differs that matters to who installs them. BadRpm where one cannot be read."""
    before, after = read_main_header(old), read_main_header(new)
    yield from _file_lines(_files(before), _files(after))
    for name, tags in _LISTS.items():
        was, now = ({str(each) for each in capabilities(header, *tags)} for header in (before, after))
        yield from (f"- {name} {each}" for each in sorted(was - now))
        yield from (f"+ {name} {each}" for each in sorted(now - was))
    yield from _script_lines(before, after)
    sizes = [sum(header.numbers(_SIZE)) for header in (before, after)]
    if sizes[0] != sizes[1]:
        yield f"! installed size {sizes[0]} -> {sizes[1]} bytes ({sizes[1] - sizes[0]:+})"


def _files(header: RpmHeader) -> dict[str, PackedFile]:
    entries = list(entries_of(header))
    owners = [f"{user}:{group}" for user, group in zip(header.texts(_USERS), header.texts(_GROUPS), strict=True)]
    columns = (header.numbers(_SIZES) or (0,) * len(entries), header.texts(_DIGESTS), owners, header.numbers(_FLAGS))
    return {
        entry.path: PackedFile(entry.mode, entry.link, *row)
        for entry, row in zip(entries, zip(*columns, strict=True), strict=True)
    }


def _file_lines(old: Mapping[str, PackedFile], new: Mapping[str, PackedFile]) -> Iterator[str]:
    for path in sorted(old.keys() | new.keys()):
        if path not in new:
            yield f"- {path}"
        elif path not in old:
            yield f"+ {path}"
        elif changes := ", ".join(_changes(old[path], new[path])):
            yield f"! {path}: {changes}"


def _changes(old: PackedFile, new: PackedFile) -> Iterable[str]:
    if stat.S_IFMT(old.mode) != stat.S_IFMT(new.mode):
        yield "another kind of file"
    elif old.mode != new.mode:
        yield f"mode {stat.S_IMODE(old.mode):o} -> {stat.S_IMODE(new.mode):o}"
    if old.link != new.link:
        yield f"leads to {new.link}, before to {old.link}"
    elif old.digest != new.digest:
        yield f"content, {old.size} -> {new.size} bytes" if old.size != new.size else "content"
    if old.owner != new.owner:
        yield f"owner {old.owner} -> {new.owner}"
    if old.flags != new.flags:
        yield f"flags {old.flags} -> {new.flags}"


def _script_lines(old: RpmHeader, new: RpmHeader) -> Iterator[str]:
    for tag, name in _SCRIPTS.items():
        was, now = ((header.texts(tag), _interpreter(header, tag)) for header in (old, new))
        if was != now:
            yield f"{'+' if not any(was) else '-' if not any(now) else '!'} scriptlet {name}"


def _interpreter(header: RpmHeader, tag: int) -> list[str]:
    return header.texts(_INTERPRETERS[tag]) if tag in _INTERPRETERS else []
