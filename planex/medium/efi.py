# SPDX-License-Identifier: LGPL-2.1-or-later
"""The UEFI loader of an ISO: a GRUB image with all of GRUB's modules, and the FAT image that firmware reads it from.

GRUB's own ``grub-mkstandalone`` does the same but leaves the time of the run in the image; here the same
modules and the same configuration give the same bytes. Needs no root: the FAT image is made by mtools.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from planex.disk import write
from planex.drafts import temporary_folder, write_atomic
from planex.errors import MissingTool
from planex.run import find, run

PLATFORM = "x86_64-efi"
MODULES = Path("/usr/lib/grub") / PLATFORM
PREFIX = "boot/grub"
PRELOADED = ("memdisk", "tar", "normal", "search", "iso9660", "fat", "part_gpt", "part_msdos", "serial", "gzio")
"""What the stub needs before it can load anything by itself; all other modules are in the memdisk."""
SECTOR = 512
MEBIBYTE = 1 << 20


def stub_config(label: str, config: str) -> str:
    """GRUB configuration inside the loader: find the medium by its label and go on with the menu on it.

    The menu itself is on the ISO only, so that it is the same from CD and from USB and can be changed in one place.
    """
    return (
        f"search --no-floppy --set=root --label {label}\n"
        f"if [ -f ($root){config} ]; then\n"
        f"  configfile ($root){config}\n"
        "else\n"
        f'  echo "No medium labelled {label} with {config} was found."\n'
        "fi\n"
    )


def make_loader(output: Path, config: str) -> None:
    """Write BOOTX64.EFI: GRUB with every module of this machine's GRUB and ``config`` as its configuration."""
    if not (MODULES / "multiboot2.mod").is_file():
        raise MissingTool(
            f"no GRUB modules in {MODULES}; they are needed to make the UEFI loader",
            "run `planex doctor` to see how to get it",
        )
    program = mkimage()
    with temporary_folder(output.parent) as folder:
        write(folder / "memdisk.tar", _memdisk(config))
        run(loader_argv(program, folder / "memdisk.tar", output))


def made_by(digest: Callable[[Path], str]) -> str:
    """SHA-256 over the programs and modules that make a loader and its FAT image here; ``digest`` is of a program."""
    whole = hashlib.sha256()
    for program in (mkimage(), find("mformat"), find("mcopy")):
        whole.update(digest(Path(program).resolve()).encode() if program else b"-")
    for path in (MODULES / "kernel.img", *_modules()):
        data = path.read_bytes() if path.is_file() else b""
        whole.update(b"%s %d\0%s" % (path.name.encode(), len(data), data))
    return whole.hexdigest()


def mkimage() -> str:
    program = find("grub-mkimage") or find("grub2-mkimage")
    if program is None:
        raise MissingTool("grub-mkimage is not installed", "run `planex doctor` to see how to get it")
    return program


def _modules() -> list[Path]:
    return sorted((*MODULES.glob("*.mod"), *MODULES.glob("*.lst")))


def loader_argv(program: str, memdisk: Path, output: Path) -> list[str]:
    """grub-mkimage with a memdisk to load modules and configuration from."""
    # fmt: off
    return [
        program,
        "--format", PLATFORM,
        "--directory", str(MODULES),
        "--memdisk", str(memdisk),
        "--prefix", f"(memdisk)/{PREFIX}",
        "--output", str(output),
        *PRELOADED,
    ]
    # fmt: on


def _memdisk(config: str) -> bytes:
    files = {f"{PREFIX}/grub.cfg": config.encode()}
    for path in _modules():
        files[f"{PREFIX}/{PLATFORM}/{path.name}"] = path.read_bytes()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o644, 0
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def make_fat(output: Path, files: Mapping[str, Path], epoch: int) -> None:
    """Write a FAT image that holds ``files`` (path in the image, such as ``EFI/BOOT/BOOTX64.EFI`` -> file).

    ``epoch`` (seconds since 1970) becomes the time of every file; the serial number comes from the contents.
    """
    size = image_size([path.stat().st_size for path in files.values()])
    serial = hashlib.sha256(b"".join(path.read_bytes() for path in files.values())).hexdigest()[:8]
    environment = {"SOURCE_DATE_EPOCH": str(epoch), "MTOOLS_SKIP_CHECK": "1", "TZ": "UTC"}
    write_atomic(output, bytes(size))
    run(["mformat", "-i", output, "-N", serial, "-v", "EFIBOOT", "-T", str(size // SECTOR), "::"], env=environment)
    for name in _folders(files):
        run(["mmd", "-i", output, f"::{name}"], env=environment)
    for name, path in sorted(files.items()):
        run(["mcopy", "-i", output, path, f"::{name}"], env=environment)


def replace_in_fat(image: Path, texts: Mapping[str, str], epoch: int) -> None:
    """Put texts in the place of files (path in the image) of a FAT image."""
    environment = {"SOURCE_DATE_EPOCH": str(epoch), "MTOOLS_SKIP_CHECK": "1", "TZ": "UTC"}
    with temporary_folder(image.parent) as folder:
        for name, text in sorted(texts.items()):
            write(folder / "text", text.encode())
            run(["mcopy", "-o", "-i", image, folder / "text", f"::{name}"], env=environment)


def image_size(sizes: list[int]) -> int:
    """Bytes of a FAT image with room for files of these sizes: an eighth and a mebibyte more, in whole mebibytes."""
    need = sum(sizes) * 9 // 8 + MEBIBYTE
    return -(-need // MEBIBYTE) * MEBIBYTE


def _folders(files: Mapping[str, Path]) -> list[str]:
    parents = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    return sorted(parents, key=lambda name: (name.count("/"), name))
