# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sizes and durations as people write and read them."""

from __future__ import annotations

import re
import time

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def size_text(size: float) -> str:
    """A number of bytes for people: ``512 bytes``, ``1.5 MiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:g} {unit}" if size == int(size) else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:g} TiB" if size == int(size) else f"{size:.1f} TiB"


def parse_size(text: str) -> int:
    """Bytes of ``500M``, ``8G`` or ``8GiB``; every unit is a binary one. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([KMGT])?(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"'{text}' is no size: write it as 500M or 8G")
    powers = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
    return int(float(match.group(1)) * KIB ** powers[(match.group(2) or "").upper()])


def parse_time(text: str) -> float:
    """Seconds of ``90s``, ``30m``, ``2h`` or ``1.5 h``. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([smhd])", text.strip())
    if match is None:
        raise ValueError(f"'{text}' is no time: write it as 90s, 30m or 2h")
    return float(match.group(1)) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match.group(2)]


def moment(seconds: float) -> str:
    """Seconds since 1970 as this machine shows the time: ``2026-11-28 18:05``; ``-`` for a time not known."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else "-"


def clock(seconds: float) -> str:
    """A duration for people: ``0.4 s``, ``42 s``, ``3 min 07 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def many(count: int, one: str, more: str = "") -> str:
    """``1 patch``, ``2 patches``; without ``more`` an s is put behind ``one``."""
    return f"{count} {one if count == 1 else more or one + 's'}"
