# SPDX-License-Identifier: LGPL-2.1-or-later
"""The live host: a root installed by dnf from the base and from what was built, compressed; and its boot files.

Works as an ordinary user: all that touches the root runs as root of a user namespace. The same repositories give
the same bytes: SOURCE_DATE_EPOCH stands for the time of installation, and what only this run knows is removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.cage.command import Cage, caged
from planex.checksums import digest_of_text
from planex.content import records, shelf
from planex.distro.project import Project
from planex.errors import LoggedError, PlanexError
from planex.host.definition import Live
from planex.report import Task
from planex.rpm import dnf, repo
from planex.rpm.dnf import Choice, Repositories
from planex.run import require, run
from planex.workspace import behind

FORMAT = 4
"""Raised when roots are made differently, so that old ones are not taken for new ones."""
_PACKAGES = "packages.json"
BUSYBOX = ("usr/sbin/busybox", "usr/bin/busybox", "sbin/busybox", "bin/busybox")
# SQLite's journal goes into the database of packages: when it does so by itself is no property of the host.
_CHECKPOINT = (
    "import sqlite3, sys; base = sqlite3.connect(sys.argv[1]); "
    'base.execute("PRAGMA wal_checkpoint(TRUNCATE)"); base.close()'
)
# Lines of shell for the cage of the root: it knows its libraries and is of no run and no machine yet.
_FINISH = f"""
cd {dnf.ROOT}
[ ! -e sbin/ldconfig ] || chroot . /sbin/ldconfig -X
rm -rf var/log/dnf* var/log/hawkey* var/cache/*/* var/lib/dnf tmp/* var/tmp/* run/*
rm -f etc/machine-id
: > etc/machine-id
chmod 0444 etc/machine-id
for base in var/lib/rpm/rpmdb.sqlite usr/lib/sysimage/rpm/rpmdb.sqlite; do
    [ ! -f $base ] || python3 -I -c '{_CHECKPOINT}' $base
    rm -f $base-wal $base-shm
done
"""


@dataclass(frozen=True, slots=True, order=True)
class Installed:
    """A package of the live host."""

    nevra: str
    sha256: str
    """Of the RPM; empty where it came from a repository that is not on this machine."""
    origin: str
    """``built`` here, or ``base``."""
    source: str
    """File name of the source RPM."""
    size: int
    """Bytes when installed."""


@dataclass(frozen=True, slots=True)
class Packages:
    """What is kept of a live host: its packages."""

    packages: tuple[Installed, ...]


@dataclass(frozen=True, slots=True)
class BootFiles:
    """A folder with hypervisor and dom0's kernel. It appears whole and never changes."""

    folder: Path

    @property
    def hypervisor(self) -> Path:
        return self.folder / "xen.gz"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"


@dataclass(frozen=True, slots=True)
class LiveHost(BootFiles):
    """With all else that goes on the ISO."""

    @property
    def image(self) -> Path:
        return self.folder / "squashfs.img"

    @property
    def busybox(self) -> Path:
        return self.folder / "busybox"

    def packages(self) -> list[Installed]:
        path, hint = self.folder / _PACKAGES, f"have the host made again: rm -r {self.folder}"
        return list(records.require(path, Packages, FORMAT, hint).packages)


def host_inputs(project: Project, live: Live) -> dict[str, str]:
    """All that decides the live host: label to digest or text."""
    return {
        "repository": repo.digest(project.repository),
        "buildroot": project.buildroot_digest(),
        "packages": " ".join(live.packages),
        "compression": str(live.compression),
        "time": str(project.epoch),
        "host format": str(FORMAT),
    }


def make_host(project: Project, live: Live, work: Path, task: Task) -> LiveHost:
    """Install and compress the live host below ``work``, unless that was done before from the same inputs."""
    inputs = json.dumps(sorted(host_inputs(project, live).items()))
    final = work / f"host-{digest_of_text(inputs)[:16]}"
    if records.load(final / _PACKAGES, Packages, FORMAT) is None:
        require("mksquashfs", "make the live host's root image")
        with shelf.draft(final) as draft:
            (draft / "root").mkdir()
            (draft / "root").chmod(0o755)  # whatever the umask of who builds
            _describe(project, install(project, live.packages, "live.packages", work, draft, task), draft)
            take_boot_files(draft)
            _take(
                draft, "busybox", "busybox", [path for name in BUSYBOX if (path := draft / "root" / name).is_file()][:1]
            )
            _compress(draft, live, project.epoch, task)
            shelf.remove(draft / "root")
            shelf.publish(draft, final)
    shelf.prune((path for path in work.glob("host-*") if path != final), 0)
    return LiveHost(final)


def install(project: Project, packages: Sequence[str], key: str, work: Path, draft: Path, task: Task) -> Choice:
    """Install packages and all they need into ``root`` of a draft; ``key``: what names them in iso.yaml."""
    task.phase("host root")
    config = project.mock_config
    log = project.workspace.logs(project.target_name, "iso") / "root.log"
    log.unlink(missing_ok=True)
    own = {"planex": behind(project.repository)}
    repositories = Repositories(config.dnf_conf, work / "dnf-cache", own, config.releasever, database=config.database)
    try:
        choice = dnf.choose(repositories, packages, log)
        dnf.install(choice, draft / "root", draft, log, epoch=project.epoch, commands=_FINISH)
    except LoggedError as error:
        raise LoggedError(
            f"{key} ({', '.join(packages)}) cannot be installed from the base and the repository: {error.message}",
            f"build what is missing (planex build), or correct {key} in iso/iso.yaml",
            error.tail,
            log,
        ) from None
    return choice


def _describe(project: Project, choice: Choice, draft: Path) -> None:
    """Write packages.json: every package with its checksum and where it came from."""
    built = repo.read_digests(project.repository)
    packages = sorted(
        Installed(
            package.nevra,
            package.digest if package.algorithm == "sha256" else "",
            "built" if package.nevra in built else "base",
            package.source,
            package.size,
        )
        for package in choice.packages
    )
    records.save(draft / _PACKAGES, Packages(tuple(packages)), FORMAT)


def take_boot_files(draft: Path) -> None:
    """Copy hypervisor and kernel out of the root of a draft, so that the ISO starts what it then runs."""
    root = draft / "root"
    _take(draft, "xen.gz", "a hypervisor", [path for path in root.glob("boot/xen-*.gz") if not path.is_symlink()])
    _take(draft, "vmlinuz", "a kernel", [path for path in root.glob("boot/vmlinuz-*") if not path.is_symlink()])


def _take(draft: Path, name: str, what: str, found: Sequence[Path]) -> None:
    root = draft / "root"
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(root)) for path in found) or "none"
        raise PlanexError(
            f"the host must have {what}, exactly one; found: {names}",
            "let live.packages (or installer.packages) in iso/iso.yaml bring one",
        )
    inside = f"{dnf.ROOT}/{found[0].relative_to(root)}"
    with (draft / name).open("wb") as file:
        run(caged(_reader(draft), ["cat", inside]), output=file, program="cat")


def _compress(draft: Path, live: Live, epoch: int, task: Task) -> None:
    task.phase("squashfs")
    output = draft / "image"
    output.mkdir()
    cage = _reader(draft, {"/output": output}, {"SOURCE_DATE_EPOCH": str(epoch)})
    argv = squashfs_argv(Path(dnf.ROOT), Path("/output/squashfs.img"), live.compression)
    run(caged(cage, argv), program="mksquashfs")
    with (draft / "squashfs.img").open("wb") as file:
        run(caged(_reader(draft, {"/output": output}), ["cat", "/output/squashfs.img"]), output=file)
    shelf.remove(output)


def _reader(draft: Path, writable: Mapping[str, Path] | None = None, env: Mapping[str, str] | None = None) -> Cage:
    """What reads the live root: it is owned by the cage's ids, and its links may lead anywhere."""
    return Cage(
        readable={dnf.ROOT: draft / "root"},
        writable=writable or {},
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", **(env or {})},
        superuser=True,
    )


def squashfs_argv(root: Path, output: Path, level: int) -> list[str]:
    """mksquashfs with zstd; it takes its times from SOURCE_DATE_EPOCH."""
    # fmt: off
    return [
        "mksquashfs", str(root), str(output),
        "-noappend", "-no-progress", "-quiet",
        "-comp", "zstd", "-Xcompression-level", str(level),
    ]
    # fmt: on
