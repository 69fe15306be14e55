# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts what a case gives over the template workspace."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.hostile.generators import MAKERS, tar

PLANEX_YAML = """\
name: hostile
version: "1"
vendor: tests
targets:
  test:
    base: local
    builder: sandbox
"""
MOCK_CONFIG = """\
config_opts['root'] = 'hostile-test'
config_opts['target_arch'] = 'x86_64'
config_opts['chroot_setup_cmd'] = 'install bash'
config_opts['releasever'] = '1'
config_opts['macros']['%dist'] = '.t'
config_opts['dnf.conf'] = '[main]\\nassumeyes=1\\n[local]\\nname=local\\nbaseurl=file://@BASE@\\n'
"""
REPO = "[local]\nname=local\nbaseurl=file://@BASE@\n"
SPEC = """\
Name:           one
Version:        {{ version }}
Release:        1%{?dist}
Summary:        A test
License:        MIT
Source0:        %{name}-%{version}.tar
{{ patch_lines }}
BuildArch:      noarch

%description
A test.

%prep
%autosetup -p1

%files

%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
FIX = """\
Subject: one becomes two

--- a/file.c
+++ b/file.c
@@ -1,3 +1,3 @@
 first
-one
+two
 last
"""
SOURCE = [
    {"name": "one-1/file.c", "text": "first\none\nlast\n"},
    {"name": "one-1/other.c", "text": "other\n"},
]


def make_template(workspace: Path, base: Path) -> None:
    """A workspace with the package ``one``, a patch queue of one patch, and a target whose base offers bash alone.

    ``base``: a repository, which is copied beside the workspace.
    """
    own = shutil.copytree(base, workspace.parent / "base")
    files = {
        "planex.yaml": PLANEX_YAML,
        "mock-configs/test.cfg": MOCK_CONFIG.replace("@BASE@", str(own)),
        "repos/local.repo": REPO.replace("@BASE@", str(own)),
        "specs/one/one.spec.j2": SPEC,
        "specs/one/package.yaml": 'variables:\n  version: "1"\n',
        "patchqueues/one/series": "fix.patch\n",
        "patchqueues/one/fix.patch": FIX,
    }
    for name, content in files.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    tar(workspace / "specs/one/one-1.tar", SOURCE)


def give(workspace: Path, given: dict[str, Any], places: dict[str, str]) -> None:
    """Do what ``given`` says, path by path in order; ``places``: words such as ``@HTTP@`` and what they stand for.

    A path with ``*`` is a pattern: every file that is there by then and fits.
    """
    for name, what in given.items():
        paths = sorted(workspace.glob(name)) if "*" in name else [workspace / name]
        if not paths:
            raise ValueError(f"{name}: there is no such file to change")
        for path in paths:
            _give_one(path, _filled(what, places))


def _give_one(path: Path, what: Any) -> None:
    action = {"make": "text", "content": what} if isinstance(what, str) else dict(what)
    mode = action.pop("mode", None)
    if "edit" in action or "append" in action:
        _change(path, **action)
    elif "make" in action:
        _delete(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        MAKERS[action.pop("make")](path, **action)
    if mode is not None:
        path.chmod(int(str(mode), 8))


def _change(path: Path, edit: tuple[str, str] | None = None, append: str = "") -> None:
    old = path.read_text()
    if edit and edit[0] not in old:
        raise ValueError(f"{path}: has no {edit[0]!r} to edit")
    path.write_text((old.replace(edit[0], edit[1], 1) if edit else old) + append)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _filled(value: Any, places: dict[str, str]) -> Any:
    if isinstance(value, str):
        for word, meaning in places.items():
            value = value.replace(word, meaning)
        return value
    if isinstance(value, list):
        return [_filled(item, places) for item in value]
    return {key: _filled(item, places) for key, item in value.items()} if isinstance(value, dict) else value
