# SPDX-License-Identifier: LGPL-2.1-or-later
"""The live host: a root installed by dnf from the base and from what was built, compressed; and its boot files.

Works as an ordinary user: all that touches the root runs as root of a user namespace. The same repositories give
the same bytes: SOURCE_DATE_EPOCH stands for the time of installation, and what only this run knows is removed.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from planex import dnf, repo, userns
from planex.errors import CommandFailed, LoggedError, PlanexError
from planex.iso.definition import Live
from planex.project import Project
from planex.report import Task
from planex.run import require, run, run_logged
from planex.workspace import write_atomic

FORMAT = 1
"""Raised when roots are made differently, so that old ones are not taken for new ones."""
BUSYBOX = ("usr/sbin/busybox", "usr/bin/busybox", "sbin/busybox", "bin/busybox")
_OF_THIS_RUN = ("var/log/dnf*", "var/log/hawkey*", "var/cache/*/*", "var/lib/dnf", "tmp/*", "var/tmp/*", "run/*")
_DATABASES = ("var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite")


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
class LiveHost:
    """A folder with what goes on the ISO. It appears whole and never changes."""

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "squashfs.img"

    @property
    def hypervisor(self) -> Path:
        return self.folder / "xen.gz"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def busybox(self) -> Path:
        return self.folder / "busybox"

    def packages(self) -> list[Installed]:
        return [Installed(**row) for row in json.loads((self.folder / "packages.json").read_text())]


def host_inputs(project: Project, live: Live) -> dict[str, str]:
    """All that decides the live host: label to digest or text."""
    return {
        "repository": repo.digest(project.repository),
        "buildroot": project.buildroot_digest,
        "packages": " ".join(live.packages),
        "compression": str(live.compression),
        "time": str(project.epoch),
        "host format": str(FORMAT),
    }


def make_host(project: Project, live: Live, work: Path, task: Task) -> LiveHost:
    """Install and compress the live host below ``work``, unless that was done before from the same inputs."""
    inputs = json.dumps(sorted(host_inputs(project, live).items()))
    final = work / f"host-{hashlib.sha256(inputs.encode()).hexdigest()[:16]}"
    if not final.exists():
        require("mksquashfs", "make the live host's root image")
        draft = work / "host.draft"
        userns.remove_tree(draft)
        (draft / "root").mkdir(parents=True)
        _install(project, live, work, draft / "root", task)
        _describe(project, work, draft)
        _take_boot_files(draft)
        _compress(draft, live, project.epoch, task)
        userns.remove_tree(draft / "root")
        draft.rename(final)
    for old in work.glob("host-*"):
        if old != final:
            userns.remove_tree(old)
    return LiveHost(final)


def _install(project: Project, live: Live, work: Path, root: Path, task: Task) -> None:
    task.phase("host root")
    config = project.mock_config
    conf, log = work / "dnf.conf", project.workspace.logs(project.target_name, "iso") / "root.log"
    write_atomic(conf, config.dnf_conf)
    log.unlink(missing_ok=True)
    argv = dnf.install_argv(
        conf,
        work / "dnf-cache",
        root,
        live.packages,
        repos={"planex": project.repository.resolve()},
        releasever=config.releasever,
    )
    try:
        dnf.install(argv, root, work / "home", log, epoch=project.epoch)
    except CommandFailed as error:
        raise LoggedError(
            f"the live host ({', '.join(live.packages)}) cannot be installed from the base and the repository",
            "build what is missing (planex build), or correct live.packages in iso/iso.yaml",
            error.tail,
            log,
        ) from None
    if (root / "sbin/ldconfig").exists():
        run_logged(userns.as_root(userns.cage_argv(root, ["/sbin/ldconfig", "-X"], builder=False)), log)
    _forget_this_run(root)


def _forget_this_run(root: Path) -> None:
    """Remove logs and caches, empty the machine's identity, and close the database of packages."""
    run(userns.as_root(["install", "-D", "-m", "0444", "/dev/null", root / "etc/machine-id"]))
    leftovers = sorted(path for pattern in _OF_THIS_RUN for path in root.glob(pattern))
    run(userns.as_root(["rm", "-rf", "--", *leftovers]))
    for path in (root / name for name in _DATABASES):
        if path.is_file() and not path.parent.is_symlink():
            with sqlite3.connect(path) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.close()


def _describe(project: Project, work: Path, draft: Path) -> None:
    """Write packages.json: every package with its checksum and where it came from."""
    query = "%{nevra}\\t%{sourcerpm}\\t%{size}\\n"
    argv = ["rpm", "--root", str(draft / "root"), "-qa", "--qf", query]
    lines = run(userns.as_root(argv), env=dnf.prepare_home(work / "home")).stdout.splitlines()
    built = repo.read_digests(project.repository)
    base = repo.read_digests(project.base_repository) if project.base_repository else {}
    packages = sorted(_installed(line, built, base) for line in lines if not line.startswith("gpg-pubkey"))
    write_atomic(draft / "packages.json", json.dumps([asdict(package) for package in packages], indent=1) + "\n")


def _installed(line: str, built: dict[str, str], base: dict[str, str]) -> Installed:
    nevra, source, size = line.split("\t")
    origin = "built" if nevra in built else "base"
    return Installed(nevra, built.get(nevra) or base.get(nevra, ""), origin, source, int(size))


def _take_boot_files(draft: Path) -> None:
    """Copy what the boot loader needs out of the root, so that the ISO starts what it then runs."""
    root = draft / "root"
    _take(
        root, draft / "xen.gz", "a hypervisor", [path for path in root.glob("boot/xen-*.gz") if not path.is_symlink()]
    )
    _take(root, draft / "vmlinuz", "a kernel", [path for path in root.glob("boot/vmlinuz-*") if not path.is_symlink()])
    _take(root, draft / "busybox", "busybox", [path for name in BUSYBOX if (path := root / name).is_file()][:1])


def _take(root: Path, destination: Path, what: str, found: Sequence[Path]) -> None:
    if len(found) != 1:
        names = ", ".join(str(path.relative_to(root)) for path in found) or "none"
        raise PlanexError(
            f"the live host must have {what}, exactly one; found: {names}",
            "let live.packages in iso/iso.yaml bring one",
        )
    run(userns.as_root(["install", "-m", "0644", found[0], destination]))


def _compress(draft: Path, live: Live, epoch: int, task: Task) -> None:
    task.phase("squashfs")
    argv = userns.as_root(squashfs_argv(draft / "root", draft / "squashfs.img", live.compression))
    run(argv, env={"SOURCE_DATE_EPOCH": str(epoch)})


def squashfs_argv(root: Path, output: Path, level: int) -> list[str]:
    """mksquashfs with zstd; it takes its times from SOURCE_DATE_EPOCH."""
    # fmt: off
    return [
        "mksquashfs", str(root), str(output),
        "-noappend", "-no-progress", "-quiet",
        "-comp", "zstd", "-Xcompression-level", str(level),
    ]
    # fmt: on
