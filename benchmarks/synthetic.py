# SPDX-License-Identifier: LGPL-2.1-or-later
"""A made-up upstream with a patch queue, the same for the same seed: 2,000 C-like files, versions that change many of
them, and patches most of which still fit, while some are upstream already and some conflict."""

from __future__ import annotations

import io
import random
import tarfile
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

Tree = dict[str, list[str]]
LINES = 400
"""Of a file that the queue touches."""


@dataclass(frozen=True)
class Synthetic:
    """What was made. ``expected`` maps each patch that does not simply fit to its status."""

    old: Path
    new: Path
    queue: Path
    expected: dict[str, str]


def make(
    folder: Path, *, files: int = 2000, patches: int = 200, seed: int = 1, conflicts: int = 2, lines: int = LINES
) -> Synthetic:
    """Write two tarballs and a queue below ``folder``; ``conflicts`` of each hundred patches have one.

    ``lines``: of each file that no patch touches.
    """
    kinds = dict.fromkeys((7 + n * 100 // conflicts for n in range(conflicts)), "conflict")
    kinds = {number % 100: kind for number, kind in kinds.items()} | {33: "upstreamed", 83: "upstreamed"}
    rng = random.Random(seed)
    paths = {f"dir{n % 40}/sub{n % 7}/file{n}.c": n for n in range(files)}
    names = rng.sample(sorted(paths), k=min(files, max(patches // 2, 1)))
    touched = set(names)
    tree = {name: _content(rng, n, LINES if name in touched else lines) for name, n in paths.items()}
    old, new = _tarball(folder / "up-1.tar", tree), dict(tree)
    queue, expected = folder / "queue", {}
    queue.mkdir(parents=True, exist_ok=True)
    current = {name: list(tree[name]) for name in names}
    series = []
    for number in range(patches):
        patch = f"p{number:04d}.patch"
        kind = kinds.get(number % 100, "plain")
        name = names[number % len(names)]
        line = 20 + (number // len(names)) * 40 % 300
        before = list(current[name])
        current[name][line] = f"    patched_{number}(); /* by {patch} */\n"
        (queue / patch).write_text(_patch(number, name, before, current[name]))
        series.append(patch)
        new[name] = _upstream(new[name], line, number, kind, current[name])
        if kind != "plain":
            expected[patch] = kind
    for name in rng.sample(sorted(set(tree) - set(names)), k=(files - len(names)) // 3):
        new[name] = ["/* reworked */\n", *new[name]]
    (queue / "series").write_text("# Synthetic\n" + "".join(f"{name}\n" for name in series))
    return Synthetic(old, _tarball(folder / "up-2.tar", new), queue, expected)


def _content(rng: random.Random, number: int, lines: int) -> list[str]:
    return [f"int f{number}_{line}(int a) {{ return a * {rng.randrange(10**6)}; }}\n" for line in range(lines)]


def _upstream(lines: list[str], line: int, number: int, kind: str, patched: list[str]) -> list[str]:
    """Upstream's next version of a patched file: far lines move; or it took or broke the patch's line."""
    lines = list(lines)
    if kind == "conflict":
        lines[line] = f"    upstream_{number}();\n"
    elif kind == "upstreamed":
        lines[line] = patched[line]
    elif number % 3 == 0:
        lines[390] = f"/* upstream {number} */\n"
    return lines


def _patch(number: int, name: str, before: list[str], after: list[str]) -> str:
    diff = unified_diff(before, after, f"a/{name}", f"b/{name}")
    head = f"From: A U Thor <author@example.org>\nDate: Mon, 1 Jan 2024 00:00:{number % 60:02d} +0000\n"
    return f"{head}Subject: patch {number}\n\nWhy it is needed.\n---\ndiff --git a/{name} b/{name}\n" + "".join(diff)


def _tarball(path: Path, tree: Tree) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, lines in sorted(tree.items()):
            data = "".join(lines).encode()
            entry = tarfile.TarInfo(f"{path.stem}/{name}")
            entry.size, entry.mtime = len(data), 1_700_000_000
            archive.addfile(entry, io.BytesIO(data))
    return path
