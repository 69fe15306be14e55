# SPDX-License-Identifier: LGPL-2.1-or-later
"""An outlet in an object store (S3). The only user of obstore; to be imported where it is used, for it is an extra.

Credentials, region and endpoint come from the environment, by the names that all tools for S3 know (AWS_...).
An object store has no links: what is one here is a list of mirrors there, which dnf takes as ``mirrorlist=``.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from hashlib import md5
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from planex.errors import PlanexError
from planex.snapshot.publish import PublishStage

_AT_ONCE = 8
_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".log": "text/plain; charset=utf-8"}
_PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True)
class ObjectOutlet:
    """``base_url``: where readers find it; without it there are no lists of mirrors."""

    store: ObjectStore
    where: str
    base_url: str = ""

    @cached_property
    def _there(self) -> dict[str, tuple[int, str]]:
        """Objects to their size and ETag, as they were when planex came."""
        with self._telling():
            found = (meta for chunk in obstore.list(self.store) for meta in chunk)
            return {meta["path"]: (meta["size"], (meta["e_tag"] or "").strip('"')) for meta in found}

    def names(self) -> list[str]:
        return sorted({path.partition("/")[0].removesuffix(".mirrorlist") for path in self._there})

    def read(self, path: str) -> bytes:
        with self._telling():
            return bytes(obstore.get(self.store, path).bytes())

    def send(self, root: Path, stage: PublishStage) -> int:
        """Send what is lacking, some at once, then what is other: pages that were there begin to link to new ones."""
        lacking = [path for path in stage.paths if self._lacks(root, path, settled=stage.settled)]
        new = [path for path in lacking if path not in self._there and not stage.leading]
        old = [path for path in lacking if path in self._there or stage.leading]
        with self._telling():
            for paths in (new, old):
                with ThreadPoolExecutor(1 if stage.leading else _AT_ONCE) as pool:
                    list(pool.map(lambda path: self._put(root, path), paths))
        return len(lacking)

    def prune(self, root: Path, wanted: frozenset[str]) -> int:
        wanted |= {_mirrors(path) for path in wanted}
        doomed = sorted(self._there.keys() - wanted)
        with self._telling():
            for first in range(0, len(doomed), 1000):
                obstore.delete(self.store, doomed[first : first + 1000])
        return len(doomed)

    def _lacks(self, root: Path, path: str, *, settled: bool) -> bool:
        source = root / path
        if source.is_symlink():
            return bool(self.base_url)
        size, tag = self._there.get(path, (-1, ""))
        if size != source.stat().st_size:
            return True
        return not settled and tag != md5(source.read_bytes(), usedforsecurity=False).hexdigest()

    def _put(self, root: Path, path: str) -> None:
        source = root / path
        if source.is_symlink():
            text = f"{self.base_url.rstrip('/')}/{source.readlink().name}/repo/\n"
            obstore.put(self.store, _mirrors(path), text.encode(), attributes={"Content-Type": "text/plain"})
            return
        kind = _TYPES.get(source.suffix) or mimetypes.guess_type(source.name)[0] or "application/octet-stream"
        obstore.put(self.store, path, source, attributes={"Content-Type": kind})

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise _told(self.where, error, "it is reached by AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL") from None


def object_outlet(where: str, base_url: str) -> ObjectOutlet:
    """The outlet of an address such as ``s3://bucket/folder``."""
    try:
        store = from_url(where, retry_config={"retry_timeout": _PATIENCE, "max_retries": 4})
    except (BaseError, ValueError) as error:
        raise _told(where, error, "s3://BUCKET/FOLDER") from None
    return ObjectOutlet(store, where, base_url)


def _told(where: str, error: Exception, hint: str) -> PlanexError:
    """Without what is for obstore's makers."""
    return PlanexError(f"{where}: {' '.join(str(error).partition('Debug source')[0].split())}", hint)


def _mirrors(path: str) -> str:
    return f"{path}.mirrorlist"
