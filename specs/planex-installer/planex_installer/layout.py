# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which partitions come where, and the definitions that systemd-repart makes them from. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planex_installer.answers import PLACE_ROOT, PLACE_SWAP, Answers, Partition
from planex_installer.disks import MEBIBYTE, Disk, choose, size_text
from planex_installer.errors import InstallError, Refused

BIOS_SIZE, ESP_SIZE = 1, 100
"""MiB of the two partitions that machines start from. A FAT with 32-bit entries needs at least 33."""
ROOT_LEAST = 1536
"""MiB that the root must have: what is copied, and room to breathe."""
_TABLE = 4
"""MiB of a disk that are no partition's: the two tables, and alignment."""
_LEAST = 16
EFI_PLACE = "/boot/efi"
TYPES = {"biosboot": "21686148-6449-6e6f-744e-656564454649", EFI_PLACE: "esp", PLACE_ROOT: "root", PLACE_SWAP: "swap"}
MKFS = {"ext4": "mkfs.ext4", "vfat": "mkfs.vfat", "swap": "mkswap", "biosboot": ""}


@dataclass(frozen=True)
class DiskPlan:
    """What becomes of one disk: its partitions in order, the first one being number 1."""

    disk: Disk
    partitions: tuple[Partition, ...]

    def path_of(self, mount: str) -> str:
        """The device that will be mounted there; empty if none on this disk is."""
        found = (number for number, part in enumerate(self.partitions, 1) if part.mount == mount)
        return next((self.disk.partition(number) for number in found), "")


@dataclass(frozen=True)
class Layout:
    """All disks that are written to; the first one is that which the machine starts from."""

    disks: tuple[DiskPlan, ...]

    @property
    def boot(self) -> DiskPlan:
        return self.disks[0]

    def mounts(self) -> list[tuple[str, str, Partition]]:
        """(mount point, device, partition), parents first."""
        pairs = ((each, plan.path_of(each.mount)) for plan in self.disks for each in plan.partitions)
        return sorted((part.mount, path, part) for part, path in pairs if part.mount.startswith("/"))

    def swaps(self) -> list[str]:
        return [
            plan.disk.partition(number)
            for plan in self.disks
            for number, part in enumerate(plan.partitions, 1)
            if part.kind == "swap"
        ]


def plan_layout(answers: Answers, disks: Sequence[Disk]) -> Layout:
    """The layout that the answers ask for. Raises Refused with all that is wrong with it."""
    problems: list[str] = []
    named = _named(answers, disks, problems)
    wanted = _wanted(answers)
    placed = _placed(answers, wanted, named, problems)
    _check_mounts(answers, wanted, problems)
    if problems:
        raise Refused(problems)
    boot = next(disk for disk, parts in placed.items() if any(part.mount == PLACE_ROOT for part in parts))
    order = [boot, *(disk for disk in placed if disk != boot)]
    plans = [DiskPlan(named[path], _with_boot(placed[path], path == boot)) for path in order]
    problems = [problem for plan in plans for problem in _check_disk(answers, plan)]
    if problems:
        raise Refused(problems)
    return Layout(tuple(plans))


def _named(answers: Answers, disks: Sequence[Disk], problems: list[str]) -> dict[str, Disk]:
    """The disks that may be used, by path, in the order in which they were named."""
    line = answers.lines.get("ignoredisk", 0) or answers.lines.get("clearpart", 0)
    if not answers.disks:
        there = ", ".join(disk.name for disk in disks if not disk.why_not) or "none"
        problems.append(f"{answers.where(line)}no disk is named (ignoredisk --only-use=DISK); there are: {there}")
    found: dict[str, Disk] = {}
    for name in answers.disks:
        try:
            disk = choose(disks, name)
            found[disk.path] = disk
            if disk.why_not:
                problems.append(f"{answers.where(line)}{disk.path} cannot be used: {disk.why_not}")
        except InstallError as error:
            problems.append(f"{answers.where(line)}{error}")
    return found


def _wanted(answers: Answers) -> list[Partition]:
    """The partitions, the standard ones where none are asked for; without those that machines start from."""
    asked = [part for part in answers.partitions if part.mount not in ("biosboot", EFI_PLACE)]
    return asked or [Partition(PLACE_ROOT, ROOT_LEAST, grow=True)]


def _placed(
    answers: Answers, wanted: Sequence[Partition], named: Mapping[str, Disk], problems: list[str]
) -> dict[str, list[Partition]]:
    """Partitions by the path of their disk."""
    placed: dict[str, list[Partition]] = {}
    for part in wanted:
        where = answers.where(part.line)
        if not part.disk and len(named) != 1:
            if named:
                problems.append(f"{where}part {part.mount} names no disk (--ondisk), and there are {len(named)}")
            continue
        try:
            path = choose(list(named.values()), part.disk).path if part.disk else next(iter(named))
            placed.setdefault(path, []).append(part)
        except InstallError as error:
            problems.append(f"{where}part {part.mount}: {error} (of those that may be used)")
    return placed


def _check_mounts(answers: Answers, wanted: Sequence[Partition], problems: list[str]) -> None:
    mounts = [part.mount for part in wanted]
    for part in wanted:
        where = f"{answers.where(part.line)}part {part.mount}"
        if part.mount != PLACE_SWAP and not _clean(part.mount):
            problems.append(f"{where}: a mount point is / or a path like /srv/guests, or it is swap or biosboot")
        if part.kind != ("swap" if part.mount == PLACE_SWAP else "ext4"):
            problems.append(f"{where}: --fstype={part.kind} is not possible; known: ext4, and swap for swap")
        if part.size <= 0:
            problems.append(f"{where}: --size is missing")
        if part.mount != PLACE_SWAP and mounts.count(part.mount) > 1:
            problems.append(f"{where}: there is more than one")
        if part.at_most and part.at_most < part.size:
            problems.append(f"{where}: --maxsize is below --size")
    if PLACE_ROOT not in mounts:
        problems.append(f"{answers.where(0)}no root is asked for (part / --size=MIB)")


def _clean(path: str) -> bool:
    parts = path.split("/")[1:]
    plain = all(part.isascii() and part.replace("-", "").replace("_", "").replace(".", "").isalnum() for part in parts)
    return path == PLACE_ROOT or (path.startswith("/") and plain and "." not in parts and ".." not in parts)


def _with_boot(parts: Sequence[Partition], boot: bool) -> tuple[Partition, ...]:
    """Partitions in the order in which they come on the disk: what grows is last."""
    fixed = sorted(parts, key=lambda part: (part.grow, part.mount != PLACE_ROOT))
    if not boot:
        return tuple(fixed)
    start = Partition("biosboot", BIOS_SIZE, kind="biosboot"), Partition(EFI_PLACE, ESP_SIZE, kind="vfat")
    return (*start, *fixed)


def _check_disk(answers: Answers, plan: DiskPlan) -> list[str]:
    """What is wrong with one disk: sizes, and content that nobody said may be lost."""
    disk, problems = plan.disk, []
    need = sum(part.size for part in plan.partitions) + _TABLE
    have = disk.size // MEBIBYTE
    for part in plan.partitions:
        least = ROOT_LEAST if part.mount == PLACE_ROOT else 1 if part.kind == "biosboot" else _LEAST
        if part.size < least:
            problems.append(f"{answers.where(part.line)}part {part.mount}: {part.size} MiB, but it needs {least}")
    if need > have:
        problems.append(f"{answers.where(0)}{disk.path} is too small: it has {have} MiB, {need} MiB are asked for")
    if disk.contents and not _may_clear(answers, disk):
        line = answers.lines.get("clearpart", 0)
        there = "; ".join(content.text() for content in disk.contents)
        problems.append(
            f"{answers.where(line)}{disk.path} is not empty ({there}); to lose that, say clearpart --all "
            f"--drives={disk.name}"
        )
    return problems


def _may_clear(answers: Answers, disk: Disk) -> bool:
    if answers.clear is None:
        return False
    return not answers.clear or any(_is(name, disk) for name in answers.clear)


def _is(name: str, disk: Disk) -> bool:
    try:
        return choose([disk], name) == disk
    except InstallError:
        return False


def definitions(plan: DiskPlan) -> dict[str, str]:
    """File name to text: what systemd-repart reads."""
    return {f"{number:02}-{_label(part)}.conf": _definition(part) for number, part in enumerate(plan.partitions, 1)}


def _label(part: Partition) -> str:
    return {PLACE_ROOT: "root", EFI_PLACE: "esp"}.get(part.mount, part.mount.strip("/").replace("/", "-"))


def _definition(part: Partition) -> str:
    lines = ["[Partition]", f"Type={TYPES.get(part.mount, 'linux-generic')}", f"Label=planex-{_label(part)}"[:42]]
    lines += [f"SizeMinBytes={part.size}M"]
    largest = part.at_most if part.grow else part.size
    lines += [f"SizeMaxBytes={largest}M"] if largest else []
    lines += [f"Format={part.kind}"] if MKFS[part.kind] else []
    return "\n".join(lines) + "\n"


def describe(layout: Layout) -> list[str]:
    """The layout for a person, a line each."""
    lines = []
    for plan in layout.disks:
        lines.append(plan.disk.text())
        lines += [f"  will be lost: {content.text()}" for content in plan.disk.contents]
        lines += [] if plan.disk.contents else ["  is empty"]
        for number, part in enumerate(plan.partitions, 1):
            size = f"{size_text(part.size * MEBIBYTE)}{' or more' if part.grow else ''}"
            lines.append(f"  {plan.disk.partition(number)}  {part.mount}  {part.kind}  {size}")
    return lines
