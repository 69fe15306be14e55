# SPDX-License-Identifier: LGPL-2.1-or-later
"""Carries an installation out. Until its last step the disk says at each start that it is not finished."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex_installer import menu, system
from planex_installer.answers import Answers, ShellScript
from planex_installer.bootcode import write_boot_code
from planex_installer.errors import InstallError
from planex_installer.layout import EFI_PLACE, Layout, definitions
from planex_installer.menu import BootSettings
from planex_installer.program import Program

STATE = Path("/run/planex-installer")
TARGET = STATE / "target"
SOURCE = Path("/run/initramfs/squashfs")
"""The live host's root as it is on the medium: nothing that this run changed is in it."""
LOG_PLACE = "var/log/planex-installer.log"
_MODULES = (
    *("part_gpt", "fat", "ext2", "normal", "configfile", "search", "search_fs_uuid", "search_fs_file", "echo", "sleep"),
    *(
        "multiboot2",
        "linux",
        "gzio",
        "serial",
        "terminal",
        "all_video",
        "efi_gop",
        "test",
        "reboot",
        "halt",
        "ls",
        "loadenv",
    ),
)


@dataclass(frozen=True)
class Installation:
    """All that is needed to install."""

    answers: Answers
    layout: Layout
    title: str
    serial: bool
    program: Program
    say: Callable[[str], None]
    source: Path = SOURCE

    def step(self, text: str) -> None:
        self.program.note(f"== {text}")
        self.say(text)


def install(job: Installation) -> None:
    """Do it. Everything was checked before."""
    boot = job.layout.boot
    _run_scripts(job, job.answers.before, None)
    job.step(f"Partitions on {', '.join(plan.disk.path for plan in job.layout.disks)}")
    esp = _prepare_esp(job)
    write_boot_code(boot.disk.path, " ".join(menu.UNFINISHED))
    _partition(job)
    with _mounts(job) as uuids:
        job.step("Boot loader, which says that the installation is not finished")
        _boot_loader(job, esp)
        job.step("The system")
        _copy(job)
        _make_own(job, uuids)
        _packages(job)
        _run_scripts(job, job.answers.after, TARGET)
        job.step("Boot menu")
        _finish(job, uuids)
    job.step("Done")


def _prepare_esp(job: Installation) -> Path:
    """Make the content of the EFI system partition; its menu says that the installation is not finished."""
    folder = STATE / "esp"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "EFI/BOOT").mkdir(parents=True)
    loader = folder / "EFI/BOOT/BOOTX64.EFI"
    job.program.run(["grub-mkimage", "-O", "x86_64-efi", "-p", "/EFI/BOOT", "-o", str(loader), *_MODULES])
    (folder / "EFI/BOOT/grub.cfg").write_text(menu.unfinished_menu())
    return folder


def _partition(job: Installation) -> None:
    """systemd-repart could fill the ESP as well, but not under kernels that mount nothing which is open for writing."""
    for plan in job.layout.disks:
        folder = STATE / "repart.d" / plan.disk.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file, text in definitions(plan).items():
            (folder / file).write_text(text)
        words = ["--dry-run=no", "--empty=force", "--seed=random", "--no-pager", f"--definitions={folder}"]
        job.program.run(["systemd-repart", *words, plan.disk.path])
        if plan is job.layout.boot:
            write_boot_code(plan.disk.path, " ".join(menu.UNFINISHED))  # at once: the new table came without
    job.program.run(["udevadm", "settle", "--timeout=30"], check=False)


@contextlib.contextmanager
def _mounts(job: Installation) -> Iterator[dict[str, str]]:
    """Mount all that is to be mounted below TARGET; gives device to UUID."""
    mounted: list[str] = []
    uuids: dict[str, str] = {}
    try:
        for place, device, part in job.layout.mounts():
            uuids[device] = _tag(job, device, "UUID")
            folder = TARGET / place.lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
            job.program.run(["mount", "-t", part.kind, device, str(folder)])
            mounted.append(str(folder))
        uuids |= {device: _tag(job, device, "UUID") for device in job.layout.swaps()}
        yield uuids
    finally:
        for place in reversed(mounted):
            job.program.run(["umount", place], check=False)
        job.program.run(["sync"], check=False)


def _tag(job: Installation, device: str, name: str) -> str:
    found = job.program.run(["blkid", "--probe", "--match-tag", name, "--output", "value", device]).strip()
    if not found:
        raise InstallError(f"{device} has no {name} after it was made")
    return found


def _boot_loader(job: Installation, esp: Path) -> None:
    job.program.run(["cp", "-r", f"{esp}/.", str(TARGET / EFI_PLACE.lstrip("/"))])
    job.program.run(["sync", "--file-system", str(TARGET / EFI_PLACE.lstrip("/"))])
    folder = TARGET / "boot"
    (folder / "grub").mkdir(parents=True, exist_ok=True)
    menu.replace_file(TARGET / menu.MENU, menu.unfinished_menu())
    words = ["--target=i386-pc", "--no-floppy", f"--boot-directory={folder}", job.layout.boot.disk.path]
    job.program.run(["grub-install", *words])


def _copy(job: Installation) -> None:
    """Copy the live root, and say every few seconds how far it is."""
    total = _used(job.source)
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(job, total, _used(TARGET), done), daemon=True)
    watcher.start()
    try:
        job.program.run(["cp", "-a", "--no-target-directory", str(job.source), str(TARGET)])
    finally:
        done.set()
        watcher.join()


def _used(folder: Path) -> int:
    state = os.statvfs(folder)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def _watch(job: Installation, total: int, before: int, done: threading.Event) -> None:
    while not done.wait(10):
        job.say(f"  {(_used(TARGET) - before) >> 20} MiB copied (packed {total >> 20} MiB)")


def _make_own(job: Installation, uuids: dict[str, str]) -> None:
    job.step("Identity, users, network")
    mounts = {place: (uuids[device], part.kind) for place, device, part in job.layout.mounts()}
    swaps = [uuids[device] for device in job.layout.swaps()]
    (TARGET / "etc/fstab").write_text(system.fstab(mounts, swaps))
    system.configure(TARGET, job.answers, job.program)


def _packages(job: Installation) -> None:
    answers = job.answers
    if not (answers.packages or answers.unwanted):
        return
    job.step(f"Packages: {' '.join([*answers.packages, *(f'-{name}' for name in answers.unwanted)])}")
    for verb, names in (("install", answers.packages), ("remove", answers.unwanted)):
        if names:
            with _system_folders(job):
                job.program.run(dnf_argv(verb, names))


def dnf_argv(verb: str, names: Sequence[str], target: Path = TARGET) -> list[str]:
    """dnf on the target, with the repositories that it is set up with: those of the medium."""
    words = ["--assumeyes", "--noplugins", f"--installroot={target}", "--setopt=install_weak_deps=False"]
    return ["dnf", *words, verb, *names]


@contextlib.contextmanager
def _system_folders(job: Installation) -> Iterator[None]:
    """/dev, /proc and /sys in the target, for what runs there."""
    names = ("dev", "proc", "sys", "run")
    mounted: list[str] = []
    try:
        for name in names:
            inside = TARGET / name
            inside.mkdir(exist_ok=True)
            job.program.run(["mount", "--rbind", "--make-rslave", f"/{name}", str(inside)])
            mounted.append(str(inside))
        yield
    finally:
        for folder in reversed(mounted):
            job.program.run(["umount", "--recursive", folder], check=False)


def _run_scripts(job: Installation, scripts: Sequence[ShellScript], target: Path | None) -> None:
    for number, script in enumerate(scripts, 1):
        kind = "%post" if target else "%pre"
        job.step(f"{kind} script {number} of {len(scripts)}")
        inside = target is not None and script.in_target
        root = target if inside and target else Path("/")
        file = root / "tmp" / f"planex-installer-script-{number}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(script.text)
        words = [script.interpreter, str(Path("/") / file.relative_to(root))]
        try:
            with _system_folders(job) if inside else contextlib.nullcontext():
                said = job.program.run(["chroot", str(root), *words] if inside else words)
            if script.log:
                (root / script.log.lstrip("/")).write_text(said)
        except InstallError as error:
            if script.must_succeed:
                raise InstallError(f"{job.answers.where(script.line)}{kind}: {error}") from None
            job.say(f"  {kind}: {error}")
        finally:
            file.unlink(missing_ok=True)


def _finish(job: Installation, uuids: dict[str, str]) -> None:
    """Write the menus that start the system; with the last of them the disk is an installed one."""
    boot = job.layout.boot
    root, esp = boot.path_of("/"), boot.path_of(EFI_PLACE)
    partition = _tag_of_entry(job, root)
    menu.save_settings(TARGET, BootSettings(job.title, uuids[root], partition, job.serial))
    shutil.copyfile(job.program.log, TARGET / LOG_PLACE)
    (TARGET / LOG_PLACE).chmod(0o600)
    os.sync()
    assert esp
    menu.replace_file(TARGET / EFI_PLACE.lstrip("/") / "EFI/BOOT/grub.cfg", menu.forwarding_menu(uuids[root]))
    menu.write_menu(TARGET)
    os.sync()


def _tag_of_entry(job: Installation, device: str) -> str:
    """The UUID that a partition has in the partition table."""
    for _ in range(10):
        found = job.program.run(["lsblk", "--noheadings", "--nodeps", "--output", "PARTUUID", device]).strip()
        if found:
            return found
        time.sleep(1)
    raise InstallError(f"the partition table does not know {device}")
