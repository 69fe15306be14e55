# SPDX-License-Identifier: LGPL-2.1-or-later
"""A published archive, read from elsewhere: its records, in a folder of their own while a command looks at them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from planex.cli.context import Context
from planex.cli.snapshot.archiving import archive_of
from planex.content import records
from planex.errors import PlanexError
from planex.report import Task
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.ident import parse_id
from planex.snapshot.publish import INDEX, INDEX_FORMAT, PublishedIndex
from planex.snapshot.record import NAME
from planex.sources.fetch import fetch_url
from planex.sources.limits import Downloads

_LINK = re.compile(r"latest|latest-good|channels/[a-z][a-z0-9-]{0,31}", re.ASCII)
_HINT = "the address of what `planex snapshot publish` published: https://, http:// or file://"


@contextmanager
def looked_at(context: Context, url: str | None, name: str | None = None) -> Iterator[SnapshotFolder]:
    """The target's own archive, or the one at ``url``: of that the records of all snapshots, or of those of a name."""
    if url is None:
        yield archive_of(context)
        return
    with TemporaryDirectory(prefix="planex-") as folder, context.reporter.task("snapshots") as task:
        archive = SnapshotFolder(Path(folder))
        _read(context, url.rstrip("/"), archive, name, task)
        yield archive


def _read(context: Context, url: str, archive: SnapshotFolder, name: str | None, task: Task) -> None:
    index = _index(context, url, archive, task)
    archive.channels.mkdir()
    for ident in index.snapshots:
        archive.folder(ident).mkdir()
    for link, ident in index.links.items():
        (archive.root / link).symlink_to(ident)
    named = {ident for link, ident in index.links.items() if name and link.removeprefix("channels/") == name}
    for ident in index.snapshots:
        if name is None or ident in named or ident.startswith(name):
            _fetch(context, f"{url}/{ident}/{NAME}", archive.folder(ident) / NAME, task)
            if archive.load(ident).id != ident:
                raise PlanexError(f"{url}/{ident}/{NAME} is the record of another snapshot", _HINT)


def _index(context: Context, url: str, archive: SnapshotFolder, task: Task) -> PublishedIndex:
    _fetch(context, f"{url}/{INDEX}", archive.root / INDEX, task)
    index = records.load(archive.root / INDEX, PublishedIndex, INDEX_FORMAT)
    if index is None or not all(map(parse_id, (*index.snapshots, *index.links.values()))):
        raise PlanexError(f"{url}/{INDEX} is no index of snapshots that this planex can read", _HINT)
    if strange := [link for link in index.links if not _LINK.fullmatch(link)]:
        raise PlanexError(f"{url}/{INDEX} has a link of no name of one: {strange[0][:40]!r}", _HINT)
    return index


def _fetch(context: Context, url: str, into: Path, task: Task) -> None:
    if not url.startswith(("https://", "http://", "file://")):
        raise PlanexError(f"{url.removesuffix(f'/{INDEX}')} is no address", _HINT)
    fetch_url(context.workspace, url, into, task, Downloads(size=64 << 20))
