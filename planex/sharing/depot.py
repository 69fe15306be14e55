# SPDX-License-Identifier: LGPL-2.1-or-later
"""One shared store: results by key, files by digest, in the layout of Bazel's HTTP cache. Nothing there is believed.

``cas/<sha256>`` holds files, ``ac/<key>`` a record for each result, which is put there when all its files are. Every
file is proved by its digest when it is read, every record by its key and by who signed it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from planex.content.copies import PUBLISHED
from planex.content.records import Damaged
from planex.errors import PlanexError
from planex.regular import open_regular
from planex.sharing import record
from planex.sharing.place import Place, Unreachable
from planex.sharing.record import SealedRecord, SharedFile, SharedResult
from planex.trust.gpg import PublicKey, complaint

T = TypeVar("T")


class BadEntry(PlanexError):
    """What a store has for a key does not serve; the message says what and why."""


Progress = Callable[[int], None]
"""Is told of bytes that came."""


@dataclass(frozen=True)
class Depot:
    """``name``: how it is called in messages, its URL; ``keys``: whose signatures are believed, if not ``trusted``."""

    name: str
    place: Place
    keys: tuple[PublicKey, ...] = ()
    trusted: bool = False
    push: bool = False
    _bad: set[str] = field(default_factory=set)
    """Paths that were found bad in this run: who may write there replaces them."""

    def lookup(self, key: str, package: str) -> SharedResult | None:
        """What was built of a key, if it is there. Raises BadEntry for a record that is not believed."""
        path = f"ac/{key}"
        try:
            sealed = self._sealed(path)
            if sealed is None:
                return None
            if fault := self._fault(sealed):
                raise BadEntry(f"{self.name}/{path} is not taken: {fault[0]}", fault[1])
            return record.parse(sealed.record, package, key)
        except Damaged as error:
            self._bad.add(path)
            raise BadEntry(f"{self.name}/{path} is damaged: {error.message}") from None

    def get(self, file: SharedFile, destination: Path, progress: Progress = lambda size: None) -> None:
        """Copy a file, which must not be there yet, and prove it. Raises BadEntry; what came until then is gone."""
        path = f"cas/{file.sha256}"
        try:
            _twice(lambda: self._copy(path, file, destination, progress))
        except BadEntry:
            self._bad.add(path)
            raise
        destination.chmod(PUBLISHED)

    def put(self, content: Path, file: SharedFile, *, replace: bool = False) -> None:
        """Put a file there, unless it is there already; one that was found bad is replaced."""
        path = f"cas/{file.sha256}"
        _twice(lambda: self.place.write(path, content, replace=replace or path in self._bad))
        self._bad.discard(path)

    def publish(self, result: SharedResult, sealed: bytes) -> tuple[str, ...]:
        """Say of which key a result is, once all its files are there: the first to do so stays.

        Gives the names of files in which an earlier result differs; this one is then kept beside it.
        """
        path = f"ac/{result.key}"
        if _twice(lambda: self.place.write(path, sealed, replace=path in self._bad)):
            self._bad.discard(path)
            return ()
        first = self._first(result, sealed)
        differing = record.unlike(first, result) if first else ()
        if differing:
            self.place.write(f"ac/{record.rival_key(result.key)}", sealed)
        elif first is None:
            self.place.write(path, sealed, replace=True)
        return differing

    def _first(self, result: SharedResult, sealed: bytes) -> SharedResult | None:
        """What is there for the key of a result; None where that is to be replaced: it is damaged, or is not believed
        while ``sealed`` is, as when the key of who signs was changed. BadEntry where neither is believed.
        """
        try:
            return self.lookup(result.key, result.package)
        except BadEntry:
            if f"ac/{result.key}" not in self._bad and self._fault(record.unseal(sealed)):
                raise
            return None

    def _sealed(self, path: str) -> SealedRecord | None:
        data = _twice(lambda: self._bytes(path))
        return None if data is None else record.unseal(data)

    def _bytes(self, path: str) -> bytes | None:
        with self.place.read(path) as pieces:
            if pieces is None:
                return None
            data = bytearray()
            for piece in pieces:
                data += piece
                if len(data) > record.LIMIT:
                    raise Damaged("it is far too large")
            return bytes(data)

    def _copy(self, path: str, file: SharedFile, destination: Path, progress: Progress) -> None:
        digest, size = hashlib.sha256(), 0
        try:
            with self.place.read(path) as pieces, destination.open("xb") as output:
                for piece in self._limited(pieces, path, file.size):
                    digest.update(piece)
                    size += len(piece)
                    output.write(piece)
                    progress(len(piece))
            if (size, digest.hexdigest()) != (file.size, file.sha256):
                what = "is cut off" if size < file.size else "is damaged"
                raise BadEntry(f"{self.name}/{path} {what}: it has not the digest that is its name")
        except BaseException:
            destination.unlink(missing_ok=True)
            raise

    def _limited(self, pieces: Iterator[bytes] | None, path: str, limit: int) -> Iterator[bytes]:
        if pieces is None:
            raise BadEntry(f"{self.name}/{path} is missing, and a record there speaks of it")
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > limit:
                raise BadEntry(f"{self.name}/{path} is damaged: it has more than its {limit} bytes")
            yield piece

    def _fault(self, sealed: SealedRecord) -> tuple[str, str] | None:
        """Why a record is not believed, and the remedy."""
        if self.trusted:
            return None
        if not sealed.signature:
            return (
                "it is not signed",
                "sign what is pushed ('sign' in planex.yaml), or declare this store 'trusted: true'",
            )
        faults = [
            complaint(key, sealed.signature, sealed.record.encode("utf-8", "surrogateescape")) for key in self.keys
        ]
        if all(faults):
            return (
                faults[0] if len(faults) == 1 else "no key of 'keys' made its signature",
                "name the key of who pushed it among the 'keys' of this store in planex.yaml, if you believe them",
            )
        return None


def _twice(action: Callable[[], T]) -> T:
    """Servers have hiccups: once more where that may help."""
    try:
        return action()
    except Unreachable as error:
        if not error.retry:
            raise
    return action()


def shared_file(path: Path) -> SharedFile:
    """What a file is in a store."""
    with open_regular(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return SharedFile(digest, file.tell())


def files_in(folder: Path, names: Mapping[str, str]) -> record.Files:
    """Files of a folder by name, with the digests that are known of them."""
    return {name: SharedFile(digest, (folder / name).stat().st_size) for name, digest in names.items()}
