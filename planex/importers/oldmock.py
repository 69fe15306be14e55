# SPDX-License-Identifier: LGPL-2.1-or-later
"""The mock configurations of a planex 4 workspace, and its macros, as targets of this one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from planex.importers.incoming import Incoming
from planex.regular import inside, read_text

_SITE = {"site-defaults.cfg", "logging.ini"}
_CONF = re.compile(r"config_opts\[['\"](?:yum|dnf)\.conf['\"]\]\s*\+?=\s*[rf]?(\"\"\"|''')(.*?)\1", re.DOTALL)
_STANZA = re.compile(r"^\[([^\]\n]+)\][^\n]*\n(?:(?!^\[)[^\n]*\n?)*", re.MULTILINE)
_LOOPBACK = re.compile(r"^\s*baseurl\s*=\s*file://\S*/RPMS/?\s*$", re.MULTILINE)
_DIST = re.compile(r"^DIST\s*[:?]?=\s*(\S+)", re.MULTILINE)
_TAIL = """
# Of planex 4's Makefile, and for planex 5, which reads the repositories from 'dnf.conf'.
{dist}if 'yum.conf' in config_opts and 'dnf.conf' not in config_opts:
    config_opts['dnf.conf'] = config_opts['yum.conf']
"""


def mock_configs(root: Path) -> Iterator[Incoming]:
    """One for each ``mock/*.cfg``: ``mock-configs/NAME.cfg``, and its repositories in ``repos/NAME.repo``."""
    makefile = root / "Makefile"
    dist = _DIST.search(read_text(inside(makefile, root))) if makefile.is_file() else None
    line = f"config_opts['macros']['%dist'] = {dist[1]!r}\n" if dist else ""
    for path in sorted((root / "mock").glob("*.cfg")):
        if path.name in _SITE:
            continue
        if not path.is_file():
            yield Incoming(
                f"mock/{path.name}", {}, (f"mock/{path.name}: a link to {path.readlink()}, which is not here",)
            )
            continue
        yield _target(inside(path, root), line)


def _target(path: Path, dist: str) -> Incoming:
    text, name = read_text(path), path.stem
    stanzas = [match for conf in _CONF.finditer(text) for match in _STANZA.finditer(conf[2])]
    for match in stanzas:
        text = text.replace(match[0], "") if _LOOPBACK.search(match[0]) else text
    repositories = "".join(
        match[0].rstrip() + "\n\n" for match in stanzas if match[1] != "main" and not _LOOPBACK.search(match[0])
    )
    files = {
        f"mock-configs/{name}.cfg": (text.rstrip("\n") + "\n" + _TAIL.format(dist=dist)).encode(),
        f"repos/{name}.repo": (f"# Of mock/{path.name}, which holds them itself.\n{repositories}").encode(),
    }
    remark = f"to build with it, write below targets in planex.yaml: {name}: {{base: {name}, builder: mock}}"
    return Incoming(f"mock/{path.name}", files, (remark,))
