# SPDX-License-Identifier: LGPL-2.1-or-later
"""The parts of a snapshot's making: each is a planex command that a person could type. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BUILD, ISO, UPGRADE = "build", "iso", "upgrade"
BOOT = "boot-"
"""What the name of a proof's part begins with."""
WATCH = "watch-"
"""What the name of a part begins with that asks what is out upstream."""
LOCK = "planex.lock"
PROOFS: dict[str, tuple[str, ...]] = {
    "bios": ("--firmware", "bios"),
    "uefi": ("--firmware", "uefi"),
    "install": ("--scenario", "install", "--timeout", "900"),
}
"""Proof to the options of ``planex boot``, which starts the ISO."""
UPGRADE_PROOF = "upgrade"
"""The proof that starts from another ISO."""


@dataclass(frozen=True, slots=True)
class HostUpgrade:
    """A host is installed from ``iso``, upgraded to ``repository``, and started again."""

    iso: Path
    repository: Path


@dataclass(frozen=True, slots=True)
class SnapshotWish:
    """What a snapshot is to hold. ``forecasts``: package and versions; ``proofs``: of PROOFS; ``host_upgrade``: what
    is to be proved besides; ``watched``: packages of which upstream is asked what is out."""

    target: str
    iso: bool
    proofs: tuple[str, ...] = ()
    forecasts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    dirty: bool = False
    offline: bool = False
    upgrade: bool = False
    host_upgrade: HostUpgrade | None = None
    watched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NightPart:
    """``words``: the command line behind ``planex --target T``; ``hidden``: words that only a machine wants.

    ``looks``: exit statuses that mean that a person should look, and no failure.
    """

    name: str
    words: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    looks: frozenset[int] = frozenset()


def parts(wish: SnapshotWish, folder: Path) -> Iterator[NightPart]:
    """All parts, in order. What they leave goes to ``folder``."""
    offline = ("--offline",) if wish.offline else ()
    events = ("--events", str(folder / "events.jsonl"))
    junit = ("--junit", str(folder / "junit.xml"), "--json", "--wait")
    yield NightPart(BUILD, ("build", "--keep-going", *offline), junit, before=events)
    yield NightPart("lock", ("lock",), ("--output", str(folder / LOCK)), needs=(BUILD,), looks=frozenset({1}))
    if wish.upgrade:
        yield NightPart(UPGRADE, ("snapshot", "upgrade"), ("--json",), needs=(BUILD,), looks=frozenset({1}))
    if wish.iso:
        yield NightPart(ISO, ("iso", "build"), ("--json",), needs=(BUILD,))
        yield from (_proof(proof, PROOFS[proof], folder, ISO) for proof in wish.proofs)
    if way := wish.host_upgrade:
        words = (str(way.iso), "--scenario", "upgrade", "--upgrade-to", str(way.repository), "--timeout", "900")
        yield _proof(UPGRADE_PROOF, words, folder, BUILD)
    yield from (_forecast(package, versions, folder) for package, versions in wish.forecasts)
    yield from (_watch(package, folder) for package in wish.watched)


def _proof(proof: str, words: tuple[str, ...], folder: Path, need: str) -> NightPart:
    log = ("--log", str(folder / "logs" / f"serial-{proof}.log"), "--json")
    return NightPart(f"{BOOT}{proof}", ("boot", *words), log, needs=(need,))


def _forecast(package: str, versions: Sequence[str], folder: Path) -> NightPart:
    onto = tuple(word for version in versions for word in ("--onto", version))
    return NightPart(
        f"forecast-{package}", ("pq", "forecast", package, *onto), _page(package, folder), looks=frozenset({1})
    )


def _watch(package: str, folder: Path) -> NightPart:
    """Neither an upstream that is dead nor what it has may break a night."""
    words = ("pq", "forecast", package, "--onto", "newest")
    return NightPart(f"{WATCH}{package}", words, _page(f"{WATCH}{package}", folder), looks=frozenset({1, 2}))


def _page(name: str, folder: Path) -> tuple[str, ...]:
    return "--html", str(folder / "forecasts" / f"{name}.html"), "--json"
