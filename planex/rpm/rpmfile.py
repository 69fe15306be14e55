# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads RPM files that nobody vouches for: lead, signature header and header, with bounds, in plain Python.

Nothing is believed that its own SHA-256 does not prove: a header without one, or a payload, is refused. Only the tags
that a decision needs are decoded. librpm is not used: a mistake in it would be a hostile package's way out.
"""

from __future__ import annotations

import hashlib
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from planex.errors import PlanexError
from planex.rpm.capability import Capability

_LEAD = struct.Struct(">4sBBHH66sHH16s")
LEAD_SIZE = _LEAD.size
_LEAD_MAGIC = b"\xed\xab\xee\xdb"
HEADER_MAGIC = b"\x8e\xad\xe8\x01\x00\x00\x00\x00"
ENTRY = struct.Struct(">IIiI")
_MAX_ENTRIES = 4096
_MAX_DATA = 1 << 27
"""Bytes of a header's data; a kernel with all modules has about 2 MB."""
_MAX_FILES = 1 << 20
_CHUNK = 1 << 20
_INTEGERS = {3: ("H", 2), 4: ("I", 4), 5: ("Q", 8)}
_CHAR, _BYTE, _STRING, _BINARY, _STRINGS, _TRANSLATED = 1, 2, 6, 7, 8, 9
_REGIONS = 100
"""Tags below it mark regions of a header."""
_IMMUTABLE = 63
_SHA256_HEADER = 273
_SHA256 = 8
"""The number of SHA-256 in OpenPGP, which rpm uses."""


class BadRpm(PlanexError):
    """The file is no RPM that can be believed; ``message`` says why, without its name."""


@dataclass(frozen=True, slots=True)
class RpmEntry:
    """A path of an RPM's payload. ``mode`` as in stat(2); ``link``: where a symbolic link points."""

    path: str
    mode: int
    link: str = ""

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)


@dataclass(frozen=True, slots=True)
class Rpm:
    """What a binary RPM says of itself."""

    name: str
    version: str
    release: str
    arch: str
    provides: tuple[Capability, ...]
    requires: tuple[Capability, ...]
    obsoletes: tuple[str, ...]
    entries: tuple[RpmEntry, ...]
    kinds: tuple[str, ...] = ()
    """What libmagic said of each entry when it was packed; empty where rpm did not ask."""

    @property
    def file_name(self) -> str:
        return f"{self.name}-{self.version}-{self.release}.{self.arch}.rpm"


def read_rpm(file: BinaryIO) -> Rpm:
    """Read and prove an RPM, the whole file. Raises BadRpm for anything that is not exactly one binary RPM."""
    return _facts(_read_proved(file, binary=True))


def read_source_requires(file: BinaryIO) -> tuple[Capability, ...]:
    """BuildRequires of a source RPM, read and proved as by read_rpm."""
    return _requires(_read_proved(file, binary=False))


def _read_proved(file: BinaryIO, *, binary: bool) -> RpmHeader:
    check_lead(take(file, LEAD_SIZE, "lead"), binary=binary)
    signature, size = read_header(file)
    take(file, -size % 8, "padding")
    blob = bytearray()
    header, _ = read_header(file, blob)
    if signature.text(_SHA256_HEADER) != hashlib.sha256(blob).hexdigest():
        raise BadRpm("its header does not have the SHA-256 that its signature gives")
    header.require_region()
    _check_payload(file, header)
    if (1106 not in header and 1044 in header) != binary:  # SOURCEPACKAGE, SOURCERPM
        raise BadRpm(f"it is no {_named(binary)} RPM")
    return header


def _named(binary: bool) -> str:
    return "binary" if binary else "source"


def check_lead(data: bytes, *, binary: bool) -> None:
    """BadRpm unless it is the lead of a binary or a source RPM."""
    magic, major, _, kind, *_ = _LEAD.unpack(data)
    if magic != _LEAD_MAGIC or major != 3:
        raise BadRpm("it is no RPM")
    if kind != (0 if binary else 1):
        raise BadRpm(f"it is no {_named(binary)} RPM")


def take(file: BinaryIO, size: int, what: str) -> bytes:
    """The next bytes; BadRpm where the file has fewer."""
    data = file.read(size)
    if len(data) != size:
        raise BadRpm(f"it ends within its {what}: truncated, or no RPM")
    return data


def read_main_header(file: BinaryIO) -> RpmHeader:
    """The header that says what an RPM is, unproved. Raises BadRpm."""
    take(file, LEAD_SIZE, "lead")
    _, size = read_header(file)
    take(file, -size % 8, "padding")
    return read_header(file)[0]


def read_header(file: BinaryIO, copy: bytearray | None = None) -> tuple[RpmHeader, int]:
    """The next header and its size in bytes; its bytes are added to ``copy``."""
    intro = take(file, 16, "header")
    count, size = struct.unpack(">II", intro[8:])
    if intro[:8] != HEADER_MAGIC:
        raise BadRpm("its header is damaged")
    if not 0 < count <= _MAX_ENTRIES or size > _MAX_DATA:
        raise BadRpm(f"its header is too large ({count} entries, {size} bytes)")
    index, data = take(file, count * ENTRY.size, "header"), take(file, size, "header")
    if copy is not None:
        copy += intro + index + data
    return RpmHeader(index, data), len(intro) + len(index) + len(data)


class RpmHeader:
    """Tags of a header; a value is decoded, within bounds, when it is asked for."""

    def __init__(self, index: bytes, data: bytes) -> None:
        self._data = data
        self._entries: dict[int, tuple[int, int, int]] = {}
        self._first = ENTRY.unpack_from(index)
        for tag, kind, offset, count in ENTRY.iter_unpack(index):
            if tag in self._entries:
                raise BadRpm(f"its header has tag {tag} twice")
            if not 0 <= offset <= len(data) or count > len(data):
                raise BadRpm(f"its header has tag {tag} outside of its data")
            self._entries[tag] = (kind, offset, count)

    def require_region(self) -> None:
        """The immutable region must be all of the header: what is outside of it was added later."""
        tag, kind, offset, count = self._first
        trailer = self._data[offset : offset + 16]
        if (tag, kind, count, len(trailer)) != (_IMMUTABLE, _BINARY, 16, 16) or offset + 16 != len(self._data):
            raise BadRpm("its header has no region that covers all of it")
        if -ENTRY.unpack(trailer)[2] != len(self._entries) * ENTRY.size:
            raise BadRpm("its header has tags outside of its region")

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def raw(self) -> dict[int, tuple[int, int, bytes]]:
        """Tag to type, count and bytes of every value but the region's mark."""
        return {tag: (row[0], row[2], self._bytes(tag, *row)) for tag, row in self._entries.items() if tag >= _REGIONS}

    def _bytes(self, tag: int, kind: int, offset: int, count: int) -> bytes:
        if kind in (_STRING, _STRINGS, _TRANSLATED):
            return b"".join(text + b"\0" for text in self._raw_texts(offset, count, tag))
        size = _INTEGERS.get(kind, ("", 1))[1] * count
        if kind not in (*_INTEGERS, _CHAR, _BYTE, _BINARY) or offset + size > len(self._data):
            raise BadRpm(f"its header has a tag {tag} of a wrong type or size")
        return self._data[offset : offset + size]

    def text(self, tag: int) -> str:
        """The only text of a tag; empty where the tag is missing."""
        found = self.texts(tag)
        if len(found) > 1:
            raise BadRpm(f"its header has {len(found)} values of tag {tag}")
        return found[0] if found else ""

    def texts(self, tag: int) -> list[str]:
        if tag not in self._entries:
            return []
        kind, offset, count = self._entries[tag]
        if kind not in (_STRING, _STRINGS, _TRANSLATED) or (kind == _STRING and count != 1):
            raise BadRpm(f"its header has a tag {tag} of a wrong type")
        return [raw.decode(errors="surrogateescape") for raw in self._raw_texts(offset, count, tag)]

    def _raw_texts(self, offset: int, count: int, tag: int) -> Iterator[bytes]:
        for _ in range(count):
            end = self._data.find(b"\0", offset)
            if end < 0:
                raise BadRpm(f"its header has a tag {tag} that does not end")
            yield self._data[offset:end]
            offset = end + 1

    def numbers(self, tag: int) -> tuple[int, ...]:
        if tag not in self._entries:
            return ()
        kind, offset, count = self._entries[tag]
        letter, size = _INTEGERS.get(kind, ("", 0))
        if not size or offset + count * size > len(self._data):
            raise BadRpm(f"its header has a tag {tag} of a wrong type or size")
        return struct.unpack_from(f">{count}{letter}", self._data, offset)


def _check_payload(file: BinaryIO, header: RpmHeader) -> None:
    if header.text(1124) != "cpio":
        raise BadRpm("its payload is of an unknown format")
    if header.numbers(5093) != (_SHA256,) or not header.text(5092):
        raise BadRpm("it carries no SHA-256 of its payload")
    digest = hashlib.sha256()
    while data := file.read(_CHUNK):
        digest.update(data)
    if digest.hexdigest() != header.text(5092):
        raise BadRpm("its payload does not have the SHA-256 that its header gives: truncated or damaged")


def _facts(header: RpmHeader) -> Rpm:
    return Rpm(
        name=header.text(1000),
        version=header.text(1001),
        release=header.text(1002),
        arch=header.text(1022),
        provides=tuple(capabilities(header, 1047, 1112, 1113)),
        requires=_requires(header),
        obsoletes=tuple(header.texts(1090)),
        entries=tuple(entries_of(header)),
        kinds=tuple(_kinds(header)),
    )


def _kinds(header: RpmHeader) -> Iterator[str]:
    words = header.texts(1142)
    for number in header.numbers(1141):
        if number >= len(words):
            raise BadRpm("its lists of files do not fit together")
        yield words[number]


def _requires(header: RpmHeader) -> tuple[Capability, ...]:
    return tuple(each for each in capabilities(header, 1049, 1048, 1050) if not each.name.startswith("rpmlib("))


def capabilities(header: RpmHeader, names: int, flags: int, versions: int) -> Iterator[Capability]:
    """Of three tags; the flags' bits 2, 4 and 8 are less, greater and equal (rpm's ``RPMSENSE``)."""
    rows = header.texts(names), header.numbers(flags), header.texts(versions)
    if len({len(row) for row in rows}) > 1:
        raise BadRpm("its lists of capabilities do not fit together")
    for name, bits, version in zip(*rows, strict=True):
        yield Capability(name, "".join(sign for bit, sign in ((2, "<"), (4, ">"), (8, "=")) if bits & bit), version)


def entries_of(header: RpmHeader) -> Iterator[RpmEntry]:
    """What a header lists, in its order. BadRpm where its lists do not fit together."""
    names, folders, places = header.texts(1117), header.texts(1118), header.numbers(1116)
    modes, links = header.numbers(1030), header.texts(1036)
    if 1027 in header or len(names) > _MAX_FILES:
        raise BadRpm("its list of files is of an unknown kind or too long")
    if not len(names) == len(places) == len(modes) == len(links) or any(place >= len(folders) for place in places):
        raise BadRpm("its lists of files do not fit together")
    for name, place, mode, link in zip(names, places, modes, links, strict=True):
        yield RpmEntry(folders[place] + name, mode, link)
