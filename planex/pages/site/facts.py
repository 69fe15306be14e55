# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a published site's JSON says of its snapshots, read back. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from planex.snapshot.folder import LATEST, LATEST_GOOD
from planex.snapshot.publish import PublishedIndex


@dataclass(frozen=True, slots=True)
class NightFacts:
    """A row of ``nights.json``."""

    id: str
    state: str


@dataclass(frozen=True, slots=True)
class NightsFacts:
    """``nights.json``: from the newest to the oldest."""

    nights: tuple[NightFacts, ...]


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """A channel in ``index.json``, and the id that it leads to."""

    name: str
    leads: str


@dataclass(frozen=True, slots=True)
class FrontFacts:
    """``index.json``."""

    title: str
    target: str
    channels: tuple[ChannelFacts, ...]


def index_of_site(front: FrontFacts, nights: NightsFacts) -> PublishedIndex:
    """The same as ``snapshots.json`` says. A snapshot whose record could not be read is none."""
    readable = [night for night in nights.nights if night.state != "damaged"]
    good = [night for night in readable if night.state == "good"]
    links = {name: found[0].id for name, found in ((LATEST, readable), (LATEST_GOOD, good)) if found}
    links |= {f"channels/{channel.name}": channel.leads for channel in front.channels}
    return PublishedIndex(front.target, tuple(night.id for night in reversed(readable)), links, front.title)
