# SPDX-License-Identifier: LGPL-2.1-or-later
"""Installs packages into roots and proves that repositories are closed. The only user of dnf."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from planex import userns
from planex.errors import PlanexError
from planex.run import run, run_logged, tail
from planex.workspace import write_atomic

# Debian's rpm keeps its database in ~/.rpmdb; the databases of all roots are where every other system has them.
# /dev and /proc are mounts while a root is being made: rpm must not try to own them.
_RPMMACROS = "%_dbpath {}\n%_netsharedpath /dev:/proc\n"
_DATABASE = Path("/var/lib/rpm")
_CACHEDIR = "--setopt=cachedir="


def prepare_home(folder: Path, database: Path = _DATABASE) -> dict[str, str]:
    """A home for dnf and rpm with the macros that they need, as the environment that names it.

    ``database``: folder of the package database, inside a root where there is one.
    """
    macros, text = folder / ".rpmmacros", _RPMMACROS.format(database)
    if not macros.exists() or macros.read_text() != text:
        write_atomic(macros, text)
    return {"HOME": str(folder)}


def base_argv(conf: Path, cache: Path, repos: Mapping[str, Path] | None = None) -> list[str]:
    """dnf with one configuration, a cache of planex's own, and further repositories given as folders."""
    words = ["dnf", "--config", str(conf), "--noplugins", "--assumeyes", f"{_CACHEDIR}{cache}"]
    for name, folder in (repos or {}).items():
        words += [f"--repofrompath={name},file://{folder}", f"--setopt={name}.gpgcheck=0"]
        words += [f"--setopt={name}.metadata_expire=0", f"--setopt={name}.priority=1"]
    return words


def install_argv(
    conf: Path,
    cache: Path,
    root: Path,
    packages: Sequence[str],
    *,
    repos: Mapping[str, Path] | None = None,
    releasever: str = "",
    command: str = "install",
) -> list[str]:
    """dnf that installs ``packages`` into ``root``."""
    version = [f"--releasever={releasever}"] if releasever else []
    return [*base_argv(conf, cache, repos), f"--installroot={root}", *version, command, "--", *packages]


def install(
    argv: Sequence[str],
    root: Path,
    home: Path,
    log: Path,
    overlay: userns.Overlay | None = None,
    *,
    epoch: int | None = None,
) -> None:
    """Run an install_argv as namespace root; with ``overlay``, what it adds goes to the overlay's upper folder.

    ``epoch`` (seconds since 1970) stands for the time of the installation in the database of packages.
    """
    inner = userns.installer_argv(root, argv)
    words = userns.as_root(userns.overlay_argv(overlay, inner) if overlay else inner)
    times = {} if epoch is None else {"SOURCE_DATE_EPOCH": str(epoch)}
    run_logged(words, log, env=prepare_home(home) | times, program="dnf")
    cache = next(word.removeprefix(_CACHEDIR) for word in argv if word.startswith(_CACHEDIR))
    _forget_cache(overlay.upper if overlay else root, Path(cache))


def _forget_cache(root: Path, cache: Path) -> None:
    """dnf notes expired repositories below the root, under the path that the cache has outside; take that out."""
    inside = root / cache.relative_to("/")
    (inside / "expired_repos.json").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        while inside != root:
            inside.rmdir()
            inside = inside.parent


def repoclosure(conf: Path, cache: Path, home: Path, repos: Mapping[str, Path]) -> None:
    """Prove that every package of ``repos`` can be installed from them and the configured ones.

    Raises PlanexError with dnf's list of what is missing.
    """
    argv = [word for word in base_argv(conf, cache, repos) if word != "--noplugins"]
    only = [word for name in repos for word in ("--check", name)]
    # Without a root dnf opens the machine's own database, which an ordinary user cannot make where there is none.
    own = home.absolute() / "repoclosure"
    words = [*argv, "--disableplugin=*", "--enableplugin=repoclosure", "repoclosure", *only]
    done = run(words, env=prepare_home(own, own / "rpmdb"), check=False)
    if done.returncode:
        said = tail(done.stdout.strip() or done.stderr)
        raise PlanexError(f"the repository is not closed:\n{said}", "add what is missing to specs/")


def list_installed(root: Path, output: Path, home: Path, overlay: userns.Overlay | None = None) -> None:
    """Write a root's packages, one a line with build time and size, as mock's installed_pkgs.log does."""
    query = ["rpm", "--root", str(root), "-qa", "--qf", "%{nevra} %{buildtime} %{size} installed\n"]
    argv = userns.as_root(userns.overlay_argv(overlay, query) if overlay else query)
    lines = run(argv, env=prepare_home(home)).stdout.splitlines(keepends=True)
    write_atomic(output, "".join(sorted(lines)))
