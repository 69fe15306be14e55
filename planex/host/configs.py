# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the configurations differ that kernels and hypervisors on two ISOs were built with, as their RPMs have them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from planex.disk import write
from planex.errors import PlanexError
from planex.host.manifest import Manifest, ShippedRpm
from planex.medium.image import Image
from planex.rpm.nevra import parse_nevra
from planex.rpm.payload import read_payload

_CONFIG = re.compile(r"/boot/(config-[^/]+|xen-[^/]+\.config)|/(usr/)?lib/modules/[^/]+/config")
_OPTION = re.compile(r"(CONFIG_\w+)=(.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class OptionChange:
    """An option of Kconfig. ``old`` and ``new``: its value; None where it is not set, or not there at all."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class ConfigDiff:
    """``package``: the RPM that has the configuration; ``options``: those that differ; ``fault``: why nobody knows."""

    package: str
    options: tuple[OptionChange, ...] = ()
    fault: str = ""


def config_diffs(old: tuple[Image, Manifest], new: tuple[Image, Manifest]) -> Iterator[ConfigDiff]:
    """Of every RPM of both ISOs that has other bytes and a configuration in it."""
    before, after = ({parse_nevra(rpm.nevra).name: rpm for rpm in side[1].rpms} for side in (old, new))
    for name in sorted(before.keys() & after.keys()):
        if before[name].unsigned == after[name].unsigned:
            continue
        try:
            options = _options(old[0], before[name]), _options(new[0], after[name])
        except PlanexError as error:
            yield ConfigDiff(name, fault=error.message)
            continue
        if found := option_changes(*options):
            yield ConfigDiff(name, found)


def option_changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[OptionChange, ...]:
    rows = (OptionChange(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys()))
    return tuple(row for row in rows if row.old != row.new)


def parse_options(text: str) -> dict[str, str]:
    """Options that are set, by name."""
    return {match[1]: match[2] for line in text.splitlines() if (match := _OPTION.fullmatch(line.rstrip()))}


def _options(image: Image, rpm: ShippedRpm) -> dict[str, str]:
    if rpm.path not in image.files:
        return {}
    with TemporaryDirectory(prefix="planex.") as folder:
        copy = Path(folder) / rpm.path.rpartition("/")[2]
        write(copy, image.read(rpm.path))
        copy.chmod(0o644)
        Path(folder).chmod(0o755)
        files = read_payload(copy, _CONFIG)
    first = next((files[name] for name in sorted(files)), b"")
    return parse_options(first.decode("utf-8", "replace"))
