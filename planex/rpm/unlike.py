# SPDX-License-Identifier: LGPL-2.1-or-later
"""How two RPMs that should have the same bytes differ, in words: which files in them, which tags of their headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from planex.rpm.rpmfile import BadRpm, RpmHeader, entries_of, read_main_header

_DIGESTS = 1035
_NAMES = {1000: "name", 1001: "version", 1002: "release", 1004: "summary", 1005: "description", 1006: "build time"}
_NAMES |= {1007: "build host", 1009: "size", 1044: "source RPM", 1047: "provides", 1049: "requires", 1080: "changelog"}
_NAMES |= {1064: "version of rpm", 1094: "cookie", 1122: "options of the compiler", 1132: "platform", 1146: "debug"}
_OF_FILES = {1028, 1030, 1034, _DIGESTS, 1036, 1037, 1039, 1040, 1045, 1095, 1096, 1097, 1116, 1117, 1118, 1140, 1141}
_FOLLOWING = {5011, 5062, 5092, 5093, 5097, 5113, 271, 1009, 1124}
"""Tags of the payload's size and digest, which follow from the rest."""
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class _Content:
    tags: Mapping[int, object]
    files: Mapping[str, tuple[int, str, str]]


def unlike_rpms(old: BinaryIO, new: BinaryIO) -> str:
    """A sentence: paths that are in one only, or have another mode, link or content, then tags that differ."""
    try:
        before, after = _content(old), _content(new)
    except BadRpm as error:
        return f"one of both cannot be read: {error.message}"
    files = [path for path in sorted(before.files.keys() | after.files.keys()) if _differs(path, before, after)]
    tags = [
        tag for tag in sorted(before.tags.keys() | after.tags.keys()) if before.tags.get(tag) != after.tags.get(tag)
    ]
    tags = [tag for tag in tags if tag not in _FOLLOWING and not (files and tag in _OF_FILES)]
    found = [f"files in it differ: {_few(files)}"] if files else []
    found += [f"its header differs: {_few([_NAMES.get(tag, f'tag {tag}') for tag in tags])}"] if tags else []
    return "; ".join(found) or "files and tags are the same, the payload is packed in another way"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _differs(path: str, old: _Content, new: _Content) -> bool:
    return old.files.get(path) != new.files.get(path)


def _content(file: BinaryIO) -> _Content:
    header = read_main_header(file)
    return _Content(header.raw(), _files(header))


def _files(header: RpmHeader) -> dict[str, tuple[int, str, str]]:
    entries, digests = list(entries_of(header)), header.texts(_DIGESTS)
    if len(digests) != len(entries):
        raise BadRpm("its lists of files do not fit together")
    return {each.path: (each.mode, each.link, digest) for each, digest in zip(entries, digests, strict=True)}
