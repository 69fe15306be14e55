# SPDX-License-Identifier: LGPL-2.1-or-later
"""A tiny Debian archive in a folder, which apt reads instead of the machine's own sources."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from planex.run import run


@dataclass(frozen=True)
class TinyDeb:
    """What goes into a .deb: control fields and files (path -> text, or bytes and mode)."""

    name: str
    files: dict[str, str | bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    depends: str = ""
    provides: str = ""
    version: str = "1.0-1"
    postinst: str = ""


class TinyArchive:
    """A flat, trusted apt repository."""

    def __init__(self, folder: Path, suite: str = "bookworm") -> None:
        self.folder = folder
        self.suite = suite
        self.pool = folder / "pool"
        self.pool.mkdir(parents=True)
        self._stanzas: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        """APT_CONFIG for apt(8): the sources of the machine are not read, only this archive."""
        conf = self.folder / "apt.conf"
        sources = self.folder / "sources.list"
        sources.write_text(f"deb [trusted=yes] file:{self.pool} ./\n")
        conf.write_text(f'Dir::Etc::sourcelist "{sources}";\nDir::Etc::sourceparts "/dev/null";\n')
        return {"APT_CONFIG": str(conf)}

    def add(self, deb: TinyDeb) -> Path:
        """Build a .deb and list it."""
        path = self.pool / f"{deb.name}_{deb.version.replace(':', '%3a')}_amd64.deb"
        tree = self.folder / "tree"
        _write_tree(tree, deb)
        run(["dpkg-deb", "--root-owner-group", "--build", tree, path])
        shutil.rmtree(tree)
        digest, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
        self._stanzas[path.name] = f"{_control(deb)}Filename: ./{path.name}\nSize: {size}\nSHA256: {digest}\n"
        return path

    def publish(self) -> None:
        """Write Packages and Release."""
        packages = "\n".join(self._stanzas[name] for name in sorted(self._stanzas)).encode()
        (self.pool / "Packages").write_bytes(packages)
        digest = hashlib.sha256(packages).hexdigest()
        release = f"Origin: Debian\nLabel: Debian\nCodename: {self.suite}\nArchitectures: amd64\n"
        (self.pool / "Release").write_text(f"{release}SHA256:\n {digest} {len(packages)} Packages\n")


def _write_tree(tree: Path, deb: TinyDeb) -> None:
    (tree / "DEBIAN").mkdir(parents=True)
    tree.chmod(0o755)
    (tree / "DEBIAN").chmod(0o755)
    for path, content in deb.files.items():
        destination = tree / path.lstrip("/")
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_bytes(content if isinstance(content, bytes) else content.encode())
        destination.chmod(deb.modes.get(path, 0o644))
    for path, target in deb.links.items():
        destination = tree / path.lstrip("/")
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.symlink_to(target)
    (tree / "DEBIAN" / "control").write_text(_control(deb))
    if deb.postinst:
        (tree / "DEBIAN" / "postinst").write_text(f"#!/bin/sh\n{deb.postinst}")
        (tree / "DEBIAN" / "postinst").chmod(0o755)
    config = [path for path in deb.files if path.startswith("/etc/")]
    (tree / "DEBIAN" / "conffiles").write_text("".join(f"{path}\n" for path in config))


def _control(deb: TinyDeb) -> str:
    lines = [f"Package: {deb.name}", f"Version: {deb.version}", "Architecture: amd64"]
    lines += ["Maintainer: Tests <tests@example.org>", f"Description: {deb.name} for tests"]
    lines += [f"Depends: {deb.depends}"] if deb.depends else []
    lines += [f"Provides: {deb.provides}"] if deb.provides else []
    return "\n".join(lines) + "\n"
