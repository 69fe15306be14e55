# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a new ISO from a base ISO: files added, replaced and removed, a new label, and every boot record kept."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from planex.disk import write
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.medium.bootrecords import BootRecords, lost_records
from planex.medium.image import Image
from planex.medium.sums import SIGNATURE, SUMS, Sums, blank, in_its_room
from planex.medium.trail import Mark, Trail
from planex.medium.xorriso import look, report_boot_commands, stream, volume_date

_LAST = ("-exec", "sort_weight", "-1", "--")
ESP_TYPE = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
"""GPT type of an EFI system partition (UEFI 2.x, table 5.7)."""


@dataclass(frozen=True, slots=True)
class Respin:
    """What is to change. Paths on the ISO start with a slash."""

    base: Path
    label: str
    epoch: int
    """Seconds since 1970: the time of everything on the new ISO."""
    add: Mapping[str, Path] = field(default_factory=dict)
    """Path on the ISO -> file or folder on disk; files that are there are replaced, folders merged."""
    remove: tuple[str, ...] = ()
    efi_image: Path | None = None
    """New FAT image for UEFI, in the place of the base's."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """Path on the ISO -> SHA-256, of files that need not be read for it once more."""
    sign: Callable[[bytes], str] | None = None
    """Gives the signature of SHA256SUMS, for a medium that is to have one."""
    before: tuple[BootRecords, Mapping[str, int]] | None = None
    """The base's boot records and files, where somebody has looked already."""
    late: frozenset[str] = frozenset()
    """Files that change more often than others; they lie behind them, so that what is before stays as it is."""

    @property
    def own(self) -> set[str]:
        """Files that list or prove the others."""
        return {SUMS, SIGNATURE} if self.sign else {SUMS}


@dataclass(frozen=True, slots=True)
class Respun:
    """A finished ISO: its SHA-256, its records and files, and what its SHA256SUMS says.

    ``marks``: of the trail of its digest.
    """

    sha256: str
    records: BootRecords
    image: Image
    sums: Sums
    marks: tuple[Mark, ...] = ()


def respin(plan: Respin, output: Path) -> Respun:
    """Carry a Respin out. ``output`` is written in place: give a temporary name.

    Raises PlanexError, and leaves no output, where a boot record of the base is missing from the result (xorriso
    itself drops them without an error when it is not told to replay them), or where it has other files than planned.
    """
    before, there = plan.before or _seen(plan.base)
    explicit = boot_commands(report_boot_commands(plan.base)) if replaces_loader(plan, before) else ()
    names = names_after(plan, there)
    output.unlink(missing_ok=True)
    try:
        with temporary_folder(output.parent) as folder:
            write(folder / "sums", blank(names).encode("utf-8", "surrogateescape"))
            write(folder / "signature", in_its_room(""))
            own = {SUMS: folder / "sums", SIGNATURE: folder / "signature"}
            old = (SIGNATURE,) if SIGNATURE in there and not plan.sign else ()
            files = {**plan.add, **{name: own[name] for name in plan.own}}
            summed = replace(plan, add=files, remove=(*plan.remove, *old))
            trail = stream(respin_commands(summed, before, explicit), plan.epoch, output)
        return _finish(plan, output, before, names, trail)
    except PlanexError:
        output.unlink(missing_ok=True)
        raise


def _seen(base: Path) -> tuple[BootRecords, Mapping[str, int]]:
    records, image = look(base)
    return records, image.files


def _finish(plan: Respin, output: Path, before: BootRecords, names: set[str], trail: Trail) -> Respun:
    """See that nothing was lost, and fill in SHA256SUMS."""
    records, image = look(output)
    lost = lost_records(before, records)
    if lost:
        raise PlanexError("the respun ISO would not start as the base does: " + "; ".join(lost))
    other = image.files.keys() ^ (names | plan.own)
    if other:
        raise PlanexError(f"the respun ISO has other files than planned: {', '.join(sorted(other)[:5])}")
    patched = {entry.path for entry in records.images}  # their boot info tables are xorriso's
    known = {name: plan.digests[name] for name in names & plan.digests.keys() - patched}
    files = known | {name: image.digest(name) for name in names - known.keys()}
    sums = Sums(files, image.digest_without(names | plan.own, image.size), image.size)
    return seal(Respun("", records, image, sums), plan.sign, trail)


def seal(made: Respun, sign: Callable[[bytes], str] | None, trail: Trail, changed: Mapping[str, bytes] = {}) -> Respun:
    """Write SHA256SUMS and its signature into an ISO that has room for them, and the bytes of files that changed."""
    text = made.sums.text().encode("utf-8", "surrogateescape")
    pieces = {**changed, SUMS: text} | ({SIGNATURE: in_its_room(sign(text))} if sign else {})
    places = {made.image.spans[name][0].start: data for name, data in pieces.items()}
    return replace(made, sha256=trail.exchange(made.image.path, places), marks=trail.marks())


def names_after(plan: Respin, base: Iterable[str]) -> set[str]:
    """The files that the respun ISO has, but for SHA256SUMS and its signature; ``base``: those of the base."""
    removed = tuple(f"{path}/" for path in plan.remove)
    names = {name for name in base if name not in plan.remove and not name.startswith(removed)}
    return (names | files_of(plan.add).keys()) - {SUMS, SIGNATURE}


def files_of(add: Mapping[str, Path]) -> dict[str, Path]:
    """The regular files of what is added, those below folders too."""
    files: dict[str, Path] = {}
    for path, source in add.items():
        inside = (
            {f"{path}/{name}": source / name for name in files_below(source)} if source.is_dir() else {path: source}
        )
        files |= inside
    return files


def files_below(folder: Path) -> list[str]:
    """Relative paths of the regular files below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [str(path.relative_to(folder)) for path in found]


def replaces_loader(plan: Respin, base: BootRecords) -> bool:
    """Whether a file that El Torito starts (isolinux.bin, not the EFI image) is replaced by another."""
    return any(image.path in plan.add for image in base.images if image.path)


def boot_commands(report: str) -> tuple[str, ...]:
    """The commands that make a base's boot records, out of what xorriso reports; EFI images have their new size."""
    words = [shlex.split(line) for line in report.splitlines()]
    commands: list[str] = []
    efi = False
    for line in (line for line in words if line and line[0] in ("-boot_image", "-append_partition")):
        efi = (efi or "efi_path=" in line[-1]) and line[-1] != "next"
        commands += [*line[:-1], "load_size=full" if efi and line[-1].startswith("load_size=") else line[-1]]
    return tuple(commands)


def respin_commands(plan: Respin, base: BootRecords, explicit: Sequence[str] = ()) -> list[str]:
    """The xorriso commands of a Respin, in an order that matters: records first, then files, then their attributes.

    Replayed records stay with the file that they were read with: a new isolinux.bin would lose its entry. Where one
    is put in place, ``explicit`` commands define the records instead, after the files.
    """
    # fmt: off
    commands = [
        "-indev", f"stdio:{plan.base}",
        *(() if explicit else ("-boot_image", "any", "replay")),
        "-volid", plan.label,
        "-volume_date", "uuid", volume_date(plan.epoch),
        "-compliance", "iso_9660_level=3",
        "-joliet", "on",
        "-pathspecs", "off",
    ]
    # fmt: on
    for path in plan.remove:
        commands += ["-rm_r", path, "--"]
    for path, source in sorted(plan.add.items()):
        commands += ["-update_r" if source.is_dir() else "-update", str(source), path]
    # the last files on the medium, for they are written once more when all the rest is known
    last = sorted(plan.late) + [name for name in (SUMS, SIGNATURE) if name in plan.add]
    commands += [word for name in last for word in ("-find", name, *_LAST)]
    return [*commands, *_efi_commands(plan, base), *explicit, *_attributes(plan.epoch)]


def _efi_commands(plan: Respin, base: BootRecords) -> list[str]:
    """Replace the EFI image: in the tree on EL 7 to 9, as an appended partition on Fedora and EL 10."""
    if plan.efi_image is None:
        return []
    image = next((image for image in base.images if image.platform == "UEFI"), None)
    if image is None:
        raise PlanexError(f"{plan.base} has no boot image for UEFI", "respin an ISO that starts by UEFI")
    if image.path:
        return ["-update", str(plan.efi_image), image.path]
    return ["-append_partition", "2", ESP_TYPE, str(plan.efi_image)]


def _attributes(epoch: int) -> list[str]:
    """Owner root, read-only as on pressed media, one time for all: nothing of the machine that made it."""
    commands = ["-chown_r", "0", "/", "--", "-chgrp_r", "0", "/", "--"]
    for kind, mode in (("f", "0444"), ("d", "0555")):
        commands += ["-find", "/", "-type", kind, "-exec", "chmod", mode, "--"]
    return [*commands, "-alter_date_r", "b", f"={epoch}", "/", "--"]
