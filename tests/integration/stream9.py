# SPDX-License-Identifier: LGPL-2.1-or-later
"""Repositories that stand for CentOS Stream 9's, made of its metadata alone, for dnf to resolve against.

``PLANEX_CS9`` names a folder with ``appstream`` (primary, modules, comps) and ``baseos`` (file lists, comps). BaseOS'
primary is not there: what its packages provide is derived from their files, as rpm's generators would, and what they
require is not known. Symbol versions of libraries are taken from what AppStream asks of them.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

_COMMON = "http://linux.duke.edu/metadata/common"
_RPM = "http://linux.duke.edu/metadata/rpm"
_FILELISTS = "{http://linux.duke.edu/metadata/filelists}"
_LIBRARY = re.compile(r"/(?:usr/)?(lib|lib64)/((?:lib|ld-)[^/]*\.so[.\d]*)")
_PKGCONFIG = re.compile(r"/usr/(?:lib|lib64|share)/pkgconfig/([^/]+)\.pc")
_DIST = re.compile(
    r"/usr/lib(?:64)?/python3\.9/site-packages/([^/]+?)-[^/-]+(?:-py3\.9)?\.(?:dist|egg)-info(?:/METADATA)?"
)
_PERL = re.compile(r"/usr/(?:lib64|share)/perl5/(?:vendor_perl/)?([A-Z]\w*(?:/\w+)*|\w+)\.pm")
_PRIMARY_FILE = re.compile(r"/etc/|.*bin/|/usr/lib/sendmail$")
_SYMBOL = re.compile(r'name="([^"()]+\.so[^"()]*)\(([^"()]+)\)(\(64bit\))?"')

KNOWN = {
    "bash": ("/bin/bash", "/bin/sh"),
    "centos-stream-release": ("system-release",),
    "glibc": ("rtld(GNU_HASH)",),
    "glibc-minimal-langpack": ("glibc-langpack",),
    "pkgconf-pkg-config": ("pkgconfig",),
    "redhat-rpm-config": ("system-rpm-config",),
}
"""What packages of BaseOS provide by a line in their specs, so that no file tells of it."""


@dataclass(frozen=True)
class Stub:
    """A package by what metadata say: ``provides`` and ``requires`` are names, or name, operator and version."""

    name: str
    evr: tuple[str, str, str]
    arch: str
    pkgid: str
    provides: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def data_folder() -> Path | None:
    """Where the metadata are, if anywhere."""
    named = os.environ.get("PLANEX_CS9", "")
    return Path(named) if named and Path(named).is_dir() else None


def make_appstream(data: Path, folder: Path) -> str:
    """A repository of AppStream's own metadata; the text of its primary."""
    text = gzip.decompress((data / "appstream" / "primary.xml.gz").read_bytes()).decode()
    modules = lzma.decompress((data / "appstream" / "modules.yaml.xz").read_bytes())
    comps = (data / "appstream" / "comps-AppStream.x86_64.xml").read_bytes()
    _write(folder, {"primary": text.encode(), "filelists": _filelists([]), "modules": modules, "group": comps})
    return text


def make_baseos(data: Path, folder: Path, asked: str) -> None:
    """A repository of BaseOS by its file lists; ``asked``: AppStream's primary, whose symbol versions are believed."""
    filelists = gzip.decompress((data / "baseos" / "filelists.xml.gz").read_bytes())
    symbols: dict[str, set[str]] = {}
    for library, symbol, bits in _SYMBOL.findall(asked):
        symbols.setdefault(f"{library}(){bits}", set()).add(f"{library}({symbol}){bits}")
    packages = [_with_symbols(stub, symbols) for stub in _stubs(filelists)]
    comps = (data / "baseos" / "comps-BaseOS.x86_64.xml").read_bytes()
    _write(folder, {"primary": _primary(packages), "filelists": filelists, "group": comps})


def make_repository(folder: Path, stubs: Iterable[Stub]) -> None:
    """A repository of packages that are described and nothing more."""
    packages = list(stubs)
    _write(folder, {"primary": _primary(packages), "filelists": _filelists(packages)})


def stub(
    name: str,
    version: str,
    *,
    arch: str = "x86_64",
    provides: Iterable[str] = (),
    requires: Iterable[str] = (),
    files: Iterable[str] = (),
) -> Stub:
    """A package with a version ``version-release``."""
    number, _, release = version.partition("-")
    pkgid = hashlib.sha256(f"{name} {version}".encode()).hexdigest()
    return Stub(name, ("0", number, release), arch, pkgid, tuple(provides), tuple(requires), tuple(files))


def _stubs(filelists: bytes) -> Iterator[Stub]:
    for package in ElementTree.fromstring(filelists):
        version = package[0]
        evr = (version.get("epoch", "0"), version.get("ver", ""), version.get("rel", ""))
        name, arch = package.get("name", ""), package.get("arch", "")
        files = tuple(each.text or "" for each in package.iter(f"{_FILELISTS}file"))
        provides = (*KNOWN.get(name, ()), *sorted(_derived(files, arch)))
        yield Stub(name, evr, arch, package.get("pkgid", ""), provides, (), files)


def _derived(files: Iterable[str], arch: str) -> Iterator[str]:
    """What rpm's generators make of files."""
    bits = "(64bit)" if arch == "x86_64" else ""
    found: set[str] = set()
    for path in files:
        if match := _LIBRARY.fullmatch(path):
            found.add(f"{match[2]}(){bits}")
        elif match := _PKGCONFIG.fullmatch(path):
            found.add(f"pkgconfig({match[1]})")
        elif match := _DIST.fullmatch(path):
            dist = re.sub("[-_.]+", "-", match[1]).lower()
            found |= {f"python3dist({dist})", f"python3.9dist({dist})"}
        elif match := _PERL.fullmatch(path):
            found.add(f"perl({match[1].replace('/', '::')})")
        elif path == "/usr/bin/python3.9":
            found.add("python(abi) = 3.9")
    return iter(found)


def _with_symbols(stub: Stub, symbols: dict[str, set[str]]) -> Stub:
    more = sorted(symbol for each in stub.provides for symbol in symbols.get(each, ()))
    return Stub(stub.name, stub.evr, stub.arch, stub.pkgid, (*stub.provides, *more), stub.requires, stub.files)


def _primary(stubs: list[Stub]) -> bytes:
    lines = [f'<metadata xmlns="{_COMMON}" xmlns:rpm="{_RPM}" packages="{len(stubs)}">']
    lines += [_package(each) for each in stubs]
    return "\n".join([*lines, "</metadata>"]).encode()


def _package(stub: Stub) -> str:
    epoch, version, release = stub.evr
    isa = {"x86_64": "(x86-64)", "i686": "(x86-32)"}.get(stub.arch, "")
    evr = f"{'' if epoch == '0' else epoch + ':'}{version}-{release}"
    provides = [f"{name} = {evr}" for name in dict.fromkeys([stub.name, f"{stub.name}{isa}"])]
    files = "".join(f"<file>{_text(path)}</file>" for path in stub.files if _PRIMARY_FILE.match(path))
    return (
        f"<package type='rpm'><name>{_text(stub.name)}</name><arch>{stub.arch}</arch>"
        f"<version epoch='{epoch}' ver='{version}' rel='{release}'/>"
        f"<checksum type='sha256' pkgid='YES'>{stub.pkgid}</checksum><summary>x</summary><description>x</description>"
        "<time file='1' build='1'/><size package='1' installed='1' archive='1'/>"
        f"<location href='Packages/{_text(stub.name)}-{version}-{release}.{stub.arch}.rpm'/>"
        f"<format>{_entries('provides', [*provides, *stub.provides])}{_entries('requires', stub.requires)}{files}"
        "</format></package>"
    )


def _entries(kind: str, capabilities: Iterable[str]) -> str:
    rows = "".join(_entry(each) for each in capabilities)
    return f"<rpm:{kind}>{rows}</rpm:{kind}>" if rows else ""


def _entry(capability: str) -> str:
    name, _, versioned = capability.partition(" ") if not capability.startswith("(") else (capability, "", "")
    if not versioned:
        return f"<rpm:entry name={quoteattr(name)}/>"
    operator, _, evr = versioned.partition(" ")
    epoch, _, rest = evr.rpartition(":")
    version, _, release = rest.partition("-")
    flags = {"=": "EQ", ">=": "GE", "<=": "LE", ">": "GT", "<": "LT"}[operator]
    last = f' rel="{release}"' if release else ""
    return f'<rpm:entry name={quoteattr(name)} flags="{flags}" epoch="{epoch or 0}" ver="{version}"{last}/>'


def _filelists(stubs: list[Stub]) -> bytes:
    lines = [f'<filelists xmlns="{_FILELISTS.strip("{}")}" packages="{len(stubs)}">']
    for each in stubs:
        epoch, version, release = each.evr
        lines.append(f'<package pkgid="{each.pkgid}" name="{each.name}" arch="{each.arch}">')
        lines.append(f'<version epoch="{epoch}" ver="{version}" rel="{release}"/>')
        lines += [f"<file>{_text(path)}</file>" for path in each.files]
        lines.append("</package>")
    return "\n".join([*lines, "</filelists>"]).encode()


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _write(folder: Path, parts: dict[str, bytes]) -> None:
    (folder / "repodata").mkdir(parents=True)
    rows = []
    for kind, data in parts.items():
        name = f"repodata/{kind}.{'yaml' if kind == 'modules' else 'xml'}"
        (folder / name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        rows.append(
            f'<data type="{kind}"><checksum type="sha256">{digest}</checksum>'
            f'<open-checksum type="sha256">{digest}</open-checksum><location href="{name}"/>'
            f"<timestamp>1</timestamp><size>{len(data)}</size><open-size>{len(data)}</open-size></data>"
        )
    head = '<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>'
    (folder / "repodata" / "repomd.xml").write_text(f"{head}{''.join(rows)}</repomd>")
