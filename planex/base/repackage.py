# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns .debs, and packages that the definition makes, into RPMs; each result is kept under the hash of its inputs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from planex.base import alternatives, rpmspec, unpack
from planex.base.closure import Closure
from planex.base.definition import Contents, Definition
from planex.base.pydist import distributions
from planex.base.rpmspec import Preamble
from planex.base.unpack import Tree, add_alternatives, add_contents
from planex.checksums import digest_of_text
from planex.content import shelf
from planex.content.code import code_digest
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.run import require, run, run_logged

RPM_MACROS = {
    "_buildhost": "planex",
    "use_source_date_epoch_as_buildtime": "1",
    "clamp_mtime_to_source_date_epoch": "1",
    "_binary_payload": "w3.zstdio",
    "_build_id_links": "none",
    "_binaries_in_noarch_packages_terminate_build": "0",
    "_unpackaged_files_terminate_build": "0",
    "_use_internal_dependency_generator": "1",
    "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
    "debug_package": "%{nil}",
    "__os_install_post": "%{nil}",
    # Debian's shared libraries are not executable; rpm's own rule would skip them.
    "__elf_flags": "%{nil}",
    "__elf_magic": "^(setuid,? )?(setgid,? )?(sticky )?ELF (32|64)-bit.*(shared object|executable).*$",
    # Debian's multiarch folder holds the .pc files.
    "__pkgconfig_path": r"^/usr/(lib|lib64|share|lib/x86_64-linux-gnu)/pkgconfig/.*\\.pc$",
}
"""What every rpmbuild here is told: reproducible headers, files as they are, provides from Debian's folders."""
_CODE = tuple(f"planex.base.{name}" for name in ("alternatives", "control", "pydist", "repackage", "rpmspec", "unpack"))
"""The modules that decide what an RPM looks like."""


@dataclass(frozen=True, slots=True)
class Repackaging:
    """One RPM to make. ``deb`` is None for packages that come from no .deb."""

    header: Preamble
    contents: Contents
    epoch: int
    """Seconds since 1970, where there is no .deb to take times from."""
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    deb: Path | None = None
    sha256: str = ""
    alternatives: Mapping[str, str] = field(default_factory=dict)
    """Links that the package's postinst would make, and the files behind them."""

    @property
    def key(self) -> str:
        """SHA-256 of all that the RPM depends on, with the code and the rpm that make it."""
        parts = {
            "header": asdict(self.header),
            "contents": self.contents.model_dump(),
            "drop": [self.drop, self.keep],
            "epoch": self.epoch,
            "deb": self.sha256,
            "alternatives": dict(self.alternatives),
            "macros": RPM_MACROS,
            "code": code_digest(*_CODE),
            "rpm": rpm_version(),
        }
        return digest_of_text(json.dumps(parts, sort_keys=True))


@cache
def rpm_version() -> str:
    """Of the rpmbuild on this machine, which writes the headers."""
    return run([require("rpmbuild", "make RPMs"), "--version"]).stdout.strip()


def plan(
    closure: Closure, definition: Definition, debs: Path, on_unclear: Callable[[str], None] = lambda _: None
) -> list[Repackaging]:
    """All RPMs of the base: repackaged .debs, made packages, meta packages.

    ``on_unclear`` is told of alternatives that only running a postinst would tell.
    """
    _check_names(closure, definition)
    links = _alternatives(closure, definition, debs, on_unclear)
    jobs = [
        Repackaging(
            rpmspec.deb_header(package, closure.requires[package.name], definition),
            definition.contents(package.name),
            definition.epoch,
            (*definition.drop, *definition.contents(package.name).drop),
            definition.keep,
            debs / package.file,
            package.sha256,
            links.get(package.name, {}),
        )
        for package in closure.packages
    ]
    jobs += [
        Repackaging(rpmspec.made_header(name, made), definition.contents(name), definition.epoch)
        for name, made in definition.made.items()
    ]
    for name, group in definition.metas():
        summary = f"Meta package: {group.name}"
        header = rpmspec.meta_header(name, summary, definition.medium.release, group.packages)
        jobs.append(Repackaging(header, Contents(), definition.epoch))
    return jobs


def _alternatives(
    closure: Closure, definition: Definition, debs: Path, on_unclear: Callable[[str], None]
) -> dict[str, dict[str, str]]:
    """Package to the links of its postinst; what the definition links itself is left to it."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        scripts = pool.map(lambda package: unpack.control_file(debs / package.file, "postinst"), closure.packages)
    offered = {}
    for package, script in zip(closure.packages, scripts, strict=True):
        offered[package.name], unclear = alternatives.read_alternatives(script)
        if unclear and not definition.contents(package.name).links:
            on_unclear(f"{package.name}: what its postinst would link is not read: {'; '.join(unclear)}")
    taken = {link for contents in (*definition.packages.values(), *definition.made.values()) for link in contents.links}
    return alternatives.choose(offered, taken)


def _check_names(closure: Closure, definition: Definition) -> None:
    """An alias of one package must not be the name of another, or dnf may install the wrong one."""
    names = {package.name for package in closure.packages} | definition.made.keys()
    wrong = [
        f"{alias} (of {name})"
        for name, aliases in sorted(definition.aliases.items())
        for alias in aliases
        if alias in names
    ]
    if wrong:
        raise PlanexError(f"aliases that are packages of the base: {', '.join(wrong)}", "take them out of 'aliases'")


def make_all(
    jobs: Sequence[Repackaging], folder: Path, workers: int, on_done: Callable[[int], None]
) -> dict[str, Path]:
    """Make what the cache in ``folder`` lacks, ``workers`` at a time; returns package -> RPM.

    Stops at the first failure, whose log stays in ``folder/logs``.
    """
    with temporary_folder(folder, "work") as work, ThreadPoolExecutor(workers) as pool:
        # The largest first, so that no worker is left alone with one at the end.
        order = sorted(jobs, key=lambda job: -job.deb.stat().st_size if job.deb else 0)
        futures = {job.header.name: pool.submit(make, job, folder, work) for job in order}
        made: dict[str, Path] = {}
        try:
            for name, future in futures.items():
                made[name] = future.result()
                on_done(len(made))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return dict(sorted(made.items()))


def _slot(job: Repackaging, folder: Path) -> Path:
    return folder / "rpms" / job.key[:2] / job.key


def cached(job: Repackaging, folder: Path) -> Path | None:
    """The RPM of an earlier run, if there is one."""
    return next(iter(_slot(job, folder).glob("*.rpm")), None)


def make(job: Repackaging, folder: Path, work: Path) -> Path:
    """The RPM of one job: from the cache in ``folder``, or made in ``work`` and put there by one rename."""
    found = cached(job, folder)
    if found is not None:
        return found
    slot = _slot(job, folder)
    log = folder / "logs" / f"{job.header.name}.log"
    log.unlink(missing_ok=True)
    with temporary_folder(work, job.header.name) as place:
        (place / "root").mkdir()
        tree = _fill(job, place / "root")
        epoch = tree.newest or job.epoch
        _set_times(tree, epoch)
        spec = place / f"{job.header.name}.spec"
        spec.write_text(rpmspec.render(job.header, tree.sorted_entries(), [*tree.moved, *distributions(tree.entries)]))
        (place / "out").mkdir()
        _rpmbuild(spec, place, job.header.architecture, epoch, log)
        # The repository's metadata hold the time of the file as well.
        os.utime(_only(place / "out"), (epoch, epoch))
        _only(place / "out").chmod(0o644)  # cages read it as another user
        shelf.publish(place / "out", slot)
    log.unlink()
    return _only(slot)


def _fill(job: Repackaging, root: Path) -> Tree:
    tree = unpack.unpack(job.deb, root, job.drop, job.keep) if job.deb else Tree(root)
    add_contents(tree, job.contents)
    add_alternatives(tree, job.alternatives)
    return tree


def _set_times(tree: Tree, epoch: int) -> None:
    for entry in tree.entries.values():
        path = tree.root / entry.path.lstrip("/")
        if entry.kind != "file" or tree.newest == 0:
            os.utime(path, (epoch, epoch), follow_symlinks=False)


def _rpmbuild(spec: Path, folder: Path, architecture: str, epoch: int, log: Path) -> None:
    macros = {**RPM_MACROS, "_topdir": str(folder), "_rpmdir": str(folder / "out"), "_dbpath": str(folder / "db")}
    words = [word for name, value in macros.items() for word in ("--define", f"{name} {value}")]
    run_logged(
        ["rpmbuild", "-bb", "--noclean", "--target", architecture, *words, "--buildroot", folder / "root", spec],
        log,
        env={"HOME": str(folder), "SOURCE_DATE_EPOCH": str(epoch)},
    )


def _only(slot: Path) -> Path:
    rpms = sorted(slot.glob("*.rpm"))
    if len(rpms) != 1:
        raise PlanexError(f"{slot} should hold one RPM, not {len(rpms)}", f"delete it: rm -r {slot}")
    return rpms[0]
