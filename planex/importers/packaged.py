# SPDX-License-Identifier: LGPL-2.1-or-later
"""A spec with its files in one folder, as dist-git and SRPMs keep them, as a package of the workspace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from planex.checksums import RECORDED, Checksum, checksum_text, digest_of
from planex.content import shelf
from planex.distro.autospec import CHANGELOG, asks_changelog, asks_release, filled_in
from planex.drafts import write_atomic
from planex.errors import ConfigError, PlanexError
from planex.git.repository import Repository
from planex.importers.incoming import LARGEST, Incoming
from planex.regular import inside, read_regular
from planex.rpm.nevra import require_name
from planex.rpm.spec import Macros, Package, SpecFile, parse_specs
from planex.schema import dump
from planex.sources.fetch import cached_path
from planex.workspace import Workspace

_NAME = re.compile(r"^Name\s*:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_STRONG = re.compile(r"(SHA512|SHA256) \((.+)\) = ([0-9a-f]+)")
_WEAK = re.compile(r"(?:MD5 \((.+)\) = )?[0-9a-f]{32}(?:\s+(\S+))?")
_NOT_CARRIED = {"sources", ".gitignore", CHANGELOG}
_ENTRIES = 200
"""Commits of a dist-git repository that become entries of the changelog."""


@dataclass
class Packaged:
    """``folder`` holds a spec and what it names; ``where`` it came from, for remarks."""

    folder: Path
    where: str
    workspace: Workspace
    macros: Macros
    scratch: Path
    _remarks: list[str] = field(default_factory=list)

    def incoming(self) -> Incoming:
        spec = self._spec()
        text = self._read(spec).decode("utf-8", "surrogateescape")
        match = _NAME.search(text)
        name = require_name(match[1] if match and "%" not in match[1] else spec.stem)
        broken: dict[str, ConfigError] = {}
        readable = self.scratch / f"{name}.spec"
        write_atomic(readable, filled_in(text, "1", ""))
        given = {name: SpecFile(readable, self.folder)}
        parsed = parse_specs(given, self.macros, self.workspace.cache / "specs", broken)
        own = f"specs/{name}"
        files = {f"{own}/{name}.spec": text.encode("utf-8", "surrogateescape")}
        if name in broken:
            self._remarks.append(f"taken as it lies, but this target's rpm cannot read it: {broken[name].message}")
        package = parsed.get(name)
        files |= {f"{own}/{file}": data for file, data in self._local(package, spec, text)}
        if checksums := self._checksums(package):
            files[f"{own}/sources"] = checksum_text(checksums).encode()
        files |= {f"{own}/{file}": data for file, data in self._history(spec, text)}
        return Incoming(name, files, tuple(self._remarks))

    def _spec(self) -> Path:
        found = sorted(self.folder.glob("*.spec"))
        if len(found) != 1:
            names = ", ".join(path.name for path in found) or "none"
            raise PlanexError(f"{self.where} must hold one spec; there is {names}")
        return found[0]

    def _read(self, path: Path) -> bytes:
        return read_regular(inside(path, self.folder), LARGEST)

    def _local(self, package: Package | None, spec: Path, text: str) -> Iterator[tuple[str, bytes]]:
        """What the spec names without a URL; all files, where it cannot be read here."""
        there = {path.name: path for path in sorted(self.folder.iterdir()) if path.is_file() and path != spec}
        if package is None:
            wanted = [name for name in there if name in text]
        else:
            wanted = [source.file_name for source in package.sources if not source.is_remote]
            remote = {source.file_name for source in package.sources if source.is_remote}
            spare = sorted(there.keys() - set(wanted) - remote - _NOT_CARRIED)
            self._remarks += [f"named by no Source or Patch, left behind: {', '.join(spare)}"] if spare else []
        for name in wanted:
            if name in there:
                yield name, self._read(there[name])
            else:
                self._remarks.append(
                    f"{name} is not in {self.where}, and its Source line has no URL: put it beside the spec"
                )

    def _checksums(self, package: Package | None) -> Mapping[str, Checksum]:
        """Of what is fetched: as dist-git says, or of the file that came along, which goes into the cache."""
        found: dict[str, Checksum] = {}
        weak: list[str] = []
        listed = self.folder / "sources"
        for line in self._read(listed).decode(errors="replace").splitlines() if listed.is_file() else ():
            if strong := _STRONG.fullmatch(line.strip()):
                found[strong[2]] = Checksum(strong[1], strong[3])
            elif match := _WEAK.fullmatch(line.strip()):
                weak.append(match[1] or match[2] or "")
        remote = {source.file_name for source in package.sources if source.is_remote} if package else set(found)
        for name in remote:
            if (path := self.folder / name).is_file():
                found[name] = self._keep(path)
        if lacking := sorted(remote - found.keys()):
            only = " (it has only MD5 sums)" if set(weak) & set(lacking) else ""
            self._remarks.append(f"no checksum of {', '.join(lacking)}{only}: planex fetch --update")
        return {name: checksum for name, checksum in found.items() if name in remote}

    def _keep(self, path: Path) -> Checksum:
        checksum = Checksum(RECORDED, digest_of(inside(path, self.folder)))
        final = cached_path(self.workspace, checksum)
        if not final.exists():
            with shelf.draft(final.parent) as folder:
                (folder / "file").write_bytes(read_regular(path, LARGEST))
                shelf.publish(folder / "file", final)
        return checksum

    def _history(self, spec: Path, text: str) -> Iterator[tuple[str, bytes]]:
        """What %autorelease and %autochangelog stand for, from the repository that they count in."""
        if not (asks_release(text) or asks_changelog(text)) or not (self.folder / ".git").exists():
            return
        repository = Repository(self.folder)
        if asks_release(text):
            since = repository.git("log", "-1", "--format=%H", "-G", "^Version:", "--", spec.name)
            number = int(repository.git("rev-list", "--count", f"{since}..HEAD" if since else "HEAD")) + bool(since)
            yield "package.yaml", dump({"variables": {"release": str(number)}}).encode()
        if asks_changelog(text):
            yield CHANGELOG, self._changelog(repository)

    def _changelog(self, repository: Repository) -> bytes:
        older = self.folder / CHANGELOG
        kept = repository.git("log", "-1", "--format=%H", "--", CHANGELOG) if older.is_file() else ""
        lines = repository.git(
            "log", f"-{_ENTRIES}", "--date=format:%a %b %d %Y", "--format=* %ad %an <%ae>%n- %s%n",
            f"{kept}..HEAD" if kept else "HEAD",
        )  # fmt: skip
        old = self._read(older).decode(errors="replace") if older.is_file() else ""
        return "\n\n".join(part.strip("\n") for part in (lines, old) if part.strip()).encode() + b"\n"
