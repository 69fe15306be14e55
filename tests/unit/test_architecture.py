# SPDX-License-Identifier: LGPL-2.1-or-later
"""One owner per library and per tool, and imports that point down only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "planex"
MODULES = sorted(ROOT.rglob("*.py"))

OWNERS = {
    "subprocess": {"run.py"},
    "click": {"cli/"},
    "jinja2": {"template.py"},
    "rpm": {"librpm.py"},
    "yaml": {"schema.py"},
    "createrepo_c": {"repo.py"},
    "requests": {"transfer.py"},
    "urllib3": {"transfer.py"},
    "git": {"git/repositories.py"},
    "rich": {"report.py", "cli/"},
}
# Folders and modules from top to bottom; a module imports from its own layer or a lower one.
LAYERS = [
    ["cli"],
    ["build", "base", "iso", "boot", "qemu", "proof", "tools", "upstream"],
    ["builders", "project"],
    ["plan", "srpm", "sources", "recipe"],
    ["store", "outputs", "takeover", "graph", "gitsource", "patchqueue"],
    ["spec", "fingerprint", "download", "transfer", "mockconfig", "repo", "rpmfile", "dnf", "dnf_resolve"],
    ["librpm", "config", "template", "checksums", "content"],
    ["cage", "git"],
    [
        *("schema", "workspace", "run", "report", "records", "complaints", "disk", "tarballs"),
        *("regular", "printable", "errors", "planex"),
    ],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "planex":
                yield from (f"planex.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("library", OWNERS)
def test_each_library_has_one_owner(library: str) -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if any(name == library or name.startswith(f"{library}.") for name in imports(path))
    }
    strangers = {user for user in users if not any(user.startswith(owner) for owner in OWNERS[library])}
    assert not strangers, f"{library} belongs to {OWNERS[library]}"


def layer(module: str) -> int | None:
    parts = module.split(".")
    return RANK.get(parts[1]) if len(parts) > 1 else RANK["planex"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    top = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if top in ("__init__", "__main__"):
        return
    assert top in RANK, f"give {top} a place in LAYERS"
    for name in imports(path):
        if name.startswith("planex.") and (rank := layer(name)) is not None:
            assert rank >= RANK[top], f"{path.relative_to(ROOT)} imports {name} from above"


def test_files_and_functions_stay_small() -> None:
    for path in MODULES:
        text = path.read_text()
        assert len(text.splitlines()) <= 400, f"{path} has more than 400 lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 50, f"{path}: {node.name} has {length} lines"


def test_every_file_names_its_licence() -> None:
    for path in MODULES:
        assert "SPDX-License-Identifier: LGPL-2.1-or-later" in path.read_text()[:200], path
