# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ways to damage an ISO: each takes a good one and writes a harmful copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from planex.medium.xorriso import open_image, read_records, xorriso
from tests.integration.tiny_iso import EPOCH

Damage = Callable[[Path, Path], None]
"""Given a good ISO, and where to put the harmful copy."""


def remade(*commands: str | Path) -> Damage:
    """Written anew by xorriso, with its boot records, as who changes an ISO by hand does."""

    def damage(iso: Path, copy: Path) -> None:
        replay = ["-boot_image", "any", "replay"]
        xorriso(["-indev", f"stdio:{iso}", "-outdev", f"stdio:{copy}", *replay, *commands], EPOCH)

    return damage


def without(*names: str) -> Damage:
    return remade("-rm_r", *names, "--")


def edited(name: str, old: str, new: str) -> Damage:
    """With one text of a file replaced."""

    def damage(iso: Path, copy: Path) -> None:
        text = open_image(iso).read(name).decode()
        assert old in text
        file = copy.with_suffix(".text")
        file.write_text(text.replace(old, new))
        remade("-update", file, name)(iso, copy)

    return damage


def added(name: str, data: bytes) -> Damage:
    def damage(iso: Path, copy: Path) -> None:
        file = copy.with_suffix(".data")
        file.write_bytes(data)
        remade("-update", file, name)(iso, copy)

    return damage


def patched(change: Callable[[bytearray], None]) -> Damage:
    """With bytes changed in place."""

    def damage(iso: Path, copy: Path) -> None:
        data = bytearray(iso.read_bytes())
        change(data)
        copy.write_bytes(data)

    return damage


def zeroed(start: int, end: int) -> Damage:
    def change(data: bytearray) -> None:
        data[start:end] = bytes(len(data[start:end]))

    return patched(change)


def flipped(name: str, offset: int) -> Damage:
    """With one bit of a file flipped; an ``offset`` below zero counts from its end."""

    def damage(iso: Path, copy: Path) -> None:
        span = open_image(iso).spans[name][0]
        shutil.copyfile(iso, copy)
        flip(copy, (span.start if offset >= 0 else span.end) + offset)

    return damage


def flipped_in_esp(offset: int) -> Damage:
    """With one bit of the image that El Torito has for UEFI flipped."""

    def damage(iso: Path, copy: Path) -> None:
        (entry,) = (entry for entry in read_records(iso).images if entry.platform == "UEFI")
        shutil.copyfile(iso, copy)
        flip(copy, entry.start + offset)

    return damage


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def together(*damages: Damage) -> Damage:
    """One after the other."""

    def damage(iso: Path, copy: Path) -> None:
        for number, each in enumerate(damages):
            step = copy.with_suffix(f".{number}")
            each(iso, step)
            iso = step
        iso.rename(copy)

    return damage


def cut(size: int) -> Damage:
    """Without its last bytes."""

    def damage(iso: Path, copy: Path) -> None:
        copy.write_bytes(iso.read_bytes()[:-size])

    return damage
