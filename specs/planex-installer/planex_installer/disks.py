# SPDX-License-Identifier: LGPL-2.1-or-later
"""The disks of the machine, and what is on them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from planex_installer.errors import InstallError
from planex_installer.program import Program

LSBLK = (
    *("lsblk", "--json", "--bytes", "--output"),
    "NAME,PATH,TYPE,SIZE,MODEL,SERIAL,RO,FSTYPE,LABEL,PARTLABEL,MOUNTPOINTS,PTTYPE",
)
MEBIBYTE = 1 << 20
_KINDS = {"disk"}
_MEDIUM = "/run/initramfs/live"


@dataclass(frozen=True)
class Content:
    """Something on a disk: a partition, or the whole disk where it has none."""

    name: str
    size: int
    kind: str = ""
    label: str = ""
    mounted: tuple[str, ...] = ()

    def text(self) -> str:
        """For a person."""
        words = [self.name, size_text(self.size), self.kind or "unknown content"]
        words += [f'"{self.label}"'] if self.label else []
        words += [f"mounted on {', '.join(self.mounted)}"] if self.mounted else []
        return "  ".join(words)


@dataclass(frozen=True)
class Disk:
    """A disk. ``size`` is bytes."""

    name: str
    path: str
    size: int
    model: str = ""
    serial: str = ""
    read_only: bool = False
    contents: tuple[Content, ...] = ()

    @property
    def why_not(self) -> str:
        """Why nothing can be installed on it, or nothing."""
        mounted = [place for content in self.contents for place in content.mounted]
        if _MEDIUM in mounted:
            return "it is the medium that this host was started from"
        if mounted:
            return f"it is in use: mounted on {', '.join(mounted)}"
        return "it cannot be written to" if self.read_only else ""

    def text(self) -> str:
        """For a person, in one line."""
        return "  ".join(filter(None, (self.path, size_text(self.size), self.model, self.serial)))

    def partition(self, number: int) -> str:
        """Path of a partition."""
        return f"{self.path}{'p' if self.path[-1].isdigit() else ''}{number}"


def size_text(size: int) -> str:
    """Bytes for a person."""
    mebibytes = size / MEBIBYTE
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.0f} MiB"


def find_disks(program: Program) -> list[Disk]:
    """All disks of this machine."""
    return read_lsblk(program.run(LSBLK))


def read_lsblk(text: str) -> list[Disk]:
    """Disks out of the output of LSBLK."""
    devices = json.loads(text)["blockdevices"]
    return [_disk(each) for each in devices if each["type"] in _KINDS and each["size"]]


def _disk(device: dict[str, Any]) -> Disk:
    parts = list(_below(device.get("children", [])))
    own = [_content(device)] if not parts and (device.get("fstype") or device.get("pttype")) else []
    own += [_content(device)] if parts and _mounts(device) else []
    model, serial = ((device.get(name) or "").strip() for name in ("model", "serial"))
    contents = (*own, *(_content(each) for each in parts))
    return Disk(device["name"], device["path"], int(device["size"]), model, serial, bool(device.get("ro")), contents)


def _below(devices: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [found for each in devices for found in (each, *_below(each.get("children", [])))]


def _mounts(device: dict[str, Any]) -> tuple[str, ...]:
    return tuple(place for place in device.get("mountpoints") or [] if place)


def _content(device: dict[str, Any]) -> Content:
    kind = device.get("fstype") or (f"{device['pttype']} partition table" if device["type"] == "disk" else "")
    label = device.get("label") or device.get("partlabel") or ""
    return Content(device["name"], int(device["size"]), kind or "", label, _mounts(device))


def choose(disks: Sequence[Disk], name: str) -> Disk:
    """The disk that ``name`` means: sda, /dev/sda, /dev/disk/by-id/..., disk/by-id/..."""
    path = name if name.startswith("/dev/") else f"/dev/{name}"
    real = os.path.realpath(path)
    found = next((disk for disk in disks if disk.path in (path, real)), None)
    if found is None:
        there = ", ".join(disk.name for disk in disks) or "none"
        raise InstallError(f"no disk '{name}' here; there are: {there}")
    return found
