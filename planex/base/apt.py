# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks the machine's apt for a closure of packages and downloads it. The only user of apt.

apt runs with lists, cache and status of its own, so that neither what is installed on this machine nor who asks
(root or an ordinary user) matters; only the sources and keys are the machine's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.base.control import DebPackage, parse_stanzas
from planex.drafts import write_atomic
from planex.errors import CommandFailed, PlanexError
from planex.run import NETWORK, require, run, run_logged

# In a file, as `#clear` takes out the hooks of the machine's configuration and no option can do that.
ALLOWED = NETWORK | {"APT_CONFIG"}
"""What apt gets of the caller's environment: the network's, and the name of another configuration (apt.conf(5))."""
_CONF = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::preferences "{folder}/preferences";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::ForceHash "SHA256";
Acquire::Retries "3";
Debug::NoLocking "true";
"""
_URI = re.compile(r"^'[^']*/([^/']+)' (\S+)_(\S+)_(\S+)\.deb ", re.M)
_MISSING = re.compile(r"^E: Failed to fetch \S+/([^/\s]+)_([^/\s]+)_[^/\s]+\.deb\s+(?:404|File not found)", re.M)


@dataclass(frozen=True, slots=True)
class Apt:
    """apt with its state below ``folder``."""

    folder: Path

    def prepare(self, unwanted: Iterable[tuple[str, str]] = ()) -> None:
        """Write the configuration. ``unwanted``: packages and versions that the mirror names but does not have."""
        require("apt-get", "read the Debian archive")
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        write_atomic(self.folder / "status", "")
        write_atomic(self.folder / "preferences", preferences(unwanted))
        write_atomic(self.folder / "apt.conf", _CONF.format(folder=self.folder))

    def update(self) -> None:
        """Fetch the package lists. Raises PlanexError where none can be had."""
        try:
            run([*self._argv("apt-get"), "update"], inherit=ALLOWED)
        except CommandFailed as error:
            hint = "look at this machine's apt sources (/etc/apt) and network; `apt-get update` must work"
            raise PlanexError(f"the Debian archive cannot be read:\n{error.tail}", hint) from error

    def suites(self) -> tuple[str, ...]:
        """Code names of the releases that apt's sources offer."""
        argv = [*self._argv("apt-get"), "indextargets", "--format", "$(CODENAME)", "Created-By: Packages"]
        return tuple(sorted(set(run(argv, inherit=ALLOWED).stdout.split())))

    def available(self) -> str:
        """The stanzas of all packages that the lists of the last update offer. CommandFailed where there are none."""
        places = {"State::lists": "lists", "State::status": "status", "Cache": "cache"}
        options = [word for name, value in places.items() for word in ("-o", f"Dir::{name}={self.folder / value}")]
        return run(["apt-cache", *options, "-o", "APT::Architecture=amd64", "dumpavail"], inherit=ALLOWED).stdout

    def resolve(self, packages: Sequence[str]) -> tuple[DebPackage, ...]:
        """The packages and all that they need, as apt would install them on an empty machine."""
        argv = [*self._argv("apt-get"), "--yes", "--print-uris", "install", *packages]
        done = run(argv, inherit=ALLOWED, check=False)
        if done.returncode:
            problem = "\n".join(line for line in done.stderr.splitlines() if line.startswith("E: "))
            raise PlanexError(
                f"apt cannot find the base's packages:\n{problem}", "correct their names in repos/<base>.yaml"
            )
        wanted = [f"{name}={version}" for name, version in parse_uris(done.stdout)]
        return parse_stanzas(run([*self._argv("apt-cache"), "show", *wanted], inherit=ALLOWED).stdout)

    def download(
        self, packages: Sequence[DebPackage], folder: Path, log: Path, on_line: Callable[[str], None]
    ) -> tuple[tuple[str, str], ...]:
        """Download .debs into ``folder``; apt checks them. Returns those (name, version) that the mirror lacks."""
        wanted = [f"{package.name}={package.version}" for package in packages]
        log.unlink(missing_ok=True)
        try:
            argv = [*self._argv("apt-get"), "download", *wanted]
            run_logged(argv, log, cwd=folder, inherit=ALLOWED, on_line=on_line)
        except CommandFailed:
            missing = parse_missing(log.read_text(errors="replace"))
            if not missing:
                raise
            return missing
        return ()

    def _argv(self, tool: str) -> list[str]:
        return [tool, "-c", str(self.folder / "apt.conf")]


def preferences(unwanted: Iterable[tuple[str, str]]) -> str:
    """apt_preferences(5) that rule out single versions of packages."""
    stanzas = (f"Package: {name}\nPin: version {version}\nPin-Priority: -1\n" for name, version in sorted(unwanted))
    return "\n".join(stanzas)


def parse_uris(text: str) -> list[tuple[str, str]]:
    """Names and versions from ``apt-get --print-uris``: ``'URI' name_version_arch.deb size hash`` a line."""
    return sorted((name, _unquote(version)) for _, name, version, _ in _URI.findall(text))


def parse_missing(text: str) -> tuple[tuple[str, str], ...]:
    """Packages and versions for which apt-get reported that the mirror has no such file."""
    return tuple((_unquote(name), _unquote(version)) for name, version in _MISSING.findall(text))


def _unquote(text: str) -> str:
    return re.sub(r"%([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), text)
