# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sizes for people."""

from __future__ import annotations


def size(count: int) -> str:
    """``0 B``, ``12 KB``, ``3.4 MB``, ``1.2 GB``: steps of a thousand, as disks are sold."""
    number, unit = float(count), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit in ("B", "KB") or number >= 100 else f"{number:.1f} {unit}"
