# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks an ISO, anybody's: would it start, and does it say the truth about itself? Finds all that is wrong at once."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from planex.checksums import digest_of
from planex.errors import PlanexError
from planex.host.tree import read_text, small_texts
from planex.medium import metadata
from planex.medium.bootrecords import BootRecords, lost_records
from planex.medium.entry import LIVE_IMAGE
from planex.medium.loaders import LOADER, REQUIRES, isolinux_version
from planex.medium.references import is_menu, label_uses, references, unescape
from planex.medium.xorriso import extract, list_files, read_records, require_iso
from planex.rpm import repo
from planex.units import size_text

_ALGORITHMS = frozenset({"md5", "sha1", "sha224", "sha256", "sha384", "sha512"})
_LABEL = re.compile(r"[A-Z0-9_.-]{1,32}")
_LIVE = re.compile(r"\broot=live:(?:CD)?LABEL=")
_SEARCH = re.compile(rb"search[ -~]{0,500}?--label[ -~]{0,500}")
"""A command of GRUB in a loader; bounded, as text without end would take quadratic time."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong. ``kind``: ``boot records``, ``label``, ``menu``, ``treeinfo`` or ``repository``."""

    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


class CheckFailed(PlanexError):
    """An ISO with findings."""

    def __init__(self, iso: Path, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        lines = "\n".join(f"  {finding}" for finding in self.findings)
        super().__init__(f"{iso.name} does not pass {len(self.findings)} checks:\n{lines}")


def require_clean(iso: Path, findings: list[Finding]) -> None:
    """Raise CheckFailed if there are findings."""
    if findings:
        raise CheckFailed(iso, findings)


@dataclass(frozen=True, slots=True)
class ExaminedIso:
    """An ISO under examination: what is on it, and the parts of it that were copied to ``folder``."""

    records: BootRecords
    files: Mapping[str, int]
    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / name.lstrip("/")

    def texts(self) -> Iterator[tuple[str, str]]:
        """Path and contents of every small text."""
        for name in small_texts(self.files):
            text = read_text(self.path(name))
            if text is not None:
                yield name, text

    def menus(self) -> Iterator[tuple[str, str]]:
        return ((name, text) for name, text in self.texts() if is_menu(name))


def check_iso(iso: Path, base: Path | None = None) -> list[Finding]:
    """Everything that is wrong with an ISO; with ``base``, also what it lost against that."""
    for path in (iso, base):
        if path is not None:
            require_iso(path)
    with tempfile.TemporaryDirectory(prefix="planex.") as folder:
        medium = ExaminedIso(read_records(iso), list_files(iso), Path(folder))
        _take(iso, medium, _wanted(medium))
        _take(iso, medium, [name for name in _listed(medium) if not medium.path(name).exists()])
        findings = [*check_records(medium.records, read_records(base) if base else None)]
        findings += [*check_labels(medium), *check_menus(medium), *check_treeinfo(medium), *check_repositories(medium)]
        if base is not None:
            findings += check_old_label(medium, read_records(base).label)
    return findings


def _take(iso: Path, medium: ExaminedIso, names: Collection[str]) -> None:
    """Copy files out of an ISO; PlanexError if they claim to be far larger than the ISO itself."""
    size = sum(medium.files[name] for name in names)
    if size > 2 * iso.stat().st_size:
        raise PlanexError(f"{iso}: its files claim {size_text(size)}, far more than the ISO has", "it is damaged")
    extract(iso, {name: medium.path(name) for name in names})


def _wanted(medium: ExaminedIso) -> set[str]:
    """Files that the checks read."""
    wanted = set(small_texts(medium.files)) | set(_efi_images(medium))
    wanted |= {name for name in medium.files if "/repodata/" in name}
    return wanted


def _listed(medium: ExaminedIso) -> list[str]:
    """Files whose checksum .treeinfo gives."""
    with contextlib.suppress(PlanexError):
        return [f"/{name}" for name in _treeinfo_checksums(medium) if f"/{name}" in medium.files]
    return []


def _treeinfo_checksums(medium: ExaminedIso) -> dict[str, str]:
    if "/.treeinfo" not in medium.files:
        return {}
    return metadata.checksums(medium.path(".treeinfo").read_text(errors="replace"))


def _efi_images(medium: ExaminedIso) -> list[str]:
    paths = [image.path for image in medium.records.images if image.platform == "UEFI"]
    return [path for path in paths if path in medium.files]


def check_records(records: BootRecords, base: BootRecords | None) -> Iterator[Finding]:
    """Boot records: complete by themselves, or at least as complete as the base's."""
    if base is None:
        for platform in ("BIOS", "UEFI"):
            if not records.boots(platform):
                yield Finding("boot records", f"El Torito has no bootable entry for {platform}")
    else:
        yield from (Finding("boot records", sentence) for sentence in lost_records(base, records))


def check_labels(medium: ExaminedIso) -> Iterator[Finding]:
    """The label is one that all readers spell alike, and menus look for no other."""
    label = medium.records.label
    if not _LABEL.fullmatch(label):
        yield Finding("label", f"'{label}' is not 1 to 32 of A-Z 0-9 _ . -")
    for name, text in medium.menus():
        for use in label_uses(name, text):
            if use.label != label and "$" not in use.label:
                yield Finding("label", f"{name}:{use.line} looks for '{use.label}', but the label is '{label}'")
    for name in _efi_images(medium):
        for found in _SEARCH.findall(medium.path(name).read_bytes()):
            for use in label_uses(name, found.decode("ascii")):
                if use.label != label and "$" not in use.label:
                    yield Finding("label", f"the loader in {name} looks for '{use.label}', the label is '{label}'")


def check_old_label(medium: ExaminedIso, old: str) -> list[Finding]:
    """The base's label occurs in no text any more."""
    if not old or old == medium.records.label:
        return []
    return [
        Finding("label", f"{name} still names the base's label '{old}'")
        for name, text in medium.texts()
        if metadata.mentions_label(text, old)
    ]


def check_menus(medium: ExaminedIso) -> Iterator[Finding]:
    """Every file that a menu names is on the ISO, and so is what isolinux' modules need."""
    menus = list(medium.menus())
    if not menus:
        yield Finding("menu", "there is no boot menu (isolinux.cfg, grub.cfg)")
    for name, text in menus:
        named = references(name, text)
        yield from (Finding("menu", f"{ref}: no such file") for ref in named if ref.path not in medium.files)
        yield from _modules(medium, name, {PurePosixPath(ref.path).name for ref in named})
        if _LIVE.search(unescape(text)) and LIVE_IMAGE not in medium.files and "rd.live.squashimg=" not in text:
            yield Finding("menu", f"{name} starts a live root, but {LIVE_IMAGE} is not there")


def _modules(medium: ExaminedIso, menu: str, named: set[str]) -> Iterator[Finding]:
    folder = str(PurePosixPath(menu).parent).rstrip("/")
    loader = f"{folder}/{LOADER}"
    if loader not in medium.files or isolinux_version(medium.path(loader).read_bytes()) < "5":
        return
    for module in sorted(named & REQUIRES.keys()):
        missing = [name for name in REQUIRES[module] if f"{folder}/{name}" not in medium.files]
        if missing:
            yield Finding("menu", f"{menu} uses {module}, which needs {', '.join(missing)} beside it")


def check_treeinfo(medium: ExaminedIso) -> Iterator[Finding]:
    """Checksums in .treeinfo are those of the files."""
    try:
        known = _treeinfo_checksums(medium)
    except PlanexError as error:
        yield Finding("treeinfo", error.message)
        return
    for name, value in known.items():
        path = f"/{name}"
        algorithm, _, digest = value.partition(":")
        if path not in medium.files:
            yield Finding("treeinfo", f"{path} is listed in .treeinfo, but not there")
        elif algorithm in _ALGORITHMS and digest_of(medium.path(path), algorithm) != digest:
            yield Finding("treeinfo", f"{path} does not have the checksum that .treeinfo gives")


def check_repositories(medium: ExaminedIso) -> Iterator[Finding]:
    """Every RPM that a repository on the ISO lists is there, with its size."""
    for name in medium.files:
        if not name.endswith("/repodata/repomd.xml"):
            continue
        top = name.removesuffix("/repodata/repomd.xml")
        try:
            locations = repo.read_locations(medium.path(top or "/"))
        except PlanexError as error:
            yield Finding("repository", f"{name}: {error.message}")
            continue
        for location, size in sorted(locations.items()):
            path = f"{top}/{location}"
            if medium.files.get(path) != size:
                wrong = "has another size" if path in medium.files else "is not there"
                yield Finding("repository", f"{name} lists {path}, which {wrong}")
