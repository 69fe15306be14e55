# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Debian source package: its quilt queue as the patch queue, and a spec that follows from its files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from planex.checksums import RECORDED, digest_of
from planex.errors import ConfigError, PlanexError
from planex.importers.incoming import Incoming
from planex.patchqueue.format.queue import SERIES
from planex.patchqueue.format.series import parse_series
from planex.regular import read_text
from planex.rpm.nevra import require_name
from planex.scaffold.make import package_files
from planex.scaffold.origin import Upstreamed, debian_files, version_of_archived
from planex.scaffold.spectext import NewSpec

_PATCHES = "debian/patches/"
_IN_A_DIFF = (
    "debian/ is in a diff (source format 1.0), which is not read: neither changes nor Build-Depends are carried"
)
_FILE = re.compile(r"^ ([0-9a-f]{64}) \d+ (\S+)$", re.MULTILINE)
_FIELD = re.compile(r"^(Source|Homepage): *(\S+)", re.MULTILINE)


def from_dsc(path: Path) -> Upstreamed:
    """The source package that a .dsc file names, with its tarballs beside it: they must be what it says (dsc(5))."""
    text = read_text(path)
    fields, digests = dict(_FIELD.findall(text)), {name: digest for digest, name in _FILE.findall(text)}
    names = list(digests)
    main = next((name for name in names if version_of_archived(name) and ".debian." not in name), None)
    if "Source" not in fields or main is None:
        raise PlanexError(f"{path} is no .dsc file with a tarball", "get one: apt-get source --download-only NAME")
    packed = next((name for name in names if ".debian.tar." in name), main)
    for name in dict.fromkeys((main, packed)):
        _require_same(path.parent / name, digests[name], path)
    tarball, version = path.parent / main, version_of_archived(main) or ""
    checksum, files = digest_of(tarball, RECORDED), debian_files(path.parent / packed)
    name = require_name(fields["Source"])
    return Upstreamed(name, version, main, tarball, checksum, fields.get("Homepage", ""), files, own=True)


def _require_same(tarball: Path, digest: str, dsc: Path) -> None:
    again = "get all again: apt-get source --download-only NAME"
    if not tarball.is_file():
        raise PlanexError(f"{tarball.name} is not beside {dsc.name}", again)
    if (found := digest_of(tarball, "SHA256")) != digest:
        raise PlanexError(f"{tarball} is not the file that {dsc.name} names: sha256 {found}, not {digest}", again)


def incoming(origin: Upstreamed, spec: NewSpec) -> Incoming:
    """The package with its queue. The rest of debian/ is not carried, which is no surprise and not told."""
    files = package_files(spec, origin)
    if not origin.debian:
        return Incoming(origin.name, files, (_IN_A_DIFF,))
    queue, remarks = _queue(origin.name, origin.debian)
    return Incoming(origin.name, {**files, **queue}, tuple(remarks))


def _queue(name: str, debian: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Series and patches of quilt, byte for byte; patches that no series names are left behind."""
    own = {path.removeprefix(_PATCHES): data for path, data in debian.items() if path.startswith(_PATCHES)}
    text = own.pop(SERIES, b"")
    try:
        entries = parse_series(text.decode("utf-8", "surrogateescape"), Path(_PATCHES + SERIES)).entries
    except ConfigError as error:
        return {}, [f"the queue is not carried: {error.message}"]
    if not entries:
        return {}, []
    if absent := [entry.name for entry in entries if entry.name not in own]:
        return {}, [f"the queue is not carried: debian/patches lacks {', '.join(absent)}"]
    names = {entry.name for entry in entries}
    spare = sorted(path for path in own if path.endswith((".patch", ".diff")) and path not in names)
    remarks = [f"not in debian/patches/series, so left behind: {', '.join(spare)}"] if spare else []
    files = {f"patchqueues/{name}/{path}": own[path] for path in names}
    return {**files, f"patchqueues/{name}/{SERIES}": text}, remarks
