# SPDX-License-Identifier: LGPL-2.1-or-later
"""An ISO with an answer file, arguments and RPMs of somebody's own, made from a finished one without building anything.

What is replaced is kept on the new ISO, so that it can be put back, and so that changing it again starts from there.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from planex.content import shelf
from planex.disk import write
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.host.addrpms import Additions, add_rpms
from planex.host.answercheck import unchecked
from planex.host.check import check_iso
from planex.host.checked import Standing
from planex.host.closure import closure_of
from planex.host.examined import ExaminedIso, small_texts
from planex.host.finding import faults, require_clean, without_inherited
from planex.medium.bootimage import EfiImage, efi_images
from planex.medium.bootrecords import BootRecords
from planex.medium.image import BLOCK, Image
from planex.medium.menuargs import with_arguments
from planex.medium.references import is_menu
from planex.medium.respin import Respin, respin
from planex.medium.sums import SIGNATURE
from planex.medium.xorriso import look

KICKSTART = "/ks.cfg"
"""Where the installer looks on the medium it was started from."""
ORIGINALS = "/.planex-original"
"""What was replaced, each under its own path and SUFFIX; ADDED there names what is new."""
SUFFIX = ".orig"
"""With it a menu is none for whoever looks for menus."""
ADDED = f"{ORIGINALS}/ADDED"
_METADATA = re.compile(r"(?<=/repodata)/.*")
"""Names of files there tell nobody anything."""
_CREATED = 16 * BLOCK + 813
"""Creation time in the volume descriptor (ECMA-119 8.4.26)."""


@dataclass(frozen=True, slots=True)
class Customised:
    """What became of an ISO: paths that changed, and whether it had a signature, which the new one has not.

    ``repository``: the one that has other RPMs now; ``notes``: what could not be checked, a sentence each.
    """

    iso: Path
    sha256: str
    changed: tuple[str, ...]
    was_signed: bool
    repository: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Change:
    files: Mapping[str, bytes]
    remove: tuple[str, ...]
    changed: tuple[str, ...]
    additions: Additions = field(default_factory=Additions)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Medium:
    records: BootRecords
    image: Image

    def original(self, path: str) -> bytes | None:
        """A file as it was before anybody customised the ISO; None where there was none."""
        kept = f"{ORIGINALS}{path}{SUFFIX}"
        if kept in self.image.files:
            return self.image.read(kept)
        return self.image.read(path) if path in self.image.files and path not in self.added else None

    @property
    def added(self) -> list[str]:
        if ADDED not in self.image.files:
            return []
        try:
            return self.image.read(ADDED).decode().split("\n")[:-1]
        except UnicodeDecodeError:
            raise PlanexError(f"{ADDED} of {self.image.path} is damaged", "customize the ISO that was built") from None

    @property
    def kept(self) -> list[str]:
        """Paths of files that were replaced."""
        found = (name for name in self.image.files if name.startswith(f"{ORIGINALS}/") and name != ADDED)
        return [name.removeprefix(ORIGINALS).removesuffix(SUFFIX) for name in found]


def customise(iso: Path, output: Path, kickstart: Path | None, arguments: str, rpms: Sequence[Path] = ()) -> Customised:
    """Write ``output``: ``iso`` with ``kickstart`` as its answer file, ``arguments`` for all kernels of its menus, and
    ``rpms`` in its repository."""
    medium = _Medium(*look(iso))
    _require_new(output)
    with temporary_folder(output.parent, "customise") as folder:
        notes = _told(kickstart, unchecked(medium.image, kickstart, folder)) if kickstart else ()
        additions = add_rpms(iso, rpms, folder) if rpms else Additions()
        files = {**additions.files, **(_menus(iso, medium, arguments) if arguments else {})}
        files |= {KICKSTART: kickstart.read_bytes()} if kickstart else {}
        proofs = _proofs(medium, {*files, *additions.gone}, additions.gone)
        changed = tuple(sorted({*files, *additions.gone}))
        change = _Change({**files, **proofs}, additions.gone, changed, additions, notes)
        return _write(iso, output, medium, change, folder)


def _told(kickstart: Path, note: str) -> tuple[str, ...]:
    return (f"{kickstart}: {note}",) if note else ()


def _proofs(medium: _Medium, touched: set[str], gone: Collection[str]) -> dict[str, bytes]:
    """What is kept on the new ISO of the old."""
    before = {path: medium.original(path) for path in {*touched, *medium.kept, *medium.added}}
    kept = {f"{ORIGINALS}{path}{SUFFIX}": data for path, data in before.items() if data is not None}
    added = sorted(path for path, data in before.items() if data is None and path not in gone)
    return {**kept, ADDED: "".join(f"{path}\n" for path in added).encode()}


def reset(iso: Path, output: Path) -> Customised:
    """Write ``output``: ``iso`` with the files that it had before it was customised."""
    medium = _Medium(*look(iso))
    _require_new(output)
    if ADDED not in medium.image.files:
        raise PlanexError(f"{iso} was not customised", "there is nothing to take back")
    files = {path: medium.image.read(f"{ORIGINALS}{path}{SUFFIX}") for path in medium.kept}
    changed = tuple(sorted([*files, *medium.added]))
    with temporary_folder(output.parent, "customise") as folder:
        return _write(iso, output, medium, _Change(files, (ORIGINALS, *medium.added), changed), folder)


def _require_new(output: Path) -> None:
    if output.exists():
        raise PlanexError(f"{output} exists", "name a file that is still to be made")
    output.parent.mkdir(parents=True, exist_ok=True)


def _menus(iso: Path, medium: _Medium, arguments: str) -> dict[str, bytes]:
    names = [name for name in small_texts(medium.image.files) if is_menu(name)]
    texts = {name: (medium.original(name) or b"").decode("utf-8", "replace") for name in names}
    changed = {name: with_arguments(name, text, arguments) for name, text in texts.items()}
    for image in efi_images(medium.image, medium.records):
        _require_stub(iso, image, arguments)
    found = {name: text.encode() for name, text in changed.items() if text != texts[name]}
    if not found:
        raise PlanexError(f"{iso} has no menu with a kernel in it", "arguments go into isolinux.cfg and grub.cfg")
    return found


def _require_stub(iso: Path, image: EfiImage, arguments: str) -> None:
    """A menu inside the EFI image would start kernels without the arguments, unseen."""
    for name in filter(is_menu, image.files):
        text = image.files[name].decode("utf-8", "replace")
        if with_arguments("grub.cfg", text, arguments) != text:
            raise PlanexError(
                f"{iso}: its EFI image has a whole menu of its own ({name}), which would stay as it is",
                "make the ISO with `planex iso build`, whose EFI image goes on with the menu of the medium",
            )


def _write(iso: Path, output: Path, medium: _Medium, change: _Change, folder: Path) -> Customised:
    with shelf.draft(output) as drafts:
        add = {}
        for number, (path, data) in enumerate(sorted(change.files.items())):
            add[path] = folder / str(number)
            write(add[path], data)
        label, epoch = medium.records.label, _created(medium.image)
        before = (medium.records, medium.image.files)
        draft = drafts / output.name
        made = respin(Respin(iso, label, epoch, add, change.remove, digests={}, before=before), draft)
        findings = check_iso(draft)
        if faults(findings):
            findings = without_inherited(findings, check_iso(iso))
        require_clean(draft, findings)
        notes = (*change.notes, *_not_closed(draft, change.additions))
        draft.chmod(0o644)
        shelf.publish(draft, output)
    was_signed = SIGNATURE in medium.image.files
    changed = tuple(sorted({_METADATA.sub("", path) for path in change.changed}))
    return Customised(output, made.sha256, changed, was_signed, change.additions.repository, notes)


def _not_closed(draft: Path, additions: Additions) -> Iterator[str]:
    """Why nobody knows whether all that added packages require is there; PlanexError where it is not."""
    if not additions.packages:
        return
    closure = closure_of(ExaminedIso.open(draft), additions.repository, additions.packages)
    if closure.standing is Standing.WRONG:
        raise PlanexError(f"{closure.what}: {closure.text}", "add what is missing as well: --add-rpm")
    if closure.standing is Standing.UNKNOWN:
        yield f"{closure.what}: {closure.text}"


def _created(image: Image) -> int:
    text = image.part(_CREATED, 14).decode("ascii", "replace")
    try:
        return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%S"))
    except ValueError as error:
        raise PlanexError(f"{image.path}: its volume descriptor has no time of creation: '{text}'") from error
