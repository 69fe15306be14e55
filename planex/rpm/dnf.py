# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packages into roots: dnf chooses and downloads, rpm installs; and the proof that a repository is closed.

The two have different needs, and so different cages. Choosing reads what mirrors say and needs the network; it runs
no line of any package. Installing runs the scriptlets of packages, and sees the root, the RPMs and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from planex.cage.command import Cage, Overlay, caged
from planex.cage.limits import Limits, Watch
from planex.checksums import digest_of
from planex.content import records
from planex.content.locks import WAITING, hold
from planex.drafts import temporary_folder, write_atomic
from planex.errors import LoggedError, PlanexError
from planex.rpm.dnf_resolve import UNREAD
from planex.rpm.index import Rows
from planex.rpm.mockconfig import DATABASE
from planex.run import Completed, require, run, run_logged, tail
from planex.workspace import behind

DNF_CACHE = "dnf-cache"
"""Folder beside a target's buildroots with what dnf fetched for them."""
ROOT, CACHE, RPMS = "/buildroot", "/cache", "/rpms"
LIMITS = Limits(time=3600.0)
SEE_TO_NETWORK = "see to the network or its proxy (https_proxy), or name another mirror in repos/"
_SCRIPT = Path(__file__).with_name("dnf_resolve.py")
_ENV = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/", "LC_ALL": "C.UTF-8"}
# /dev and /proc are mounts while a root is being made: rpm must not try to own them.
_MACROS = {"_netsharedpath": "/dev:/proc"}
_RPM_FLAGS = {"nodocs": "--excludedocs", "noscripts": "--noscripts", "nocontexts": "--nocontexts"}
"""What dnf.conf's ``tsflags`` are to rpm."""
_LOCAL = re.compile(r"^\s*(?:baseurl\s*=\s*|)file://(/\S+)", re.MULTILINE)
_SHEBANG = re.compile(rb"#!\s*(\S+)")
_ADD = "see which package asks for it; add what provides it to specs/, or to repos/ what of the base has it"


@dataclass(frozen=True, slots=True)
class Repositories:
    """Where packages come from: the text of a dnf.conf, further repositories as folders, and a cache of their own.

    ``offline``: no mirror is asked; what was fetched before serves.
    """

    conf: str
    cache: Path
    own: Mapping[str, Path] = field(default_factory=dict)
    releasever: str = ""
    offline: bool = False
    database: str = DATABASE
    """Folder of the roots' database of packages: where the rpm inside looks for it, not this machine's."""

    @property
    def local(self) -> dict[str, Path]:
        """Folders that the configuration names by ``file:`` URLs, as paths inside to paths outside."""
        return {path: behind(Path(path)) for path in _LOCAL.findall(self.conf) if Path(path).is_dir()}

    @property
    def missing(self) -> list[str]:
        """Folders that it names and that are not there: an error only where dnf wants to read them."""
        return [path for path in _LOCAL.findall(self.conf) if path not in self.local]


@dataclass(frozen=True, slots=True)
class ChosenPackage:
    """A package that dnf chose. ``path``: the RPM on this machine, which nobody has looked into yet."""

    nevra: str
    path: Path
    algorithm: str
    digest: str
    buildtime: int
    size: int
    """Bytes when installed."""
    source: str
    """File name of the source RPM; empty if unknown."""
    repository: str

    @property
    def line(self) -> str:
        """As mock's installed_pkgs.log has it."""
        return f"{self.nevra} {self.buildtime} {self.size} installed"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be installed, and the ``tsflags`` to do it with."""

    packages: tuple[ChosenPackage, ...]
    flags: tuple[str, ...]
    database: str = DATABASE


def choose(
    repositories: Repositories,
    packages: Sequence[str],
    log: Path,
    *,
    installed: Overlay | None = None,
    without: Sequence[str] = (),
    download: bool = True,
) -> Choice:
    """Let dnf choose ``packages`` (names, capabilities, ``@groups``) and all they need, and ``download`` them.

    ``installed``: a root with packages that need not be chosen again. ``without``: capabilities that no package may
    provide. Raises LoggedError with dnf's reason.
    """
    question = {"packages": list(packages), "without": list(without), "download": download}
    done = ask_dnf(repositories, question, installed)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write(f"dnf chooses: {' '.join(packages)}\n{done.stderr}")
    if done.returncode:
        reason = f"dnf cannot choose packages: {reason_of(done.stderr)}"
        usual = SEE_TO_NETWORK if done.returncode == UNREAD else _ADD
        if repositories.offline:
            usual = f"with --offline only what was fetched before is there; {usual}"
        if without:
            usual += f"; its BuildConflicts keep out {', '.join(without)}"
        raise LoggedError(reason, _hint(repositories, usual), "", log)
    choice = records.from_plain(json.loads(done.stdout), Choice)
    found = (replace(package, path=_outside(package.path, repositories)) for package in choice.packages)
    return replace(choice, packages=tuple(found), database=repositories.database)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What repositories offer. ``digest``: of their metadata; ``setup``: packages that a buildroot starts with."""

    digest: str
    setup: tuple[str, ...]
    packages: Rows | None
    """As ``planex.rpm.index`` has them; None where the metadata are those that were known."""


def read_metadata(repositories: Repositories, setup: Sequence[str], known: str) -> Metadata:
    """Let dnf read the metadata of remote repositories, asking the mirrors as its configuration says.

    ``setup``: names and ``@groups``; ``known``: the digest of what was read before.
    Raises PlanexError with dnf's reason.
    """
    if repositories.missing:
        raise PlanexError(_hint(repositories, ""), "mend it in repos/, or put the folder there")
    done = ask_dnf(repositories, {"packages": list(setup), "known": known})
    if done.returncode:
        hint = None if done.returncode == UNREAD else "correct it in mock-configs/, or repos/"
        raise PlanexError(reason_of(done.stderr), hint)
    return records.from_plain(json.loads(done.stdout), Metadata)


def ask_dnf(
    repositories: Repositories,
    question: Mapping[str, object],
    installed: Overlay | Path | None = None,
    *,
    scriptlets: bool = False,
) -> Completed:
    """Ask dnf_resolve, in its cage; if it runs ``scriptlets`` in the root ``installed``, that has no network."""
    repositories.cache.mkdir(parents=True, exist_ok=True)
    request = {
        "conf": repositories.conf,
        "cache": CACHE,
        "root": ROOT,
        "installed": installed is not None,
        "releasever": repositories.releasever,
        "offline": repositories.offline or scriptlets,
        "repos": {name: f"/own/{name}" for name in repositories.own},
        "macros": "".join(f"%{name} {body}\n" for name, body in _macros(repositories.database)),
        **question,
    }
    cage = _network_cage(repositories, {"/opt/resolve.py": _SCRIPT}, {ROOT: installed} if installed else {})
    if scriptlets:
        cage = replace(cage, network=False, devices=("/", ROOT))
    argv = caged(cage, [_dnf_python(), "-I", "/opt/resolve.py"])
    # dnf's own lock knows its holder by a process number, which in cages is the same for all.
    with hold(Path(f"{repositories.cache}.lock"), patience=WAITING):
        return run(argv, stdin=json.dumps(request).encode(), check=False, watch=Watch(LIMITS))


def reason_of(said: str) -> str:
    lines = said.strip().splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("Error: ")), -1)
    return "\n".join(lines[start:]).removeprefix("Error: ")


def _hint(repositories: Repositories, usual: str) -> str:
    missing = ", ".join(repositories.missing)
    return f"a baseurl names what is no folder here: {missing}" if missing else usual


def _outside(path: Path, repositories: Repositories) -> Path:
    """Where a file of dnf's cage is on this machine."""
    places = {CACHE: repositories.cache, **{f"/own/{name}": folder for name, folder in repositories.own.items()}}
    found = (outside / path.relative_to(inside) for inside, outside in places.items() if path.is_relative_to(inside))
    return next(found, path)


def _network_cage(
    repositories: Repositories, readable: Mapping[str, Path], writable: Mapping[str, Overlay | Path]
) -> Cage:
    """What reads mirrors: it has the network, a cache and the repositories on this machine."""
    own = {f"/own/{name}": folder for name, folder in repositories.own.items()}
    return Cage(
        readable={**repositories.local, **own, **readable},
        writable={CACHE: repositories.cache, **writable},
        env=_ENV,
        superuser=True,
        network=not repositories.offline,
        limits=LIMITS,
    )


def _dnf_python() -> str:
    """The Python that dnf itself runs under, which has its library."""
    program = Path(require("dnf", "choose packages")).resolve()
    match = _SHEBANG.match(program.read_bytes()[:200])
    return match.group(1).decode() if match else "/usr/bin/python3"


def install(
    choice: Choice, root: Path | Overlay, scratch: Path, log: Path, *, epoch: int | None = None, commands: str = ""
) -> None:
    """Install what was chosen into ``root``, with rpm in a cage; ``scratch`` is a folder for this run alone.

    ``epoch`` (seconds since 1970) stands for the time of the installation in the database of packages. ``commands``
    are lines of shell to run behind it, as root of the cage, where the root is at ROOT.
    """
    with temporary_folder(scratch, "rpms") as rpms:
        names = [_bring(package, rpms) for package in choice.packages]
        cage = install_cage(root, rpms, epoch)
        script = f'set -e\numask 022\n[ $# = 0 ] || rpm "$@"\n{commands}'
        argv = caged(cage, ["sh", "-c", script, "sh", *_rpm_argv(choice, names)])
        run_logged(argv, log, program="rpm", watch=Watch(LIMITS, scratch))


def install_cage(root: Path | Overlay, rpms: Path, epoch: int | None) -> Cage:
    """What sees the scriptlets of packages: the root, the RPMs and this machine's programs; no network."""
    times = {} if epoch is None else {"SOURCE_DATE_EPOCH": str(epoch)}
    return Cage(
        readable={RPMS: rpms},
        writable={ROOT: root},
        devices=("/", ROOT),
        env={**_ENV, **times},
        superuser=True,
        limits=LIMITS,
    )


def _macros(database: str) -> list[tuple[str, str]]:
    return [("_dbpath", database), *_MACROS.items()]


def _rpm_argv(choice: Choice, names: Sequence[str]) -> Iterator[str]:
    if not names:
        return
    # Plugins speak to services of the host, which are not there. Signatures were checked when the RPMs were chosen.
    yield from ("--root", ROOT, "--noplugins", "--nosignature", "-U", "-v")
    yield from (_RPM_FLAGS[flag] for flag in choice.flags if flag in _RPM_FLAGS)
    for name, body in _macros(choice.database):
        yield from ("--define", f"{name} {body}")
    yield from (f"{RPMS}/{name}" for name in names)


def _bring(package: ChosenPackage, folder: Path) -> str:
    """Put a verified RPM into ``folder``; its name there."""
    copy = folder / package.path.name
    try:
        os.link(package.path, copy)  # the cage can only read it
    except OSError:
        shutil.copyfile(package.path, copy)
    if digest_of(copy, package.algorithm) != package.digest:
        hint = "its repository says otherwise: make the repository again, or clear the cache (planex clean)"
        raise PlanexError(f"{package.path} is damaged: its checksum is wrong", hint)
    return copy.name


def repoclosure(
    repositories: Repositories, scratch: Path, checked: Collection[str] | None = None, packages: Collection[str] = ()
) -> None:
    """Prove that every package of ``repositories.own`` can be installed from them and the configured ones.

    ``checked``: the names of those that are to be proved, all by default; ``packages``: of these only some.
    Raises PlanexError with dnf's list of what is missing.
    """
    conf = scratch / "dnf.conf"
    write_atomic(conf, repositories.conf)
    repositories.cache.mkdir(parents=True, exist_ok=True)
    words = ["dnf", "--config", "/opt/dnf.conf", "--assumeyes", f"--setopt=cachedir={CACHE}"]
    for name in repositories.own:
        words += [f"--repofrompath={name},file:///own/{name}", f"--setopt={name}.gpgcheck=0"]
        words += [f"--setopt={name}.metadata_expire=0"]
    words += ["--disableplugin=*", "--enableplugin=repoclosure", "repoclosure"]
    words += [word for name in checked or repositories.own for word in ("--check", name)]
    words += [word for name in sorted(packages) for word in ("--pkg", name)]
    cage = _network_cage(repositories, {"/opt/dnf.conf": conf}, {})
    done = run(caged(cage, words), check=False, watch=Watch(LIMITS))
    if done.returncode:
        lacking = re.findall(r"^(?:package: .*|  .*)", done.stdout, re.MULTILINE)
        said = tail("\n".join(lacking) or f"{done.stdout}\n{done.stderr}".strip())
        raise PlanexError(f"the repository is not closed:\n{said}", "add what is missing to specs/")
