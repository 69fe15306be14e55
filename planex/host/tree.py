# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the host ISO changes on its base: every file to add, made ready on disk, and every file to remove."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from planex.checksums import digest_of, digest_of_text
from planex.content import shelf
from planex.content.code import code_digest
from planex.disk import write
from planex.errors import PlanexError
from planex.host.basefacts import BaseFacts
from planex.host.definition import IsoDefinition, menu_of
from planex.host.examined import as_text, small_texts
from planex.host.extras import Extra, place_extras
from planex.host.live import BootFiles, LiveHost
from planex.host.loading import Loading, choose_loaders, linux_command, menus_inside
from planex.host.manifest import ON_ISO
from planex.medium import efi, loaders, metadata
from planex.medium.bootimage import EfiImage, efi_bytes, efi_images
from planex.medium.bootrecords import BootRecords
from planex.medium.image import Image
from planex.medium.menu import render_grub, render_isolinux, roomy
from planex.medium.metadata import Product
from planex.medium.references import is_menu
from planex.medium.respin import Respin, files_of
from planex.medium.sums import SUMS
from planex.medium.xorriso import look

ISOLINUX = "/isolinux"
Digest = Callable[[Path], str]
EFI_MENU = "/EFI/BOOT/grub.cfg"
EFI_LOADER = "/EFI/BOOT/BOOTX64.EFI"
BIOS_GRUB_MENUS = ("/boot/grub2/grub.cfg", "/boot/grub/grub.cfg")
"""Read by GRUB for BIOS, which starts EL 10 and Fedora media."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What goes on the ISO besides the base."""

    definition: IsoDefinition
    product: Product
    host: LiveHost | None
    repository: Path
    initrd: Path | None
    more: Mapping[str, Path] = field(default_factory=dict)
    """Path on the ISO to further files."""
    sign: Callable[[bytes], str] | None = None
    """Signs SHA256SUMS; the menu of an ISO without says that it is not signed."""
    boot: BootFiles | None = None
    """Hypervisor and kernel where there is no live host to have them from."""
    written: Path = Path("iso.yaml")
    """What the definition was read from."""
    extras: tuple[Extra, ...] = ()
    kept: Path | None = None
    """A folder that keeps the loader for UEFI from run to run."""


@dataclass(frozen=True, slots=True)
class Base:
    """The base ISO, as far as it must be known."""

    records: BootRecords
    image: Image
    menus: Mapping[str, str] = field(default_factory=dict)
    """Path to text of every boot menu in its tree."""
    efi: tuple[EfiImage, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    """Path to SHA-256, as far as they are known."""

    @property
    def files(self) -> Mapping[str, int]:
        """Path to size in bytes."""
        return self.image.files


def sha256(file: Path) -> str:
    return digest_of(file, "SHA256")


def read_base(iso: Path, facts: BaseFacts | None = None) -> Base:
    """Look into a base ISO, of which ``facts`` are known; PlanexError where neither BIOS nor UEFI starts it."""
    records, image = (facts.records, facts.image) if facts else look(iso)
    texts = {name: image.read(name).decode("utf-8", "replace") for name in small_texts(image.files) if is_menu(name)}
    base = Base(records, image, texts, tuple(efi_images(image, records)), facts.digests if facts else {})
    if not any(map(base.records.boots, ("BIOS", "UEFI"))):
        raise PlanexError(f"the base ISO {iso} can be started by neither BIOS nor UEFI", "take another base ISO")
    return base


def plan_respin(base: Base, parts: Parts, folder: Path, digest: Digest = sha256) -> Respin:
    """Make every file ready below ``folder`` and say where it goes.

    ``digest`` gives the SHA-256 of a file that was there before, and may remember it.
    """
    label = parts.definition.label
    loading = choose_loaders(
        parts.definition, base.records, {*base.files, *(each.path for each in parts.extras)}, base.efi
    )
    menus = _menus(base, parts, folder, loading)
    add: dict[str, Path] = {
        **parts.more,
        parts.definition.repository: parts.repository,
        **_live_files(parts),
        **menus,
        **_isolinux_modules(base),
    }
    efi_image = None
    if loading.keep_efi:
        efi_image = _kept_efi_image(base, parts, folder)
    elif base.records.boots("UEFI"):
        made = kept_loader(parts.definition.label, parts.product.epoch, parts.kept or folder, digest)
        efi_image = made / "efiboot.img"
        add[EFI_LOADER] = made / "BOOTX64.EFI"
    efi_path = _efi_path(base, efi_image)
    kept = {path: file for path, file in add.items() if folder not in file.parents}
    add |= place_extras(parts.written, parts.extras, base.files, _made(base, add.keys() | efi_path))
    add |= _relabelled(base, label, add.keys(), folder)
    add |= _descriptions(base, parts, add | efi_path, folder, digest)
    known = {path: value for path, value in base.digests.items() if path not in add}
    known |= {path: digest(file) for path, file in files_of(kept).items()}
    before, late = (base.records, base.files), frozenset(menus.keys() | {ON_ISO} & add.keys())
    return Respin(base.image.path, label, parts.product.epoch, add, (), efi_image, known, parts.sign, before, late)


def _made(base: Base, added: Collection[str]) -> set[str]:
    """Where nothing else can go: what is added, what describes the medium, and the loader of BIOS."""
    described = {name for name in ("/.treeinfo", "/.discinfo", f"{ISOLINUX}/{loaders.LOADER}") if name in base.files}
    return {*added, *described, SUMS}


def kept_loader(label: str, epoch: int, work: Path, digest: Digest) -> Path:
    """A folder with BOOTX64.EFI and efiboot.img, which UEFI starts; kept in ``work`` by all that they come from."""
    stub = efi.stub_config(label, EFI_MENU)
    key = digest_of_text(f"{efi.made_by(digest)} {code_digest('planex.medium.efi')} {epoch} {stub}")
    final = work / f"uefi-{key[:16]}"
    if not final.exists():
        shelf.prune(work.glob("uefi-*"), 0)
        with shelf.draft(final) as draft:
            efi.make_loader(draft / "BOOTX64.EFI", stub)
            efi.make_fat(draft / "efiboot.img", {EFI_LOADER.lstrip("/"): draft / "BOOTX64.EFI"}, epoch)
            shelf.publish(draft, final, durable=True)
    return final


def _kept_efi_image(base: Base, parts: Parts, folder: Path) -> Path | None:
    """The base's own image, whose menus go on with the one in the tree; None where it has none."""
    image = next((each for each in base.efi if any(menus_inside([each]))), None)
    entry = next((each for each in base.records.images if each.platform == "UEFI" and each.bootable), None)
    if image is None or entry is None:
        return None
    copy = folder / "efiboot.img"
    write(copy, efi_bytes(base.image, entry))
    stub = efi.stub_config(parts.definition.label, EFI_MENU)
    efi.replace_in_fat(copy, dict.fromkeys(menus_inside([image]), stub), parts.product.epoch)
    return copy


def _efi_path(base: Base, image: Path | None) -> dict[str, Path]:
    return {entry.path: image for entry in base.records.images if image and entry.platform == "UEFI" and entry.path}


def _live_files(parts: Parts) -> dict[str, Path]:
    live, host = parts.definition.live, parts.host
    if parts.boot:
        return dict(zip(parts.definition.boot_files, (parts.boot.hypervisor, parts.boot.kernel), strict=True))
    if live is None or host is None or parts.initrd is None:
        return {}
    return {
        live.image: host.image,
        live.hypervisor: host.hypervisor,
        live.kernel: host.kernel,
        live.initrd: parts.initrd,
    }


def _menus(base: Base, parts: Parts, folder: Path, loading: Loading) -> dict[str, Path]:
    """Menus for every loader of the base, rendered anew; its other menus go by the board, for their files may too."""
    menu = menu_of(parts.definition, signed=parts.sign is not None)
    menus = {EFI_MENU} if base.records.boots("UEFI") else set()
    menus |= base.files.keys() & {EFI_MENU, *BIOS_GRUB_MENUS}
    texts = {path: render_grub(menu) for path in sorted(menus)}
    if loading.keep_efi and EFI_MENU in texts:
        texts[EFI_MENU] = render_grub(replace(menu, linux=linux_command(base.menus.get(EFI_MENU, ""))))
    if f"{ISOLINUX}/{loaders.LOADER}" in base.files:
        texts[f"{ISOLINUX}/isolinux.cfg"] = render_isolinux(menu)
    return {path: _write(folder, path, roomy(text)) for path, text in texts.items()}


def _isolinux_modules(base: Base) -> dict[str, Path]:
    """Modules of isolinux that the menu needs and the base lacks, in particular mboot.c32, which starts Xen."""
    loader = f"{ISOLINUX}/{loaders.LOADER}"
    if loader not in base.files:
        return {}
    there = loaders.isolinux_version(base.image.read(loader))
    here = loaders.isolinux_version(loaders.find_here(loaders.LOADER).read_bytes())
    present = {path.removeprefix(f"{ISOLINUX}/") for path in base.files if path.startswith(f"{ISOLINUX}/")}
    names = loaders.modules_to_add(there, here, present)
    return {f"{ISOLINUX}/{name}": loaders.find_here(name) for name in names}


def _relabelled(base: Base, label: str, replaced: Iterable[str], folder: Path) -> dict[str, Path]:
    """The base's small texts that name its label, with the new label in its place."""
    gone = set(replaced)
    changed: dict[str, Path] = {}
    for path in (path for path in small_texts(base.files) if path not in gone):
        text = as_text(base.image.read(path))
        if text is not None and metadata.mentions_label(text, base.records.label):
            changed[path] = _write(folder, path, metadata.replace_label(text, base.records.label, label))
    return changed


def _descriptions(base: Base, parts: Parts, added: Mapping[str, Path], folder: Path, digest: Digest) -> dict[str, Path]:
    """.treeinfo and .discinfo for the new medium, where the base has them."""
    texts: dict[str, str] = {}
    if "/.treeinfo" in base.files:
        texts["/.treeinfo"] = _treeinfo(_text(base, "/.treeinfo"), parts, added, digest)
    if "/.discinfo" in base.files:
        texts["/.discinfo"] = metadata.update_discinfo(_text(base, "/.discinfo"), parts.product)
    return {path: _write(folder, path, text) for path, text in texts.items()}


def _text(base: Base, name: str) -> str:
    try:
        return base.image.read(name).decode()
    except UnicodeDecodeError:
        raise PlanexError(f"{name} of the base ISO {base.image.path} is not UTF-8", "take another base ISO") from None


def _treeinfo(text: str, parts: Parts, added: Mapping[str, Path], digest: Digest) -> str:
    known = metadata.checksums(text)
    repository = parts.definition.repository
    files = {path.lstrip("/"): file for path, file in added.items()}
    files[f"{repository.lstrip('/')}/repodata/repomd.xml"] = parts.repository / "repodata" / "repomd.xml"
    wanted = {*known, *(path.lstrip("/") for path in _live_files(parts))}
    wanted.add(f"{repository.lstrip('/')}/repodata/repomd.xml")
    digests = {path: digest(file) for path, file in files.items() if path in wanted}
    return metadata.update_treeinfo(text, parts.product, digests)


def _write(folder: Path, path: str, text: str) -> Path:
    file = folder / "texts" / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, text.encode())
    return file
