# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks the lists of the Debian archive, as the base was made from them, for what a spec lacks."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from planex.base.apt import Apt
from planex.base.offers import Offered, advice, parse_offers
from planex.checksums import digest_of_text
from planex.content import records
from planex.errors import PlanexError
from planex.rpm.index import Index

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class GivenAdvice:
    """What was said before, as long as lists and base are the same: to read the lists takes seconds."""

    asked: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class Advisor:
    """``folder``: the base's; ``definition``: the file that says what is in it, as it is told."""

    folder: Path
    definition: str

    def __call__(self, wanted: str, base: Index) -> str:
        """See ``planex.base.offers.advice``; empty where the archive's lists are not here."""
        path, asked = self.folder / "advice.json", self._asked(base)
        given = records.load(path, GivenAdvice, _FORMAT)
        texts = dict(given.texts) if given and given.asked == asked else {}
        if wanted not in texts:
            texts[wanted] = advice(wanted, self._archive, base.names, self.definition)
            if self._archive:
                with suppress(PlanexError):  # where nothing can be written, what is lacking is still the error to tell
                    records.save(path, GivenAdvice(asked, texts), _FORMAT)
        return texts[wanted]

    def _asked(self, base: Index) -> str:
        releases = sorted((self.folder / "apt/lists").glob("*InRelease"))
        lists = [(path.name, path.stat().st_mtime_ns) for path in releases]
        return digest_of_text(repr((self.definition, lists, sorted(base.names))))

    @cached_property
    def _archive(self) -> tuple[Offered, ...]:
        try:
            return tuple(parse_offers(Apt(self.folder / "apt").available()))
        except (PlanexError, OSError):
            return ()
