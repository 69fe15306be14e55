# SPDX-License-Identifier: LGPL-2.1-or-later
"""How two ISOs that should have the same bytes differ: a sentence per file, what follows from others last."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from itertools import islice

from planex.content import records
from planex.host.manifest import ON_ISO, read_on_iso
from planex.medium.image import Image
from planex.medium.sums import SIGNATURE, SUMS
from planex.rpm.unlike import unlike_rpms

_CHUNK = 1 << 20
_SHOWN = 6
_METADATA = re.compile(r"/repodata/[0-9a-f]{64}-")
"""Files that are named by what is in them: repomd.xml differs as well, and has their names."""
_FOLLOWING = {SUMS, SIGNATURE, "/.treeinfo", ON_ISO}


def unlike_isos(published: Image, rebuilt: Image) -> Iterator[tuple[str, str]]:
    """File, and how it differs; RPMs first. None where both ISOs have the same bytes."""
    names = sorted(_unlike(published, rebuilt), key=lambda name: (_rank(name), name))
    yield from ((name, _told(name, published, rebuilt)) for name in names)
    if not names and (text := _rest(published, rebuilt)):
        yield "image", text


def _rank(name: str) -> int:
    if name.endswith(".rpm"):
        return 0
    return 2 if name in _FOLLOWING or "/repodata/" in name else 1


def _unlike(old: Image, new: Image) -> set[str]:
    both = sorted(old.files.keys() & new.files.keys())
    with ThreadPoolExecutor(2) as pool:
        same = pool.map(lambda name: old.files[name] == new.files[name] and old.digest(name) == new.digest(name), both)
        found = {name for name, is_same in zip(both, same, strict=True) if not is_same}
    one_sided = old.files.keys() ^ new.files.keys()
    return found | {name for name in one_sided if not _METADATA.search(name)}


def _told(name: str, old: Image, new: Image) -> str:
    if name not in new.files:
        return "it is on the published ISO only"
    if name not in old.files:
        return "it is on the rebuilt ISO only"
    with old.open(name) as before, new.open(name) as after:
        if name.endswith(".rpm"):
            return unlike_rpms(before, after)
    if name == ON_ISO:
        with suppress(records.Damaged):
            return _few(_values(asdict(read_on_iso(old)), asdict(read_on_iso(new))))
    return _first(name, old, new)


def _first(name: str, old: Image, new: Image) -> str:
    """Where two files part."""
    sizes = old.files[name], new.files[name]
    told = f"{sizes[0]} bytes" if sizes[0] == sizes[1] else f"{sizes[0]} bytes, rebuilt {sizes[1]}"
    with old.open(name) as before, new.open(name) as after:
        start = 0
        while (one := before.read(_CHUNK)) == (other := after.read(_CHUNK)) and one:
            start += len(one)
    return f"differs from byte {start + _common(one, other)} on ({told})"


def _common(one: bytes, other: bytes) -> int:
    """How many first bytes are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _values(old: object, new: object, name: str = "") -> Iterator[str]:
    """Every value that differs, by its name."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _values(old.get(key), new.get(key), f"{name}.{key}" if name else str(key))
    elif isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from _values(one, other, name)
    elif old != new:
        yield f"{name}: {_short(old)} -> {_short(new)}"


def _short(value: object) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} rows"
    text = str(value or "none")
    return text[:12] if re.fullmatch("[0-9a-f]{64}", text) else text


def _few(found: Iterator[str]) -> str:
    shown = list(islice(found, _SHOWN))
    return "; ".join([*shown, "and more"] if next(found, None) else shown)


def _rest(old: Image, new: Image) -> str:
    """Where bytes that are no file's part: boot records, volume descriptors, folders."""
    if old.size != new.size:
        return f"all files are the same, but it has {old.size} bytes, rebuilt {new.size}"
    for start in range(0, old.size, _CHUNK):
        one, other = (image.part(start, _CHUNK) for image in (old, new))
        if one != other:
            return f"all files are the same; what is around them differs from byte {start + _common(one, other)} on"
    return ""
