# SPDX-License-Identifier: LGPL-2.1-or-later
"""One owner per library and per tool, walls between rooms, and no circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "planex"
MODULES = sorted(ROOT.rglob("*.py"))

OWNERS = {
    "subprocess": {"run.py"},
    "click": {"cli/"},
    "jinja2": {"render.py"},
    "rpm": {"rpm/librpm.py"},
    "yaml": {"schema.py"},
    "createrepo_c": {"rpm/repo.py"},
    "requests": {"sources/transfer.py"},
    "urllib3": {"sources/transfer.py"},
    "git": {"git/gitpython.py"},
    "rich": {"cli/"},
    "cyclonedx": {"host/sbom.py"},
    "packageurl": {"host/sbom.py"},
    "spdx_tools": {"host/spdx.py"},
    "obstore": {"snapshot/s3.py"},
    "dask": {"engine/farm/dispatch.py"},
    "distributed": {"engine/farm/dispatch.py"},
    "oras": {"snapshot/oci.py"},
    "sqlite3": {"patchqueue/carry/commitindex.py"},
}
# What each room may import besides itself and the ground, which is all that lies at planex's root, and cages.
WALLS = {
    "ground": set(),
    "git": set(),
    "content": set(),
    "rpm": {"content"},
    "sources": {"content", "git"},
    "medium": set(),
    "machine": set(),
    "patchqueue": {"content", "git", "sources"},
    "trust": {"content", "rpm"},
    "sharing": {"content", "sources", "trust"},
    "distro": {"content", "git", "rpm", "sources", "patchqueue", "trust", "sharing"},
    "base": {"content", "rpm", "sources", "medium"},
    "engine": {"content", "rpm", "sources", "patchqueue", "distro", "trust", "sharing"},
    "rebase": {"content", "git", "rpm", "sources", "patchqueue", "distro", "scaffold"},
    "importers": {"content", "git", "rpm", "sources", "patchqueue", "distro", "scaffold"},
    "work": {"content", "git", "rpm", "patchqueue", "distro", "engine", "rebase"},
    "scaffold": {"rpm", "sources"},
    "host": {"content", "git", "rpm", "sources", "distro", "medium", "trust"},
    "snapshot": {"content", "git", "rpm", "distro", "host"},
    "tools": {"distro"},
    "pages": {"patchqueue", "engine", "host", "snapshot", "machine"},
    "data": set(),
}


# Who renames and deletes besides content/, and why: nobody else may make, replace or prune a result.
MOVERS = {
    "drafts.py": "drafts, files that appear whole and links that are switched, for rooms that may not know content",
    "cage/trees.py": "trees whose parts belong to other ids",
    "git/repository.py": "git's own objects; a repository that a person works in is never replaced",
    "patchqueue/commits/importer.py": "a person's queue, which is never replaced",
    "rebase/rebase.py": "a person's tree, which is moved aside",
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
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


def moves(path: Path) -> Iterator[str]:
    """Calls that rename a path, replace it, or delete a tree; ``text.replace`` has two arguments."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, ast.unparse(node.func.value)
            renames = name == "replace" and len(node.args) == 1 and not node.keywords
            if renames or name in ("rename", "renames", "rmtree", "remove_tree") or (owner, name) == ("os", "replace"):
                yield f"{owner}.{name} in line {node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_only_content_moves_results(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    if not name.startswith("content/"):
        assert bool(list(moves(path))) == (name in MOVERS), [*moves(path)]


def room(module: str) -> str:
    """The room of a module; files at the root and cages are the ground, but for those that need rooms themselves."""
    top = module.split(".")[1] if "." in module else ""
    if top in ("cli", "tools", "__main__"):
        return top
    return top if (ROOT / top).is_dir() and top not in ("", "cage") else "ground"


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


def uses(path: Path) -> set[str]:
    """The modules of planex that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "planex":
            full = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in NAMES else node.module for name in full}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in NAMES}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_walls_between_rooms(name: str) -> None:
    own = room(name)
    if own in ("cli", "__main__"):
        return
    assert own in WALLS, f"give {own}/ a place in WALLS"
    for used in uses(NAMES[name]):
        assert room(used) in {own, "ground", *WALLS[own]}, f"{name} imports {used}"


def test_no_circles() -> None:
    tuple(TopologicalSorter({name: uses(path) - {name} for name, path in NAMES.items()}).static_order())


def test_a_class_name_has_one_meaning() -> None:
    places: dict[str, list[str]] = {}
    for name, path in NAMES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


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
