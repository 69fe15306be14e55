# SPDX-License-Identifier: LGPL-2.1-or-later
"""A published archive, read from elsewhere: its records, in a folder of their own while a command looks at them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from planex.cli.context import Context
from planex.cli.snapshot.archiving import archive_of
from planex.content.records import LIMIT, Damaged, NewerFormat, parse
from planex.errors import PlanexError
from planex.pages.site.facts import FrontFacts, NightsFacts, index_of_site
from planex.pages.site.tree import FORMAT as SITE_FORMAT
from planex.regular import read_regular
from planex.report import Task
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.ident import parse_id
from planex.snapshot.publish import INDEX, INDEX_FORMAT, PublishedIndex
from planex.snapshot.record import FORMAT, NAME, Snapshot
from planex.sources.fetch import fetch_url
from planex.sources.limits import Downloads

T = TypeVar("T")
_LINK = re.compile(r"latest|latest-good|channels/[a-z][a-z0-9-]{0,31}", re.ASCII)
_ADDRESS = ("https://", "http://", "file://")
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
    index, record = _index(context, url, archive.root, task)
    archive.channels.mkdir()
    for ident in index.snapshots:
        archive.folder(ident).mkdir()
    for link, ident in index.links.items():
        (archive.root / link).symlink_to(ident)
    named = {ident for link, ident in index.links.items() if name and link.removeprefix("channels/") == name}
    for ident in index.snapshots:
        if name is None or ident in named or ident.startswith(name):
            found = _record(context, f"{url}/{ident}/{record}", archive.folder(ident) / NAME, Snapshot, FORMAT, task)
            if found.id != ident:
                raise PlanexError(f"{url}/{ident}/{record} is the record of another snapshot", _HINT)


def _index(context: Context, url: str, folder: Path, task: Task) -> tuple[PublishedIndex, str]:
    """What is published there, and the name of the record of each snapshot: of an archive, or of its pages alone."""
    try:
        record, index = NAME, _record(context, f"{url}/{INDEX}", folder / INDEX, PublishedIndex, INDEX_FORMAT, task)
    except PlanexError as missing:
        if isinstance(missing.__cause__, Damaged) or not url.startswith(_ADDRESS):
            raise
        try:
            front = _record(context, f"{url}/index.json", folder / "index.json", FrontFacts, SITE_FORMAT, task)
            nights = _record(context, f"{url}/nights.json", folder / "nights.json", NightsFacts, SITE_FORMAT, task)
        except PlanexError as error:
            raise (error if isinstance(error.__cause__, NewerFormat) else missing) from error.__cause__
        record, index = "index.json", index_of_site(front, nights)
    if not all(map(parse_id, (*index.snapshots, *index.links.values()))):
        raise PlanexError(f"{url}/{INDEX} is no index of snapshots that this planex can read", _HINT)
    if strange := [link for link in index.links if not _LINK.fullmatch(link)]:
        raise PlanexError(f"{url}/{INDEX} has a link of no name of one: {strange[0][:40]!r}", _HINT)
    return index, record


def _record(context: Context, url: str, into: Path, kind: type[T], known: int, task: Task) -> T:
    _fetch(context, url, into, task)
    try:
        return parse(read_regular(into, LIMIT), kind, known)
    except NewerFormat as error:
        raise PlanexError(f"{url} is of a newer planex: {error.message}", "use a newer planex") from error
    except Damaged as error:
        raise PlanexError(f"{url} is nothing that this planex can read: {error.message}", _HINT) from error


def _fetch(context: Context, url: str, into: Path, task: Task) -> None:
    if not url.startswith(_ADDRESS):
        raise PlanexError(f"{url.removesuffix(f'/{INDEX}')} is no address", _HINT)
    fetch_url(context.workspace, url, into, task, Downloads(size=64 << 20))
