# SPDX-License-Identifier: LGPL-2.1-or-later
"""An ISO under examination: its records, files and EFI images, each read once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from planex.medium.bootimage import EfiImage, efi_images
from planex.medium.bootrecords import BootRecords
from planex.medium.image import Image
from planex.medium.references import is_menu
from planex.medium.xorriso import look

SMALL = 1 << 18
"""Bytes; larger files are not searched for labels."""
_REPOSITORIES = ("/repodata/", "/Packages/")
_READERS = 4
"""Files that are read and digested at a time."""


@dataclass(frozen=True, slots=True)
class ExaminedIso:
    """``small``: contents of what may be a text; ``efi``: what UEFI starts from."""

    records: BootRecords
    image: Image
    small: Mapping[str, str]
    efi: tuple[EfiImage, ...] = ()
    _digests: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def open(cls, iso: Path) -> Self:
        """Look into an ISO. PlanexError where that is none."""
        return cls.of(*look(iso))

    @classmethod
    def of(cls, records: BootRecords, image: Image, known: Mapping[str, str] | None = None) -> Self:
        """``known``: SHA-256 of files that need not be read for it once more."""
        gone = set(image.cut())
        texts = ((name, as_text(image.read(name))) for name in small_texts(image.files) if name not in gone)
        small = {name: text for name, text in texts if text is not None}
        digests = {(name, "sha256"): digest for name, digest in (known or {}).items()}
        return cls(records, image, small, tuple(efi_images(image, records)), digests)

    @property
    def files(self) -> Mapping[str, int]:
        return self.image.files

    def has(self, path: str) -> bool:
        return path in self.image.files

    def menus(self) -> Iterator[tuple[str, str]]:
        """Path and text of every boot menu of the tree."""
        return ((name, text) for name, text in self.small.items() if is_menu(name))

    def digest(self, name: str, algorithm: str = "sha256") -> str:
        key = (name, algorithm)
        if key not in self._digests:
            self._digests[key] = self.image.digest(name, algorithm)
        return self._digests[key]

    def prepare(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Take these digests (file, algorithm) at once, several files at a time, as they lie on the image."""
        order = sorted(set(wanted) - self._digests.keys(), key=lambda pair: self.image.spans[pair[0]])
        with ThreadPoolExecutor(_READERS) as pool:
            for pair, digest in zip(order, pool.map(lambda pair: self.image.digest(*pair), order), strict=True):
                self._digests[pair] = digest


def small_texts(files: Mapping[str, int]) -> list[str]:
    """Files that may be texts with a label in them: small, and in no repository unless a menu."""
    return [
        path
        for path, size in files.items()
        if size <= SMALL and (is_menu(path) or not any(part in path for part in _REPOSITORIES))
    ]


def as_text(data: bytes) -> str | None:
    """What bytes say; None if they are no text."""
    return None if b"\0" in data else data.decode("utf-8", errors="replace")
